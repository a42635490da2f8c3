//! Several pieces of work at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::core::error::Result;

/// Does the work for every item, `at_once` at a time, beginning in their order.
///
/// After an error no further item is begun: its place holds `None`. The results are in the order of the items.
pub(super) fn side_by_side<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Vec<Option<Result<R>>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(item) = items.get(index) else { return };
            let result = work(item);
            if result.is_err() {
                next.store(items.len(), Ordering::SeqCst);
            }
            *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..at_once {
            scope.spawn(worker);
        }
        worker();
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Does two things at once.
pub(super) fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::core::error::Error;

    #[test]
    fn two_at_a_time_meet_each_other() {
        // Each waits for another: one after another, this would never end.
        let meeting = Barrier::new(2);
        let results = side_by_side(2, &[1, 2, 3, 4], |number| {
            meeting.wait();
            Ok(number * 10)
        });
        let results: Vec<_> = results.into_iter().map(|result| result.unwrap().unwrap()).collect();
        assert_eq!(results, [10, 20, 30, 40]);
    }

    #[test]
    fn both_meet_each_other() {
        let meeting = Barrier::new(2);
        let wait = |said: &'static str| {
            meeting.wait();
            said
        };
        assert_eq!(both(|| wait("first"), || wait("second")), ("first", "second"));
    }

    #[test]
    fn after_an_error_nothing_is_begun() {
        let results =
            side_by_side(
                1,
                &[1, 2, 3],
                |number| {
                    if *number == 2 { Err(Error::failed("two")) } else { Ok(*number) }
                },
            );
        assert_eq!(results[0], Some(Ok(1)));
        assert!(matches!(results[1], Some(Err(_))) && results[2].is_none());
    }
}
