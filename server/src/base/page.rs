//! Pages that a person sees: plain HTML that needs no script, and that no other site can frame.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");

/// The brand's mark, as the page draws it.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' \
                    rx='7' fill='%230b6b4f'/%3E%3Cpath d='M7 12.5l3.5 3.5L17 8.5' fill='none' stroke='%23fff' \
                    stroke-width='2.6'/%3E%3C/svg%3E";

/// The style and the icon are allowed, the style by its hash, and nothing else at all. There is no `form-action`: browsers apply it
/// to the redirects behind a form too, and ours go to Validibot, its own sign-in providers, and the client.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("visible ASCII")
});

/// A whole page around its main part.
pub(crate) fn page(status: StatusCode, title: &str, main: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " \u{b7} Validibot" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { p.brand { span.mark aria-hidden="true" {} "Validibot" } }
                main { (main) }
            }
        }
    };
    let mut response = (status, markup.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address holds the request, which is nobody else's business. Not `no-referrer`: browsers then send a form of ours with
    // `Origin: null`, as they do for a stranger's.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // A window that another site opened cannot reach that site, nor the other way round.
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
