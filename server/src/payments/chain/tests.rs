//! The search for a block, on networks of every pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::{Json, Router, routing::post};

use super::*;

/// The time of each block.
type Pace = fn(u64) -> u64;

/// A node that knows only its blocks' times.
async fn node(latest: u64, timestamp: Pace) -> (Chain, Arc<AtomicU32>) {
    let questions = Arc::new(AtomicU32::new(0));
    let counted = questions.clone();
    let answer = move |Json(question): Json<Value>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let which = question["params"][0].as_str().unwrap_or_default().to_owned();
        let number = if which == "latest" { latest } else { parse(&which).expect("a number") };
        let block = json!({ "number": quantity(number), "timestamp": quantity(timestamp(number)) });
        std::future::ready(Json(json!({ "jsonrpc": "2.0", "id": 1, "result": block })))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, Router::new().route("/", post(answer))).into_future());
    let mut settings = crate::payments::payment::tests::settings();
    settings.rpc_url = SecretString::from(format!("http://{address}/"));
    (Chain::new(&settings, crate::base::http_client::http_client().expect("a client")), questions)
}

#[tokio::test]
async fn the_block_of_a_time_is_found_with_few_questions_whatever_the_pace() {
    const GENESIS: u64 = 1_600_000_000;
    let paces: [(&str, Pace); 5] = [
        ("two seconds a block", |n| GENESIS + n * 2),
        ("twelve seconds", |n| GENESIS + n * 12),
        ("four blocks a second", |n| GENESIS + n / 4),
        ("blocks only when there is something", |n| GENESIS + n * n),
        (
            "a pace that has changed",
            |n| if n < 9000 { GENESIS + n * 12 } else { GENESIS + 108_000 + (n - 9000) },
        ),
    ];
    for (pace, timestamp) in paces {
        let (chain, questions) = node(20_000, timestamp).await;
        for number in [0, 1, 777, 8_999, 12_345, 19_990, 20_000] {
            questions.store(0, Ordering::Relaxed);
            let time = timestamp(number);
            let latest = chain.block("latest").await.expect("a block");
            let found = chain.block_before(time, latest).await.expect("found");
            assert!(timestamp(found) <= time, "{pace}, {number}: {found} is too late");
            let next_is_near = timestamp(found + 1) > time;
            assert!(
                next_is_near || time - timestamp(found) <= NEAR_SECONDS,
                "{pace}, {number}: {found} is too early"
            );
            let asked = questions.load(Ordering::Relaxed);
            assert!(asked <= 25, "{pace}, {number}: {asked} questions");
        }
    }
}

#[test]
fn words_and_quantities_are_the_protocols() {
    assert_eq!(word("0xAb"), format!("0x{}ab", "0".repeat(62)));
    assert_eq!((quantity(0), quantity(255)), ("0x0".to_owned(), "0xff".to_owned()));
    assert_eq!((parse("0x0"), parse("0x00ff"), parse("ff"), parse("")), (Some(0), Some(255), None, None));
    assert_eq!(parse(&format!("0x{}", "f".repeat(64))), None, "no amount of ours is that large");
}
