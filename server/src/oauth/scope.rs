//! Scopes: which ones a sign-in asks Validibot for.

/// The scope that names this server in a token's `aud` (contract, section c).
const MCP: &str = "validibot:mcp";
/// Validibot's other scopes. It refuses a whole request over one that it does not know.
const IDENTITY: [&str; 3] = ["openid", "profile", "email"];
/// A client asks for it to get a refresh token; every client gets one. It is ours alone: Validibot does not know it.
pub(super) const OFFLINE_ACCESS: &str = "offline_access";

/// The scope that a token needs to be good here.
pub(crate) fn base(required: Option<&str>) -> &str {
    required.unwrap_or(MCP)
}

/// What to ask Validibot for: the scope that every token needs, and those of its own that the client named. Unknown
/// ones are left out (RFC 6749, section 3.3); the token answer says what was granted.
pub(super) fn forwarded(requested: &str, required: Option<&str>) -> String {
    let base = base(required);
    let own = IDENTITY.into_iter().filter(|scope| requested.split(' ').any(|name| name == *scope));
    std::iter::once(base).chain(own.filter(|scope| *scope != base)).collect::<Vec<_>>().join(" ")
}

/// Whether a refresh asks for no more than was granted (RFC 6749, section 6). Names that nobody grants do not count.
pub(super) fn within(requested: &str, granted: &str, required: Option<&str>) -> bool {
    forwarded(requested, required).split(' ').all(|scope| granted.split(' ').any(|name| name == scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_validibots_own_scopes_are_forwarded_and_none_means_the_base() {
        let required = Some(MCP);
        for (requested, asked) in [
            ("", "validibot:mcp"),
            ("validibot:mcp offline_access", "validibot:mcp"),
            ("offline_access admin", "validibot:mcp"),
            ("email openid validibot:mcp", "validibot:mcp openid email"),
        ] {
            assert_eq!(forwarded(requested, required), asked);
        }
        assert_eq!(forwarded("", None), "validibot:mcp");
        assert_eq!(forwarded("openid", Some("openid")), "openid");
    }

    #[test]
    fn a_refresh_cannot_widen() {
        assert!(within("validibot:mcp offline_access", "validibot:mcp", None));
        assert!(!within("validibot:mcp email", "validibot:mcp", None));
    }
}
