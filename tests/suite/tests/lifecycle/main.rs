//! The end of an instance: nobody is cut off, and it ends in time.

mod stalled;
mod stop;

use std::time::Duration;

use sandbox::Sandbox;

/// Waits until so many requests have reached Validibot.
async fn reached(sandbox: &Sandbox, requests: usize) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while sandbox.received().len() < requests {
        assert!(tokio::time::Instant::now() < limit, "{:?}", sandbox.received());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
