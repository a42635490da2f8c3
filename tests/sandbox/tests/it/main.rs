//! The sandbox through its public door: real HTTP, held to the contract's own examples.

mod agent;
mod auth;
mod catalog;
mod client;
mod faults;
mod google;
mod launch;
mod oidc;
mod program;
mod rest;
mod runs;
mod surface;
mod versions;
