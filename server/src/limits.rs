//! Bounds on what callers may have under way: memory is bounded twice, by bytes in flight before a body is read and by
//! structure while it streams in; calls are bounded in number; and no caller gets more than a share of either.
//!
//! What is refused is refused at once: 503 with `Retry-After`, 413 or 408, as JSON.

mod answered;
mod arriving;
mod body;
mod budget;
mod engaged;
mod leftover;
mod refusal;
mod share;
mod sign_in;
mod structure;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::budget::Budget;

pub(crate) use self::answered::answered;
pub(crate) use self::arriving::{Arriving, Place};
pub(crate) use self::engaged::Engaged;
pub(crate) use self::share::{Charge, Work, introduced, share, share_file};
pub(crate) use self::sign_in::{Crowded, SignIn, sign_in};

/// The largest body: the largest file in base64, with its envelope.
pub(crate) const MAX_BODY_BYTES: usize = 15 * 1024 * 1024;
/// The largest form of signing in: forms hold two sealed values at most.
pub(crate) const MAX_FORM_BYTES: usize = 32 * 1024;

/// What is under way on this instance. Nothing is charged before the head is judged and the caller known, and all of it is
/// given back once the answer is whole in memory (docs/security-model.md has the table).
pub struct Limits {
    /// Calls of `/mcp` and uploads, from the moment in which the caller is known.
    calls: Budget<()>,
    /// The same by caller.
    callers: Budget<[u8; 32]>,
    /// Bodies, in bytes, by caller; then the answer, until it is out.
    bytes: Budget<[u8; 32]>,
    /// Bearers that somebody else has to be asked about.
    strangers: Budget<()>,
    /// Bodies of people and programs that sign in, which have not come in whole.
    forms: Arriving,
    /// Requests of theirs that are worked on. Nobody knows who they are: they have a budget of their own.
    sign_ins: Budget<()>,
    /// Requests of theirs that wait for somebody whom a stranger has named: they hold none of these.
    aside: Arc<Arriving>,
    /// Bodies that are taken in although their request was refused.
    drains: Budget<()>,
}

/// Above Cloud Run's largest sensible concurrency for one CPU. A call that waits costs some 50 KB.
const MAX_CALLS: usize = 256;
/// An agent that waits for many runs at once stays below this; four of them fill an instance.
const MAX_CALLS_OF_ONE: usize = 64;
/// Whoever has been seen in the last minutes is known at once and takes none of these.
const MAX_STRANGERS: usize = 128;
/// At 32 KB each at most: 8 MB.
const MAX_FORMS: usize = 256;
/// Each takes some milliseconds, or waits for Validibot.
const MAX_SIGN_INS: usize = 64;
/// At some 10 KB each.
const MAX_ASIDE: usize = 256;
/// A courtesy to clients that send before they read; without it the connection is closed in two steps (`serve::observed`).
const MAX_DRAINS: usize = 64;
/// A body of one large string takes about twice its size in memory while it is handled: 64 MiB of bodies keep an
/// instance below 200 MB.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Three of the largest bodies at once; the rest fits one of another caller.
const MAX_BYTES_OF_ONE: usize = 3 * MAX_BODY_BYTES;

/// How many slots there are: no more connections than these are engaged.
pub(crate) const MAX_SLOTS: usize = MAX_CALLS + MAX_STRANGERS + MAX_SIGN_INS;

const _: () = assert!(MAX_BYTES_OF_ONE + MAX_BODY_BYTES <= MAX_BYTES, "nobody can be starved by one other");

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: Budget::new(MAX_CALLS, MAX_CALLS),
            callers: Budget::new(MAX_CALLS, MAX_CALLS_OF_ONE),
            bytes: Budget::new(MAX_BYTES, MAX_BYTES_OF_ONE),
            strangers: Budget::new(MAX_STRANGERS, MAX_STRANGERS),
            forms: Arriving::new(MAX_FORMS),
            sign_ins: Budget::new(MAX_SIGN_INS, MAX_SIGN_INS),
            aside: Arc::new(Arriving::new(MAX_ASIDE)),
            drains: Budget::new(MAX_DRAINS, MAX_DRAINS),
        }
    }
}

impl Limits {
    /// The calls under way, and the bytes that they are charged with.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        (self.calls.used(), self.bytes.used())
    }
}
