//! What a launch's body holds: a multipart file, a JSON envelope, or the document itself (contract, A5).

mod content_type;
mod envelope;
mod multipart;
mod stored;

use bytes::Bytes;
use http::{StatusCode, header, request};

use crate::answer::{self, Answer};
use crate::api::Payload;

pub(crate) use content_type::FileType;

/// A file to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) bytes: Bytes,
    pub(crate) file_type: FileType,
    /// Its name as Validibot stores it: with the extension of its content type (contract, A5).
    pub(crate) name: String,
}

/// A file as Validibot stores it, for a test to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name there: with the extension of its content type (contract, A5).
    pub name: String,
    /// Its type: `json`, `xml`, `text`, `yaml` or `binary`.
    pub file_type: &'static str,
    /// Its content.
    pub bytes: Bytes,
}

impl Submission {
    /// What a test may know of it.
    pub(crate) fn stored(&self) -> Stored {
        Stored { name: self.name.clone(), file_type: self.file_type.name(), bytes: self.bytes.clone() }
    }
}

/// Reads the body by its content type; the error is the answer to send.
pub(crate) async fn read(head: &request::Parts, payload: Payload) -> Result<Submission, Answer> {
    let body = match payload {
        Payload::Whole(body) => body,
        // Known bug, kept: Django answers 500 where 413 was meant.
        Payload::TooLarge => return Err(answer::internal_error()),
        Payload::Broken => {
            return Err(answer::detail(StatusCode::BAD_REQUEST, "The body ended too early."));
        }
    };
    if body.is_empty() {
        // Known bug, kept.
        return Err(answer::internal_error());
    }
    let declared = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared = declared.unwrap_or("application/octet-stream");
    let name = head.headers.get("x-filename").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type::essence(declared).as_str() {
        "multipart/form-data" => multipart::read(declared, body).await,
        "application/json" => envelope::read(name, &body),
        other => raw(name, other, body),
    }
}

/// A file of which nothing is known but its name: what agents that pay send (contract, A8).
pub(crate) fn of_file(name: &str, bytes: Bytes) -> Result<Submission, Answer> {
    let lower = name.to_ascii_lowercase();
    let is = |extensions: &[&str]| extensions.iter().any(|extension| lower.ends_with(extension));
    let file_type = content_type::of_file_name(name)
        .or_else(|| is(&[".geojson"]).then_some(FileType::Json))
        .or_else(|| is(&[".xsd", ".gbxml"]).then_some(FileType::Xml))
        .or_else(|| {
            is(&[".txt", ".csv", ".tsv", ".md", ".ifc", ".epw", ".osm", ".inp", ".mo"])
                .then_some(FileType::Text)
        })
        .ok_or_else(|| {
            answer::coded(StatusCode::BAD_REQUEST, "FILE_TYPE_UNSUPPORTED", "This type is unknown.")
        })?;
    stored::of_type(name, file_type, bytes)
}

/// Raw mode: the body is the document.
fn raw(name: &str, media_type: &str, body: Bytes) -> Result<Submission, Answer> {
    if content_type::of_media_type(media_type).is_none() {
        let text = format!("The media type {media_type} is not supported.");
        return Err(answer::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text));
    }
    storable(&body)?;
    stored::store(name, media_type, body)
}

/// Known bugs, kept: what is stored as text may hold no NUL (`PostgreSQL`) and may not be empty.
fn storable(text: &[u8]) -> Result<(), Answer> {
    if text.is_empty() || text.contains(&0) { Err(answer::internal_error()) } else { Ok(()) }
}
