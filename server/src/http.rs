//! The HTTP surface: the list of routes, what stands before each of them, and what anybody may ask.

pub(crate) mod absent;
pub(crate) mod admin;
pub(crate) mod authenticate;
pub(crate) mod browsers;
pub(crate) mod card;
pub(crate) mod license_gate;
pub(crate) mod measure;
pub(crate) mod people;
pub(crate) mod public;
pub mod router;
