//! Web origins that may call this server, as a browser writes them (RFC 6454, section 6.2; HTML, origin serialisation).

use url::Url;

/// An origin that an operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// `null`: sandboxed frames and pages from files. Any of them, so it is only ever allowed by name.
    Opaque,
    /// A scheme, a host and a port. Desktop programs have schemes of their own, `app://obsidian.md` for one.
    Tuple { scheme: String, host: String, port: Port },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    /// `:*`
    Any,
    /// One, or none for schemes that have no ports.
    Exactly(Option<u16>),
}

impl WebOrigin {
    /// Parses an entry of the setting: an origin, with `:*` in place of the port for any. The error continues a
    /// sentence that begins with the entry.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.eq_ignore_ascii_case("null") {
            return Ok(Self(Form::Opaque));
        }
        if text == "*" {
            return Err("would let any page in: name the origins, such as https://host[:port]");
        }
        let (text, any_port) = text.strip_suffix(":*").map_or((text, false), |text| (text, true));
        let (scheme, host, port) =
            tuple(text).ok_or("is no origin: write https://host[:port], app://name or null")?;
        let port = match (any_port, port) {
            (true, Some(_)) if has_own_port(text) => {
                return Err("has a port and any port: write one of them");
            }
            (true, _) => Port::Any,
            (false, port) => Port::Exactly(port),
        };
        Ok(Self(Form::Tuple { scheme, host, port }))
    }

    /// Whether the value of an `Origin` header is this origin.
    pub fn is(&self, header: &str) -> bool {
        match &self.0 {
            Form::Opaque => header == "null",
            Form::Tuple { scheme, host, port } => {
                tuple(header).is_some_and(|(its_scheme, its_host, its_port)| {
                    let same_port = match port {
                        Port::Any => true,
                        Port::Exactly(port) => *port == its_port,
                    };
                    *scheme == its_scheme && *host == its_host && same_port
                })
            }
        }
    }
}

/// Scheme, host and port of an origin; the port of http and https is written out.
fn tuple(text: &str) -> Option<(String, String, Option<u16>)> {
    let (scheme, rest) = text.split_once("://")?;
    // People end an address with a slash.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let printable = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if rest.is_empty() || !printable || rest.contains(['/', '\\', '?', '#', '@', '*']) {
        return None;
    }
    let url = Url::parse(&format!("{scheme}://{rest}")).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    Some((url.scheme().to_owned(), host, url.port_or_known_default()))
}

/// Whether a port stands in the text: a default one is lost when it is parsed.
fn has_own_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(entry: &str, header: &str) -> bool {
        WebOrigin::parse(entry).unwrap_or_else(|problem| panic!("{entry} {problem}")).is(header)
    }

    #[test]
    fn an_origin_is_what_a_browser_writes_for_it() {
        for (entry, header) in [
            ("https://a.example", "https://a.example"),
            ("https://A.example:443/", "https://a.example"),
            ("http://localhost:6274", "http://localhost:6274"),
            ("http://localhost:*", "http://localhost:6274"),
            ("http://localhost:*", "http://localhost"),
            ("http://[::1]:*", "http://[::1]:1"),
            ("app://obsidian.md", "app://obsidian.md"),
            ("vscode-webview://0abc", "vscode-webview://0abc"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("null", "null"),
        ] {
            assert!(is(entry, header), "{entry} {header}");
        }
        for (entry, header) in [
            ("https://a.example", "http://a.example"),
            ("https://a.example", "https://a.example:8443"),
            ("https://a.example", "https://b.a.example"),
            ("https://a.example", "https://a.example.evil.example"),
            ("https://a.example", "https://a.example@evil.example"),
            ("https://a.example", "null"),
            ("https://a.example", ""),
            ("http://localhost:*", "http://localhost.evil.example:1"),
            ("app://obsidian.md", "app://obsidian.md:1"),
            ("app://obsidian.md", "file://obsidian.md"),
            ("null", ""),
        ] {
            assert!(!is(entry, header), "{entry} {header}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for entry in [
            "*",
            "a.example",
            "https://",
            "https://*.a.example",
            "https://a.example/path",
            "https://u@a.example",
            "https://a.example:443:*",
            "https://a.example?x",
            "file://",
            "null:*",
            "https://a b",
        ] {
            assert!(WebOrigin::parse(entry).is_err(), "{entry}");
        }
    }
}
