//! Which connections carry work that holds a slot: they are the last to go when there are too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of one connection: how many slots its requests hold. A request extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engaged(Arc<AtomicUsize>);

/// A slot's hold on the connection of its request.
#[derive(Debug)]
pub(crate) struct Engagement(Engaged);

impl Engaged {
    pub(crate) fn begin(&self) -> Engagement {
        self.0.fetch_add(1, Ordering::Relaxed);
        Engagement(self.clone())
    }

    /// Whether any slot is held.
    pub(crate) fn is_engaged(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Engagement {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
