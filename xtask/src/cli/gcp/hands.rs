//! Arguments about settings of other tools and people.

use clap::Args;

/// What to do with settings that another tool or person has made on a service, in the console or with gcloud.
#[derive(Debug, Clone, Copy, Args)]
pub struct GcpHands {
    /// Keep settings of other tools and people. This is the default, except for a service that an earlier tool deployed
    #[arg(long, conflicts_with = "take_over")]
    pub keep_foreign: bool,

    /// Remove settings of other tools and people; the plan lists each
    #[arg(long)]
    pub take_over: bool,
}
