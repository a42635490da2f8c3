//! `prepare_upload`: a ticket for a file that does not fit through a model.

use serde_json::json;

use super::arguments::Arguments;
use super::outcome::{Outcome, ToolError};
use super::validate::file_name;
use super::workflows::workflow_ref;
use crate::app::App;
use crate::caller::Caller;
use crate::random;
use crate::uploads::{HEADER, LIFETIME, Ticket};
use crate::validibot::MAX_FILE_BYTES;

/// Makes a ticket; asks nobody.
pub(super) fn prepare(
    app: &App,
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
    let seal = app.seal.as_ref().ok_or_else(ToolError::no_uploads)?;
    let quoted = quoted(&name);
    let id = random::token::<16>(app.random.as_ref());
    let ticket =
        Ticket::new(id, &caller, &workflow, name, size, sha256).ok_or_else(ToolError::unauthorized)?;
    let ticket = seal.seal_until(&ticket, app.clock.unix() + LIFETIME.as_secs());
    let url = format!("{}/uploads", app.settings.base_url.as_str());
    // The URL without a slash at its end, so that curl appends no file name; -T sends a Content-Length.
    let curl =
        format!("curl --silent --show-error --fail-with-body -T {quoted} -H '{HEADER}: {ticket}' '{url}'");
    let upload = json!({
        "curl": curl,
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

/// For a POSIX shell: nothing is special inside single quotes but the quote itself.
fn quoted(text: &str) -> String {
    // A name that starts with a dash would be an option, and one that is `-` standard input.
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_file_name_leaves_its_quotes_or_becomes_an_option() {
        assert_eq!(quoted("a b.json"), "'a b.json'");
        assert_eq!(quoted("it's $(x).json"), r"'it'\''s $(x).json'");
        assert_eq!(quoted("-o"), "'./-o'");
    }
}
