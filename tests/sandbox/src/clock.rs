//! The time, which a test can move.

use std::sync::Mutex;

use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::state::lock;

/// The system's clock plus a skew.
#[derive(Default)]
pub(crate) struct Clock {
    skew: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + *lock(&self.skew)
    }

    pub(crate) fn advance(&self, by: std::time::Duration) {
        *lock(&self.skew) += by;
    }

    pub(crate) fn set_skew(&self, skew: Duration) {
        *lock(&self.skew) = skew;
    }
}

/// ISO 8601 with microseconds and `Z`, as Django prints a UTC time: a whole second has no fraction.
pub(crate) fn iso(moment: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    let text = moment.format(&format).expect("the format has only fields that every date has");
    text.replace(".000000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn prints_what_django_prints() {
        assert_eq!(iso(datetime!(2026-11-22 23:02:50.522795123 UTC)), "2026-11-22T23:02:50.522795Z");
        assert_eq!(iso(datetime!(2026-11-22 23:02:50 UTC)), "2026-11-22T23:02:50Z");
    }
}
