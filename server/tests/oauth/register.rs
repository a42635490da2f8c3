//! Which registrations are taken, and as what.

use serde_json::json;

use crate::client::text;
use crate::stack::Stack;
use suite::person::Person;

/// arXiv 2605.22333: flaws of registration in nearly every server tested.
#[tokio::test]
async fn a_registration_is_checked_and_the_same_one_gives_the_same_client() {
    let stack = Stack::start().await;
    let good = json!({
        "client_name": "Test",
        "redirect_uris": ["http://localhost/callback", "https://a.example/callback"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "software_id": "ignored",
    });
    let (status, first) = stack.try_register(&good).await;
    assert_eq!(status, 201, "the control");
    assert_eq!(first["token_endpoint_auth_method"], "none", "no secrets here");
    assert!(first.get("client_secret").is_none());
    let (_, second) = stack.try_register(&good).await;
    assert_eq!(first, second, "from the other instance");
    assert!(text(&first, "client_id").len() < 1024);

    for (member, value, error) in [
        ("redirect_uris", json!(["javascript:alert(1)"]), "invalid_redirect_uri"),
        (
            "redirect_uris",
            json!(["http://localhost/callback", "https://a.example/cb#x"]),
            "invalid_redirect_uri",
        ),
        ("redirect_uris", json!(["http://a.example/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!([]), "invalid_redirect_uri"),
        ("redirect_uris", json!(vec!["https://a.example/cb"; 11]), "invalid_redirect_uri"),
        ("redirect_uris", json!("https://a.example/cb"), "invalid_client_metadata"),
        (
            "redirect_uris",
            json!(["http://localhost/callback", "javascript:alert(1)"]),
            "invalid_redirect_uri",
        ),
        ("redirect_uris", json!(["obsidian://callback"]), "invalid_redirect_uri"),
        ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
        ("response_types", json!(["token"]), "invalid_client_metadata"),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        let (status, answer) = stack.try_register(&bad).await;
        assert_eq!((status, text(&answer, "error").as_str()), (400, error), "{bad}");
    }
    // What programs send that mean no harm.
    for (member, value) in
        [("grant_types", json!([])), ("response_types", json!([])), ("grant_types", json!(null))]
    {
        let mut lenient = good.clone();
        lenient[member] = value;
        let (status, answer) = stack.try_register(&lenient).await;
        assert_eq!((status, &answer["client_id"]), (201, &first["client_id"]), "{lenient}");
    }
    let long = json!({ "client_name": "x".repeat(200), "redirect_uris": ["http://localhost/callback"] });
    let (status, answer) = stack.try_register(&long).await;
    assert_eq!((status, text(&answer, "client_name")), (201, "x".repeat(80)), "cut");
    let hosts = json!({ "redirect_uris": ["obsidian://callback", "http://localhost/callback"] });
    let (status, answer) = stack.try_register(&hosts).await;
    assert_eq!((status, &answer["redirect_uris"]), (201, &json!(["http://localhost/callback"])));

    let long: Vec<String> = (0..5).map(|n| format!("https://a.example/{n}/{}", "x".repeat(200))).collect();
    let (status, answer) = stack.try_register(&json!({ "redirect_uris": long })).await;
    assert_eq!((status, text(&answer, "error").as_str()), (400, "invalid_client_metadata"));
    let mut huge = good;
    huge["client_uri"] = json!("x".repeat(100 * 1024));
    assert_eq!(stack.try_register(&huge).await.0, 413);
}

/// An app's scheme that this server does not know is for the operator to allow.
#[tokio::test]
async fn an_operator_can_allow_the_schemes_of_apps() {
    let schemes = [("VALIDIBOT_OAUTH_APP_SCHEMES", "obsidian")];
    let stack = Stack::with(2, &schemes, validibot_mcp::base::outbound::Outbound::default()).await;
    let redirect = "obsidian://callback";
    let (status, answer) = stack.try_register(&json!({ "redirect_uris": [redirect] })).await;
    assert_eq!((status, &answer["redirect_uris"]), (201, &json!([redirect])));
    let url = stack.authorize_url(&text(&answer, "client_id"), &[("redirect_uri", Some(redirect))]);
    let page = Person::default().get(&url).await;
    assert!(page.status == 200 && page.body.contains("an app on this device (obsidian:)"), "{page:?}");
}
