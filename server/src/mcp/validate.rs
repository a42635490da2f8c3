//! `validate_file`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use rmcp::model::JsonObject;

use super::arguments::{Arguments, workflow_ref};
use super::backend::Backend;
use super::error::ToolError;
use super::findings::Page;
use super::handed::{self, Handed};
use super::outcome::Outcome;
use super::runs::complete;
use crate::caller::Caller;
use crate::limits::Charge;
use crate::validibot::{Intent, MAX_FILE_BYTES, Media, Upload};

/// Models often leave the padding out; the bytes are the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The alphabet for names and addresses (RFC 4648, section 5), which some hosts' libraries write.
const BASE64_FOR_URLS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What file systems allow in one name.
const MAX_NAME_BYTES: usize = 255;

/// The argument that names a launch.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// Where Claude Code says which use of a tool a call is for.
const TOOL_USE_ID: &str = "claudecode/toolUseId";

/// What Validibot allows in a name of a launch (contract of 0.16, B4).
const MAX_KEY_BYTES: usize = 255;

/// Starts a run and returns at once. `meta` is the request's.
pub(super) async fn validate(
    backend: &Backend,
    arguments: &mut Arguments,
    meta: &JsonObject,
    caller: Option<Caller>,
    charge: Option<&Charge>,
) -> Result<Outcome, ToolError> {
    let given = Given::read(backend, arguments);
    let workflow = workflow_ref(arguments);
    let intent = intent(arguments, meta);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let file = given.file(backend, charge).await?;
    let (Some(File { name, content, media }), Some(workflow)) = (file, workflow) else {
        unreachable!("what is missing was noted, and noted errors end the call")
    };
    let length = content.len() as u64;
    let upload = Upload { name, content: content.into(), length, intent };
    let mut run = backend.validibot.launch_as(&caller, &workflow, upload, media).await?;
    complete(&mut run);
    Ok(Outcome::run(run, Page::default(), backend.clock.unix()))
}

/// Which launch it is, by the caller's word, else by its host's.
fn intent(arguments: &mut Arguments, meta: &JsonObject) -> Intent {
    let fits = |name: &str| (1..=MAX_KEY_BYTES).contains(&name.len());
    if let Some(name) = arguments.optional_text(IDEMPOTENCY_KEY) {
        if !fits(&name) {
            arguments.wrong(IDEMPOTENCY_KEY, &format!("is longer than {MAX_KEY_BYTES} bytes"));
        }
        return Intent::Named(name);
    }
    let id = meta.get(TOOL_USE_ID).and_then(serde_json::Value::as_str);
    id.filter(|id| fits(id)).map_or(Intent::Unsaid, |id| Intent::ToolUse(id.to_owned()))
}

/// How the file came.
enum Given {
    /// As arguments.
    Here(Option<File>),
    /// By an address, and under this name.
    ByHost(Option<Handed>, Option<String>),
}

impl Given {
    fn read(backend: &Backend, arguments: &mut Arguments) -> Self {
        if !handed::is_given(backend, arguments) {
            return Self::Here(File::read(arguments));
        }
        let handed = Handed::read(backend, arguments);
        Self::ByHost(handed, file_name(arguments))
    }

    async fn file(self, backend: &Backend, charge: Option<&Charge>) -> Result<Option<File>, ToolError> {
        match self {
            Self::Here(file) => Ok(file),
            Self::ByHost(Some(handed), Some(name)) => {
                let content = Vec::from(handed.fetch(backend, charge).await?);
                let media = Media::of(&name);
                match media.trips(&content) {
                    None => Ok(Some(File { name, content, media })),
                    Some(what) => Err(ToolError::argument(handed::ARGUMENT, tripping(what))),
                }
            }
            Self::ByHost(..) => Ok(None),
        }
    }
}

/// A file that was given as arguments.
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) media: Media,
}

impl File {
    /// Reads and checks the arguments; notes what is wrong with them.
    pub(super) fn read(arguments: &mut Arguments) -> Option<Self> {
        let as_text = arguments.holds("text");
        let content = content(arguments);
        let name = file_name(arguments);
        let (content, name) = (content?, name?);
        let media = if as_text { Media::of_text(&name) } else { Media::of(&name) };
        if let Some(what) = media.trips(&content) {
            arguments.wrong(if as_text { "text" } else { "file_content" }, &tripping(what));
            return None;
        }
        Some(Self { name, content, media })
    }
}

/// Why a text that begins as something else does is not sent: Validibot fails on it without a reason.
fn tripping(what: &str) -> String {
    format!(
        "begins as {what} does, and Validibot does not accept that in a file that its name says is text. If it is text, let it \
         begin otherwise: put the first name of a table in quotation marks, or a blank line before the first one. If it is not, \
         correct the extension of file_name"
    )
}

/// The file's bytes, from either of the two arguments.
fn content(arguments: &mut Arguments) -> Option<Vec<u8>> {
    let before = arguments.noted();
    let (text, encoded) = (arguments.document("text"), arguments.text("file_content"));
    // Of two, an empty one is left out: hosts whose schemas know no optional arguments send both.
    let encoded = encoded.filter(|encoded| !encoded.is_empty() || text.is_none());
    let text = text.filter(|text| !text.is_empty() || encoded.is_none());
    match (text, encoded) {
        _ if arguments.noted() > before => None,
        (Some(text), None) => bounded(arguments, "text", text.into_bytes()),
        (None, Some(encoded)) => decoded(arguments, encoded),
        (Some(_), Some(_)) => {
            arguments.wrong("text", "and file_content are both given: give one of them");
            None
        }
        (None, None) => {
            arguments
                .wrong("file_content", "is missing: give the file as text, or as base64 in file_content");
            None
        }
    }
}

fn decoded(arguments: &mut Arguments, mut encoded: String) -> Option<Vec<u8>> {
    // What a browser's reader of files gives (RFC 2397).
    if let Some(start) = data_url(&encoded) {
        encoded.drain(..start);
    }
    // Encoders that wrap lines are common (RFC 2045); the white space carries nothing.
    if encoded.contains([' ', '\t', '\n', '\r']) {
        encoded.retain(|c| !c.is_ascii_whitespace());
    }
    // Before decoding: four characters hold three bytes.
    if encoded.len() / 4 * 3 > MAX_FILE_BYTES + 2 {
        arguments.wrong("file_content", &too_large());
        return None;
    }
    // One text is of one alphabet: in a mixture something was lost.
    let alphabet = if encoded.contains(['-', '_']) { &BASE64_FOR_URLS } else { &BASE64 };
    let Ok(bytes) = alphabet.decode(&encoded) else {
        arguments.wrong(
            "file_content",
            "is not base64: encode the file's bytes with the standard alphabet, or give a text file as it is in `text`",
        );
        return None;
    };
    bounded(arguments, "file_content", bytes)
}

/// Where the content of a `data:` URL in base64 begins, if it is one.
fn data_url(encoded: &str) -> Option<usize> {
    const SCHEME: &str = "data:";
    const CODING: &str = ";base64,";
    /// Types and their parameters are short; the content may be long.
    const MAX_BYTES: usize = 256;
    let start = encoded.trim_start();
    let head = start.get(..SCHEME.len()).filter(|head| head.eq_ignore_ascii_case(SCHEME))?;
    let comma = start.bytes().take(MAX_BYTES).position(|byte| byte == b',')? + 1;
    let coding = start[..comma].get(comma.checked_sub(CODING.len())?..)?;
    (comma > head.len() && coding.eq_ignore_ascii_case(CODING)).then_some(encoded.len() - start.len() + comma)
}

fn bounded(arguments: &mut Arguments, name: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.is_empty() {
        arguments.wrong(name, "is empty: there is nothing to validate");
    } else if bytes.len() > MAX_FILE_BYTES {
        arguments.wrong(name, &too_large());
    } else {
        return Some(bytes);
    }
    None
}

fn too_large() -> String {
    format!("is too large: a file may have at most {MAX_FILE_BYTES} bytes")
}

/// Reads and checks the `file_name` argument; notes what is wrong with it.
pub(super) fn file_name(arguments: &mut Arguments) -> Option<String> {
    let name = arguments.required_text("file_name")?;
    if name.trim().is_empty() {
        arguments.wrong("file_name", "is empty: its extension says what kind of file it is");
    } else if name.len() > MAX_NAME_BYTES {
        arguments.wrong("file_name", &format!("is longer than {MAX_NAME_BYTES} bytes"));
    } else if name.contains(char::is_control) {
        arguments.wrong("file_name", "holds a control character");
    } else {
        return Some(name);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::testing::object;

    fn read(given: Value) -> Result<Vec<u8>, ToolError> {
        let mut arguments = Arguments::new(object(given));
        let bytes = content(&mut arguments);
        arguments.finish().map(|()| bytes.expect("no error was noted"))
    }

    #[test]
    fn base64_is_read_with_and_without_padding_and_line_ends() {
        for text in ["aGk=", "aGk", "aG\r\nk=\n", " aG k=\t"] {
            assert_eq!(read(json!({ "file_content": text })).expect("valid"), b"hi", "{text:?}");
        }
        for bad in [json!(""), json!("a"), json!("aGk*"), json!("aGk-_"), json!(7), json!(null)] {
            assert!(read(json!({ "file_content": bad })).is_err(), "{bad}");
        }
    }

    #[test]
    fn base64_is_read_in_the_other_alphabet_and_out_of_a_data_url() {
        let bytes = [0xfb, 0xff, 0xfe, 0x3e];
        for text in [
            "+//+Pg==",
            "-__-Pg==",
            "-__-Pg",
            "data:;base64,+//+Pg==",
            "data:application/octet-stream;base64,+//+Pg==",
            " DATA:text/csv;charset=utf-8;BASE64,-__-Pg",
        ] {
            assert_eq!(read(json!({ "file_content": text })).expect("valid"), bytes, "{text:?}");
        }
        for bad in [
            "-//+Pg==",
            "data:text/plain,hello",
            "data:;base64",
            "data:;base64,*",
            "data:,",
            "data:é;base64,",
        ] {
            assert!(read(json!({ "file_content": bad })).is_err(), "{bad}");
        }
        // Without a content there is nothing to validate.
        let empty = read(json!({ "file_content": "data:;base64," })).expect_err("it is empty");
        assert!(format!("{empty:?}").contains("is empty"));
    }

    #[test]
    fn text_goes_as_it_is_and_one_of_the_two_has_to_be_there() {
        assert_eq!(read(json!({ "text": "é{}" })).expect("valid"), "é{}".as_bytes());
        for (text, encoded) in [("a", json!("")), ("a", json!(null)), ("", json!("YQ=="))] {
            let given = json!({ "text": text, "file_content": encoded });
            assert_eq!(read(given.clone()).expect("valid"), b"a", "{given}");
        }
        assert_eq!(read(json!({ "text": null, "file_content": "YQ==" })).expect("valid"), b"a");
        assert_eq!(read(json!({ "text": { "b": 1.10, "a": [] } })).expect("valid"), br#"{"b":1.1,"a":[]}"#);
        for bad in [
            json!({}),
            json!({ "text": "" }),
            json!({ "text": "", "file_content": "" }),
            json!({ "text": "a", "file_content": "YQ==" }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_error_names_what_is_wrong_and_nothing_else() {
        for (bad, field, says) in [
            (json!({ "text": 7, "file_content": "YQ==" }), "text", "string"),
            (json!({ "text": "a", "file_content": 7 }), "file_content", "string"),
            (json!({ "file_content": "{\"plain\": true}" }), "file_content", "`text`"),
            (json!({ "text": "" }), "text", "is empty"),
        ] {
            let payload = read(bad.clone()).expect_err("it is wrong").into_payload();
            let errors = payload["error"]["data"]["errors"].as_array().expect("errors");
            assert_eq!((errors.len(), &errors[0]["field"]), (1, &json!(field)), "{bad}: {payload}");
            assert!(
                errors[0]["message"].as_str().is_some_and(|text| text.contains(says)),
                "{bad}: {payload}"
            );
        }
    }

    #[test]
    fn what_came_as_text_is_text_and_may_not_begin_like_a_program() {
        let file = |given: Value| {
            let mut arguments = Arguments::new(object(given));
            let file = File::read(&mut arguments);
            arguments.finish().map(|()| file.expect("no error was noted").media.content_type)
        };
        let text = |name: &str, text: &str| file(json!({ "file_name": name, "text": text }));
        let base64 = |name: &str, text: &str| {
            file(json!({ "file_name": name, "file_content": BASE64.encode(text), "text": "" }))
        };
        assert_eq!(text("noext", "a").expect("valid"), "text/plain");
        assert_eq!(base64("noext", "a").expect("valid"), "application/octet-stream");
        assert_eq!(text("1Zone.idf", "a").expect("valid"), "text/x-idf");
        for refused in [text("t.csv", "MZone,MWall"), text("noext", "#!x"), base64("t.csv", "MZone")] {
            assert!(format!("{:?}", refused.expect_err("refused")).contains("quotation marks"));
        }
        assert!(base64("noext", "MZone").is_ok() && text("t.csv", "\"MZone\"").is_ok());
    }

    #[test]
    fn a_launch_is_named_by_the_caller_or_else_by_its_host() {
        let named = |given: Value, meta: Value| {
            let mut arguments = Arguments::new(object(given));
            let intent = intent(&mut arguments, &object(meta));
            arguments.finish().map(|()| intent).map_err(|error| error.into_payload().to_string())
        };
        let id = json!({ "claudecode/toolUseId": "toolu_1", "progressToken": 1 });
        for (given, meta, expected) in [
            (json!({}), json!({}), Intent::Unsaid),
            (json!({ "idempotency_key": "a b" }), id.clone(), Intent::Named("a b".to_owned())),
            (json!({ "idempotency_key": " " }), id.clone(), Intent::ToolUse("toolu_1".to_owned())),
            (json!({ "idempotency_key": null }), json!({ "claudecode/toolUseId": 7 }), Intent::Unsaid),
            (json!({}), json!({ "claudecode/toolUseId": "" }), Intent::Unsaid),
            (json!({}), json!({ "claudecode/toolUseId": "x".repeat(256) }), Intent::Unsaid),
        ] {
            assert_eq!(named(given.clone(), meta.clone()).expect("good"), expected, "{given} {meta}");
        }
        for (bad, says) in [(json!(7), "string"), (json!("x".repeat(256)), "255 bytes")] {
            let refused = named(json!({ "idempotency_key": bad }), id.clone()).expect_err("it is wrong");
            assert!(refused.contains(says) && refused.contains("idempotency_key"), "{refused}");
        }
    }

    #[test]
    fn the_limit_is_in_bytes_of_the_file() {
        let fits = BASE64.encode(vec![b'x'; MAX_FILE_BYTES]);
        assert_eq!(read(json!({ "file_content": fits })).expect("fits").len(), MAX_FILE_BYTES);
        let over = BASE64.encode(vec![b'x'; MAX_FILE_BYTES + 1]);
        assert!(
            format!("{:?}", read(json!({ "file_content": over })).expect_err("over")).contains("too large")
        );
    }
}
