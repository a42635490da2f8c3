//! Signing in with clients that others wrote, against two server processes that take turns at every request; and what
//! a person sees.

mod browser;
mod clients;
mod conformance;
mod logs;
mod stack;
