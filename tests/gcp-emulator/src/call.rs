//! One request, taken apart: what the emulated APIs look at.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request to an emulated API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Upper case.
    pub(crate) method: String,
    /// Lower case, without a port.
    pub(crate) host: String,
    /// As sent, without the query.
    pub(crate) path: String,
    /// Decoded pairs, in the order sent.
    pub(crate) query: Vec<(String, String)>,
    /// `Null` where there was no body.
    pub(crate) body: Value,
}

impl Call {
    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path's decoded segments, and the custom verb after the last colon (`…/secrets/N:addVersion`).
    pub(crate) fn route(&self) -> (Vec<String>, Option<String>) {
        let mut segments: Vec<String> = self
            .path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let verb = segments.last_mut().and_then(|last| {
            let (name, verb) = last.rsplit_once(':')?;
            let (name, verb) = (name.to_owned(), verb.to_owned());
            *last = name;
            Some(verb)
        });
        (segments, verb)
    }

    /// A text field of the body, by JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        let path = path.to_owned();
        Call { method: "GET".into(), host: String::new(), path, query: Vec::new(), body: Value::Null }
    }

    #[test]
    fn a_custom_verb_is_cut_from_the_last_segment_only() {
        let (segments, verb) = call("/v1/projects/p/secrets/mcp-env:addVersion").route();
        assert_eq!(segments, ["v1", "projects", "p", "secrets", "mcp-env"]);
        assert_eq!(verb.as_deref(), Some("addVersion"));
        let (segments, verb) = call("/v1/projects/-/serviceAccounts/a%40p.iam.gserviceaccount.com").route();
        assert_eq!(segments[4], "a@p.iam.gserviceaccount.com");
        assert_eq!(verb, None);
    }
}
