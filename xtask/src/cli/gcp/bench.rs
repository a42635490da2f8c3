//! Arguments of `bench gcp`.

use clap::Args;

use super::{AT_ONCE, at_once};

/// Arguments of `bench gcp`.
#[derive(Debug, Args)]
pub struct BenchGcp {
    /// How many questions are asked at a time
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,

    /// Time a repeat deploy with its proof, too; needs docker and docker-registry, and compiles the server's image
    #[arg(long)]
    pub deploy: bool,

    /// Time a repeat deploy-all with nothing to do, too, beside reading the same things one after another
    #[arg(long)]
    pub fleet: bool,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}
