//! What every other module may use, and what uses none of them: time, randomness, the environment, bytes, JSON and text of
//! others.

pub(crate) mod clean;
pub mod clock;
pub mod env;
pub(crate) mod hex;
pub(crate) mod http_body;
pub(crate) mod http_client;
pub(crate) mod json;
pub mod lifecycle;
pub mod outbound;
pub(crate) mod page;
pub mod random;
pub(crate) mod refusal;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod trouble;
pub(crate) mod visible;
