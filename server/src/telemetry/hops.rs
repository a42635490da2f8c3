//! Where a tool call's time goes: noted by whoever makes a hop, read by whoever writes the log line.

use std::cell::RefCell;
use std::time::Duration;

/// What a call waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hop {
    /// An identity token for chain 2.
    Identity,
    /// Validibot's answer to one request.
    Validibot,
}

/// The sums of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hops {
    /// For identity tokens.
    pub(crate) identity: Duration,
    /// For Validibot.
    pub(crate) validibot: Duration,
    /// The requests to Validibot.
    pub(crate) requests: u64,
}

tokio::task_local! {
    static HOPS: RefCell<Hops>;
}

/// Runs a call and collects its hops.
pub(crate) async fn collect<F: Future>(call: F) -> (F::Output, Hops) {
    HOPS.scope(RefCell::default(), async {
        let output = call.await;
        (output, HOPS.with(RefCell::take))
    })
    .await
}

/// Adds the hops of a task that the call waited for.
pub(crate) fn add(more: &Hops) {
    let _ = HOPS.try_with(|hops| {
        let mut hops = hops.borrow_mut();
        hops.identity += more.identity;
        hops.validibot += more.validibot;
        hops.requests += more.requests;
    });
}

/// Notes a hop of the call that this runs in; outside of one nobody asks.
pub(crate) fn note(hop: Hop, took: Duration) {
    let _ = HOPS.try_with(|hops| {
        let mut hops = hops.borrow_mut();
        match hop {
            Hop::Identity => hops.identity += took,
            Hop::Validibot => {
                hops.validibot += took;
                hops.requests += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hops_add_up_for_the_call_that_makes_them() {
        let second = Duration::from_secs(1);
        let call = async {
            note(Hop::Validibot, second);
            tokio::task::yield_now().await;
            note(Hop::Validibot, second);
            note(Hop::Identity, second);
        };
        let (collected, other) = tokio::join!(collect(call), collect(async {}));
        assert_eq!(collected.1, Hops { identity: second, validibot: 2 * second, requests: 2 });
        assert_eq!(other.1, Hops::default());
        note(Hop::Identity, second);
    }
}
