//! Arguments of `gcp lb-add`.

use std::time::Duration;

use clap::Args;

use super::{GcpStage, duration};

/// Arguments of `gcp lb-add`.
#[derive(Debug, Args)]
pub struct GcpLbAdd {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// The host name, such as mcp.example.com
    #[arg(value_parser = domain)]
    pub domain: String,

    /// Continue even if the name does not resolve to the load balancer's address, such as behind your own proxy
    #[arg(long)]
    pub dns_elsewhere: bool,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// A host name (RFC 1123, section 2.1), in lower case: at most 63 characters, which is what Google's certificates
/// allow for one.
fn domain(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() <= 63 && name.contains('.') && name.split('.').all(label) {
        return Ok(name);
    }
    Err("write a host name without https:// and without a path, such as mcp.example.com".to_owned())
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn only_host_names() {
        assert_eq!(domain("MCP.Example.com"), Ok("mcp.example.com".to_owned()));
        for wrong in [
            "",
            "mcp",
            "https://mcp.example.com",
            "mcp.example.com/x",
            "*.example.com",
            "a..b",
            "-a.b",
            "a.b,c.d",
        ] {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
    }
}
