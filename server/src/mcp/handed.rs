//! `file`: a file that the agent's host has, which it hands over by an address of its own (`openai/fileParams`). It passes through
//! no model.
//!
//! A host puts the address there; a model can as well. So it is fetched from hosts that the operator has listed alone, by the client
//! for addresses that others have named: https, public addresses, no credential, no redirect to another site.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use serde_json::{Value, json};
use url::Url;

use super::arguments::Arguments;
use super::backend::Backend;
use super::error::ToolError;
use crate::base::http_body::{self, BodyError};
use crate::base::outbound::FetchError;
use crate::limits::Charge;
use crate::validibot::MAX_FILE_BYTES;

/// The argument's name.
pub(super) const ARGUMENT: &str = "file";
/// Each of the at most two requests. Hosts cut a call that says nothing after some 60 seconds.
const DEADLINE: Duration = Duration::from_secs(20);
/// Signed addresses have some 1,000 characters.
const MAX_URL_BYTES: usize = 8 * 1024;

/// A file that was handed over, and has not been fetched.
pub(super) struct Handed(Url);

/// What hosts write there, of which they always write the first two (Apps SDK, reference, file parameters).
pub(super) fn schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "The user's file, from the chat: the host fills it in",
        "properties": {
            "download_url": text(), "file_id": text(), "mime_type": text(), "file_name": text(),
        },
        "required": ["download_url", "file_id"],
    })
}

/// Whether the argument is there, and this server takes it.
pub(super) fn is_given(backend: &Backend, arguments: &Arguments) -> bool {
    !backend.settings.file_hosts.is_empty() && arguments.holds(ARGUMENT)
}

impl Handed {
    /// Reads the argument; notes what is wrong with it. Its name stands in for a `file_name` that was left out.
    pub(super) fn read(backend: &Backend, arguments: &mut Arguments) -> Option<Self> {
        for other in ["text", "file_content"] {
            if arguments.holds(other) {
                arguments.wrong(ARGUMENT, &format!("and {other} are both given: give one of them"));
            }
        }
        let Some(mut file) = arguments.object(ARGUMENT) else {
            arguments.wrong(
                ARGUMENT,
                "has to be the object that the host puts there. Where it puts none, give the content as text, or call prepare_upload",
            );
            return None;
        };
        let mut text = |key: &str| match file.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (address, name) = (text("download_url"), text("file_name"));
        if let Some(name) = name {
            arguments.stand_in("file_name", name);
        }
        let allowed = |url: &Url| url.host_str().is_some_and(|host| backend.settings.file_hosts.allow(host));
        let problem = match address.as_deref().filter(|text| text.len() <= MAX_URL_BYTES).map(Url::parse) {
            Some(Ok(url)) if !allowed(&url) => {
                "is of a host from which this server fetches no files. Give the content as text, or call prepare_upload"
            }
            Some(Ok(url)) if url.scheme() != "https" || url.port().is_some() || has_user(&url) => {
                "has to have an https address without a port, a user or a password in download_url"
            }
            Some(Ok(url)) => return Some(Self(url)),
            _ => "has to have the file's address in download_url",
        };
        arguments.wrong(ARGUMENT, problem);
        None
    }

    /// Fetches the file. `charge` is for the memory that it takes.
    pub(super) async fn fetch(self, backend: &Backend, charge: Option<&Charge>) -> Result<Bytes, ToolError> {
        // Before the first byte: how many come is the other side's to say.
        if !charge.is_none_or(|charge| charge.grow(MAX_FILE_BYTES)) {
            return Err(ToolError::busy());
        }
        let host = self.0.host_str().unwrap_or_default().to_owned();
        let fetched = self.bytes(backend).await;
        fetched.map_err(|(reason, said)| {
            // The host's name is the operator's own, or below one of theirs; the rest of an address is a credential.
            tracing::warn!(host, reason, "a file that an agent's host handed over could not be fetched");
            ToolError::argument(
                ARGUMENT,
                format!("could not be fetched: {said}. Nothing was sent to Validibot"),
            )
        })
    }

    /// The bytes; else the reason for the log and what the caller is told.
    async fn bytes(self, backend: &Backend) -> Result<Bytes, (&'static str, String)> {
        let own = |said: &'static str| (said, said.to_owned());
        let response = backend.files.get(&self.0, "*/*", DEADLINE).await.map_err(|error| match error {
            // The same words for both: else they would tell which addresses there are in this server's network.
            FetchError::Forbidden => {
                ("its name does not lead to public addresses alone", "its host cannot be reached".to_owned())
            }
            FetchError::Unreachable(reason) => (reason, "its host cannot be reached".to_owned()),
            FetchError::Status(status) => (
                "the answer is not 200",
                format!("its host answered with {status}. Its address may have run out: have the file handed over again"),
            ),
        })?;
        let coded = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        if coded {
            return Err(own("it came compressed, which was not asked for"));
        }
        match http_body::read(response, MAX_FILE_BYTES).await {
            Ok(bytes) if bytes.is_empty() => Err(own("it is empty: there is nothing to validate")),
            Ok(bytes) => Ok(bytes),
            Err(BodyError::TooLarge(most)) => {
                Err(("it is too large", format!("it is too large: a file may have at most {most} bytes")))
            }
            Err(BodyError::Broken) => Err(own("its bytes ended early, or did not come in time")),
        }
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
