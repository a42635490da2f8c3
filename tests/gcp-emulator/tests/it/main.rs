//! The emulator through its public door: by HTTP as gcloud was seen to speak, and by the real gcloud.

mod client;
mod fleet;
mod gcloud;
mod lists;
mod replay;
mod rules;
