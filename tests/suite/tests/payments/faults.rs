//! What can go wrong on the way from a payment to its run: what the payer holds then, and that one more try with
//! everything healthy ends in exactly one run for exactly one transfer.

use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::ledger::Settling;
use sandbox::{Fault, Route};
use suite::mcp::Era;

use crate::{Stack, bought, challenged, held, order, payment, public, selling, terms, validate};

/// What goes wrong.
enum Trouble {
    Ledger(Route, Fault),
    Settles(Settling),
    /// Settling is in doubt, and the node cannot be asked.
    NoNode(Settling),
    Validibot(Fault),
}

/// What the payer is told, and whether the money has moved by then.
enum Told {
    Run,
    Held { code: &'static str, state: &'static str, moved: bool },
}

const fn held_as(code: &'static str, state: &'static str, moved: bool) -> Told {
    Told::Held { code, state, moved }
}

fn table() -> Vec<(&'static str, Trouble, Told)> {
    use Trouble::{Ledger, NoNode, Settles, Validibot};
    let unsettled = || held_as("PAYMENT_UNSETTLED", "unsettled", false);
    let unknown = |moved| held_as("PAYMENT_UNKNOWN", "unknown", moved);
    let slow = Duration::from_secs(1);
    vec![
        ("slow to verify", Ledger(Route::Verify, Fault::Delay(slow)), Told::Run),
        ("slow to settle", Ledger(Route::Settle, Fault::Delay(slow)), Told::Run),
        ("silent when verifying", Ledger(Route::Verify, Fault::Hang), unsettled()),
        ("silent when settling", Ledger(Route::Settle, Fault::Hang), unknown(false)),
        ("500 when verifying", Ledger(Route::Verify, Fault::Status(500)), unsettled()),
        ("500 when settling", Ledger(Route::Settle, Fault::Status(500)), unknown(false)),
        ("garbage when verifying", Ledger(Route::Verify, Fault::TruncatedJson), unsettled()),
        ("garbage when settling", Ledger(Route::Settle, Fault::Html(200)), unknown(false)),
        ("settled, and then garbage", Ledger(Route::Settle, Fault::TruncatedJson), Told::Run),
        ("settled, and the answer lost", Ledger(Route::Settle, Fault::CutMidway), Told::Run),
        ("settlement_pending, mined", Settles(Settling::MinedInSecret), Told::Run),
        ("settlement_pending, not mined", Settles(Settling::Pending), unknown(false)),
        ("valid, then not settled", Settles(Settling::Refused("insufficient_funds".to_owned())), unsettled()),
        ("mined, and no node to ask", NoNode(Settling::MinedInSecret), unknown(true)),
        ("pending, and no node to ask", NoNode(Settling::Pending), unknown(false)),
        ("no node, and none needed", NoNode(Settling::Mined), Told::Run),
        (
            "Validibot refuses",
            Validibot(Fault::Coded(409, "VALIDATOR_UNAVAILABLE".to_owned())),
            held_as("VALIDATOR_UNAVAILABLE", "settled", true),
        ),
        ("Validibot fails", Validibot(Fault::Status(500)), held_as("UPSTREAM_UNAVAILABLE", "settled", true)),
        ("Validibot is away", Validibot(Fault::Cut), held_as("UPSTREAM_UNAVAILABLE", "settled", true)),
        (
            "Validibot does not know us",
            Validibot(Fault::Status(401)),
            held_as("SERVICE_AUTH_FAILED", "settled", true),
        ),
        // The run is there, and its answer is not.
        (
            "Validibot's answer is lost",
            Validibot(Fault::CutMidway),
            held_as("UPSTREAM_UNAVAILABLE", "settled", true),
        ),
    ]
}

#[tokio::test]
async fn after_every_fault_the_payer_holds_a_run_or_the_right_to_one() {
    // Many rows wait for a deadline: they do so together.
    join_all(table().into_iter().map(|(what, trouble, told)| row(what, trouble, told))).await;
}

async fn row(what: &str, trouble: Trouble, told: Told) {
    let stack = Stack::start().await;
    let client = stack.client();
    let paid = payment(&terms(&client, &order()).await);
    match trouble {
        Trouble::Ledger(route, fault) => stack.ledger.misbehave(route, fault),
        Trouble::Settles(how) => stack.ledger.settle(how),
        Trouble::NoNode(how) => {
            stack.ledger.settle(how);
            stack.ledger.misbehave(Route::Rpc, Fault::Cut);
        }
        Trouble::Validibot(fault) => stack.sandbox.misbehave(Route::AgentLaunch, fault),
    }
    let result = validate(&client, &order(), Some(&paid)).await.result();
    let transfers = stack.ledger.transfers().len();
    let first = match told {
        Told::Run => {
            assert_eq!(transfers, 1, "{what}");
            Some(bought(&result).0["run_ref"].clone())
        }
        Told::Held { code, state, moved } => {
            assert_eq!(held(&result), (code.to_owned(), state.to_owned()), "{what}: {result}");
            assert_eq!(transfers, usize::from(moved), "{what}");
            let message = result["structuredContent"]["error"]["message"].as_str().expect("text");
            assert!(
                message.contains("same payment") && message.contains("not sign another"),
                "{what}: {message}"
            );
            let receipt = &result["_meta"]["x402/payment-response"];
            assert_eq!(receipt["success"], state == "settled", "{what}: {receipt}");
            None
        }
    };
    stack.ledger.behave();
    stack.ledger.mine();
    stack.sandbox.behave();
    let (run, _) = bought(&validate(&client, &order(), Some(&paid)).await.result());
    if let Some(first) = first {
        assert_eq!(run["run_ref"], first, "{what}");
    }
    stack.assert_runs_match_money(1);
}

#[tokio::test]
async fn whoever_is_killed_between_the_money_and_the_run_is_made_good_by_another_instance() {
    let stack = Stack::start().await;
    let client = stack.client();
    let paid = payment(&terms(&client, &order()).await);
    stack.sandbox.misbehave(Route::AgentLaunch, Fault::Hang);
    let params = serde_json::json!({
        "name": "validate_file", "arguments": order(), "_meta": { "x402/payment": paid },
    });
    let mut raw = Box::pin(client.start("tools/call", params));
    // The client waits, the money moves, and the run is being asked for.
    let asked = || stack.sandbox.received().iter().any(|request| request.path == "/api/v1/agent/runs/");
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while !asked() {
        assert!(tokio::time::Instant::now() < deadline, "the run is never asked for");
        tokio::select! {
            _ = &mut raw => panic!("an answer without a run"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    assert_eq!(stack.ledger.transfers().len(), 1);
    drop(raw);
    let server = Pid::from_raw(stack.server.pid().try_into().expect("a process id"));
    kill(server, Signal::SIGKILL).expect("it can be killed");
    stack.sandbox.behave();
    let other = selling(&stack.sandbox, &stack.ledger).start().await;
    let (_, receipt) = bought(&validate(&public(&other, Era::Modern), &order(), Some(&paid)).await.result());
    assert_eq!(receipt["transaction"], stack.ledger.transfers()[0].transaction.as_str());
    assert_eq!(stack.ledger.asked("/settle"), 1);
    stack.assert_runs_match_money(1);
}

#[tokio::test]
async fn a_settled_payment_is_made_good_long_after_its_authorization_has_ended() {
    let stack = Stack::start().await;
    let client = stack.client();
    let mut paid = payment(&terms(&client, &order()).await);
    let signed = &mut paid["payload"]["authorization"];
    // Made three hours ago; and settled then, in the ledger's time.
    let made = crate::now() - 3 * 3600;
    signed["validAfter"] = (made - 60).to_string().into();
    signed["validBefore"] = (made + 300).to_string().into();
    let text = |key: &str| signed[key].as_str().expect("text").to_owned();
    let (from, nonce) = (text("from"), text("nonce"));

    // With nobody to ask, nobody claims to know; and no second payment is asked for.
    stack.ledger.misbehave(Route::Rpc, Fault::Status(503));
    let result = validate(&client, &order(), Some(&paid)).await.result();
    assert_eq!(held(&result), ("PAYMENT_UNKNOWN".to_owned(), "unknown".to_owned()));
    stack.ledger.behave();
    // It was never settled, and cannot be any more: another payment may be made.
    challenged(&validate(&client, &order(), Some(&paid)).await.result());
    assert_eq!((stack.ledger.asked("/verify"), stack.ledger.asked("/settle")), (0, 0));
    // It was settled after all, in the middle of its window.
    stack.ledger.use_up_at(&from, &nonce, sandbox::fixtures::PAY_TO, 100_000, made + 20);
    bought(&validate(&client, &order(), Some(&paid)).await.result());
    assert_eq!((stack.ledger.asked("/verify"), stack.ledger.asked("/settle")), (0, 0));
    stack.assert_runs_match_money(1);
}
