//! `validate_file`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::arguments::Arguments;
use super::outcome::{Outcome, ToolError};
use super::runs::complete;
use super::workflows::workflow_ref;
use crate::caller::Caller;
use crate::validibot::{MAX_FILE_BYTES, Upload, Validibot};

/// Models often leave the padding out; the bytes are the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What file systems allow in one name.
const MAX_NAME_BYTES: usize = 255;

/// Starts a run and returns at once.
pub(super) async fn validate(
    api: &Validibot,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let content = content(arguments);
    let name = name(arguments);
    let workflow = workflow_ref(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let workflow = workflow.ok_or_else(ToolError::unauthorized)?;
    let mut run = api.launch(&caller, &workflow, Upload { name, content: content.into() }).await?;
    complete(&mut run);
    Ok(Outcome::Object(run))
}

fn content(arguments: &mut Arguments) -> Vec<u8> {
    let mut encoded = arguments.required_text("file_content");
    // Encoders that wrap lines are common (RFC 2045); the line ends carry nothing.
    if encoded.contains(['\n', '\r']) {
        encoded.retain(|c| c != '\n' && c != '\r');
    }
    // Before decoding: four characters hold three bytes.
    if encoded.len() / 4 * 3 > MAX_FILE_BYTES + 2 {
        arguments.wrong("file_content", &too_large());
        return Vec::new();
    }
    match BASE64.decode(&encoded) {
        Ok(bytes) if bytes.len() > MAX_FILE_BYTES => arguments.wrong("file_content", &too_large()),
        Ok(bytes) if !bytes.is_empty() => return bytes,
        Ok(_) => arguments.wrong("file_content", "is empty: there is nothing to validate"),
        Err(_) => arguments
            .wrong("file_content", "is not base64: encode the file's bytes with the standard alphabet"),
    }
    Vec::new()
}

fn too_large() -> String {
    format!("is too large: a file may have at most {MAX_FILE_BYTES} bytes")
}

fn name(arguments: &mut Arguments) -> String {
    let name = arguments.required_text("file_name");
    if name.trim().is_empty() {
        arguments.wrong("file_name", "is empty: its extension says what kind of file it is");
    } else if name.len() > MAX_NAME_BYTES {
        arguments.wrong("file_name", &format!("is longer than {MAX_NAME_BYTES} bytes"));
    } else if name.contains(char::is_control) {
        arguments.wrong("file_name", "holds a control character");
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(file_content: &Value) -> Result<Vec<u8>, ToolError> {
        let Value::Object(given) = json!({ "file_content": file_content }) else {
            unreachable!("an object literal")
        };
        let mut arguments = Arguments::new(given);
        let bytes = content(&mut arguments);
        arguments.finish().map(|()| bytes)
    }

    #[test]
    fn base64_is_read_with_and_without_padding_and_line_ends() {
        for text in ["aGk=", "aGk", "aG\r\nk=\n"] {
            assert_eq!(read(&json!(text)).expect("valid"), b"hi", "{text:?}");
        }
        for bad in [json!(""), json!("a"), json!("aGk*"), json!("aGk-_"), json!(7), json!(null)] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_limit_is_in_bytes_of_the_file() {
        let fits = BASE64.encode(vec![b'x'; MAX_FILE_BYTES]);
        assert_eq!(read(&json!(fits)).expect("fits").len(), MAX_FILE_BYTES);
        let over = BASE64.encode(vec![b'x'; MAX_FILE_BYTES + 1]);
        assert!(format!("{:?}", read(&json!(over)).expect_err("over")).contains("too large"));
    }
}
