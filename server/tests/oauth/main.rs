//! Signing in and what comes of it, through the public door: two instances behind a proxy that alternates every request, and the stand-in
//! Validibot as the provider.

mod attacks;
mod cimd;
mod client;
mod files;
mod outage;
mod register;
mod sealed;
mod sites;
mod stack;
mod surface;
mod tokens;
mod uploads;
