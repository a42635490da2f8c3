//! Under which name Validibot keeps a file, and which contents it trips over (contract, A5).

use super::content_type::{FileType, essence};
use super::{Submission, content_type};
use crate::answer::{self, Answer};

/// The first bytes of archives, documents and programs. In a file of a text type they raise an exception that nobody
/// catches: 500, and no run (contract, A5; a table whose first column is `MZone` is enough).
const PROGRAMS: [&[u8]; 8] = [
    b"PK\x03\x04",
    b"%PDF",
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
];

/// The content types whose files are searched for those bytes; the RDF ones are not among them.
const SEARCHED: [&str; 6] =
    ["application/json", "application/xml", "text/plain", "text/x-idf", "application/yaml", "text/yaml"];

/// Longest stored name without its extension, in characters.
const LONGEST_NAME: usize = 100;

/// A file as Validibot stores it: the name may overrule the type that it came with, and the type decides how the name ends.
pub(super) fn store(name: &str, came_as: &str, bytes: bytes::Bytes) -> Result<Submission, Answer> {
    let requested = content_type::of_media_type(came_as).ok_or_else(unsupported)?;
    let file_type = content_type::of_file_name(name).unwrap_or(requested);
    let came_as = essence(came_as);
    let media_type: &str =
        if file_type == requested { &came_as } else { content_type::preferred(file_type, name) };
    if SEARCHED.contains(&media_type) && PROGRAMS.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(answer::internal_error());
    }
    Ok(Submission { bytes, file_type, name: forced(&safe(name), media_type) })
}

pub(super) fn unsupported() -> Answer {
    answer::fields(&[("content_type", "This content type is not supported for submissions.")])
}

/// What a file of a type known by other means is stored as.
pub(super) fn of_type(name: &str, file_type: FileType, bytes: bytes::Bytes) -> Result<Submission, Answer> {
    store(name, content_type::preferred(file_type, name), bytes)
}

/// The last part of a path, without what a file system or a shell could take amiss.
fn safe(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let kept = |c: char| c.is_ascii_alphanumeric() || "._-()+=,@ ".contains(c);
    // Letters outside ASCII go; what is left and unwelcome becomes an underscore.
    let visible = last.chars().filter(|c| c.is_ascii() && !c.is_ascii_control());
    let plain: String = visible.map(|c| if kept(c) { c } else { '_' }).collect();
    let plain: String =
        plain.trim().trim_start_matches('.').trim_end_matches('.').chars().take(LONGEST_NAME).collect();
    if plain.is_empty() { "document".to_owned() } else { plain }
}

/// The name with the extension of its content type in place of its own, unless it has that one already (contract, A5: a
/// text/plain IDF is stored as `.txt`, which `EnergyPlus` steps then refuse).
fn forced(name: &str, media_type: &str) -> String {
    let wanted = match media_type {
        "application/json" => ".json",
        "application/xml" => ".xml",
        "text/x-idf" => ".idf",
        "text/turtle" => ".ttl",
        "application/n-triples" => ".nt",
        "application/n-quads" => ".nq",
        "application/ld+json" => ".jsonld",
        "application/rdf+xml" => ".rdf",
        "application/yaml" | "text/yaml" => ".yaml",
        "application/octet-stream" => ".bin",
        _ => ".txt",
    };
    if name.to_ascii_lowercase().ends_with(wanted) {
        return name.to_owned();
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
    format!("{stem}{wanted}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn stored(name: &str, came_as: &str) -> (String, FileType) {
        let submission = store(name, came_as, Bytes::from_static(b"x")).expect("stored");
        (submission.name, submission.file_type)
    }

    #[test]
    fn the_content_type_decides_how_the_stored_name_ends() {
        for (name, came_as, kept, file_type) in [
            ("1Zone.idf", "text/x-idf", "1Zone.idf", FileType::Text),
            // The mistake that no EnergyPlus model got past.
            ("1Zone.idf", "text/plain", "1Zone.txt", FileType::Text),
            ("1Zone.epJSON", "application/json", "1Zone.json", FileType::Json),
            ("house.gbxml", "application/xml", "house.xml", FileType::Xml),
            ("house.ifc", "text/plain", "house.txt", FileType::Text),
            ("Model.TTL", "text/turtle", "Model.TTL", FileType::Text),
            // The name overrules what it came as, and then decides the content type too.
            ("model.ttl", "application/octet-stream", "model.ttl", FileType::Text),
            ("plan.yml", "text/plain", "plan.yaml", FileType::Yaml),
            ("wall.thmx", "application/octet-stream", "wall.xml", FileType::Xml),
            ("book.xlsx", "text/plain", "book.bin", FileType::Binary),
            ("report.pdf", "application/octet-stream", "report.bin", FileType::Binary),
            ("noext", "text/plain", "noext.txt", FileType::Text),
            ("../../etc/.hidden.json", "application/json", "hidden.json", FileType::Json),
            ("Büro; 1.csv", "text/plain; charset=utf-8", "Bro_ 1.txt", FileType::Text),
        ] {
            assert_eq!(stored(name, came_as), (kept.to_owned(), file_type), "{name} as {came_as}");
        }
        assert_eq!(store("a.csv", "text/csv", Bytes::from_static(b"a")).expect_err("refused").status, 400);
    }

    #[test]
    fn a_text_that_begins_like_a_program_is_an_exception() {
        let of = |name: &str, came_as: &str, bytes: &'static [u8]| {
            store(name, came_as, Bytes::from_static(bytes)).map_err(|answer| answer.status.as_u16())
        };
        for bytes in [&b"MZone,MWall\n1,2\n"[..], b"#!/bin/sh", b"%PDF-1.7", b"PK\x03\x04", b"\x7fELF"] {
            assert_eq!(of("t.csv", "text/plain", bytes), Err(500));
            assert_eq!(of("t.xml", "application/xml", bytes), Err(500));
            assert!(of("t.ttl", "text/turtle", bytes).is_ok(), "RDF is not searched");
            assert!(of("t.fmu", "application/octet-stream", bytes).is_ok(), "bytes may be anything");
        }
        // "energyplus" makes a text of an archive.
        assert_eq!(of("energyplus-run.zip", "application/octet-stream", b"PK\x03\x04"), Err(500));
        assert!(of("t.csv", "text/plain", b"\"MZone\",1").is_ok());
    }
}
