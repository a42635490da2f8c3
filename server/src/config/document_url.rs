//! Client ids that are the address of a metadata document (OAuth Client ID Metadata Document).

use url::{Host, Url};

/// The URL of a client id that is one: https, a host name, a path, and written as a parser writes it, so that two
/// texts never mean one client.
pub(crate) fn is_document_url(id: &str) -> Option<Url> {
    const MAX_BYTES: usize = 512;
    if id.len() > MAX_BYTES || !id.starts_with("https://") || id.contains('#') {
        return None;
    }
    let url = Url::parse(id).ok()?;
    let plain = url.as_str() == id && url.username().is_empty() && url.password().is_none();
    let named = matches!(url.host(), Some(Host::Domain(_)));
    (plain && named && url.path().len() > 1).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_that_is_a_url_is_written_in_one_way() {
        for id in ["https://client.example/metadata.json", "https://client.example:8443/a/b?c=d"] {
            assert!(is_document_url(id).is_some(), "{id}");
        }
        for id in [
            "https://client.example",
            "https://client.example/",
            "http://client.example/metadata.json",
            "https://client.example/metadata.json#x",
            "https://client.example/a/../metadata.json",
            "https://CLIENT.example/metadata.json",
            "https://client.example:443/metadata.json",
            "https://user@client.example/metadata.json",
            "https://127.0.0.1/metadata.json",
            "https://2130706433/metadata.json",
            "https://[::ffff:169.254.169.254]/metadata.json",
            " https://client.example/metadata.json",
        ] {
            assert!(is_document_url(id).is_none(), "{id}");
        }
    }
}
