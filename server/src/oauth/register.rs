//! `POST /register`: dynamic client registration (RFC 7591). Nothing is stored: the client id is the sealed registration.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::Oauth;
use super::artifacts::Registration;
use super::display_name::clean_name;
use super::error::OauthError;
use crate::base::json as json_of_others;
use crate::config::redirect_uri::{AppSchemes, RedirectError, RedirectUri};

/// Far above what real clients send; the route's body limit.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024;
/// VS Code, with the most that we know of, registers six.
const MAX_REDIRECT_URIS: usize = 10;
const MAX_NAME_CHARS: usize = 80;
/// A client id travels in URLs and in each request of its client.
const MAX_CLIENT_ID_BYTES: usize = 1024;

/// What is wrong with a registration (RFC 7591, section 3.2.2).
#[derive(Debug, Error)]
pub(super) enum RegisterError {
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    #[error("the body is not the JSON of a client's metadata")]
    NotMetadata,
    #[error("redirect_uris has to name 1 to {MAX_REDIRECT_URIS} addresses")]
    RedirectCount,
    #[error("redirect_uris: entry {number} {problem}")]
    Redirect { number: usize, problem: RedirectError },
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("client_name and redirect_uris together are too long: about 650 bytes fit")]
    TooLong,
}

/// The members that matter here. Others are ignored, as section 2 wants.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

pub(super) async fn register(
    State(oauth): State<Arc<Oauth>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, RegisterError> {
    let body = body.map_err(|_| RegisterError::TooLarge)?;
    let registration = read(&body, oauth.clients.schemes())?;
    let client_id = oauth.seal.seal(&registration);
    if client_id.len() >= MAX_CLIENT_ID_BYTES {
        return Err(RegisterError::TooLong);
    }
    let answer = json!({
        "client_id": client_id,
        "client_name": registration.name,
        "redirect_uris": registration.redirect_uris,
        // Whatever was asked for: there are no client secrets here, and PKCE guards every code.
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// `/register` where OAuth is off.
pub(super) async fn off() -> OauthError {
    let text = "this server has no sign-in and registers no clients: give the client a Validibot API token, to be sent as \
                Authorization: Bearer";
    OauthError::new(StatusCode::NOT_FOUND, "registration_not_supported", text)
}

fn read(body: &[u8], schemes: &AppSchemes) -> Result<Registration, RegisterError> {
    let metadata: Metadata = json_of_others::document(body).map_err(|_| RegisterError::NotMetadata)?;
    if !(1..=MAX_REDIRECT_URIS).contains(&metadata.redirect_uris.len()) {
        return Err(RegisterError::RedirectCount);
    }
    let mut redirect_uris = Vec::new();
    let mut unknown = None;
    for (index, uri) in metadata.redirect_uris.into_iter().enumerate() {
        let refused = |problem| RegisterError::Redirect { number: index + 1, problem };
        match RedirectUri::parse(&uri, schemes) {
            Ok(_) => redirect_uris.push(uri),
            // An app that runs in several hosts registers the addresses of all of them: the others are good without this one,
            // and the answer says which ones are registered (RFC 7591, section 3.2.1).
            Err(problem @ RedirectError::UnknownApp) => unknown = unknown.or(Some(refused(problem))),
            Err(problem) => return Err(refused(problem)),
        }
    }
    if let Some(unknown) = unknown.filter(|_| redirect_uris.is_empty()) {
        return Err(unknown);
    }
    // Some programs write an empty list for what they leave open (RFC 7591, section 2: the default).
    let lacks = |names: Option<Vec<String>>, wanted: &str| {
        names.is_some_and(|names| !names.is_empty() && !names.iter().any(|name| name == wanted))
    };
    if lacks(metadata.grant_types, "authorization_code") {
        return Err(RegisterError::Unsupported("grant_types must contain authorization_code"));
    }
    if lacks(metadata.response_types, "code") {
        return Err(RegisterError::Unsupported("response_types must contain code"));
    }
    // A long name is cut, not refused: it is for people to read, and longer ones push the decision off the page.
    let name: String =
        clean_name(&metadata.client_name.unwrap_or_default()).chars().take(MAX_NAME_CHARS).collect();
    let name = if name.is_empty() { "An app without a name".to_owned() } else { name };
    // In one order, so that the same set gives the same client id.
    redirect_uris.sort_unstable();
    redirect_uris.dedup();
    Ok(Registration { name, redirect_uris })
}

impl IntoResponse for RegisterError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_client_metadata"),
            Self::RedirectCount | Self::Redirect { .. } => (StatusCode::BAD_REQUEST, "invalid_redirect_uri"),
            Self::NotMetadata | Self::Unsupported(_) | Self::TooLong => {
                (StatusCode::BAD_REQUEST, "invalid_client_metadata")
            }
        };
        OauthError::new(status, code, self.to_string()).into_response()
    }
}
