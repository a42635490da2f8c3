//! A Cloud Run service as plain data: what is wanted, what is there, the difference, and the document that closes it.
//!
//! For any service, not only the MCP server's. A service is written whole, as one document (`run services replace`).

mod annotation;
mod difference;
mod foreign;
mod history;
mod keyed;
mod live;
mod manifest;
mod noise;
mod others;
mod overlay;
mod spec;
mod template;
mod traffic;
mod value;

pub(crate) use difference::{Changed, difference};
pub(crate) use foreign::Hands;
pub(crate) use history::{Bad, History};
pub(crate) use keyed::server;
pub(crate) use live::Live;
pub(crate) use manifest::{Manifest, Template};
pub(crate) use spec::{Foreign, Ingress, Mount, Network, Probe, Scaling, Spec};
pub(crate) use traffic::{CANDIDATE, Target};
pub(crate) use value::whole_cpu;

pub(crate) use crate::config::stage::COMMIT;

#[cfg(test)]
mod tests;
