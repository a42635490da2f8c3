//! The same payment many times at once, on two instances that know nothing of each other.

use futures_util::future::join_all;
use sandbox::ledger::Ledger;
use sandbox::{Sandbox, fixtures};
use suite::mcp::Era;

use crate::{Stack, bought, held, order, order_of, payment, public, selling, terms, validate};

#[tokio::test]
async fn ten_times_at_once_on_two_instances_is_one_settlement_one_run_and_ten_like_answers() {
    let sandbox = Sandbox::builder().paid_access(true).start().await.expect("a sandbox");
    let ledger = Ledger::start().await.expect("a ledger");
    let (one, two) = (selling(&sandbox, &ledger).start().await, selling(&sandbox, &ledger).start().await);
    let clients: Vec<_> =
        (0..10).map(|n| public(if n % 2 == 0 { &one } else { &two }, Era::Modern)).collect();
    for round in 1..=3 {
        let paid = payment(&terms(&clients[0], &order()).await);
        // Both instances are past verifying before either settles.
        let slow = sandbox::Fault::Delay(std::time::Duration::from_millis(300));
        ledger.misbehave_times(sandbox::Route::Settle, slow, 2);
        let order = order();
        let answers = join_all(clients.iter().map(|client| validate(client, &order, Some(&paid)))).await;
        let bought: Vec<_> = answers.iter().map(|answer| bought(&answer.result())).collect();
        for (run, receipt) in &bought {
            assert_eq!(run["run_ref"], bought[0].0["run_ref"]);
            assert_eq!(receipt["transaction"], bought[0].1["transaction"]);
        }
        assert_eq!(ledger.transfers().len(), round, "one settlement for each payment");
        assert_eq!(sandbox.paid_transactions().len(), round, "one run for each settlement");
        assert!(ledger.asked("/settle") <= 2 * round, "an instance settles a payment once");
    }
}

#[tokio::test]
async fn a_payment_off_the_chain_opens_nobody_elses_run() {
    let stack = Stack::start().await;
    let client = stack.client();
    let terms = terms(&client, &order()).await;
    let paid = payment(&terms);
    bought(&validate(&client, &order(), Some(&paid)).await.result());
    // Whoever reads the chain has the whole payment, but not the file.
    let other = order_of(fixtures::ENERGY_MODEL, "model.json", fixtures::BAD_ENERGY_MODEL);
    for server in [&stack.server, &selling(&stack.sandbox, &stack.ledger).start().await] {
        let result = validate(&public(server, Era::Modern), &other, Some(&paid)).await.result();
        assert_eq!(held(&result), ("PAYMENT_ALREADY_USED".to_owned(), "used".to_owned()));
        assert!(!result.to_string().contains("run_ref"), "{result}");
    }
    // The same file by another workflow of the same price is not what was bought either.
    let other = order_of(fixtures::ANNUAL_SIMULATION, "model.json", fixtures::GOOD_ENERGY_MODEL);
    let result = validate(&client, &other, Some(&paid)).await.result();
    assert_eq!(held(&result).0, "PAYMENT_ALREADY_USED");
    stack.assert_runs_match_money(1);
}
