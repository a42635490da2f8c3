//! Ctrl-C, SIGTERM and SIGHUP: caught once, and reported to every running child and wait.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::core::error::{Error, Result};

/// What was caught, and who wants to hear about it. Clones share one state.
#[derive(Clone, Default)]
pub struct Interrupts {
    shared: Arc<State>,
}

/// Ends a subscription when it goes out of scope.
pub(crate) struct Subscription {
    shared: Arc<State>,
    id: u64,
}

type Listener = Box<dyn Fn(i32) + Send>;

#[derive(Default)]
struct State {
    caught: AtomicI32,
    hurries: AtomicBool,
    next_id: AtomicU64,
    listeners: Mutex<Vec<(u64, Listener)>>,
}

impl Interrupts {
    /// Takes over SIGINT, SIGTERM and SIGHUP for the whole program. Called once, by `main`.
    pub fn install() -> Result<Self> {
        let interrupts = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| Error::failed("signals cannot be handled").cause(error.to_string()))?;
        let shared = Arc::clone(&interrupts.shared);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                shared.raise(signal);
            }
        });
        Ok(interrupts)
    }

    /// No handlers: for tests, which have their own ways to [`Interrupts::raise`].
    pub fn none() -> Self {
        Self::default()
    }

    /// As [`Interrupts::none`], and no pause lasts: for tests of a world that is not changed by time.
    pub fn hurried() -> Self {
        let interrupts = Self::default();
        interrupts.shared.hurries.store(true, Ordering::SeqCst);
        interrupts
    }

    /// Acts as if this signal had arrived.
    pub fn raise(&self, signal: i32) {
        self.shared.raise(signal);
    }

    /// An error of exit code 130, once a signal has arrived.
    pub fn check(&self) -> Result<()> {
        if self.shared.caught.load(Ordering::SeqCst) == 0 {
            Ok(())
        } else {
            Err(Error::interrupted("interrupted"))
        }
    }

    /// Forgets the signal, so that cleaning up can run commands. The next signal interrupts the cleaning, too.
    pub fn acknowledge(&self) {
        self.shared.caught.store(0, Ordering::SeqCst);
    }

    /// Waits this long, or until a signal arrives.
    pub fn pause(&self, duration: Duration) -> Result<()> {
        let (sender, signals) = mpsc::channel();
        let _subscription = self.subscribe(move |_| {
            // The receiver is gone only when the pause is over.
            let _ = sender.send(());
        });
        if !self.shared.hurries.load(Ordering::SeqCst) {
            let _ = signals.recv_timeout(duration);
        }
        self.check()
    }

    /// Waits for what a thread sends, or until a signal arrives; `None` when the thread ended without sending.
    pub fn receive<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>> {
        let (sender, results) = mpsc::channel();
        let interrupted = sender.clone();
        let _subscription = self.subscribe(move |_| {
            let _ = interrupted.send(None);
        });
        std::thread::spawn(move || {
            let _ = sender.send(Some(work()));
        });
        let result = results.recv().ok().flatten();
        self.check()?;
        Ok(result)
    }

    /// Calls `listener` on each signal, at once if one has arrived already.
    pub(crate) fn subscribe(&self, listener: impl Fn(i32) + Send + 'static) -> Subscription {
        let id = self.shared.next_id.fetch_add(1, Ordering::SeqCst);
        let mut registered = self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let caught = self.shared.caught.load(Ordering::SeqCst);
        if caught != 0 {
            listener(caught);
        }
        registered.push((id, Box::new(listener)));
        Subscription { shared: Arc::clone(&self.shared), id }
    }
}

impl State {
    fn raise(&self, signal: i32) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        self.caught.store(signal, Ordering::SeqCst);
        for (_, listener) in listeners.iter() {
            listener(signal);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_at_the_signal_and_cleaning_up_can_wait_again() {
        let interrupts = Interrupts::none();
        let other = interrupts.clone();
        let thread = std::thread::spawn(move || other.pause(Duration::from_mins(1)));
        interrupts.raise(SIGINT);
        assert_eq!(thread.join().unwrap().unwrap_err().exit().code(), 130);
        assert!(interrupts.check().is_err());
        interrupts.acknowledge();
        assert!(interrupts.pause(Duration::ZERO).is_ok());
    }
}
