//! What strangers make the server wait for: bodies above all. A newcomer is always let in: where there are too many, the one goes that has been
//! waited for longest. Who sends in earnest is done in a moment; who holds places has to come anew for each, all the time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// So many places, in the order in which they were given.
pub(crate) struct Arriving {
    places: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Dropped, a sender tells its place that it is taken away.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place, until it is dropped or taken away.
pub(crate) struct Place<'a> {
    all: &'a Arriving,
    number: u64,
    taken: Option<oneshot::Receiver<()>>,
}

impl Arriving {
    pub(crate) fn new(places: usize) -> Self {
        Self { places, state: Mutex::default() }
    }

    pub(crate) fn join(&self) -> Place<'_> {
        let (sender, taken) = oneshot::channel();
        let mut state = self.state();
        if state.waiting.len() >= self.places {
            state.waiting.pop_first();
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, sender);
        Place { all: self, number, taken: Some(taken) }
    }

    /// The numbers are consistent after each statement: a panic elsewhere cannot have spoilt them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Waits until a newcomer needs it.
    pub(crate) async fn taken_away(mut self) {
        if let Some(taken) = self.taken.take() {
            // Nothing is ever sent.
            let _ = taken.await;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.state().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_newcomer_takes_the_place_of_whoever_has_been_waited_for_longest() {
        let arriving = Arriving::new(2);
        let mut waits = Vec::new();
        for _ in 0..2 {
            waits.push(Box::pin(arriving.join().taken_away()));
        }
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()), "there is room");
        let third = arriving.join();
        let ended: Vec<_> = waits.iter_mut().map(|wait| wait.now_or_never().is_some()).collect();
        assert_eq!(ended, [true, false]);
        drop((third, waits));
        assert!(arriving.state().waiting.is_empty());
    }
}
