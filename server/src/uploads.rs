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

pub(crate) use self::launch::Uploads;
pub(crate) use self::receive::{admit, put};
pub(crate) use self::ticket::{HEADER, LIFETIME, Ticket};
