//! `cargo xtask gcp` as an operator runs it: the real tool, the real gcloud, and a project on loopback.

mod back;
mod balancer;
mod blow;
mod build;
mod checks;
mod deploy;
mod deployment;
mod fleet;
mod gate;
mod hands;
mod interrupt;
mod interrupted;
mod kills;
mod lead;
mod logs;
mod maintenance;
mod outcomes;
mod played;
mod replay;
mod secrets;
mod setup;
mod shown;
mod stage;
mod starts;
mod words;
