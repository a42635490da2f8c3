//! Settings from made-up environments and files.

use std::collections::BTreeMap;
use std::io::Write as _;

use secrecy::ExposeSecret;

use super::*;

fn load(env: &[(&str, &str)], file: impl AsRef<[u8]>) -> Result<Loaded, Problems> {
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let mut settings = tempfile::Builder::new().prefix("settings").tempfile().expect("a temporary file");
    settings.write_all(file.as_ref()).expect("written");
    Settings::load(&env, settings.path())
}

const BASES: [(&str, &str); 2] = [
    ("VALIDIBOT_API_BASE_URL", "http://127.0.0.1:8000"),
    ("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001"),
];

fn problems(env: &[(&str, &str)], file: &str) -> Vec<String> {
    load(env, file).expect_err("refused").0.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn two_urls_are_enough_and_the_rest_has_defaults() {
    let settings = load(&BASES, "").expect("valid").settings;
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    assert!(settings.enabled && settings.oauth.is_none() && settings.seal_keys.is_empty());
    assert!(matches!(&settings.service_identity,
        ServiceIdentity::GoogleIdToken { audience } if audience == "http://127.0.0.1:8000"));
}

#[test]
fn the_process_environment_wins_over_the_file() {
    let file = "VALIDIBOT_MCP_BASE_URL=https://file.example\nPORT=9000\nPORT=9001\n";
    let settings = load(&BASES, file).expect("valid").settings;
    assert_eq!(settings.base_url.as_str(), "http://localhost:8001");
    assert_eq!(settings.listen.port(), 9001, "the last line of a file wins");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_no_secret_with_it() {
    let file = "VALIDIBOT_MCP_ENABLED=\nVALIDIBOT_MCP_SERVICE_KEY='<a long random string>'\n\
                VALIDIBOT_MCP_SEAL_KEYS=a:hushhush\n";
    let env =
        [("VALIDIBOT_MCP_BASE_URL", "mcp.example"), ("PORT", "eighty"), ("VALIDIBOT_LOG_LEVEL", "LOUD")];
    let error = load(&env, file).expect_err("refused");
    let text = error.to_string();
    for part in [
        "VALIDIBOT_API_BASE_URL is not set",
        "the environment: VALIDIBOT_MCP_BASE_URL is no absolute URL",
        ":1: VALIDIBOT_MCP_ENABLED is neither",
        "PORT is not a port number",
        "VALIDIBOT_LOG_LEVEL is \"LOUD\"",
        ":2: VALIDIBOT_MCP_SERVICE_KEY still holds the template's placeholder",
        ":3: VALIDIBOT_MCP_SEAL_KEYS entry 1: the key is not",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert!(!format!("{text}{error:?}").contains("hush"));
}

#[test]
fn a_line_that_does_not_parse_is_named() {
    let error = load(&BASES, "A=1\nB = 2\n").expect_err("refused").to_string();
    assert!(error.contains(":2: B: a blank before '='"), "{error}");
}

#[test]
fn a_line_that_is_no_text_is_named() {
    let file = b"VALIDIBOT_LOG_LEVEL=INFO\nVALIDIBOT_MCP_SERVICE_KEY=caf\xe9\n";
    let error = load(&BASES, file).expect_err("refused").to_string();
    assert!(error.contains(":2: the line is not UTF-8 text") && !error.contains("caf"), "{error}");
}

#[test]
fn an_unknown_key_is_a_warning_with_a_suggestion() {
    let loaded = load(&BASES, "VALIDIBOT_MCP_SERVICEKEY=x\n").expect("valid");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(
        loaded.warnings[0].ends_with("did you mean VALIDIBOT_MCP_SERVICE_KEY?"),
        "{}",
        loaded.warnings[0]
    );
}

#[test]
fn a_client_secret_switches_oauth_on_and_then_asks_for_an_issuer_and_keys() {
    let with = |extra: &[(&'static str, &'static str)]| [&BASES[..], extra].concat();
    let short = problems(&with(&[("VALIDIBOT_OAUTH_CLIENT_SECRET", "short")]), "");
    assert_eq!(short.len(), 1, "{short:?}");
    assert!(short[0].starts_with("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL is not set"));
    let issuer = ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://localhost:8000/");
    let short = problems(&with(&[("VALIDIBOT_OAUTH_CLIENT_SECRET", "short"), issuer]), "");
    assert!(short[0].starts_with("VALIDIBOT_MCP_SEAL_KEYS is not set"), "{short:?}");

    let secret = ("VALIDIBOT_OAUTH_CLIENT_SECRET", "0123456789abcdef0123456789abcdef");
    let settings = load(&with(&[secret, issuer]), "").expect("valid").settings;
    let oauth = settings.oauth.expect("on");
    assert_eq!(oauth.issuer.as_str(), "http://localhost:8000");
    assert_eq!(oauth.token_endpoint.as_str(), "http://localhost:8000/identity/o/api/token");
    assert_eq!(oauth.audience, "http://localhost:8001/mcp");
    assert_eq!(oauth.required_scope.as_deref(), Some("validibot:mcp"));
    assert_eq!(settings.seal_keys.len(), 1);
    assert_ne!(settings.seal_keys[0].key.expose_secret(), &[0; 32]);
}

#[test]
fn oauth_on_plain_http_is_for_loopback_only() {
    let env = [
        ("VALIDIBOT_API_BASE_URL", "http://web:8000"),
        ("VALIDIBOT_MCP_BASE_URL", "http://mcp.example"),
        ("VALIDIBOT_OAUTH_CLIENT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://web:8000"),
    ];
    assert!(problems(&env, "")[0].contains("needs https"));
}

#[test]
fn clients_that_need_not_register_are_checked_like_those_that_do() {
    let with = |clients| {
        let mut env = vec![
            ("VALIDIBOT_OAUTH_CLIENT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://localhost:8000"),
            ("VALIDIBOT_OAUTH_CLIENTS", clients),
        ];
        env.extend(BASES);
        env
    };
    let env = with("our-editor http://localhost/callback https://editor.example/cb, other cursor://other/cb");
    let clients = load(&env, "").expect("valid").settings.oauth.expect("on").clients;
    assert_eq!(clients.len(), 2);
    assert_eq!(clients[0].id, "our-editor");
    assert_eq!(clients[0].redirect_uris, ["http://localhost/callback", "https://editor.example/cb"]);

    let id = "https://editor.example/client.json";
    let named = format!("{id} http://localhost/cb obsidian://cb");
    let clients = load(&with(&named), "").expect("valid").settings;
    let clients = clients.oauth.expect("on").clients;
    assert_eq!(
        (clients[0].id.as_str(), clients[0].redirect_uris.len()),
        (id, 2),
        "an address, and an app's scheme"
    );

    let found = problems(
        &with("a.b https://a.example, c, d javascript:x, e https://e.example/cb, e https://f.example"),
        "",
    );
    for (problem, part) in found.iter().zip([
        "entry 1: the client id",
        "c has no redirect",
        "javascript:x is neither",
        "e twice",
    ]) {
        assert!(problem.contains(part), "{found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

const OAUTH: [(&str, &str); 2] = [
    ("VALIDIBOT_OAUTH_CLIENT_SECRET", "0123456789abcdef0123456789abcdef"),
    ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://localhost:8000"),
];

fn oauth_with<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&BASES[..], &OAUTH, extra].concat()
}

/// What is pasted, or read from a file, ends with a line end or stands in quotes: then nobody accepts the secret, and nothing tells
/// why.
#[test]
fn what_surrounds_a_secret_is_no_part_of_it() {
    let trimmed = oauth_with(&[
        ("VALIDIBOT_MCP_SERVICE_KEY", "the-key\n"),
        ("VALIDIBOT_MCP_SEAL_KEYS", " k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n"),
        ("VALIDIBOT_OAUTH_CLIENT_SECRET", "0123456789abcdef0123456789abcdef\n"),
        ("VALIDIBOT_OAUTH_CLIENT_ID", "our-client\n"),
    ]);
    let settings = load(&trimmed, "").expect("valid").settings;
    assert!(matches!(&settings.service_identity,
        ServiceIdentity::SharedKey(key) if key.expose_secret() == "the-key"));
    assert_eq!(settings.seal_keys.len(), 1);
    let oauth = settings.oauth.expect("on");
    assert_eq!(oauth.client_secret.expose_secret(), "0123456789abcdef0123456789abcdef");
    assert_eq!(oauth.client_id, "our-client");

    for variable in ["VALIDIBOT_MCP_SERVICE_KEY", "VALIDIBOT_MCP_SEAL_KEYS", "VALIDIBOT_OAUTH_CLIENT_SECRET"]
    {
        for quoted in ["\"hushhush\"", "'hushhush'\n"] {
            let found = problems(&oauth_with(&[(variable, quoted)]), "");
            let told = found.iter().find(|problem| problem.starts_with(variable));
            assert!(told.is_some_and(|told| told.contains("in quotes")), "{found:?}");
            assert!(!found.concat().contains("hush"));
        }
    }
}

#[test]
fn keys_that_are_not_random_are_refused() {
    let equal = "a".repeat(32);
    let found = problems(&oauth_with(&[("VALIDIBOT_OAUTH_CLIENT_SECRET", &equal)]), "");
    assert!(found[0].starts_with("VALIDIBOT_OAUTH_CLIENT_SECRET repeats"), "{found:?}");
    let zero = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let found = problems(&oauth_with(&[("VALIDIBOT_MCP_SEAL_KEYS", zero)]), "");
    assert!(found[0].contains("entry 1: the key is not random") && !found[0].contains("AAAA"), "{found:?}");
}

#[test]
fn a_client_secret_that_goes_over_plain_http_to_another_host_is_a_warning() {
    let warnings = |extra: &[(&str, &str)]| load(&oauth_with(extra), "").expect("valid").warnings;
    assert_eq!(warnings(&[]), Vec::<String>::new());
    let other = "http://web:8000/identity/o/api/token";
    let told = warnings(&[("VALIDIBOT_OAUTH_TOKEN_ENDPOINT", other)]);
    assert!(
        told.len() == 1 && told[0].starts_with("VALIDIBOT_OAUTH_TOKEN_ENDPOINT is plain http"),
        "{told:?}"
    );
    let https = "https://app.example/identity/o/api/token";
    assert_eq!(warnings(&[("VALIDIBOT_OAUTH_TOKEN_ENDPOINT", https)]), Vec::<String>::new());
    let issuer = [("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://web:8000")];
    assert_eq!(warnings(&issuer).len(), 1, "once, although two endpoints follow from it");
}

#[test]
fn how_apps_may_be_known_is_for_the_operator_to_decide() {
    let oauth =
        |extra: &[(&str, &str)]| load(&oauth_with(extra), "").expect("valid").settings.oauth.expect("on");
    let default = oauth(&[]);
    assert!(
        default.client_documents
            && default.client_documents_proxy.is_none()
            && default.app_schemes.is_empty()
    );
    let set = oauth(&[
        ("VALIDIBOT_OAUTH_CLIENT_DOCUMENTS", "false"),
        ("VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY", "http://proxy.example:3128"),
        ("VALIDIBOT_OAUTH_APP_SCHEMES", "Obsidian, logseq"),
    ]);
    assert!(!set.client_documents);
    assert_eq!(set.client_documents_proxy.map(String::from).as_deref(), Some("http://proxy.example:3128/"));
    assert_eq!(set.app_schemes, ["obsidian", "logseq"]);
    let found = problems(&oauth_with(&[("VALIDIBOT_OAUTH_APP_SCHEMES", "javascript, a:b")]), "");
    assert!(found[0].contains("\"javascript\"") && found[1].contains("\"a:b\""), "{found:?}");
}
