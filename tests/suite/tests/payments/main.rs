//! Payments: the real server, with a ledger that does what it is told, and once with a real token, node, facilitator and
//! client.

mod faults;
mod journey;
mod race;
mod real;
mod refused;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::ledger::Ledger;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era, Reply};
use suite::server::{Builder, Server};

/// Who pays in these tests.
const PAYER: &str = "0x857b06519e91e3a54538791bdbb0e22373e36b66";
/// 32 bytes; the value is of no importance, but the same for all instances.
const SEAL_KEYS: &str = "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// In every signature, to look for in logs.
const SIGNATURE_MARK: &str = "5e5e5e5e5e5e5e5e";

/// Validibot, a ledger, and a server between them that sells.
struct Stack {
    sandbox: Sandbox,
    ledger: Ledger,
    server: Server,
}

impl Stack {
    async fn start() -> Self {
        let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
        let ledger = Ledger::start().await.expect("a ledger");
        let server = selling(&sandbox, &ledger).start().await;
        Self { sandbox, ledger, server }
    }

    fn client(&self) -> Client {
        public(&self.server, Era::Modern)
    }

    /// Exactly one run for each transfer, and none without.
    fn assert_runs_match_money(&self, runs: usize) {
        let mut paid: Vec<String> =
            self.ledger.transfers().into_iter().map(|transfer| transfer.transaction).collect();
        let mut ran = self.sandbox.paid_transactions();
        paid.sort();
        ran.sort();
        assert_eq!((ran.len(), &ran), (runs, &paid), "each payment has its run, and each run its payment");
    }
}

/// A server that sells what the sandbox offers, and is paid on the ledger.
fn selling(sandbox: &Sandbox, ledger: &Ledger) -> Builder {
    Server::for_sandbox(sandbox)
        .env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS)
        .env("VALIDIBOT_X402_ENABLED", "true")
        .env("VALIDIBOT_X402_PAY_TO_ADDRESS", fixtures::PAY_TO)
        .env("VALIDIBOT_X402_NETWORK", fixtures::NETWORK)
        .env("VALIDIBOT_X402_FACILITATOR_URL", ledger.facilitator())
        .env("VALIDIBOT_X402_RPC_URL", ledger.rpc())
}

fn public(server: &Server, era: Era) -> Client {
    Client::new(&format!("{}/public-mcp", server.base()), era)
}

/// The arguments of a validation of the good energy model.
fn order() -> Value {
    order_of(fixtures::ENERGY_MODEL, "model.json", fixtures::GOOD_ENERGY_MODEL)
}

fn order_of(workflow: &str, name: &str, content: &[u8]) -> Value {
    json!({
        "file_content": STANDARD.encode(content),
        "file_name": name,
        "workflow_ref": fixtures::workflow_ref(fixtures::OPEN_LAB, workflow),
    })
}

/// Calls `validate_file`, with a payment if there is one.
async fn validate(client: &Client, arguments: &Value, payment: Option<&Value>) -> Reply {
    let mut params = json!({ "name": "validate_file", "arguments": arguments });
    if let Some(payment) = payment {
        params["_meta"] = json!({ "x402/payment": payment });
    }
    client.request("tools/call", params).await
}

/// The terms of a challenge, which has to be one.
#[track_caller]
fn challenged(result: &Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    let challenge = &result["structuredContent"];
    assert_eq!(challenge["x402Version"], 2, "no challenge: {result}");
    let text: Value =
        serde_json::from_str(result["content"][0]["text"].as_str().expect("text")).expect("JSON");
    assert_eq!(&text, challenge, "the text is the same object");
    assert!(challenge["resource"]["url"].is_string() && challenge["error"].is_string(), "{challenge}");
    assert_eq!(challenge["accepts"].as_array().map(Vec::len), Some(1), "{challenge}");
    challenge["accepts"][0].clone()
}

/// The terms for this order, from a call without a payment.
async fn terms(client: &Client, arguments: &Value) -> Value {
    challenged(&validate(client, arguments, None).await.result())
}

/// A payment for these terms, with a nonce of its own.
fn payment(terms: &Value) -> Value {
    let now = now();
    json!({
        "x402Version": 2,
        "resource": { "url": "mcp://tool/validate_file" },
        "accepted": terms,
        "payload": {
            "signature": format!("0x{}1c", "5e".repeat(64)),
            "authorization": {
                "from": PAYER,
                "to": terms["payTo"],
                "value": terms["amount"],
                "validAfter": (now - 60).to_string(),
                "validBefore": (now + 300).to_string(),
                "nonce": nonce(),
            },
        },
        "extensions": {},
    })
}

fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("0x{:064x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "payments carry the time of the client's machine")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// A result that has to be a run that was paid for: the run and the receipt.
#[track_caller]
fn bought(result: &Value) -> (Value, Value) {
    assert_ne!(result["isError"], true, "{result}");
    let receipt = result["_meta"]["x402/payment-response"].clone();
    assert_eq!(receipt["success"], true, "{result}");
    assert_eq!(receipt["payer"], PAYER, "{receipt}");
    (result["structuredContent"].clone(), receipt)
}

/// What an answer that is neither a run nor a challenge says of the payment: its code and state.
#[track_caller]
fn held(result: &Value) -> (String, String) {
    assert_eq!(result["isError"], true, "{result}");
    let structured = &result["structuredContent"];
    assert!(structured.get("accepts").is_none(), "a second payment is asked for: {result}");
    let error = &structured["error"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&error["code"]), text(&error["data"]["payment"]["state"]))
}
