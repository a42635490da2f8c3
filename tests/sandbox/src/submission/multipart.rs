//! `multipart/form-data` with the part `file`: the mode that takes every file.

use bytes::Bytes;
use futures_util::stream;

use super::Submission;
use super::content_type::{self, FileType};
use crate::answer::{self, Answer};

/// Reads the part `file`. Its type comes from the part's content type, else from its name.
pub(crate) async fn read(declared: &str, body: Bytes) -> Result<Submission, Answer> {
    let boundary = multer::parse_boundary(declared).map_err(|_| unreadable())?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(whole, boundary);
    while let Some(part) = parts.next_field().await.map_err(|_| unreadable())? {
        if part.name() != Some("file") || part.file_name().is_none() {
            continue;
        }
        let name = part.file_name().unwrap_or_default().to_owned();
        let media_type = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await.map_err(|_| unreadable())?;
        if bytes.is_empty() {
            return Err(answer::fields(&[("file", "The submitted file is empty.")]));
        }
        return file_type(media_type.as_deref(), &name)
            .map(|file_type| Submission { bytes, file_type })
            .ok_or_else(|| {
                answer::fields(&[("content_type", "This content type is not supported for submissions.")])
            });
    }
    Err(answer::fields(&[("file", "No file was submitted.")]))
}

fn file_type(media_type: Option<&str>, name: &str) -> Option<FileType> {
    match media_type {
        None => content_type::of_file_name(name),
        // "Some bytes" says less than the name does: a JSON document sent this way is still one.
        Some(media_type) => match content_type::of_media_type(media_type)? {
            FileType::Binary => content_type::of_file_name(name).or(Some(FileType::Binary)),
            known => Some(known),
        },
    }
}

fn unreadable() -> Answer {
    answer::detail(http::StatusCode::BAD_REQUEST, "The multipart body cannot be read.")
}
