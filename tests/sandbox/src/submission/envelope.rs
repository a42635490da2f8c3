//! `application/json`: an envelope with `content`, or else the document itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

use super::content_type::{self, FileType};
use super::{Submission, storable, stored};
use crate::answer::{self, Answer};

/// Longest `short_description`, in characters. The contract says "bounded" without a number.
const MAX_SHORT_DESCRIPTION: usize = 255;

/// An object with the key `content` is an envelope; anything else is the document (surprise 4).
pub(super) fn read(name: &str, body: &Bytes) -> Result<Submission, Answer> {
    let value: Value = serde_json::from_slice(body).map_err(|_| {
        answer::coded_field(
            StatusCode::BAD_REQUEST,
            "INVALID_PAYLOAD",
            "content",
            "The body is not valid JSON.",
        )
    })?;
    match value {
        Value::Object(envelope) if envelope.contains_key("content") => open(&envelope),
        _ => stored::store(name, "application/json", body.clone()),
    }
}

fn open(envelope: &Map<String, Value>) -> Result<Submission, Answer> {
    let errors = field_errors(envelope);
    if !errors.is_empty() {
        return Err(answer::fields(&errors));
    }
    let content = match &envelope["content"] {
        Value::String(text) => text.clone(),
        document => document.to_string(),
    };
    let encoded = envelope.get("content_encoding").is_some_and(|encoding| !encoding.is_null());
    let text = if encoded { decode(&content)? } else { content };
    let file_type = file_type(envelope, &text, encoded)?;
    storable(text.as_bytes())?;
    let field = |name: &str| envelope.get(name).and_then(Value::as_str);
    let name = field("filename").unwrap_or_default();
    match field("content_type") {
        Some(media_type) => stored::store(name, media_type, text.into()),
        None => stored::of_type(name, file_type, text.into()),
    }
}

/// Every field's error at once, as a serialiser reports them.
fn field_errors(envelope: &Map<String, Value>) -> Vec<(&'static str, &'static str)> {
    let given = |field: &str| envelope.get(field).filter(|value| !value.is_null());
    let mut errors = Vec::new();
    if !(envelope["content"].is_string() || envelope["content"].is_object() || envelope["content"].is_array())
    {
        errors.push(("content", "This must be a string, an object or an array."));
    }
    match given("content_type") {
        None => {}
        Some(Value::String(media_type)) if content_type::of_media_type(media_type).is_some() => {}
        Some(_) => errors.push(("content_type", "This content type is not supported for submissions.")),
    }
    if given("content_encoding").is_some_and(|encoding| encoding != "base64") {
        errors.push(("content_encoding", "The only content encoding is base64."));
    }
    if given("filename").is_some_and(|name| !name.is_string()) {
        errors.push(("filename", "This is not a string."));
    }
    if given("metadata").is_some_and(|metadata| !metadata.is_object()) {
        errors.push(("metadata", "This is not an object."));
    }
    match given("short_description") {
        None => {}
        Some(Value::String(text)) if text.chars().count() <= MAX_SHORT_DESCRIPTION => {}
        Some(_) => errors.push(("short_description", "This is not a string of at most 255 characters.")),
    }
    errors
}

/// UTF-8, or else Latin-1: the content is kept as text (surprise 2).
fn decode(content: &str) -> Result<String, Answer> {
    let compact: String = content.split_ascii_whitespace().collect();
    let bytes =
        STANDARD.decode(compact).map_err(|_| answer::fields(&[("content", "This is not valid base64.")]))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()))
}

/// By the content type, else by the name, else, for plain text alone, by a look at it.
fn file_type(envelope: &Map<String, Value>, text: &str, encoded: bool) -> Result<FileType, Answer> {
    let field = |name: &str| envelope.get(name).and_then(Value::as_str);
    let looked_at = || match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') if !encoded => Some(FileType::Json),
        Some(b'<') if !encoded => Some(FileType::Xml),
        _ => None,
    };
    field("content_type")
        .and_then(content_type::of_media_type)
        .or_else(|| content_type::trusted(field("filename").unwrap_or_default()))
        .or_else(looked_at)
        .ok_or_else(|| answer::fields(&[("content_type", "This is needed to tell what the content is.")]))
}
