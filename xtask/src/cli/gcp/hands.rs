//! Arguments about settings of other hands.

use clap::Args;

/// What becomes of settings that somebody else has made on a service, in the console or with gcloud.
#[derive(Debug, Clone, Copy, Args)]
pub struct GcpHands {
    /// Keep what somebody else has set on the service. This is the default, but for a service that an earlier tool deployed
    #[arg(long, conflicts_with = "take_over")]
    pub keep_foreign: bool,

    /// Take away what somebody else has set on the service; the plan names each of it
    #[arg(long)]
    pub take_over: bool,
}
