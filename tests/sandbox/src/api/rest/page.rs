//! Pages with cursors, as Django REST Framework gives them (contract of 0.16, B1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::answer::{self, Answer};
use crate::api::Call;

/// Without `page_size` (contract of 0.16, B1).
const DEFAULT_SIZE: usize = 50;
/// A larger one is cut to it (contract of 0.16, B1).
const MAX_SIZE: usize = 200;

/// One page of a list. `next` is an absolute URL, built from the request's host and scheme (contract of 0.16, B1).
pub(super) fn of(call: &Call<'_>, list: impl Iterator<Item = Value>) -> Result<Answer, Answer> {
    let query = call.head.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let size = parameter("page_size").and_then(|size| size.parse().ok()).filter(|size| *size > 0);
    let size: usize = size.unwrap_or(DEFAULT_SIZE).min(MAX_SIZE);
    let start = match parameter("cursor") {
        None => 0,
        Some(cursor) => {
            start(&cursor).ok_or_else(|| answer::detail(StatusCode::NOT_FOUND, "Invalid cursor"))?
        }
    };
    let list: Vec<Value> = list.collect();
    let link = |start: usize| {
        let cursor = URL_SAFE.encode(format!("p={start}"));
        let others = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != "cursor");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("cursor", &cursor)
            .finish();
        format!("{}{}?{query}", call.base_url(), call.head.uri.path())
    };
    let next = (start + size < list.len()).then(|| link(start + size));
    let previous = (start > 0).then(|| link(start.saturating_sub(size)));
    let results: Vec<Value> = list.into_iter().skip(start).take(size).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "next": next, "previous": previous, "results": results })))
}

fn start(cursor: &str) -> Option<usize> {
    String::from_utf8(URL_SAFE.decode(cursor).ok()?).ok()?.strip_prefix("p=")?.parse().ok()
}
