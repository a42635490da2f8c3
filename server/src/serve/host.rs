//! Whom a request is for, judged once: where a request names two hosts, or none, each hop may choose another one
//! (RFC 9112, section 3.2; RFC 9113, section 8.3.1). Which names are ours is judged on `/mcp` alone: probes of the health routes
//! come with any.

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version};
use axum::response::{IntoResponse, Response};

use crate::base::refusal::HttpRefusal;

/// What is wrong with the host of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadHost(&'static str);

/// Whether a request is for one host and no other.
pub(super) fn judge(request: &Parts) -> Result<(), BadHost> {
    let mut values = request.headers.get_all(HOST).iter();
    let host = values.next();
    if values.next().is_some() {
        return Err(BadHost("The request has two Host headers"));
    }
    let named = request.uri.authority();
    match (host, named) {
        (None, None) if request.version == Version::HTTP_10 => Ok(()),
        (None, None) => Err(BadHost("The request has no Host header")),
        (None, Some(named)) => well_formed(named.as_str()).map(drop),
        (Some(host), named) => {
            let host = well_formed(host.to_str().map_err(|_| NO_HOST)?)?;
            match named.map(|named| well_formed(named.as_str())).transpose()? {
                Some(named) if named != host => {
                    Err(BadHost("The request's target and its Host header name different hosts"))
                }
                _ => Ok(()),
            }
        }
    }
}

const NO_HOST: BadHost = BadHost("The request's Host is not a host name with or without a port");

/// A host in the form in which two of them are compared: without the ports that URLs leave out.
fn well_formed(host: &str) -> Result<String, BadHost> {
    // RFC 9110, section 7.2: empty where the target has no host.
    if host.is_empty() {
        return Ok(String::new());
    }
    let authority: Authority = host.parse().map_err(|_| NO_HOST)?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(NO_HOST);
    }
    let name = authority.host().to_ascii_lowercase();
    match authority.port_u16() {
        None | Some(80 | 443) => Ok(name),
        Some(port) => Ok(format!("{name}:{port}")),
    }
}

impl IntoResponse for BadHost {
    fn into_response(self) -> Response {
        tracing::warn!(status = 400, reason = "bad_host", "request refused");
        HttpRefusal::new(StatusCode::BAD_REQUEST, "bad_host", self.0).closing().into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn judged(version: Version, target: &str, hosts: &[&str]) -> bool {
        let mut request = Request::get(target).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        judge(&request.body(()).expect("a request").into_parts().0).is_ok()
    }

    #[test]
    fn a_request_is_for_one_host() {
        for (version, target, hosts, good) in [
            (Version::HTTP_11, "/mcp", &["a.example"][..], true),
            (Version::HTTP_11, "/livez", &["10.0.0.7:8080"], true),
            (Version::HTTP_11, "/livez", &["[::1]:8080"], true),
            (Version::HTTP_11, "/livez", &[""], true),
            (Version::HTTP_11, "/mcp", &[], false),
            (Version::HTTP_10, "/livez", &[], true),
            (Version::HTTP_11, "/mcp", &["a.example", "a.example"], false),
            (Version::HTTP_10, "/mcp", &["a.example", "b.example"], false),
            (Version::HTTP_11, "/mcp", &["me@a.example"], false),
            (Version::HTTP_11, "/mcp", &["a.example/b"], false),
            (Version::HTTP_11, "/mcp", &["a example"], false),
            (Version::HTTP_11, "http://a.example/mcp", &["A.example:80"], true),
            (Version::HTTP_11, "http://b.example/mcp", &["a.example"], false),
            (Version::HTTP_11, "http://a.example:81/mcp", &["a.example"], false),
            (Version::HTTP_2, "https://a.example/mcp", &[], true),
            (Version::HTTP_2, "https://a.example/mcp", &["a.example:443"], true),
            (Version::HTTP_2, "https://a.example/mcp", &["b.example"], false),
            (Version::HTTP_2, "https://a.example/mcp", &["a.example", "a.example"], false),
            (Version::HTTP_2, "https://me@a.example/mcp", &[], false),
            (Version::HTTP_2, "/mcp", &[], false),
        ] {
            assert_eq!(judged(version, target, hosts), good, "{version:?} {target} {hosts:?}");
        }
    }
}
