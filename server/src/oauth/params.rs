//! Parameters of a query or a form (RFC 6749, section 3.1 and appendix B).

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use thiserror::Error;

/// Longer than any good request: two sealed values with everything around them.
const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Far above what any request has: each is compared with all others.
const MAX_PARAMS: usize = 50;

/// Parsed parameters. A parameter without a value counts as absent; none but `resource` (RFC 8707) may be repeated.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

/// Why there are no parameters. The text may go to the client.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ParamsError {
    #[error("the parameter {0} is given more than once")]
    Repeated(String),
    #[error("there are more than {MAX_PARAMS} parameters")]
    TooMany,
    #[error("the request is too long")]
    TooLong,
    #[error("the body is not application/x-www-form-urlencoded")]
    NotAForm,
}

impl Params {
    /// Of a query, without its question mark.
    pub(super) fn of_query(query: &str) -> Result<Self, ParamsError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(ParamsError::TooLong);
        }
        Self::parse(query.as_bytes())
    }

    /// Of a form's body, which the route's own limit has bounded.
    pub(super) fn of_form(
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Self, ParamsError> {
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(ParamsError::NotAForm);
        }
        Self::parse(&body.map_err(|_| ParamsError::TooLong)?)
    }

    fn parse(text: &[u8]) -> Result<Self, ParamsError> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (index, (name, value)) in url::form_urlencoded::parse(text).enumerate() {
            if index >= MAX_PARAMS {
                return Err(ParamsError::TooMany);
            }
            if value.is_empty() {
                continue;
            }
            if name != "resource" && params.iter().any(|(known, _)| *known == name) {
                // The name comes from outside: no more of it is shown than a real name has.
                return Err(ParamsError::Repeated(name.chars().take(40).collect()));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_absent_and_only_resource_repeats() {
        let params = Params::of_query("a=1&b=&resource=x&resource=y&c=%20z+").expect("parameters");
        assert_eq!(params.get("a"), Some("1"));
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), Some(" z "));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(Params::of_query("a=1&a=1").unwrap_err(), ParamsError::Repeated("a".to_owned()));
        let many = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Params::of_query(&many(50)).is_ok());
        assert_eq!(Params::of_query(&many(51)).unwrap_err(), ParamsError::TooMany);
        assert_eq!(Params::of_query(&"a=&".repeat(51)).unwrap_err(), ParamsError::TooMany);
        assert_eq!(Params::of_query(&"a".repeat(20_000)).unwrap_err(), ParamsError::TooLong);
    }
}
