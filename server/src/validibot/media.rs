//! Files by what they are: extension, content type and Validibot's file type in one table (contract, A5).
//!
//! Validibot keeps a file under the extension of the content type that it came with, and a step may judge that name: an IDF sent
//! as plain text becomes `.txt`, and `EnergyPlus` does not take it. A name that Validibot knows overrules the content type.

use std::collections::BTreeSet;

/// How a file of one extension travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Media {
    /// One of the content types that Validibot accepts; `text/csv` and `application/zip` are not among them.
    pub(crate) content_type: &'static str,
    /// Validibot's type, as `allowed_file_types` names it.
    pub(crate) file_type: &'static str,
}

const JSON: Media = Media { content_type: "application/json", file_type: "json" };
const JSON_LD: Media = Media { content_type: "application/ld+json", file_type: "json" };
const XML: Media = Media { content_type: "application/xml", file_type: "xml" };
const RDF_XML: Media = Media { content_type: "application/rdf+xml", file_type: "xml" };
const TEXT: Media = Media { content_type: "text/plain", file_type: "text" };
const IDF: Media = Media { content_type: "text/x-idf", file_type: "text" };
const TURTLE: Media = Media { content_type: "text/turtle", file_type: "text" };
const N_TRIPLES: Media = Media { content_type: "application/n-triples", file_type: "text" };
const N_QUADS: Media = Media { content_type: "application/n-quads", file_type: "text" };
const YAML: Media = Media { content_type: "application/yaml", file_type: "yaml" };
const BYTES: Media = Media { content_type: "application/octet-stream", file_type: "binary" };
/// Versions before 0.16 take a PDF as bytes alone and know no type of that name; later ones go by its extension.
const PDF: Media = Media { content_type: "application/octet-stream", file_type: "pdf" };

/// The types of the tables below, the usual ones first.
pub(crate) const FILE_TYPES: [&str; 6] = ["json", "xml", "text", "yaml", "binary", "pdf"];

/// Extensions that Validibot tells a type by before anything else in the name.
const CERTAIN: [(&str, Media); 11] = [
    ("json", JSON),
    ("epjson", JSON),
    ("jsonld", JSON_LD),
    ("xml", XML),
    ("rdf", RDF_XML),
    ("yaml", YAML),
    ("yml", YAML),
    ("ttl", TURTLE),
    ("nt", N_TRIPLES),
    ("nq", N_QUADS),
    ("idf", IDF),
];

/// The others. Most of them Validibot does not know, and goes by the content type.
const OTHERS: [(&str, Media); 19] = [
    ("geojson", JSON),
    ("thmx", XML),
    ("xsd", XML),
    ("gbxml", XML),
    ("txt", TEXT),
    ("csv", TEXT),
    ("tsv", TEXT),
    ("md", TEXT),
    ("ifc", TEXT),
    ("epw", TEXT),
    ("osm", TEXT),
    ("inp", TEXT),
    ("mo", TEXT),
    ("fmu", BYTES),
    ("thmz", BYTES),
    ("zip", BYTES),
    ("xls", BYTES),
    ("xlsx", BYTES),
    ("pdf", PDF),
];

/// The content types in which Validibot searches a file's first bytes for those of programs, and fails (HTTP 500) where it
/// finds them: no run is started.
const SEARCHED: [&str; 5] =
    ["application/json", "application/xml", "application/yaml", "text/plain", "text/x-idf"];

/// Those bytes, and what begins with them.
const PROGRAMS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xfe\xed\xfa", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"#!", "a program"),
];

/// How many of a file's first bytes have to be known for [`Media::trips`].
pub(crate) const HEAD_BYTES: usize = 4;

impl Media {
    /// What the name says. Without an extension that is known a file is bytes.
    pub(crate) fn of(file_name: &str) -> Self {
        known(file_name).unwrap_or(BYTES)
    }

    /// The same for what came as text: without an extension that is known it is plain text.
    pub(crate) fn of_text(file_name: &str) -> Self {
        known(file_name).unwrap_or(TEXT)
    }

    /// What Validibot would take this file for, and fail: `head` is its first bytes, [`HEAD_BYTES`] or all of them.
    pub(crate) fn trips(self, head: &[u8]) -> Option<&'static str> {
        let searched = SEARCHED.contains(&self.content_type);
        let found = PROGRAMS.iter().find(|(magic, _)| head.starts_with(magic));
        found.filter(|_| searched).map(|(_, what)| *what)
    }
}

/// The extensions that a workflow with these types takes, with their dots, sorted; types that are unknown here have none.
/// YAML is not among those of text: Validibot goes by the name, and refuses it there.
pub(crate) fn accepted_extensions<'a>(types: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let of = |name: &str| {
        let same = move |(_, media): &&(&str, Media)| media.file_type.eq_ignore_ascii_case(name);
        table().filter(|entry| same(entry)).map(|(extension, _)| format!(".{extension}")).collect::<Vec<_>>()
    };
    types.flat_map(of).collect()
}

/// Whether a workflow with these types may take a file of this name. Where one of the types is not known here, any may be.
pub(crate) fn takes<'a>(mut types: impl Iterator<Item = &'a str>, file_name: &str) -> bool {
    let file = known(file_name);
    let unknown = |name: &str| !table().any(|(_, media)| media.file_type.eq_ignore_ascii_case(name));
    types.any(|name| unknown(name) || file.is_some_and(|media| media.file_type.eq_ignore_ascii_case(name)))
}

fn table() -> impl Iterator<Item = &'static (&'static str, Media)> {
    CERTAIN.iter().chain(&OTHERS)
}

fn known(file_name: &str) -> Option<Media> {
    let name = file_name.to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let of = |table: &[(&str, Media)]| {
        table.iter().find(|(known, _)| *known == extension).map(|(_, media)| *media)
    };
    of(&CERTAIN).or_else(|| if name.contains("energyplus") { Some(TEXT) } else { of(&OTHERS) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_named_once() {
        let named: BTreeSet<&str> = FILE_TYPES.into_iter().collect();
        let used: BTreeSet<&str> = table().map(|(_, media)| media.file_type).collect();
        assert_eq!((named.len(), &named), (FILE_TYPES.len(), &used));
    }

    #[test]
    fn the_extension_decides_in_any_case() {
        for (name, content_type) in [
            ("a.EPJSON", "application/json"),
            ("a.b.csv", "text/plain"),
            ("1Zone.idf", "text/x-idf"),
            ("house.gbXML", "application/xml"),
            ("house.ifc", "text/plain"),
            ("model.ttl", "text/turtle"),
            ("model.fmu", "application/octet-stream"),
            ("report.pdf", "application/octet-stream"),
            ("README", "application/octet-stream"),
            // Validibot takes these for text, whatever they are.
            ("my-EnergyPlus-run", "text/plain"),
            ("energyplus-run.zip", "text/plain"),
            ("energyplus.xml", "application/xml"),
        ] {
            assert_eq!(Media::of(name).content_type, content_type, "{name}");
        }
        assert_eq!(Media::of_text("README"), TEXT);
        assert_eq!(Media::of_text("house.xyz"), TEXT);
        assert_eq!(Media::of_text("model.json"), JSON);
    }

    #[test]
    fn a_workflow_takes_what_is_announced_and_yaml_is_no_text() {
        let accepted = |types: &[&'static str]| accepted_extensions(types.iter().copied());
        assert!(accepted(&["hologram"]).is_empty() && accepted(&[]).is_empty());
        assert_eq!(accepted(&["yaml"]), [".yaml", ".yml"].map(str::to_owned).into());
        assert!(accepted(&["text"]).contains(".idf") && !accepted(&["text"]).contains(".yaml"));
        for types in [&["json"][..], &["TEXT", "xml"], &["binary"], &["pdf"], &["yaml", "json"]] {
            for extension in accepted(types) {
                assert!(takes(types.iter().copied(), &format!("a{extension}")), "{types:?} {extension}");
            }
        }
        let takes = |types: &[&'static str], name: &str| takes(types.iter().copied(), name);
        assert!(!takes(&["text"], "a.yaml") && !takes(&["binary"], "a.pdf") && !takes(&["text"], "noext"));
        assert!(takes(&["text", "hologram"], "a.yaml") && takes(&["hologram"], "a"));
    }

    /// docs/clients.md has the same table for people.
    #[test]
    fn the_page_lists_the_same_extensions() {
        let page = include_str!("../../../docs/clients.md");
        for file_type in ["json", "xml", "text", "yaml", "binary", "pdf"] {
            let extensions: Vec<String> = accepted_extensions([file_type].into_iter())
                .iter()
                .map(|extension| format!("`{extension}`"))
                .collect();
            let row = format!("| {file_type} | {} |", extensions.join(" "));
            assert!(page.contains(&row), "docs/clients.md has no row {row:?}");
        }
    }

    #[test]
    fn only_texts_are_searched_for_programs() {
        for head in [&b"MZone"[..], b"#!/bin", b"%PDF", b"PK\x03\x04", b"\x7fELF"] {
            for name in ["t.csv", "t.json", "t.xml", "t.yaml", "t.idf"] {
                assert!(Media::of(name).trips(head).is_some(), "{name} {head:?}");
            }
            for name in ["t.fmu", "t.ttl", "t"] {
                assert_eq!(Media::of(name).trips(head), None, "{name} {head:?}");
            }
        }
        assert_eq!(Media::of("t.csv").trips(b"\"MZone\""), None);
        assert_eq!(Media::of("t.csv").trips(b"M"), None);
    }
}
