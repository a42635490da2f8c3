//! Service identity by Google's tokens, and the metadata server that gives them.

use std::time::Duration;

use bytes::Bytes;
use sandbox::metadata::{Identity, MetadataServer, SERVICE_ACCOUNT};
use sandbox::{Fault, GoogleVerification, Sandbox, fixtures};

use crate::client::{Got, World, got};

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

struct Google {
    world: World,
    metadata: MetadataServer,
}

impl Google {
    /// A sandbox that trusts the metadata server's tokens for its own URL.
    async fn start() -> Self {
        let world = World::with(Sandbox::builder().no_service_key()).await;
        let metadata = MetadataServer::start().await.expect("a free port");
        let google = Self { world, metadata };
        google.demand(google.world.sandbox.url(), &[SERVICE_ACCOUNT]);
        google
    }

    fn demand(&self, audience: &str, accounts: &[&str]) {
        self.world.sandbox.set_google_verification(Some(GoogleVerification {
            audience: audience.to_owned(),
            allowed_service_accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
            certs: self.metadata.certs(),
        }));
    }

    async fn ask(&self, query: &[(&str, &str)]) -> Got {
        let url = format!("http://{}{PATH}", self.metadata.host());
        got(self.world.http.get(url).query(query).header("Metadata-Flavor", "Google")).await
    }

    /// A list call with the token that the metadata server gives for the sandbox.
    async fn list(&self) -> Got {
        let audience = self.world.sandbox.url();
        let token = self.ask(&[("audience", audience), ("format", "full")]).await.text;
        let request = self.world.get("/api/v1/mcp/workflows/").bearer_auth(token);
        got(request.header("X-Validibot-User-Sub", "2")).await
    }
}

#[tokio::test]
async fn a_token_proves_the_service() {
    let google = Google::start().await;
    assert_eq!(google.list().await.status, 200);
    google.demand(google.world.sandbox.url(), &[&SERVICE_ACCOUNT.to_uppercase()]);
    assert_eq!(google.list().await.status, 200, "accounts are compared without regard to case");
    let request = google.world.get("/api/v1/mcp/workflows/").header("X-Validibot-User-Sub", "2");
    got(request.bearer_auth(fixtures::DEMO_TOKEN)).await.is_detail(401);
}

#[tokio::test]
async fn each_defect_of_a_token_is_the_same_401() {
    let google = Google::start().await;
    let mut texts = std::collections::BTreeSet::new();
    let good = Identity::default();
    for identity in [
        Identity { email: None, ..good.clone() },
        Identity { email: Some("other@example.com".to_owned()), ..good.clone() },
        Identity { email_verified: false, ..good.clone() },
        Identity { audience: Some("https://elsewhere.example".to_owned()), ..good.clone() },
        Identity { expires_in: Some(-1), ..good.clone() },
        Identity { expires_in: None, ..good.clone() },
        Identity { issued_in: 60, ..good.clone() },
        Identity { foreign_key: true, ..good.clone() },
    ] {
        google.metadata.set_identity(identity.clone());
        let refused = google.list().await;
        refused.is_detail(401);
        assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="validibot-mcp-service""#);
        texts.insert(refused.text);
    }
    google.metadata.set_identity(good.clone());
    assert_eq!(google.list().await.status, 200, "the control");
    for (audience, accounts) in [
        (format!("{}/", google.world.sandbox.url()), &[SERVICE_ACCOUNT][..]),
        (String::new(), &[SERVICE_ACCOUNT]),
        (google.world.sandbox.url().to_owned(), &[]),
    ] {
        google.demand(&audience, accounts);
        texts.insert(google.list().await.text);
    }
    google.demand(google.world.sandbox.url(), &[SERVICE_ACCOUNT]);
    google.metadata.certs().set_reachable(false);
    texts.insert(google.list().await.text);
    google.metadata.certs().set_reachable(true);
    assert_eq!(texts.len(), 1, "one text for all of them: {texts:?}");
    google.metadata.set_identity(Identity { issuer: "https://evil.example".to_owned(), ..good });
    google.list().await.is_coded(500, "INTERNAL_SERVER_ERROR");
}

#[tokio::test]
async fn the_shared_key_comes_first_and_a_wrong_one_falls_through() {
    let google = Google::start().await;
    let audience = google.world.sandbox.url().to_owned();
    let token = google.ask(&[("audience", &audience), ("format", "full")]).await.text;
    let request = google.world.get("/api/v1/mcp/workflows/").header("X-MCP-Service-Key", "wrong");
    assert_eq!(got(request.bearer_auth(token).header("X-Validibot-User-Sub", "2")).await.status, 200);
}

#[tokio::test]
async fn the_metadata_server_has_googles_manners() {
    let google = Google::start().await;
    let token = google.ask(&[("audience", "a b")]).await;
    assert_eq!((token.status, token.header("metadata-flavor")), (200, "Google"));
    assert_eq!(token.text.split('.').count(), 3);
    assert_eq!(google.ask(&[]).await.status, 400);
    let bare = google.world.http.get(format!("http://{}{PATH}?audience=a", google.metadata.host()));
    assert_eq!(got(bare).await.status, 403);
    let elsewhere = google.world.http.get(format!("http://{}/computeMetadata/v1/", google.metadata.host()));
    assert_eq!(got(elsewhere.header("Metadata-Flavor", "Google")).await.status, 404);
    assert_eq!(google.metadata.requests(), 4);
    assert_eq!(google.metadata.received()[0].query.as_deref(), Some("audience=a+b"));
}

#[tokio::test]
async fn the_metadata_server_misbehaves_and_comes_back() {
    let google = Google::start().await;
    google.metadata.misbehave_times(Fault::Status(404), 1);
    let no_token = Fault::Body {
        status: 200,
        content_type: "text/html".to_owned(),
        bytes: Bytes::from_static(b"no token"),
    };
    assert_eq!(google.ask(&[("audience", "a")]).await.status, 404);
    google.metadata.misbehave_times(no_token, 1);
    assert_eq!(google.ask(&[("audience", "a")]).await.text, "no token");
    google.metadata.misbehave(Fault::Hang);
    let url = format!("http://{}{PATH}?audience=a", google.metadata.host());
    let hanging = google.world.http.get(&url).timeout(Duration::from_millis(200)).send().await;
    assert!(hanging.expect_err("nothing comes").is_timeout());
    google.metadata.behave();
    assert_eq!(google.ask(&[("audience", "a")]).await.status, 200);

    let Google { world, metadata } = google;
    let (address, certs) = (metadata.address(), metadata.certs());
    metadata.stop().await;
    assert!(world.http.get(&url).send().await.expect_err("it is away").is_connect());
    let metadata = MetadataServer::start_at(address, certs).await.expect("the port is free again");
    assert_eq!(Google { world, metadata }.list().await.status, 200, "its keys are still trusted");
}
