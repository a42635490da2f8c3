//! Whether a success is what the contract says it is, as far as anybody here or an agent builds on it.
//!
//! What is there has to have the right type, or the wrong answer would pass for a right one; keys that are new or
//! missing are no fault (contract, A4), but for those without which nothing can go on.

use serde_json::{Map, Value};

use super::super::passthrough::{self, Catalogue, Definition};
use super::super::structured::Structured;
use super::{Answer, ApiError, not_understood};

type Object = Map<String, Value>;

impl Answer {
    /// The catalogue (contract, A3).
    pub(in crate::validibot) fn catalogue(self) -> Result<Vec<Value>, ApiError> {
        self.list(|entry| {
            entry.as_object().is_some_and(|entry| {
                entry.get("workflow_ref").is_some_and(Value::is_string)
                    && all(entry, &["slug", "name", "description", "org_slug", "org_name"], Value::is_string)
                    && all(entry, &["allowed_file_types"], Value::is_array)
            })
        })
    }

    /// The catalogue of the agent API (contract, A8), whose entries need no reference of their own.
    pub(in crate::validibot) fn agent_catalogue(self) -> Result<Vec<Value>, ApiError> {
        self.list(|entry| {
            entry.as_object().is_some_and(|entry| {
                entry.get("slug").is_some_and(Value::is_string)
                    && all(
                        entry,
                        &["workflow_ref", "name", "description", "org_slug", "org", "agent_billing_mode"],
                        Value::is_string,
                    )
                    && all(entry, &["allowed_file_types"], Value::is_array)
            })
        })
    }

    /// The catalogue, in its own bytes where it can go on in them.
    pub(in crate::validibot) fn catalogue_to_pass(self) -> Result<Catalogue, ApiError> {
        if let Some(catalogue) = passthrough::catalogue(&self.body) {
            return Ok(catalogue);
        }
        self.catalogue().map(Catalogue::of)
    }

    /// One workflow (contract, A4).
    pub(in crate::validibot) fn workflow(self) -> Result<Object, ApiError> {
        self.object_with(|workflow| {
            all(workflow, &["steps"], Value::is_array) && is_workflow(&|key| workflow.get(key).map(Some))
        })
    }

    /// One workflow, in its own bytes where it can go on in them.
    pub(in crate::validibot) fn definition_to_pass(self) -> Result<Definition, ApiError> {
        if let Some(definition) = passthrough::definition(&self.body) {
            // That its steps are a list, reading their names has shown.
            let good = is_workflow(&|key| definition.object.get(key).map(Structured::tree));
            return if good { Ok(definition) } else { Err(not_understood(self.status)) };
        }
        self.workflow().map(Definition::of)
    }

    /// One run (contract, A5 and A6).
    pub(in crate::validibot) fn run(self) -> Result<Object, ApiError> {
        let status = self.status;
        let run = self.run_object()?;
        let good = run.get("state").is_some_and(Value::is_string)
            && ["id", "run_id"].iter().any(|key| run.get(*key).is_some_and(Value::is_string))
            && all(&run, &["id", "run_id", "run_ref", "org", "status", "result"], Value::is_string)
            && all(&run, &["steps", "findings"], Value::is_array);
        if good { Ok(run) } else { Err(not_understood(status)) }
    }

    fn object_with(self, good: impl Fn(&Object) -> bool) -> Result<Object, ApiError> {
        let status = self.status;
        self.object().and_then(|object| if good(&object) { Ok(object) } else { Err(not_understood(status)) })
    }
}

/// All but the steps. `member` is one of a name; it is `Some(None)` where it is there and has not been read: a list or an
/// object, of which none belongs here but that of the file types, which is read.
fn is_workflow<'a>(member: &dyn Fn(&str) -> Option<Option<&'a Value>>) -> bool {
    let good = |key, good: fn(&Value) -> bool| member(key).is_none_or(|value| value.is_some_and(good));
    let text = |value: &Value| value.is_null() || value.is_string();
    member("slug").flatten().is_some_and(Value::is_string)
        && ["workflow_ref", "name", "description", "org_slug"].into_iter().all(|key| good(key, text))
        && good("allowed_file_types", |value| value.is_null() || value.is_array())
}

/// Whether those of the keys that are there, and not null, pass.
fn all(object: &Object, keys: &[&str], good: fn(&Value) -> bool) -> bool {
    keys.iter().filter_map(|key| object.get(*key)).all(|value| value.is_null() || good(value))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Answer::made(body)
    }

    #[test]
    fn new_keys_pass_and_wrong_types_do_not() {
        assert!(answer(r#"[{"workflow_ref":"wf_a","new":[1]}]"#).catalogue().is_ok());
        assert!(answer("[]").catalogue().is_ok());
        // One that cannot be read does not take the others with it.
        for bad in [
            r#"{"workflow_ref":"wf_b","x":{"$serde_json::private::RawValue":"[[1]]"}}"#.to_owned(),
            r#"{"workflow_ref":"wf_b","x":{"\u0024serde_json::private::Number":"x"}}"#.to_owned(),
            format!(r#"{{"workflow_ref":"wf_b","x":[{}1]}}"#, "1,".repeat(10_000)),
            r#"{"workflow_ref":7}"#.to_owned(),
        ] {
            let list = format!(r#"[{{"workflow_ref":"wf_a"}},{bad},{{"workflow_ref":"wf_c"}}]"#);
            let read = answer(&list).catalogue().expect("a list");
            let names: Vec<_> = read.iter().map(|entry| entry["workflow_ref"].as_str()).collect();
            assert_eq!(names, [Some("wf_a"), Some("wf_c")], "{bad}");
            let passed = answer(&list).catalogue_to_pass().expect("a list");
            let text = passed.list.text();
            assert!(text.contains("wf_c") && !text.contains("private::"), "{bad}");
            let agents = list.replace("workflow_ref", "slug");
            assert_eq!(answer(&agents).agent_catalogue().expect("a list").len(), 2, "{bad}");
        }
        for bad in [r#"[{"workflow_ref":1}]"#, "[1]", r#"[{"slug":"a"}]"#, r#"{"workflow_ref":"wf_a"}"#] {
            assert!(answer(bad).catalogue().is_err(), "{bad}");
            assert!(answer(bad).catalogue_to_pass().is_err(), "{bad}");
        }
        assert!(answer(r#"{"slug":"a","steps":[],"org_slug":null}"#).workflow().is_ok());
        for bad in
            [r#"{"slug":1}"#, r#"{"slug":"a","steps":"none"}"#, "{}", "[]", r#"{"slug":"a","name":[1]}"#]
        {
            assert!(answer(bad).workflow().is_err(), "{bad}");
            assert!(answer(bad).definition_to_pass().is_err(), "{bad}");
        }
        assert!(answer(r#"{"id":"x","state":"RUNNING"}"#).run().is_ok());
        for bad in [r#"{"id":"x"}"#, r#"{"state":"RUNNING"}"#, r#"{"id":"x","state":"RUNNING","steps":1}"#] {
            assert!(answer(bad).run().is_err(), "{bad}");
        }
    }
}
