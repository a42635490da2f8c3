//! A small client, so that each test says only what it is about.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use sandbox::{Builder, Sandbox, fixtures};
use serde_json::Value;

/// A sandbox with a client that follows nothing and waits for a generous while.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

/// One answer, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Sandbox::builder()).await
    }

    #[expect(clippy::disallowed_methods, reason = "this is the test's one client")]
    pub(crate) async fn with(builder: Builder) -> Self {
        let sandbox = builder.start().await.expect("a free port");
        let http = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Self { sandbox, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    /// A bare GET.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// A GET as the MCP server sends it for the demo user.
    pub(crate) fn demo(&self, path: &str) -> RequestBuilder {
        as_demo(self.get(path))
    }

    /// A launch with this JSON body.
    pub(crate) fn launch(&self, org: &str, workflow: &str) -> RequestBuilder {
        let path = format!("/api/v1/mcp/workflows/{}/runs/", fixtures::workflow_ref(org, workflow));
        as_demo(self.http.post(self.url(&path)))
    }

    /// A launch of a named file as multipart, by the modeller.
    pub(crate) async fn modeller(&self, workflow: &str, name: &str, bytes: &[u8], media_type: &str) -> Got {
        let part =
            Part::bytes(bytes.to_vec()).file_name(name.to_owned()).mime_str(media_type).expect("a type");
        let path =
            format!("/api/v1/mcp/workflows/{}/runs/", fixtures::workflow_ref(fixtures::WORKSHOP, workflow));
        let request = self
            .http
            .post(self.url(&path))
            .header("X-MCP-Service-Key", fixtures::SERVICE_KEY)
            .header("X-Validibot-Api-Token", fixtures::MODELLER_TOKEN)
            .multipart(Form::new().part("file", part));
        got(request).await
    }

    /// A launch of a file as multipart.
    pub(crate) async fn upload(&self, workflow: &str, bytes: &[u8], media_type: &str) -> Got {
        let part = Part::bytes(bytes.to_vec()).file_name("input.dat").mime_str(media_type).expect("a type");
        got(self.launch(fixtures::ACME, workflow).multipart(Form::new().part("file", part))).await
    }
}

/// Service key and the demo user's subject.
pub(crate) fn as_demo(request: RequestBuilder) -> RequestBuilder {
    request
        .header("X-MCP-Service-Key", fixtures::SERVICE_KEY)
        .header("X-Validibot-User-Sub", fixtures::DEMO_USER_ID.to_string())
}

/// Sends and reads everything.
pub(crate) async fn got(request: RequestBuilder) -> Got {
    let response: Response = request.send().await.expect("an answer");
    Got {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.expect("a body"),
    }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The names of the object's keys, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        keys(&self.json())
    }

    /// Shape 2 with this status and code.
    #[track_caller]
    pub(crate) fn is_coded(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        let body = self.json();
        assert_eq!(body["code"], code, "{}", self.text);
        assert!(body["detail"].is_string());
        let expected: &[&str] =
            if body.get("errors").is_some() { &["detail", "code", "errors"] } else { &["detail", "code"] };
        assert_eq!(self.keys(), expected);
    }

    /// Shape 1 with this status.
    #[track_caller]
    pub(crate) fn is_detail(&self, status: u16) {
        assert_eq!((self.status, self.header("content-type")), (status, "application/json"), "{}", self.text);
        assert_eq!(self.keys(), ["detail"]);
    }

    /// Shape 3 for exactly these fields.
    #[track_caller]
    pub(crate) fn is_fields(&self, fields: &[&str]) {
        assert_eq!(self.status, 400, "{}", self.text);
        assert_eq!(self.keys(), fields);
        for (_, messages) in self.json().as_object().expect("an object") {
            assert!(messages.as_array().is_some_and(|list| list.len() == 1 && list[0].is_string()));
        }
    }
}

pub(crate) fn keys(value: &Value) -> Vec<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}
