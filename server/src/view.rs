//! The view that a host shows in a chat (MCP Apps, SEP-1865, version 2026-01-26): one HTML document that takes a file, follows
//! its run and shows what was found.
//!
//! It holds nothing of a deployment or of a person: what it needs, the results that it is shown for bring along. So anybody may
//! keep it, and it is the same for everybody.

use rmcp::model::{
    CacheScope, ExtensionCapabilities, JsonObject, MetaObject, ReadResourceResult, Resource, ResourceContents,
};
use serde_json::{Map, json};

use crate::base::hex::hexadecimal;
use crate::config::Settings;

/// Under which name clients and servers declare that they know views.
pub(crate) const EXTENSION: &str = "io.modelcontextprotocol/ui";
/// The one media type of views.
pub(crate) const MIME: &str = "text/html;profile=mcp-app";
/// Where it is to be read. Hosts keep a view under its URI for hours and chats refer to it for years, so that a view which behaves
/// in another way has another number.
pub(crate) const URI: &str = "ui://validibot/upload-1.html";

/// How long a client may keep it, in milliseconds: it changes with its URI only.
const TTL_MS: u64 = 3_600_000;

const HTML: &str = include_str!("view/upload.html");
/// What Claude shows a view's document under (`ext-apps`, docs/csp-cors.md).
const CLAUDE: &str = "claudemcpcontent.com";

/// Whether a URI names the view: this number, an older one that a stored chat refers to, or the next one, of which another
/// instance spoke while a new version takes over. Each gets what is here.
pub(crate) fn is_view(uri: &str) -> bool {
    let number = uri.strip_prefix("ui://validibot/upload-").and_then(|rest| rest.strip_suffix(".html"));
    number.is_some_and(|number| {
        !number.is_empty() && number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What a tool's definition has where hosts show its results in the view: the key of today, and the flat one that some hosts
/// still go by.
pub(crate) fn of_tool() -> MetaObject {
    let mut meta = Map::new();
    meta.insert("ui".to_owned(), json!({ "resourceUri": URI }));
    meta.insert("ui/resourceUri".to_owned(), URI.into());
    MetaObject(meta)
}

/// As an entry of the list of resources.
pub(crate) fn resource(settings: &Settings) -> Resource {
    Resource::new(URI, "upload")
        .with_title("Validate a file")
        .with_description("A file picker for a chat, which shows what the validation found")
        .with_mime_type(MIME)
        .with_meta(meta(settings))
}

/// The document, under the URI that was asked for.
pub(crate) fn read(settings: &Settings, uri: &str) -> ReadResourceResult {
    let contents = ResourceContents::text(HTML, uri).with_mime_type(MIME).with_meta(meta(settings));
    let mut read = ReadResourceResult::new(vec![contents]);
    read.ttl_ms = Some(TTL_MS);
    read.cache_scope = Some(CacheScope::Public);
    read
}

/// What the server declares of views: that it has some.
pub(crate) fn extension() -> ExtensionCapabilities {
    ExtensionCapabilities::from([(EXTENSION.to_owned(), JsonObject::new())])
}

/// What the document may do: upload to this server, and nothing else. `ChatGPT` knows the same under names of its own.
fn meta(settings: &Settings) -> MetaObject {
    let server = settings.base_url.as_str();
    let mut ui = json!({ "csp": { "connectDomains": [server] }, "prefersBorder": true });
    if let Some(domain) = &settings.views.domain {
        ui["domain"] = match domain.as_str() {
            "claude" => of_claude(settings).into(),
            domain => domain.into(),
        };
    }
    let mut meta = Map::new();
    meta.insert("ui".to_owned(), ui);
    meta.insert("openai/widgetPrefersBorder".to_owned(), true.into());
    meta.insert(
        "openai/widgetCSP".to_owned(),
        json!({ "connect_domains": [server], "resource_domains": [] }),
    );
    if let Some(domain) = &settings.views.openai_domain {
        meta.insert("openai/widgetDomain".to_owned(), domain.as_str().into());
    }
    MetaObject(meta)
}

/// The origin that Claude gives to the views of a connector: made from its address, as users type it.
fn of_claude(settings: &Settings) -> String {
    use sha2::Digest as _;
    let address = format!("{}/mcp", settings.base_url.as_str());
    let digest = hexadecimal(&sha2::Sha256::digest(address));
    format!("{}.{CLAUDE}", &digest[..32])
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;

    use super::*;

    /// The number of the view, and the document that has it.
    const KNOWN: (&str, &str) =
        ("ui://validibot/upload-1.html", "19820d6d58e1c71d0bedcb748fd8e6c4fd241b05f3e418eb8539995ed8f538b0");

    #[test]
    fn a_changed_document_has_a_new_number() {
        let digest = hexadecimal(&sha2::Sha256::digest(HTML));
        assert_eq!(
            (URI, digest.as_str()),
            KNOWN,
            "the view has changed: where a released one had this number, give it the next one in URI (hosts keep views by \
             their URI), and write both here"
        );
    }

    #[test]
    fn the_document_is_small_and_needs_nothing_from_elsewhere() {
        assert!(HTML.len() < 30_000, "{} bytes", HTML.len());
        for reaching in [
            "src=",
            "href=",
            "url(\"",
            "@import",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "fetch(",
            "localStorage",
            "sessionStorage",
            "cookie",
            "http://",
            "https://",
        ] {
            assert!(!HTML.contains(reaching), "the view holds {reaching}");
        }
    }

    #[test]
    fn every_number_is_the_view_and_nothing_else_is() {
        assert!(is_view(URI) && is_view("ui://validibot/upload-2.html"));
        for other in [
            "",
            "ui://validibot/upload-.html",
            "ui://validibot/upload-1.html?x",
            "ui://validibot/upload-12345.html",
            "ui://validibot/upload-a.html",
            "ui://other/upload-1.html",
            "validibot://runs/1",
        ] {
            assert!(!is_view(other), "{other}");
        }
    }
}
