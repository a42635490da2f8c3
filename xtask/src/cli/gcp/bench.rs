//! Arguments of `bench gcp`.

use clap::Args;

use super::{AT_ONCE, at_once};

/// Arguments of `bench gcp`.
#[derive(Debug, Args)]
pub struct BenchGcp {
    /// Maximum concurrent gcloud reads
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,

    /// Also time a repeat deploy with its checks; needs docker and docker-registry, and compiles the server's image
    #[arg(long)]
    pub deploy: bool,

    /// Also time a repeat deploy-all without changes, against the same reads in sequence
    #[arg(long)]
    pub fleet: bool,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}
