//! `PUT /uploads`: files that do not fit through a model, straight into Validibot.
//!
//! There is no store. A sealed ticket says who may send which file to which workflow; it travels in a header, so that
//! no URL is a secret. The bytes go on as they arrive.

mod answer;
pub(crate) mod curl;
mod head;
mod launch;
mod receive;
mod ticket;

use std::sync::Arc;

use moka::future::Cache;

use self::launch::Launch;
pub(crate) use self::receive::{admit, put};
pub(crate) use self::ticket::{HEADER, LIFETIME, Ticket};
use crate::base::clock::SharedClock;
use crate::seal::Seal;
use crate::validibot::Validibot;

/// How many tickets' runs are remembered, at some 400 bytes each. A repeat of one beyond them starts another run.
const MAX_REMEMBERED: u64 = 10_000;

/// What uploads need: the seal and the time for their tickets, Validibot for their files, and the runs of the tickets that were
/// used on this instance.
pub(crate) struct Uploads {
    validibot: Arc<Validibot>,
    /// `None` where no key ring is configured: there are no tickets then.
    seal: Option<Arc<Seal>>,
    clock: SharedClock,
    /// The kill switch.
    enabled: bool,
    launches: Cache<String, Launch>,
}

impl Uploads {
    pub(crate) fn new(
        validibot: Arc<Validibot>,
        seal: Option<Arc<Seal>>,
        clock: SharedClock,
        enabled: bool,
    ) -> Self {
        let launches = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(LIFETIME).build();
        Self { validibot, seal, clock, enabled, launches }
    }
}
