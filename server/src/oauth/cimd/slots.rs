//! How many documents are fetched at a time.
//!
//! Strangers choose the hosts, and a host may take each fetch's whole deadline. So each has few slots of its own, and who comes
//! while they are taken waits a little. Names cost nothing, though: where the fetches of all hosts are too many, a newcomer takes
//! the place of the one that has taken longest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{Arriving, Place};

/// Fetches at a time in all.
const MAX_FETCHES: usize = 32;
/// Fetches at a time from one host.
const MAX_FOR_HOST: usize = 2;
/// A person is waiting, and the fetch itself may take longer than that again.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// The slots of all hosts.
pub(super) struct Slots {
    all: Arriving,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// One slot, given back when it is dropped.
pub(super) struct Slot<'a> {
    place: Place<'a>,
    host: HostPermit,
}

impl Default for Slots {
    fn default() -> Self {
        Self { all: Arriving::new(MAX_FETCHES), hosts: Arc::default() }
    }
}

impl Slots {
    /// A slot for a fetch from this host, after a short wait at most.
    pub(super) async fn take(&self, host: &str) -> Option<Slot<'_>> {
        // The host's own first: whoever waits for it holds nothing that others need.
        let host = timeout(MAX_WAIT, self.host(host)).await.ok().flatten()?;
        Some(Slot { place: self.all.join(), host })
    }

    async fn host(&self, host: &str) -> Option<HostPermit> {
        let semaphore = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(MAX_FOR_HOST))).clone()
        };
        // Made before the wait: who gives up waiting takes an entry that nobody else uses away, too.
        let mut permit = HostPermit { host: host.to_owned(), hosts: self.hosts.clone(), permit: None };
        permit.permit = Some(semaphore.acquire_owned().await.ok()?);
        Some(permit)
    }
}

impl Slot<'_> {
    /// Does this with the slot; `None` where a newcomer has taken it away.
    pub(super) async fn with<T>(self, fetch: impl Future<Output = T>) -> Option<T> {
        let Self { place, host } = self;
        let fetched = tokio::select! {
            fetched = fetch => Some(fetched),
            () = place.taken_away() => None,
        };
        drop(host);
        fetched
    }
}

/// A permit of one host, whose entry goes with the last of them.
#[derive(Debug)]
struct HostPermit {
    host: String,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.permit.take());
        // The map's own reference is the only one left: nobody holds a permit or waits for one.
        if hosts.get(&self.host).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            hosts.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_takes_two_slots_and_no_other_hosts() {
        let slots = Slots::default();
        let (first, second) = (slots.take("slow.example").await, slots.take("slow.example").await);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take("slow.example").await.is_none(), "after a wait");
        assert!(slots.take("other.example").await.is_some());
        let (waiting, ()) = tokio::join!(slots.take("slow.example"), async { drop(first) });
        assert!(waiting.is_some(), "a slot that is given back goes to who waits");
        drop((second, waiting));
        assert!(slots.hosts.lock().expect("unpoisoned").is_empty(), "nothing is kept of a host");
    }

    #[tokio::test(start_paused = true)]
    async fn of_too_many_hosts_the_one_goes_that_has_taken_longest() {
        let slots = Slots::default();
        let mut fetches = Vec::new();
        for n in 0..MAX_FETCHES {
            let slot = slots.take(&format!("{n}.example")).await.expect("a slot");
            fetches.push(Box::pin(slot.with(std::future::pending::<()>())));
        }
        assert!(fetches.iter_mut().all(|fetch| fetch.now_or_never().is_none()), "there is room");
        let newcomer = slots.take("one-more.example").await.expect("a slot, at once");
        let ended: Vec<_> = fetches.iter_mut().map(|fetch| fetch.now_or_never().is_some()).collect();
        assert!(ended[0] && !ended[1..].contains(&true), "{ended:?}");
        assert_eq!(newcomer.with(std::future::ready(1)).await, Some(1));
    }
}
