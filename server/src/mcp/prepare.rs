//! `prepare_upload`: a ticket for a file that does not fit through a model.

use serde_json::json;

use super::arguments::{Arguments, workflow_ref};
use super::backend::Backend;
use super::error::ToolError;
use super::outcome::Outcome;
use super::validate::file_name;
use crate::base::random;
use crate::caller::Caller;
use crate::uploads::{HEADER, LIFETIME, Ticket, curl};
use crate::validibot::MAX_FILE_BYTES;

/// Where there is no line for Windows.
const ON_WINDOWS: &str = "On Windows rename the file and call prepare_upload with the new name: cmd.exe and PowerShell read this \
                          one differently.";

/// Makes a ticket; asks nobody.
pub(super) fn prepare(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let workflow = workflow_ref(arguments);
    let name = file_name(arguments);
    let size = size(arguments);
    let sha256 = sha256(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let (Some(workflow), Some(name)) = (workflow, name) else {
        unreachable!("what is missing was noted, and noted errors end the call")
    };
    let seal = backend.seal.as_ref().ok_or_else(ToolError::no_uploads)?;
    let file_name = name.clone();
    let id = random::token::<16>(backend.random.as_ref());
    let ticket =
        Ticket::new(id, &caller, &workflow, name, size, sha256).ok_or_else(ToolError::unauthorized)?;
    let ticket = seal.seal_until(&ticket, backend.clock.unix() + LIFETIME.as_secs());
    let url = format!("{}/uploads", backend.settings.base_url.as_str());
    let mut upload = json!({
        "curl": curl::posix(&file_name, &ticket, &url),
        "method": "PUT",
        "url": url,
        "headers": { HEADER: ticket },
        "expires_in_seconds": LIFETIME.as_secs(),
        "next": {
            "tool": "wait_for_run",
            "arguments": {},
            "fill_in": ["run_ref, as the curl command prints it"],
        },
    });
    match curl::windows(&file_name, &ticket, &url) {
        Some(line) => upload["curl_windows"] = line.into(),
        None => upload["hint"] = ON_WINDOWS.into(),
    }
    match upload {
        serde_json::Value::Object(upload) => Ok(Outcome::plain(upload)),
        _ => unreachable!("an object literal"),
    }
}

fn size(arguments: &mut Arguments) -> Option<u64> {
    // Nobody asks for an empty file: it is how hosts leave a number out whose schemas know no optional arguments.
    let size = arguments.count("size_bytes").filter(|size| *size != 0)?;
    if !(1..=MAX_FILE_BYTES).contains(&size) {
        arguments.wrong("size_bytes", &format!("has to be from 1 to {MAX_FILE_BYTES}"));
    }
    Some(size as u64)
}

fn sha256(arguments: &mut Arguments) -> Option<String> {
    let text = arguments.optional_text("sha256")?.trim().to_ascii_lowercase();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        arguments.wrong("sha256", "has to be 64 hexadecimal digits");
    }
    Some(text)
}
