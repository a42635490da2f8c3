//! Requests in a time, for each user or anonymous address: Django REST Framework's throttles.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

use http::{StatusCode, header};
use time::{Duration, OffsetDateTime};

use crate::answer::{self, Answer};
use crate::state::lock;

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// The user that the request is made for. On the helper API that is the forwarded one.
    User(i64),
    /// Anyone else at this address.
    Address(IpAddr),
}

/// The window of the rate that holds for every endpoint.
pub(crate) const HOUR: Duration = Duration::HOUR;
/// The window of the rate of launches.
pub(crate) const MINUTE: Duration = Duration::MINUTE;

/// The requests of the last while.
pub(crate) struct Throttle {
    most: usize,
    window: Duration,
    history: Mutex<HashMap<Client, VecDeque<OffsetDateTime>>>,
}

impl Throttle {
    /// So many in this time.
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        Self { most: most as usize, window, history: Mutex::default() }
    }

    /// Counts a request, or refuses it with the seconds to wait. A refused request is not counted.
    pub(crate) fn admit(&self, client: Client, now: OffsetDateTime) -> Result<(), Answer> {
        let mut history = lock(&self.history);
        // Addresses come and go: those with nothing left in the window are forgotten.
        history.retain(|_, moments| moments.back().is_some_and(|last| now - *last < self.window));
        let moments = history.entry(client).or_default();
        while moments.front().is_some_and(|first| now - *first >= self.window) {
            moments.pop_front();
        }
        if moments.len() < self.most {
            moments.push_back(now);
            return Ok(());
        }
        let left = moments.front().map_or(self.window, |first| self.window - (now - *first));
        Err(refusal(left))
    }
}

fn refusal(left: Duration) -> Answer {
    // Rounded up: a client that waits exactly this long must be let in.
    let seconds = left.whole_seconds() + i64::from(left.subsec_nanoseconds() > 0);
    let text = format!("Too many requests; the next is possible in {seconds} seconds.");
    answer::detail(StatusCode::TOO_MANY_REQUESTS, &text).with(header::RETRY_AFTER, &seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_window_slides_and_names_the_wait() {
        let throttle = Throttle::new(2, HOUR);
        let start = datetime!(2026-11-22 12:00 UTC);
        let user = Client::User(1);
        assert!(throttle.admit(user, start).is_ok());
        assert!(throttle.admit(user, start + Duration::minutes(10)).is_ok());
        let refused = throttle.admit(user, start + Duration::minutes(15)).expect_err("the third is over");
        assert_eq!(refused.status, 429);
        assert!(refused.headers.contains(&(header::RETRY_AFTER, "2700".parse().expect("a number"))));
        assert!(throttle.admit(Client::User(2), start).is_ok(), "another user has an hour of her own");
        assert!(throttle.admit(user, start + Duration::HOUR).is_ok());
    }
}
