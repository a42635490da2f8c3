//! Content types for files (contract, A5): the ones that Validibot takes, by the file's extension.

/// The content type under which Validibot accepts a file of this name.
///
/// Unknown extensions go as bytes: Validibot then judges by the workflow, and reads JSON sent as bytes as JSON.
pub fn content_type(file_name: &str) -> &'static str {
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "json" | "epjson" => "application/json",
        "jsonld" => "application/ld+json",
        "xml" | "thmx" => "application/xml",
        "rdf" => "application/rdf+xml",
        // `text/csv` is refused.
        "idf" | "txt" | "csv" => "text/plain",
        "yaml" | "yml" => "application/yaml",
        "ttl" => "text/turtle",
        "nt" => "application/n-triples",
        "nq" => "application/n-quads",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn the_extension_decides_in_any_case() {
        assert_eq!(content_type("a.EPJSON"), "application/json");
        assert_eq!(content_type("a.b.csv"), "text/plain");
        assert_eq!(content_type("model.fmu"), "application/octet-stream");
        assert_eq!(content_type("README"), "application/octet-stream");
    }
}
