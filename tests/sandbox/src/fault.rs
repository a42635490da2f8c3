//! Scripted misbehaviour.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use crate::route::Route;
use crate::state::lock;

/// One way in which a route can misbehave. The request is always read and recorded first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status with a JSON body of the first error shape, `{"detail": …}`.
    Status(u16),
    /// The same, with `Retry-After` in seconds.
    StatusWithRetryAfter(u16, u64),
    /// This status with a JSON body of the second error shape, with this code: the refusals that need a state
    /// which the sandbox is never in, such as 403 `ORG_POLICY_DENIED` or 409 `VALIDATOR_UNAVAILABLE`.
    Coded(u16, String),
    /// Exactly this answer.
    Body {
        /// The status.
        status: u16,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        bytes: Bytes,
    },
    /// This status with an HTML page, which holds [`crate::fixtures::HTML_MARKER`].
    Html(u16),
    /// The right answer, this much later.
    Delay(Duration),
    /// No answer ever; the connection stays open.
    Hang,
    /// The connection is closed before any answer.
    Cut,
    /// The right answer up to the middle of its body, then a reset.
    CutMidway,
    /// The right answer's status and headers with the first half of its JSON, as a complete response.
    TruncatedJson,
    /// The right answer, with every string, number, boolean and list in it of another type.
    WrongTypes,
    /// 302 to this location.
    Redirect(String),
    /// 200 with a JSON string of this many bytes.
    Oversized(usize),
}

/// The script: the newest entry that matches wins.
#[derive(Default)]
pub(crate) struct Faults {
    script: Mutex<Vec<Entry>>,
}

struct Entry {
    route: Route,
    fault: Fault,
    /// `None`: until further notice.
    left: Option<u32>,
}

impl Faults {
    pub(crate) fn add(&self, route: Route, fault: Fault, times: Option<u32>) {
        lock(&self.script).push(Entry { route, fault, left: times });
    }

    pub(crate) fn clear(&self) {
        lock(&self.script).clear();
    }

    /// The fault that this request meets, counted down.
    pub(crate) fn take(&self, route: Route) -> Option<Fault> {
        let mut script = lock(&self.script);
        let entry = script
            .iter_mut()
            .rev()
            .find(|entry| (entry.route == route || entry.route == Route::Any) && entry.left != Some(0))?;
        if let Some(left) = &mut entry.left {
            *left -= 1;
        }
        Some(entry.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_matching_fault_wins_and_counts_down() {
        let faults = Faults::default();
        faults.add(Route::Any, Fault::Hang, None);
        faults.add(Route::AuthMe, Fault::Status(503), Some(1));
        assert_eq!(faults.take(Route::AuthMe), Some(Fault::Status(503)));
        assert_eq!(faults.take(Route::AuthMe), Some(Fault::Hang));
        assert_eq!(faults.take(Route::Other), Some(Fault::Hang));
        faults.clear();
        assert_eq!(faults.take(Route::AuthMe), None);
    }
}
