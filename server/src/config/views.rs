//! Where hosts show views of MCP Apps.

use super::source::Source;

/// The origins that hosts are asked to show views under. Most choose one themselves.
#[derive(Debug, Default)]
pub struct ViewSettings {
    /// `_meta.ui.domain`: `claude` for the one that Claude makes from the connector's address, else as it stands.
    pub domain: Option<String>,
    /// The one of `ChatGPT`, which it wants of the apps in its directory.
    pub openai_domain: Option<String>,
}

pub(super) fn read(source: &mut Source<'_>) -> ViewSettings {
    ViewSettings {
        domain: source.text(&envs::server::VIEW_DOMAIN),
        openai_domain: source.text(&envs::server::OPENAI_WIDGET_DOMAIN),
    }
}
