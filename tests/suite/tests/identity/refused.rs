//! A Validibot that does not accept the token: the log says what to compare, and nobody is told a secret.

use sandbox::metadata::Identity;
use serde_json::json;

use crate::{Cloud, failure, verification};

const LINE: &str = "Validibot does not accept this server's identity token";

/// One call fails as our fault; the log's line has these claims.
async fn is_refused(cloud: &Cloud, aud: &str, email: &str, email_verified: &str) {
    let result = cloud.list().await;
    assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 401.into()));
    let lines = cloud.logged(LINE);
    let line = lines.last().expect("a line");
    assert_eq!(
        (&line["aud"], &line["email"], &line["email_verified"]),
        (&aud.into(), &email.into(), &email_verified.into()),
        "{line}"
    );
    let message = line["message"].as_str().expect("text");
    assert!(message.contains("MCP_OIDC_AUDIENCE") && message.contains("MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS"));
    assert_eq!(line["severity"], "ERROR");
    // No part of any token: they all begin so.
    assert!(!cloud.server.logs.text().contains("eyJ") && !result.body.contains("eyJ"));
}

#[tokio::test]
async fn another_audience_an_account_that_is_not_allowed_and_unreachable_certificates() {
    let cloud = Cloud::start().await;
    let url = cloud.sandbox.url().to_owned();
    let account = sandbox::metadata::SERVICE_ACCOUNT;
    cloud.sandbox.set_google_verification(Some(verification(&cloud.metadata, &format!("{url}/"))));
    is_refused(&cloud, &url, account, "true").await;

    let mut others = verification(&cloud.metadata, &url);
    others.allowed_service_accounts = vec!["other@project.iam.gserviceaccount.com".to_owned()];
    cloud.sandbox.set_google_verification(Some(others));
    is_refused(&cloud, &url, account, "true").await;

    cloud.sandbox.set_google_verification(Some(verification(&cloud.metadata, &url)));
    cloud.metadata.certs().set_reachable(false);
    is_refused(&cloud, &url, account, "true").await;

    cloud.metadata.certs().set_reachable(true);
    cloud.list().await.success();
}

#[tokio::test]
async fn an_email_that_is_missing_or_not_verified() {
    let cloud = Cloud::start().await;
    let url = cloud.sandbox.url().to_owned();
    cloud.metadata.set_identity(Identity { email_verified: false, ..Identity::default() });
    is_refused(&cloud, &url, sandbox::metadata::SERVICE_ACCOUNT, "false").await;
    cloud.metadata.set_identity(Identity { email: None, ..Identity::default() });
    is_refused(&cloud, &url, "missing", "missing").await;
    cloud.metadata.set_identity(Identity::default());
    cloud.recovers().await;
}

#[tokio::test]
async fn a_launch_that_is_refused_was_not_started() {
    let cloud = Cloud::start().await;
    cloud.sandbox.set_google_verification(Some(verification(&cloud.metadata, "https://other.example")));
    let workflow = sandbox::fixtures::workflow_ref(sandbox::fixtures::ACME, sandbox::fixtures::ENERGY_MODEL);
    let arguments = json!({ "file_content": "e30=", "file_name": "a.json", "workflow_ref": workflow });
    let result = cloud.client.call_tool("validate_file", arguments).await;
    assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 401.into()));
    assert_eq!(result.structured["error"]["data"].get("run_started"), None);
}
