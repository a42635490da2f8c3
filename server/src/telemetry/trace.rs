//! The trace that a request belongs to, where its sender names one.

use axum::http::HeaderMap;

/// A trace id: 32 hexadecimal digits, not all zero (W3C Trace Context, section 3.2.2.3).
pub(crate) fn id(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    text("traceparent").and_then(from_traceparent).or_else(|| {
        // Cloud Run's front end: `TRACE/SPAN;o=1`.
        text("x-cloud-trace-context")?.split('/').next().and_then(good)
    })
}

/// Reads `version-trace-parent-flags`.
pub(crate) fn from_traceparent(text: &str) -> Option<String> {
    let mut parts = text.trim().split('-');
    let version = parts.next()?;
    // `ff` is forbidden; higher versions begin like version 00.
    (version.len() == 2 && version != "ff").then_some(())?;
    good(parts.next()?)
}

fn good(id: &str) -> Option<String> {
    let hexadecimal = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && id.bytes().any(|byte| byte != b'0')).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(name: &'static str, value: &str) -> Option<String> {
        id(&HeaderMap::from_iter([(
            name.parse().expect("a name"),
            HeaderValue::from_str(value).expect("text"),
        )]))
    }

    #[test]
    fn both_headers_are_read_and_nothing_that_is_no_trace() {
        assert_eq!(read("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")).as_deref(), Some(TRACE));
        assert_eq!(read("x-cloud-trace-context", &format!("{TRACE}/123;o=1")).as_deref(), Some(TRACE));
        let zero = "0".repeat(32);
        for bad in [TRACE, "", "00-xyz-1-01", &format!("00-{zero}-1-01"), &format!("ff-{TRACE}-1-01")] {
            assert_eq!(read("traceparent", bad), None, "{bad}");
        }
        assert_eq!(read("x-cloud-trace-context", "\"},{\"a\":\""), None);
    }
}
