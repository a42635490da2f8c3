//! What a JWT says of itself. It is not verified: it only explains why the server refused it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::report::Finding;
use crate::base::json;

/// What the earlier hops found out about good tokens.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) scope: Option<String>,
}

/// Why a refused bearer is refused, as far as it can be told from outside.
pub(super) fn explain(token: &str, expected: &Expected, now: u64) -> Finding {
    let Some((header, claims)) = parts(token) else {
        return Finding::new(
            "token-refused",
            "401 invalid_token: Validibot does not know this API token, or it was revoked or has expired",
        )
        .fix("make a new one in Validibot, under your profile, and put it into VALIDIBOT_E2E_TOKEN");
    };
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    if claims["exp"].as_u64().is_some_and(|exp| exp <= now) {
        return Finding::new("token-expired", "401 invalid_token: the access token has expired")
            .fix("sign in again, or use an API token; if it is fresh, compare the clocks of both machines");
    }
    let issuer = text("iss");
    if let Some(expected) = expected.issuer.as_deref().filter(|expected| *expected != issuer) {
        return Finding::new(
            "token-issuer",
            format!("401 invalid_token: the token's iss is {issuer}, the server expects {expected}"),
        )
        .fix("make SITE_URL at Validibot and VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL here equal");
    }
    let audiences: Vec<String> = match &claims["aud"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if let Some(expected) = expected.audience.as_ref().filter(|expected| !audiences.contains(expected)) {
        let found = if audiences.is_empty() { "missing".to_owned() } else { audiences.join(", ") };
        return Finding::new(
            "token-audience",
            format!("401 invalid_token: the token's aud is {found}, the server expects {expected}"),
        )
        .fix(format!(
            "at Validibot: VALIDIBOT_MCP_BASE_URL={} in .django, and no other IDP_OIDC_MCP_RESOURCE_AUDIENCE",
            expected.trim_end_matches("/mcp")
        ));
    }
    let kid = header["kid"].as_str().unwrap_or("none");
    Finding::new(
        "token-signature",
        format!("401 invalid_token: iss, aud and exp are right, so its signature is not good (kid {kid})"),
    )
    .fix("Validibot's key was replaced since the sign-in: sign in again")
    .fix("the server's log names the cause at VALIDIBOT_LOG_LEVEL=DEBUG")
}

/// Header and claims, where the token has the form of a JWT.
fn parts(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut next = || -> Option<Value> { json::document(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok() };
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_claim_that_is_wrong_is_named() {
        let expected = Expected {
            issuer: Some("https://app.example".into()),
            audience: Some("https://mcp.example/mcp".into()),
            ..Expected::default()
        };
        let good = json!({ "iss": "https://app.example", "aud": "https://mcp.example/mcp", "exp": 200 });
        let finding = |change: &dyn Fn(&mut Value)| {
            let mut claims = good.clone();
            change(&mut claims);
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let token = format!("{}.{}.x", part(&json!({ "alg": "RS256", "kid": "k" })), part(&claims));
            explain(&token, &expected, 100)
        };
        let code = |finding: Finding| format!("{finding:?}").split('"').nth(1).unwrap().to_owned();
        assert_eq!(code(finding(&|claims| claims["exp"] = 50.into())), "token-expired");
        assert_eq!(code(finding(&|claims| claims["iss"] = "https://other".into())), "token-issuer");
        assert_eq!(code(finding(&|claims| claims["aud"] = json!(["https://other"]))), "token-audience");
        assert_eq!(
            code(finding(&|claims| claims["aud"] = json!(["https://mcp.example/mcp"]))),
            "token-signature"
        );
        assert_eq!(code(explain("vbk_1_a_b", &expected, 100)), "token-refused");
    }
}
