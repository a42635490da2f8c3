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

/// The type of an accepted media type. `text/csv` and `application/zip` are not among them (surprise 1).
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

/// The type by name where no content type says it: only these names are trusted (surprise 1).
pub(crate) fn of_file_name(name: &str) -> Option<FileType> {
    let name = name.to_ascii_lowercase();
    let is = |extension: &str| name.ends_with(extension);
    if is(".json") || is(".epjson") {
        Some(FileType::Json)
    } else if is(".xml") {
        Some(FileType::Xml)
    } else if is(".idf") || name.contains("energyplus") {
        Some(FileType::Text)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_map_holds() {
        assert_eq!(of_media_type("Application/JSON; charset=utf-8"), Some(FileType::Json));
        assert_eq!(of_media_type("text/csv"), None);
        assert_eq!(of_media_type("application/x-yaml"), None);
        assert_eq!(of_file_name("Model.EPJSON"), Some(FileType::Json));
        assert_eq!(of_file_name("table.csv"), None);
        assert_eq!(of_file_name("my-energyplus-model"), Some(FileType::Text));
    }
}
