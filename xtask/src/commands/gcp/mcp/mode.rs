//! In which of its two states a stage is, or that it is between them.

use serde::Serialize;

use crate::commands::gcp::rollout::Access;
use crate::commands::gcp::service::{Ingress, Live};

/// The state of a stage in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mode {
    /// Users are served.
    Live,
    /// Nobody reaches it, and its tools say that they are switched off.
    Maintenance,
    /// Neither.
    Partial,
}

impl Mode {
    /// The word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Maintenance => "MAINTENANCE",
            Self::Partial => "PARTIAL",
        }
    }

    /// The state of a service; `enabled` is the kill switch of what serves. For a partial one, what keeps it from
    /// being live.
    pub(crate) fn of(live: &Live, access: Access, enabled: bool) -> (Self, Vec<String>) {
        let closed = live.spec.ingress == Ingress::Internal;
        let waiting = live.serving_spec().scaling.min > 0 || live.spec.service_scaling.min > 0;
        if closed && !enabled && !waiting {
            return (Self::Maintenance, Vec::new());
        }
        let mut reasons = Vec::new();
        let mut unless = |good: bool, why: &str| {
            if !good {
                reasons.push(why.to_owned());
            }
        };
        unless(live.serving().is_some(), "no single revision has all the traffic");
        unless(!closed, "the ingress is internal: users do not reach it");
        unless(enabled, "VALIDIBOT_MCP_ENABLED is off: every tool says that it is not available");
        unless(
            access == Access::Everybody,
            "not everybody may call it: Cloud Run refuses users before the server",
        );
        let mode = if reasons.is_empty() { Self::Live } else { Self::Partial };
        (mode, reasons)
    }
}
