//! Scripted misbehaviour, and the record of what arrived.

use std::time::Duration;

use bytes::Bytes;
use sandbox::{Fault, Route, fixtures};

use crate::client::{World, got};

const LICENCE: &str = "/api/v1/license/features/";

#[tokio::test]
async fn scripted_answers_are_what_the_script_says() {
    let world = World::start().await;
    let script = |fault| {
        world.sandbox.behave();
        world.sandbox.misbehave(Route::LicenseFeatures, fault);
        got(world.get(LICENCE))
    };
    script(Fault::Status(503)).await.is_detail(503);
    script(Fault::Coded(409, "WORKFLOW_INACTIVE".to_owned())).await.is_coded(409, "WORKFLOW_INACTIVE");
    let later = script(Fault::StatusWithRetryAfter(429, 7)).await;
    later.is_detail(429);
    assert_eq!(later.header("retry-after"), "7");
    let body =
        Fault::Body { status: 299, content_type: "text/x-odd".to_owned(), bytes: Bytes::from_static(b"odd") };
    let odd = script(body).await;
    assert_eq!((odd.status, odd.header("content-type"), odd.text.as_str()), (299, "text/x-odd", "odd"));
    let page = script(Fault::Html(200)).await;
    assert!(page.status == 200 && page.text.contains(fixtures::HTML_MARKER));
    let moved = script(Fault::Redirect("http://127.0.0.1:9/elsewhere".to_owned())).await;
    assert_eq!((moved.status, moved.header("location")), (302, "http://127.0.0.1:9/elsewhere"));
    let wrong = script(Fault::WrongTypes).await;
    assert_eq!(wrong.text, r#"{"edition":42,"features":"wrong type"}"#);
    let half = script(Fault::TruncatedJson).await;
    assert_eq!((half.status, half.text.as_str()), (200, r#"{"edition":"pro","features":[""#));
    let large = script(Fault::Oversized(1_000_000)).await;
    assert_eq!((large.text.len(), large.json().as_str().map(str::len)), (1_000_000, Some(999_998)));
    let slow = script(Fault::Delay(Duration::from_millis(50))).await;
    assert_eq!(slow.status, 200);
}

#[tokio::test]
async fn connections_break_where_the_script_says() {
    let world = World::start().await;
    world.sandbox.misbehave(Route::LicenseFeatures, Fault::Cut);
    let error = world.get(LICENCE).send().await.expect_err("nothing is answered");
    assert!(error.is_request(), "{error:?}");
    world.sandbox.misbehave(Route::LicenseFeatures, Fault::CutMidway);
    let response = world.get(LICENCE).send().await.expect("the head arrives");
    assert_eq!(response.status(), 200);
    let error = response.text().await.expect_err("the body does not");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    world.sandbox.misbehave(Route::LicenseFeatures, Fault::Hang);
    let error =
        world.get(LICENCE).timeout(Duration::from_millis(200)).send().await.expect_err("nothing ever comes");
    assert!(error.is_timeout());
    // Stopping does not wait for what hangs.
    world.sandbox.stop().await;
}

#[tokio::test]
async fn a_fault_is_for_its_route_and_its_times() {
    let world = World::start().await;
    world.sandbox.misbehave_times(Route::AuthMe, Fault::Status(500), 1);
    assert_eq!(got(world.get(LICENCE)).await.status, 200);
    assert_eq!(got(world.get("/api/v1/auth/me/")).await.status, 500);
    assert_eq!(got(world.get("/api/v1/auth/me/")).await.status, 403);
    world.sandbox.misbehave(Route::Any, Fault::Status(502));
    assert_eq!(got(world.get("/nope")).await.status, 502);
    world.sandbox.behave();
    assert_eq!(got(world.get(LICENCE)).await.status, 200);
}

#[tokio::test]
async fn every_request_is_on_record_refused_ones_too() {
    let world = World::start().await;
    world.sandbox.misbehave_times(Route::LicenseFeatures, Fault::Cut, 1);
    let cut = world.http.post(world.url("/api/v1/license/features/?a=%20b")).body("body");
    cut.send().await.expect_err("cut");
    got(world.get("/nope").header("X-Test", "yes")).await;
    let received = world.sandbox.received();
    assert_eq!(received.len(), 2, "{received:?}");
    let first = &received[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", LICENCE));
    assert_eq!((first.query.as_deref(), first.text()), (Some("a=%20b"), "body".to_owned()));
    assert_eq!(received[1].header("x-test"), Some("yes"));
    assert!(!format!("{received:?}").contains("yes"), "header values are not in Debug");
    world.sandbox.clear_received();
    assert!(world.sandbox.received().is_empty());
}
