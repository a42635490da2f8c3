//! Content types and extensions, and the file types they stand for.

use serde::Serialize;

/// Validibot's file types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileType {
    Json,
    Xml,
    Text,
    Yaml,
    Binary,
}

impl FileType {
    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Text => "text",
            Self::Yaml => "yaml",
            Self::Binary => "binary",
        }
    }
}

/// A media type without parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The type of an accepted media type. `text/csv`, `application/zip` and, before 0.16, `application/pdf` are not among them
/// (contract, A5, surprise 1).
pub(crate) fn of_media_type(content_type: &str) -> Option<FileType> {
    Some(match essence(content_type).as_str() {
        "application/json" | "application/ld+json" => FileType::Json,
        "application/xml" | "application/rdf+xml" => FileType::Xml,
        "text/plain" | "text/x-idf" | "text/turtle" | "application/n-triples" | "application/n-quads" => {
            FileType::Text
        }
        "text/yaml" | "application/yaml" => FileType::Yaml,
        "application/octet-stream" => FileType::Binary,
        _ => return None,
    })
}

/// The type by name where an envelope has no content type: only these names are trusted (contract, A5, surprise 1).
pub(super) fn trusted(name: &str) -> Option<FileType> {
    let lower = name.to_ascii_lowercase();
    let known = [".json", ".epjson", ".xml", ".idf"].iter().any(|extension| lower.ends_with(extension));
    if known || lower.contains("energyplus") { of_file_name(name) } else { None }
}

/// The type that a name stands for, whatever the content type says (contract, A5, multipart mode: a name refines the type; a
/// YAML document sent as plain text stays YAML, and a workflow of text files refuses it).
pub(crate) fn of_file_name(name: &str) -> Option<FileType> {
    let name = name.to_ascii_lowercase();
    let is = |extensions: &[&str]| extensions.iter().any(|extension| name.ends_with(extension));
    Some(if is(&[".json", ".epjson", ".jsonld"]) {
        FileType::Json
    } else if is(&[".xml", ".rdf"]) {
        FileType::Xml
    } else if is(&[".yaml", ".yml"]) {
        FileType::Yaml
    } else if is(&[".ttl", ".nt", ".nq", ".idf"]) || name.contains("energyplus") {
        FileType::Text
    } else if is(&[".thmx"]) {
        FileType::Xml
    } else if is(&[".thmz", ".fmu", ".xls", ".xlsx", ".zip"]) {
        FileType::Binary
    } else {
        return None;
    })
}

/// The content type that a file of this type and name is stored by, where the name has overruled the one it came with.
pub(super) fn preferred(file_type: FileType, name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let is = |extension: &str| name.ends_with(extension);
    match file_type {
        FileType::Text if is(".idf") => "text/x-idf",
        FileType::Text if is(".ttl") => "text/turtle",
        FileType::Text if is(".nt") => "application/n-triples",
        FileType::Text if is(".nq") => "application/n-quads",
        FileType::Text => "text/plain",
        FileType::Json if is(".jsonld") => "application/ld+json",
        FileType::Json => "application/json",
        FileType::Xml if is(".rdf") => "application/rdf+xml",
        FileType::Xml => "application/xml",
        FileType::Yaml => "application/yaml",
        FileType::Binary => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_map_holds() {
        assert_eq!(of_media_type("Application/JSON; charset=utf-8"), Some(FileType::Json));
        for refused in ["text/csv", "application/x-yaml", "application/zip", "application/pdf"] {
            assert_eq!(of_media_type(refused), None, "{refused}");
        }
        assert_eq!(of_file_name("Model.EPJSON"), Some(FileType::Json));
        assert_eq!(of_file_name("table.csv"), None);
        assert_eq!(of_file_name("plan.yml"), Some(FileType::Yaml));
        assert_eq!(of_file_name("my-energyplus-model"), Some(FileType::Text));
        assert_eq!(trusted("plan.yml"), None);
        assert_eq!(trusted("1zone.IDF"), Some(FileType::Text));
    }
}
