//! Reading a document of Cloud Run: members, lists, words and numbers.

use serde_json::{Map, Value};

/// A document's members; none where it has none.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The entries; none where it is no list.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// The text; empty where it is none.
pub(super) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The words between commas.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A number, or the text of one: annotations are text.
pub(super) fn number(value: &Value) -> Option<u32> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_u64()?.try_into().ok(),
    }
}

/// Processors in the form that is written here: a Kubernetes quantity may say `1` or `1000m`, and Cloud Run may give back
/// either.
pub(crate) fn whole_cpu(text: &str) -> String {
    let whole = text.strip_suffix("000m").filter(|whole| !whole.is_empty());
    whole.unwrap_or(text).to_owned()
}

/// A value in one line. Of a variable from a secret, which one; of a container's variables, their names.
pub(super) fn text(value: &Value) -> String {
    if let Some(variables) = value["env"].as_object() {
        let mut named = value.clone();
        named["env"] = variables.keys().cloned().collect();
        return named.to_string();
    }
    let from = &value["valueFrom"]["secretKeyRef"];
    match (value, from["name"].as_str(), from["key"].as_str()) {
        (_, Some(secret), Some(version)) => format!("secret {secret} version {version}"),
        (Value::String(text), ..) => text.clone(),
        _ => value.to_string(),
    }
}
