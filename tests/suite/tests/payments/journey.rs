//! The way of an agent without an account, and the surface that it takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::ledger::Ledger;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::server::Server;

use crate::{
    SIGNATURE_MARK, Stack, bought, challenged, order, order_of, payment, public, selling, terms, validate,
};

#[tokio::test]
async fn an_agent_without_an_account_finds_pays_validates_and_reads() {
    let stack = Stack::start().await;
    for (era, cents) in [(Era::Legacy, 10), (Era::Modern, 10)] {
        let before = stack.ledger.transfers().len();
        let client = public(&stack.server, era);
        client.hello().await;
        let list = client.call_tool("list_workflows", json!({})).await.success();
        let slugs: Vec<&str> = list["result"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["slug"].as_str())
            .collect();
        assert_eq!(
            slugs,
            [fixtures::ENERGY_MODEL, fixtures::SENSOR_TABLE, fixtures::ANNUAL_SIMULATION],
            "what is free or a draft is not for sale"
        );
        let reference = list["result"][0]["workflow_ref"].clone();
        assert_eq!(list["result"][0]["pricing"]["price_display"], "$0.10 USD");
        let details =
            client.call_tool("get_workflow_details", json!({ "workflow_ref": reference })).await.success();
        assert_eq!(details["pricing"]["price_cents"], cents);
        assert_eq!(details["accepted_extensions"], json!([".epjson", ".geojson", ".json", ".jsonld"]));

        let order = order_of(fixtures::ENERGY_MODEL, "model.json", fixtures::BAD_ENERGY_MODEL);
        let terms = terms(&client, &order).await;
        assert_eq!(
            terms,
            json!({
                "scheme": "exact",
                "network": fixtures::NETWORK,
                "amount": "100000",
                "asset": fixtures::ASSET,
                "payTo": fixtures::PAY_TO,
                "maxTimeoutSeconds": 300,
                "extra": { "name": "USDC", "version": "2", "paymentFlow": "upfront" },
            })
        );
        assert_eq!(stack.ledger.transfers().len(), before, "nothing is paid by asking");
        let payment = payment(&terms);
        let (run, receipt) = bought(&validate(&client, &order, Some(&payment)).await.result());
        assert_eq!(receipt["network"], fixtures::NETWORK);
        let transfer = stack.ledger.transfers().pop().expect("a transfer");
        assert_eq!(receipt["transaction"], transfer.transaction.as_str());
        assert_eq!((transfer.value, stack.ledger.transfers().len()), (100_000, before + 1));

        let reference = run["run_ref"].clone();
        assert!(!run.to_string().contains(crate::PAYER), "the wallet is no part of the answer: {run}");
        let waited =
            client.call_tool_with_progress("wait_for_run", json!({ "run_ref": reference })).await.success();
        assert_eq!((&waited["overview"]["result"], &waited["run_ref"]), (&json!("FAIL"), &reference));
        assert_eq!(waited["overview"]["findings"]["by_severity"]["ERROR"], 4, "{waited}");
        let status = client.call_tool("get_run_status", json!({ "run_ref": reference })).await.success();
        assert_eq!(status["overview"]["state"], "COMPLETED");

        // The same payment leads to the same run, at once and later.
        let (again, _) = bought(&validate(&client, &order, Some(&payment)).await.result());
        assert_eq!(again["run_ref"], reference);
        assert_eq!(stack.ledger.transfers().len(), before + 1);
    }
    stack.assert_runs_match_money(2);
}

#[tokio::test]
async fn a_payment_in_the_header_takes_the_same_path() {
    let stack = Stack::start().await;
    let terms = terms(&stack.client(), &order()).await;
    let payment = payment(&terms);
    let header = STANDARD.encode(payment.to_string());
    let client = stack.client().with_header("payment-signature", &header);
    let reply = validate(&client, &order(), None).await;
    let receipt = STANDARD.decode(reply.header("payment-response").expect("a receipt")).expect("base64");
    let receipt: Value = serde_json::from_slice(&receipt).expect("JSON");
    let (run, meta) = bought(&reply.result());
    assert_eq!(receipt, meta, "one receipt in both places");
    let (again, _) = bought(&validate(&stack.client(), &order(), Some(&payment)).await.result());
    assert_eq!(again["run_ref"], run["run_ref"], "one path for both");
    stack.assert_runs_match_money(1);

    // Two payments for one call: neither is touched.
    let reply = validate(&client, &order(), Some(&crate::payment(&terms))).await.result();
    challenged(&reply);
    assert!(reply["structuredContent"]["error"].as_str().expect("text").contains("several"), "{reply}");
    let garbage = stack.client().with_header("payment-signature", "bm9uZQ==");
    challenged(&validate(&garbage, &order(), None).await.result());
    stack.assert_runs_match_money(1);
}

#[tokio::test]
async fn whatever_is_wrong_with_the_call_is_said_before_money_moves() {
    let stack = Stack::start().await;
    let client = stack.client();
    let payment = payment(&terms(&client, &order()).await);
    stack.ledger.clear_received();
    let mut bad = vec![
        order_of(fixtures::ENERGY_MODEL, "model.csv", b"a,b"),
        order_of(fixtures::ENERGY_MODEL, "model.json", b""),
        order_of(fixtures::ENERGY_MODEL, "", b"{}"),
        order_of(fixtures::FREE_WORKFLOW, "model.json", b"{}"),
        order_of(fixtures::DRAFT_WORKFLOW, "model.json", b"{}"),
        order_of("no-such-workflow", "model.json", b"{}"),
        order_of(fixtures::ENERGY_MODEL, "model.json", &vec![b' '; 8_000_000]),
    ];
    bad.push(json!({ "file_content": "e30=", "file_name": "a.json", "workflow_ref": "../../x" }));
    for arguments in bad {
        let result = validate(&client, &arguments, Some(&payment)).await.result();
        let code = result["structuredContent"]["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(matches!(code.as_str(), "INVALID_PARAMS" | "NOT_FOUND"), "{code}: {arguments:.200}");
    }
    assert!(stack.ledger.received().is_empty(), "nobody was asked about the payment");
    stack.assert_runs_match_money(0);
}

#[tokio::test]
async fn the_surface_needs_no_account_and_knows_none() {
    let stack = Stack::start().await;
    let client = stack.client().with_token("a-token-that-nobody-gave-out");
    let tools = client.request("tools/list", json!({})).await.result();
    let names: Vec<&str> =
        tools["tools"].as_array().expect("a list").iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "list_workflows",
            "get_workflow_details",
            "validate_file",
            "get_run_status",
            "wait_for_run",
            "compare_runs"
        ]
    );
    assert!(tools["tools"][2].get("outputSchema").is_none(), "a challenge would not fit it");
    assert_eq!(client.request("resources/list", json!({})).await.error()["code"], -32601);
    // A user's credential opens nothing here, and a member's workflow and run stay what they are.
    let member = stack.client().with_token(fixtures::DEMO_TOKEN);
    let private = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let details = member.call_tool("get_workflow_details", json!({ "workflow_ref": private })).await;
    assert_eq!(details.error_code(), "NOT_FOUND");
    stack.sandbox.clear_received();
    let run = stack.server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let mut arguments = order();
    arguments["workflow_ref"] = private.into();
    let run = run.call_tool("validate_file", arguments).await.success();
    for reference in [run["run_ref"].as_str().expect("text"), "paid_a.AAAA", ""] {
        let read = member.call_tool("get_run_status", json!({ "run_ref": reference })).await;
        assert_eq!(read.error_code(), "INVALID_PARAMS", "{reference}");
    }
    let descriptor: Value = suite::net::http_client()
        .get(stack.server.base())
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(
        descriptor["surfaces"]["public"]["endpoint"].as_str().is_some_and(|url| url.ends_with("/public-mcp"))
    );
}

#[tokio::test]
async fn switched_off_there_is_no_such_surface() {
    let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let http = suite::net::http_client();
    let answer =
        http.post(format!("{}/public-mcp", server.base())).body("{}").send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
    let descriptor = http.get(server.base()).send().await.expect("an answer").text().await.expect("text");
    assert!(!descriptor.contains("public"), "{descriptor}");
}

#[tokio::test]
async fn a_payment_on_the_members_surface_is_nobodys_business() {
    let stack = Stack::start().await;
    let terms = terms(&stack.client(), &order()).await;
    stack.ledger.clear_received();
    let payment = payment(&terms);
    let header = STANDARD.encode(payment.to_string());
    let client =
        stack.server.client(Era::Modern, fixtures::DEMO_TOKEN).with_header("payment-signature", &header);
    let mut arguments = order();
    arguments["workflow_ref"] = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL).into();
    let reply = validate(&client, &arguments, Some(&payment)).await;
    assert_eq!(reply.header("payment-response"), None);
    let result = reply.result();
    assert_ne!(result["isError"], true, "{result}");
    assert_eq!(result["_meta"].get("x402/payment-response"), None);
    assert!(stack.ledger.received().is_empty(), "{:?}", stack.ledger.received());
    stack.assert_runs_match_money(0);
}

/// The key pair of RFC 8032's first test.
const CDP_SECRET: &str =
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";

#[tokio::test]
async fn a_facilitator_that_wants_proof_gets_one_for_each_request() {
    let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
    let ledger = Ledger::start().await.expect("a ledger");
    let server = selling(&sandbox, &ledger)
        .env("VALIDIBOT_X402_CDP_KEY_ID", "the-id-of-the-key")
        .env("VALIDIBOT_X402_CDP_KEY_SECRET", CDP_SECRET)
        .start()
        .await;
    let client = public(&server, Era::Modern);
    let paid = payment(&terms(&client, &order()).await);
    bought(&validate(&client, &order(), Some(&paid)).await.result());
    let mut seen = Vec::new();
    for request in ledger.received().iter().filter(|request| request.path != "/rpc") {
        let token =
            request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).expect("a token");
        let claims = token.split('.').nth(1).expect("three parts");
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("cdp"), &json!("the-id-of-the-key")));
        seen.push(claims["uris"][0].as_str().expect("text").to_owned());
    }
    assert_eq!(seen, ["POST 127.0.0.1/verify", "POST 127.0.0.1/settle"]);
}

#[tokio::test]
async fn no_payment_signature_or_reference_is_in_any_log() {
    let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
    let ledger = Ledger::start().await.expect("a ledger");
    let node = format!("{}?key=hush-of-the-node", ledger.rpc());
    let server = selling(&sandbox, &ledger)
        .env("VALIDIBOT_LOG_LEVEL", "TRACE")
        .env("VALIDIBOT_X402_RPC_URL", node)
        .start()
        .await;
    let client = public(&server, Era::Modern);
    let terms = terms(&client, &order()).await;
    let paid = payment(&terms);
    let (run, _) = bought(&validate(&client, &order(), Some(&paid)).await.result());
    for fault in [sandbox::Fault::Cut, sandbox::Fault::Html(500), sandbox::Fault::TruncatedJson] {
        ledger.misbehave(sandbox::Route::Any, fault);
        validate(&client, &order(), Some(&payment(&terms))).await;
        ledger.behave();
    }
    let header = STANDARD.encode(payment(&terms).to_string());
    validate(&client.with_header("payment-signature", &header), &order(), None).await;
    let log = server.stop().await.log;
    assert!(log.contains("a payment was settled"), "there is a log to look at: {log}");
    let nonce = paid["payload"]["authorization"]["nonce"].as_str().expect("text");
    let reference = run["run_ref"].as_str().expect("text");
    for secret in [SIGNATURE_MARK, nonce, &header[..60], reference, "hush-of-the-node", fixtures::HTML_MARKER]
    {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}
