//! The list of workflows, a page at a time where it is long.

use serde_json::{Value, json};

use super::filter::Filter;
use super::truncate::{MAX_BYTES, trim};
use crate::validibot::{Catalogue, Members, Structured};

/// What the entries of one page may take together; `next` and the like have room beside them.
const MAX_PAGE_BYTES: usize = MAX_BYTES - 3_000;
/// What one entry may take before it is shortened.
const MAX_ENTRY_BYTES: usize = 2_000;
/// What an entry is chosen by; the definition has the rest.
const CHOSEN_BY: [&str; 9] = [
    "workflow_ref",
    "slug",
    "name",
    "description",
    "version",
    "org_slug",
    "org_name",
    "allowed_file_types",
    "pricing",
];

/// The structured content for the catalogue from this entry on.
pub(super) fn page(Catalogue { first, list }: Catalogue, offset: usize, filter: &Filter) -> Members {
    let short = offset == 0 && filter.is_open() && list.text().len() <= MAX_PAGE_BYTES;
    if short {
        return written(first, list, None, None);
    }
    let mut entries = Catalogue::entries(list);
    let all = entries.len();
    filter.keep(&mut entries);
    let total = entries.len();
    let mut room = MAX_PAGE_BYTES;
    let mut page = Vec::new();
    for mut entry in entries.into_iter().skip(offset) {
        bound(&mut entry);
        let takes = entry.to_string().len() + 1;
        if takes > room && !page.is_empty() {
            break;
        }
        room = room.saturating_sub(takes);
        page.push(entry);
    }
    let seen = offset.saturating_add(page.len());
    let more = (seen < total).then(|| {
        let mut arguments = filter.arguments();
        arguments.insert("offset".to_owned(), seen.into());
        json!({
            "tool": "list_workflows",
            "arguments": arguments,
            "why": format!("more workflows: these are {} of {total}", page.len()),
        })
    });
    let first = page.first().and_then(|first| first.get("workflow_ref")?.as_str()).map(str::to_owned);
    if total == 0 && all > 0 {
        let next = json!({
            "tool": "list_workflows",
            "arguments": {},
            "why": format!("none of {all} workflows is what was asked for: this call lists them all"),
        });
        let mut nothing = Members::default();
        nothing.put("next", next);
        nothing.put("total", Value::from(0));
        nothing.put("result", Value::Array(page));
        return nothing;
    }
    written(first, Value::Array(page).into(), more, Some(total))
}

/// `total`: of how many the list shows some, where that is not to be seen.
fn written(first: Option<String>, list: Structured, more: Option<Value>, total: Option<usize>) -> Members {
    let mut structured = Members::default();
    if let Some(reference) = first {
        let next = json!({
            "tool": "get_workflow_details",
            "arguments": { "workflow_ref": reference },
            "why": "this one, or the one of the list that fits better",
        });
        structured.put("next", next);
    }
    if let Some(more) = more {
        structured.put("more", more);
    }
    if let Some(total) = total {
        structured.put("total", Value::from(total));
    }
    structured.put("result", list);
    structured
}

/// One entry may not crowd out the others.
fn bound(entry: &mut Value) {
    if entry.to_string().len() <= MAX_ENTRY_BYTES {
        return;
    }
    if let Value::Object(entry) = entry {
        entry.retain(|key, _| CHOSEN_BY.contains(&key.as_str()));
        for (_, value) in entry.iter_mut().filter(|(key, _)| *key != "workflow_ref") {
            trim(value, 200, 20);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn catalogue(entries: usize, description: &str) -> Catalogue {
        let entry = |n| json!({ "workflow_ref": format!("wf_{n}"), "description": description, "extra": description });
        Catalogue::of((0..entries).map(entry).collect())
    }

    fn page(catalogue: Catalogue, offset: usize) -> Map<String, Value> {
        super::page(catalogue, offset, &Filter::default()).into_tree()
    }

    #[test]
    fn every_workflow_of_a_long_list_is_on_one_page() {
        for description in ["short".to_owned(), "ü".repeat(2_000), "x".repeat(900)] {
            let (mut offset, mut seen, mut pages) = (0, Vec::new(), 0);
            let entries = 100;
            loop {
                let page = page(catalogue(entries, &description), offset);
                assert!(Value::Object(page.clone()).to_string().len() <= MAX_BYTES);
                let list = page["result"].as_array().expect("a list");
                assert_eq!(page["next"]["arguments"]["workflow_ref"], list[0]["workflow_ref"]);
                seen.extend(
                    list.iter().map(|entry| entry["workflow_ref"].as_str().expect("text").to_owned()),
                );
                pages += 1;
                let Some(more) = page.get("more") else { break };
                offset =
                    usize::try_from(more["arguments"]["offset"].as_u64().expect("a number")).expect("small");
                assert!(pages < 100, "paging ends");
            }
            let all: Vec<String> = (0..entries).map(|n| format!("wf_{n}")).collect();
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_short_list_is_left_alone_and_past_its_end_there_is_nothing() {
        let list = page(catalogue(3, "short"), 0);
        assert_eq!(list.keys().collect::<Vec<_>>(), ["next", "result"]);
        assert_eq!(page(catalogue(3, "short"), 2)["result"].as_array().map(Vec::len), Some(1));
        let past = page(catalogue(3, "short"), usize::MAX);
        assert_eq!(Value::Object(past), json!({ "total": 3, "result": [] }));
    }
}
