//! Parameters of a query or a form.

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::api::{Call, Payload};

/// Names and values, in order; a name may come more than once.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The query's.
    pub(crate) fn of_query(call: &Call<'_>) -> Self {
        Self::parse(call.head.uri.query().unwrap_or_default().as_bytes())
    }

    /// The form's in the body; anything else there counts as none.
    pub(crate) fn of_form(call: &Call<'_>) -> Self {
        match &call.payload {
            Payload::Whole(body) => Self::parse(body),
            Payload::TooLarge | Payload::Broken => Self::default(),
        }
    }

    fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every value.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The pairs but for those with these names, for a form that sends them again.
    pub(crate) fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A cookie's value.
pub(crate) fn cookie(call: &Call<'_>, name: &str) -> Option<String> {
    let header = call.header("cookie")?;
    let value = header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}
