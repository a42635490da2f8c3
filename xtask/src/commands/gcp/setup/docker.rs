//! Docker's login at the registry: a line in docker's own configuration that names gcloud as the helper.

use std::path::PathBuf;

use super::super::plan::{Item, State};
use crate::cli::GcpStage;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::tools::gcloud;

/// Whether docker's configuration names gcloud for this registry.
pub(super) fn is_configured(context: &Context, names: &Names) -> bool {
    let folder = match context.environment.get("DOCKER_CONFIG") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(context.environment.get("HOME").unwrap_or_default()).join(".docker"),
    };
    let text = std::fs::read_to_string(folder.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    config["credHelpers"][names.registry()] == "gcloud"
}

/// The plan's line.
pub(super) fn item(names: &Names, configured: bool) -> Item {
    let resource = format!("docker login at {}", names.registry());
    if configured {
        Item::unchanged(resource)
    } else {
        Item::step(resource, State::Change, gcloud::configure_docker(names)).wave(1)
    }
}

/// gcloud ends with 0 also where it wrote nothing, for a registry that it does not know.
pub(super) fn verify(context: &Context, names: &Names, args: &GcpStage) {
    if !args.dry_run && !is_configured(context, names) {
        context.printer.warn(&format!(
            "gcloud does not log docker in at {0}; where it asks for a login: docker login {0}",
            names.registry()
        ));
    }
}
