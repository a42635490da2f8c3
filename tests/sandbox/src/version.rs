//! Which Validibot is played: what a version answers is not what the one before it did.

/// A version of Validibot, as far as this server's way of talking to it differs (contract of 0.16, A1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// 0.14 and 0.15: the helper API with service authentication, the licence endpoint, and the public REST API.
    #[default]
    V0_15,
    /// 0.16 and later: the public REST API alone. The helper API, the licence endpoint and every way in which a server can
    /// prove itself are gone; that it is licensed shows in the metadata of its own MCP server. That server is not played.
    V0_16,
}
