//! Nothing scripted: a client that others wrote signs, a facilitator that others wrote verifies and settles, on a chain
//! of one's own with a token that checks signatures.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::node::Node;
use suite::python::Python;
use suite::server::{Builder, Server};
use suite::{net, process, require};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::{SEAL_KEYS, order};

/// Generous: interpreters start slowly on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);
/// The keys of the chain's first two accounts, which every anvil has: the facilitator's and the payer's.
const FACILITATOR_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const PAYER_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const PAYER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// What the payer has in the beginning: one dollar.
const PURSE: u64 = 1_000_000;
/// What the order costs.
const PRICE: u64 = 100_000;

/// A program that serves until it is dropped.
struct Service {
    _child: Child,
    url: String,
}

impl Service {
    /// Starts it and waits for the line in which it says where it listens.
    async fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let port = tokio::time::timeout(DEADLINE, async {
            loop {
                let line = lines.next_line().await.expect("text").expect("it says where it listens");
                let address = line.strip_prefix("Listening on ").unwrap_or_default();
                if let Some((_, port)) = address.trim().rsplit_once(':') {
                    return port.parse::<u16>().expect("a port");
                }
            }
        });
        let port = port.await.expect("it listens in time");
        // Nobody may be stuck because nobody reads.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _child: child, url: format!("http://127.0.0.1:{port}") }
    }
}

/// A chain with the token, of which the payer has some.
async fn chain(node: &Node) -> Service {
    let mut anvil = node.anvil();
    anvil.args(["--host", "127.0.0.1", "--port", "0", "--chain-id", "84532"]);
    let chain = Service::start(&mut anvil).await;
    let source = suite::workspace().join("tests/suite/clients/token.sol").canonicalize().expect("the source");
    let compiled = process::run(node.script("token.mjs").arg(source), DEADLINE).await.expect("it ends");
    let code = compiled.expect_success("token.mjs").stdout.trim().to_owned();
    rpc(&chain, "anvil_setCode", json!([fixtures::ASSET, code])).await;
    let mint = format!("0x40c10f19{}{PURSE:064x}", word(PAYER));
    rpc(&chain, "eth_sendTransaction", json!([{ "from": PAYER, "to": fixtures::ASSET, "data": mint }])).await;
    assert_eq!(balance(&chain, PAYER).await, PURSE);
    chain
}

async fn rpc(chain: &Service, method: &str, params: Value) -> Value {
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = net::http_client().post(&chain.url).body(question.to_string());
    let answer = answer.header("content-type", "application/json").send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

async fn balance(chain: &Service, holder: &str) -> u64 {
    let call = json!({ "to": fixtures::ASSET, "data": format!("0x70a08231{}", word(holder)) });
    let result = rpc(chain, "eth_call", json!([call, "latest"])).await;
    u64::from_str_radix(result.as_str().expect("text").trim_start_matches("0x"), 16).expect("a number")
}

fn word(address: &str) -> String {
    format!("{:0>64}", address.trim_start_matches("0x"))
}

fn selling(sandbox: &Sandbox, facilitator: &Service, chain: &Service) -> Builder {
    Server::for_sandbox(sandbox)
        .env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS)
        .env("VALIDIBOT_X402_ENABLED", "true")
        .env("VALIDIBOT_X402_PAY_TO_ADDRESS", fixtures::PAY_TO)
        .env("VALIDIBOT_X402_NETWORK", fixtures::NETWORK)
        .env("VALIDIBOT_X402_FACILITATOR_URL", &facilitator.url)
        .env("VALIDIBOT_X402_RPC_URL", &chain.url)
}

#[tokio::test]
async fn a_real_wallet_pays_for_a_validation_and_the_money_moves_once() {
    let python = require!(Python::with_x402().await);
    let node = require!(Node::with_clients().await);
    let chain = chain(&node).await;
    let mut facilitator = python.script("facilitator.py");
    facilitator.args([&chain.url, fixtures::NETWORK, FACILITATOR_KEY]);
    let facilitator = Service::start(&mut facilitator).await;
    let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
    let one = selling(&sandbox, &facilitator, &chain).start().await;
    let two = selling(&sandbox, &facilitator, &chain).start().await;

    let mut input = tempfile::NamedTempFile::new().expect("a file");
    let url = |server: &Server| format!("{}/public-mcp", server.base());
    let given = json!({ "url": url(&one), "again": url(&two), "key": PAYER_KEY, "arguments": order() });
    input.write_all(given.to_string().as_bytes()).expect("written");
    let output = process::run(python.script("pay.py").arg(input.path()), DEADLINE).await.expect("it ends");
    let output = output.expect_success("pay.py");
    let seen: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));

    let terms = &seen["challenge"]["accepts"][0];
    assert_eq!((&terms["amount"], &terms["payTo"]), (&json!(PRICE.to_string()), &json!(fixtures::PAY_TO)));
    assert_eq!((&seen["paid"], &seen["error"]), (&json!(true), &json!(false)), "{seen}");
    assert_eq!(seen["verdict"], "PASS");
    let receipt = &seen["receipt"];
    assert_eq!((&receipt["success"], &receipt["network"]), (&json!(true), &json!(fixtures::NETWORK)));
    assert!(receipt["payer"].as_str().is_some_and(|payer| payer.eq_ignore_ascii_case(PAYER)), "{receipt}");
    assert_eq!(sandbox.paid_transactions(), [receipt["transaction"].as_str().expect("text")]);
    // The other instance found the payment on the chain.
    assert_eq!(seen["again"]["error"], false, "{seen}");
    assert_eq!(seen["again"]["run"]["run_ref"], seen["run"]["run_ref"]);
    assert_eq!(seen["again"]["receipt"]["transaction"], receipt["transaction"]);
    assert!(two.logs.text().contains("found on the chain"), "{}", two.logs.text());

    assert_eq!(balance(&chain, fixtures::PAY_TO).await, PRICE);
    assert_eq!(balance(&chain, PAYER).await, PURSE - PRICE, "the money moved once");
}
