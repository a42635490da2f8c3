//! `multipart/form-data` with the part `file`: the mode that takes every file.

use bytes::Bytes;
use futures_util::stream;

use super::{Submission, content_type, stored};
use crate::answer::{self, Answer};

/// Reads the part `file`. Its type comes from its name where that says one, else from the part's content type.
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
        let Some(media_type) = media_type else {
            let file_type = content_type::of_file_name(&name).ok_or_else(stored::unsupported)?;
            return stored::of_type(&name, file_type, bytes);
        };
        return stored::store(&name, &media_type, bytes);
    }
    Err(answer::fields(&[("file", "No file was submitted.")]))
}

fn unreadable() -> Answer {
    answer::detail(http::StatusCode::BAD_REQUEST, "The multipart body cannot be read.")
}
