//! Upload tickets of somebody who has signed in: sealed as everything is, so that any instance takes them, for their
//! time.

use std::time::Duration;

use sandbox::fixtures;
use serde_json::{Value, json};

use crate::client::text;
use crate::stack::Stack;

/// Of `PUT /uploads`.
const TICKET: &str = "x-validibot-upload-ticket";

impl Stack {
    /// A ticket for the sensor table.
    async fn ticket(&self, bearer: &str) -> String {
        let arguments = json!({
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE),
            "file_name": "good.csv",
        });
        let params = json!({ "name": "prepare_upload", "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = self.http.post(self.url("/mcp")).bearer_auth(bearer).json(&body);
        let request = request.header("accept", "*/*").header("mcp-protocol-version", "2025-11-25");
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        text(&answer["result"]["structuredContent"]["headers"], "X-Validibot-Upload-Ticket")
    }

    async fn upload(&self, ticket: &str) -> (u16, Value) {
        let request = self.http.put(self.url("/uploads")).header(TICKET, ticket).body(fixtures::GOOD_TABLE);
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    fn launches(&self) -> Vec<sandbox::Received> {
        self.sandbox.received().into_iter().filter(|request| request.path.ends_with("/runs/")).collect()
    }
}

#[tokio::test]
async fn a_ticket_is_good_at_any_instance_and_for_ten_minutes() {
    let stack = Stack::start().await;
    let (_, tokens) = stack.sign_in().await;
    let bearer = text(&tokens, "access_token");
    let (used, late) = (stack.ticket(&bearer).await, stack.ticket(&bearer).await);
    stack.restart(2, &[]);
    stack.advance(Duration::from_secs(590));
    let (status, answer) = stack.upload(&used).await;
    assert_eq!(status, 202, "the control: {answer}");
    let launches = stack.launches();
    assert_eq!(launches.len(), 1, "{launches:?}");
    let subject = fixtures::DEMO_USER_ID.to_string();
    assert_eq!(launches[0].header("x-validibot-user-sub"), Some(subject.as_str()), "in the user's name");

    stack.advance(Duration::from_secs(15));
    let (status, answer) = stack.upload(&late).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("INVALID_TICKET")), "{answer}");
    assert_eq!(stack.launches().len(), 1, "Validibot did not hear of it");
}
