//! The address of a server as people type it, the same for every command.

use crate::config::BaseUrl;

/// The base of the server's addresses: without spaces around it, a slash at its end, and `/mcp`, which is what people copy
/// from their client's settings.
///
/// # Errors
/// A sentence with what was typed, what is wrong with it and, where only the scheme is missing, what to type instead.
pub(crate) fn server_address(typed: &str) -> Result<BaseUrl, String> {
    let typed = typed.trim();
    let base = typed.trim_end_matches('/');
    let base = base.strip_suffix("/mcp").unwrap_or(base);
    BaseUrl::parse(base).map_err(|problem| {
        // What people paste from a browser has no scheme.
        let schemeless = !typed.contains("://") && BaseUrl::parse(&format!("https://{typed}")).is_ok();
        let fix = if schemeless { format!(": write https://{typed}") } else { String::new() };
        format!("{typed} {problem}{fix}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_its_end_is_typed() {
        for end in ["", "/", "//", "/mcp", "/mcp/", "/mcp//", "/mcp \n"] {
            let base = server_address(&format!(" https://mcp.example.com/below{end}")).expect("an address");
            assert_eq!(base.as_configured(), "https://mcp.example.com/below", "{end:?}");
        }
        assert_eq!(
            server_address("https://a.example/mcp-x").expect("an address").as_str(),
            "https://a.example/mcp-x"
        );
    }

    #[test]
    fn what_is_no_address_is_named_with_what_to_type() {
        let refused = |typed: &str| server_address(typed).expect_err("no address");
        assert!(refused("mcp.example.com/mcp").ends_with(": write https://mcp.example.com/mcp"));
        assert!(refused("ftp://a.example").contains("is no http or https URL"));
        assert!(!refused("").contains("write"));
    }
}
