//! Answers as Django gives them: whole bodies, and its shapes of errors (contract, section a).

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use maud::html;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::pages;

/// A complete answer, before a fault may spoil it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let answer = Self { status, headers: Vec::new(), body: body.into() };
        answer.with(header::CONTENT_TYPE, content_type)
    }

    /// JSON without spaces, non-ASCII as it is: Django REST Framework's renderer.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("answers have string keys and no failing serialiser");
        Self::new(status, "application/json", bytes)
    }

    pub(crate) fn html(status: StatusCode, page: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=utf-8", page)
    }

    /// Adds a header. A value that HTTP cannot carry is a bug of the sandbox's, or of the script's.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("header values here are visible ASCII");
        self.headers.push((name, value));
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// Shape 1: `{"detail": …}`.
pub(crate) fn detail(status: StatusCode, text: &str) -> Answer {
    Answer::json(status, &json!({ "detail": text }))
}

/// Shape 2: `{"detail": …, "code": …}`.
pub(crate) fn coded(status: StatusCode, code: &str, text: &str) -> Answer {
    Answer::json(status, &json!({ "detail": text, "code": code }))
}

/// Shape 2 with `errors`, for one field.
pub(crate) fn coded_field(status: StatusCode, code: &str, field: &str, text: &str) -> Answer {
    let errors = json!([{ "field": field, "message": text }]);
    Answer::json(status, &json!({ "detail": text, "code": code, "errors": errors }))
}

/// Shape 3: 400 with each field's messages, and neither `detail` nor `code`.
pub(crate) fn fields(errors: &[(&str, &str)]) -> Answer {
    let body: Map<String, Value> =
        errors.iter().map(|(field, text)| ((*field).to_owned(), json!([text]))).collect();
    Answer::json(StatusCode::BAD_REQUEST, &body)
}

/// What any uncaught exception gives. Several of Validibot's known bugs end here.
pub(crate) fn internal_error() -> Answer {
    coded(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL_SERVER_ERROR",
        "Something went wrong on the server's side.",
    )
}

/// The page for a path that does not exist.
pub(crate) fn page_not_found() -> Answer {
    let body = html! { p { "There is nothing at this address." } };
    Answer::html(StatusCode::NOT_FOUND, pages::page("Not found", &body).into_string())
}
