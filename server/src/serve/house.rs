//! How many connections there may be. A newcomer is always let in: in a full house the one goes that has been silent for
//! longest, among those whose requests hold no slot. Who has never finished a request's head goes before who has, unless the
//! latter fill most of the house: a quarter of it is left to newcomers, who need a moment for their heads. Of answers that wait
//! for their clients there may be so many, too: on HTTP/2 one client can leave many. With more, the one goes that leaves most.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::activity::Activity;
use crate::limits::MAX_SLOTS;

/// Each costs a head's buffer at most, 16 KB, while nothing is under way on it.
pub(super) const ROOM: usize = 1024;

/// Each costs some 3 KB, as measured with the page at `/`.
pub(super) const ANSWERS: usize = 4 * ROOM;

const _: () = assert!(ROOM > MAX_SLOTS, "in a full house one is there that may go");

/// The connections that are there.
pub(super) struct House {
    room: usize,
    /// Answers that are not out yet, on all connections.
    answers: Arc<AtomicUsize>,
    max_answers: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    guests: BTreeMap<u64, Guest>,
}

struct Guest {
    activity: Arc<Activity>,
    /// Dropped, it tells the connection to go.
    _stay: oneshot::Sender<()>,
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    house: Arc<House>,
    number: u64,
    stay: oneshot::Receiver<()>,
}

impl House {
    /// With as much room as the process's file descriptors leave: the server's own connections need some, too.
    pub(super) fn new() -> Arc<Self> {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let room = descriptors(&limits).map_or(ROOM, |most| ROOM.min(most / 2));
        Self::of(room, ANSWERS)
    }

    pub(super) fn of(room: usize, max_answers: usize) -> Arc<Self> {
        Arc::new(Self { room, answers: Arc::default(), max_answers, state: Mutex::default() })
    }

    /// What counts the answers of a connection.
    pub(super) fn answers(&self) -> Arc<AtomicUsize> {
        self.answers.clone()
    }

    /// Makes room for one more answer: where there are too many, the connection goes on which most of them wait.
    pub(super) fn make_room_for_an_answer(&self) {
        if self.answers.load(Ordering::Relaxed) >= self.max_answers {
            let mut state = self.state();
            let most = state.guests.iter().max_by_key(|(_, guest)| guest.activity.unread_answers());
            if let Some(number) = most.map(|(number, _)| *number) {
                state.guests.remove(&number);
            }
        }
    }

    pub(super) fn enter(self: &Arc<Self>, activity: Arc<Activity>) -> Place {
        let mut state = self.state();
        if state.guests.len() >= self.room {
            state.make_room(self.room);
        }
        let (sender, stay) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        state.guests.insert(number, Guest { activity, _stay: sender });
        drop(state);
        Place { house: self.clone(), number, stay }
    }

    /// Sends one away: there are no descriptors left.
    pub(super) fn make_room(&self) {
        self.state().make_room(self.room);
    }

    /// The numbers are consistent after each statement: a panic elsewhere cannot have spoilt them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self, room: usize) {
        let mut known = 0;
        // The longest silent ones that may go: of those who have asked for something, and of the others.
        let (mut old, mut new) = (None, None);
        for (number, guest) in &self.guests {
            let (asked, heard) = guest.activity.claim();
            known += usize::from(asked);
            if !guest.activity.engaged().is_engaged() {
                let longest = if asked { &mut old } else { &mut new };
                let before = longest.get_or_insert((heard, *number));
                *before = (*before).min((heard, *number));
            }
        }
        let goes = if known > room - room / 4 { old.or(new) } else { new.or(old) };
        if let Some((_, number)) = goes {
            self.guests.remove(&number);
        }
    }
}

impl Place {
    /// Waits until a newcomer needs it.
    pub(super) async fn taken_away(&mut self) {
        // Nothing is ever sent.
        let _ = (&mut self.stay).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.state().guests.remove(&self.number);
    }
}

/// The soft limit on open files, as Linux writes it (proc(5)); other systems have no such file.
fn descriptors(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::descriptors;

    #[test]
    fn the_limit_on_open_files_is_read_from_the_systems_list() {
        let line = "Max open files            1024                 524288               files     ";
        assert_eq!(descriptors(&format!("Limit  Soft Limit  Hard Limit  Units\n{line}\n")), Some(1024));
        assert_eq!(descriptors("Max open files  unlimited  unlimited  files"), None);
        assert_eq!(descriptors(""), None);
    }
}
