//! Answers that go on as the bytes they came as: the catalogue and a workflow's definition, which are most of what agents
//! read. Parsing them into a tree, writing that out twice and taking it apart again was a quarter of a call's
//! instructions (docs/performance.md). What this server needs is parsed; the rest is scanned once, and copied.
//!
//! What does not fit the way here is no error: it goes the long way, by `serde_json::Value`, with the same result.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::structured::{Members, Raw, Structured};
use crate::base::json;

/// Longer answers may have to be shortened, for which they have to be understood.
const MAX_BYTES: usize = 50_000;
/// Half of what `serde_json` reads into a tree: nothing goes on that a client could not read.
const MAX_DEPTH: usize = 60;

/// More members than any definition has. They are found one by one.
const MAX_MEMBERS: usize = 200;

/// Structure in the list of file types, the one tree that is read.
const MAX_TYPES: usize = 1_000;

/// The catalogue.
pub(crate) struct Catalogue {
    /// The first workflow's reference.
    pub(crate) first: Option<String>,
    /// The list.
    pub(crate) list: Structured,
}

/// A workflow's definition. Nothing of it is lost; `steps` says what the steps in it are called.
pub(crate) struct Definition {
    pub(crate) object: Members,
    pub(crate) steps: Vec<Step>,
}

/// What a step is called, and what runs it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) validator: Option<Validator>,
    pub(crate) action_type: Option<String>,
}

/// What runs a step.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Validator {
    pub(crate) name: Option<String>,
    pub(crate) validation_type: Option<String>,
}

/// As much of an entry as has to be right (contract, A3).
#[derive(Deserialize)]
#[expect(dead_code, reason = "that they can be read is all there is to know")]
struct Entry<'a> {
    #[serde(borrow)]
    workflow_ref: Cow<'a, str>,
    #[serde(default)]
    slug: Option<Text>,
    #[serde(default)]
    name: Option<Text>,
    #[serde(default)]
    description: Option<Text>,
    #[serde(default)]
    org_slug: Option<Text>,
    #[serde(default)]
    org_name: Option<Text>,
    #[serde(default)]
    allowed_file_types: Option<Vec<IgnoredAny>>,
}

/// The catalogue, where it can go on as it is.
pub(super) fn catalogue(body: &[u8]) -> Option<Catalogue> {
    let text = fit(body)?;
    let entries: Vec<Entry<'_>> = serde_json::from_str(text).ok()?;
    let first = entries.first().map(|entry| entry.workflow_ref.clone().into_owned());
    Some(Catalogue { first, list: as_it_came(text) })
}

/// A definition, where it can go on as it is.
pub(super) fn definition(body: &[u8]) -> Option<Definition> {
    let Sent(members) = serde_json::from_str(fit(body)?).ok()?;
    if members.len() > MAX_MEMBERS {
        return None;
    }
    let (mut object, mut steps) = (Members::with_capacity(members.len() + ADDED), Vec::new());
    for (key, raw) in members {
        if key == "steps" {
            steps = serde_json::from_str::<Option<Vec<Step>>>(raw.get()).ok()?.unwrap_or_default();
        }
        // Of the lists and objects, only this one is parsed. What is neither has no structure to count.
        let value = if key == "allowed_file_types" {
            Structured::Tree(json::read(raw.get().as_bytes(), MAX_TYPES).ok()?)
        } else if raw.get().starts_with(['[', '{']) {
            as_it_came(raw.get())
        } else {
            Structured::Tree(serde_json::from_str(raw.get()).ok()?)
        };
        // A key that is there twice has the last value, as everywhere.
        object.put(key, value);
    }
    Some(Definition { object, steps })
}

/// What the tool adds: room for it.
const ADDED: usize = 6;

impl Catalogue {
    /// The long way: of a list that has been read into a tree.
    pub(crate) fn of(list: Vec<Value>) -> Self {
        let first = list.first().and_then(|first| first.get("workflow_ref")?.as_str()).map(str::to_owned);
        Self { first, list: Value::Array(list).into() }
    }

    /// The entries of a list, whichever way it came.
    pub(crate) fn entries(list: Structured) -> Vec<Value> {
        match list.into_tree() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        }
    }
}

impl Definition {
    /// The long way: of an object that has been read into a tree.
    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self { steps: steps(&object), object: object.into() }
    }
}

/// The names of steps that have been read into a tree, whatever else is in them.
fn steps(object: &Map<String, Value>) -> Vec<Step> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let steps = object.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let step = |step: &Value| Step {
        name: text(step.get("name")),
        description: text(step.get("description")),
        validator: step.get("validator").map(|validator| Validator {
            name: text(validator.get("name")),
            validation_type: text(validator.get("validation_type")),
        }),
        action_type: text(step.get("action_type")),
    };
    steps.iter().map(step).collect()
}

/// A text that was read, if only for its form, and goes on as it is.
fn as_it_came(text: &str) -> Structured {
    Structured::Raw(Raw::of_read(text))
}

/// How deep the body is at most. As deep as it has opening brackets, where they are few.
fn deepest(body: &[u8]) -> usize {
    // `[` and `{` differ in this bit.
    let opening = |byte: &u8| *byte | 0x20 == b'{';
    let count = |bytes: &[u8]| usize::from(bytes.iter().map(|byte| u8::from(opening(byte))).sum::<u8>());
    let all: usize = body.chunks(usize::from(u8::MAX)).map(count).sum();
    if all <= MAX_DEPTH {
        return all;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in body {
        match byte {
            // Inside strings too: what is counted there only makes the count larger or the depth odd.
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The text of a body that may go on as it is. It is on one line: an event stream ends a value at the end of a line.
fn fit(body: &[u8]) -> Option<&str> {
    if body.len() > MAX_BYTES {
        return None;
    }
    // The least of all bytes tells, and not the first below a limit: the compiler looks at sixteen at a time, which is a
    // tenth of the cost.
    if body.iter().copied().fold(u8::MAX, u8::min) < b' ' {
        return None;
    }
    // Where a key may be one that hides JSON in a string, the long way tells.
    if !json::is_plain(body) {
        return None;
    }
    let deepest = deepest(body);
    std::str::from_utf8(body).ok().filter(|_| deepest <= MAX_DEPTH)
}

/// An object's members as they were sent, in their order, each value a text.
struct Sent<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Sent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Sent<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Sent(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Any string, whose content does not matter.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = r#"{"slug":"a","input_schema":{"x":1.10,"b":[12345678901234567890123,1e5]},"name":"é","steps":[{"name":"S","validator":{"name":"V","extra":[1]},"config":{"z":1,"a":2}}],"allowed_file_types":["json"]}"#;

    #[test]
    fn every_byte_of_a_tree_goes_on_as_it_came() {
        let definition = definition(WORKFLOW.as_bytes()).expect("it fits");
        let text = definition.object.text();
        // Small texts are read, and written as serde_json does.
        assert_eq!(text, WORKFLOW);
        let names: Vec<_> = definition.steps.iter().map(|step| step.name.as_deref()).collect();
        assert_eq!(names, [Some("S")]);
        let list = format!(r#"[{{"workflow_ref":"wf_a","new":{WORKFLOW}}}]"#);
        let catalogue = catalogue(list.as_bytes()).expect("it fits");
        assert_eq!(catalogue.first.as_deref(), Some("wf_a"));
        assert_eq!(catalogue.list.text(), list);
        // Where something is to be taken out of it, it can be.
        let object = definition.object.into_tree();
        assert_eq!(serde_json::to_string(&object).expect("JSON"), text.replace("1e5", "1e+5"));
        assert_eq!(object["steps"][0]["name"], "S");
        assert_eq!(Catalogue::entries(catalogue.list)[0]["workflow_ref"], "wf_a");
    }

    #[test]
    fn what_does_not_fit_goes_the_long_way() {
        let long = format!(r#"{{"slug":"{}"}}"#, "a".repeat(MAX_BYTES));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let many: Vec<String> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":1")).collect();
        for body in [
            &format!("{{{}}}", many.join(",")),
            "{\"a\":\n1}",
            r#"{"a":{"$serde_json::private::RawValue":"[]"}}"#,
            r#"{"\u0061":1}"#,
            "[1]",
            "{\"a\":1",
            r#"{"steps":[1]}"#,
            &long,
            &format!(r#"{{"a":{deep}}}"#),
        ] {
            assert!(definition(body.as_bytes()).is_none(), "{body}");
        }
        for body in ["{}", "[1]", r#"[{"slug":"a"}]"#, r#"[{"workflow_ref":"wf_a","name":1}]"#, &deep] {
            assert!(catalogue(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn both_ways_say_the_same_about_steps() {
        let object: Map<String, Value> = serde_json::from_str(WORKFLOW).expect("an object");
        let short = definition(WORKFLOW.as_bytes()).expect("it fits").steps;
        assert_eq!(format!("{:?}", steps(&object)), format!("{short:?}"));
    }
}
