//! Failures on demand: which calls fail, how, and how often.

use std::str::FromStr;
use std::time::Duration;

use crate::error::ApiError;
use crate::glob;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 401: the login is not accepted.
    Unauthenticated,
    /// 403: the caller lacks the permission (or the resource does not exist: Google does not say which).
    PermissionDenied,
    /// 403 with `SERVICE_DISABLED`.
    ApiDisabled,
    /// 404.
    NotFound,
    /// The front end's HTML page for a host that serves nothing.
    HtmlNotFound,
    /// 400: an organization's policy allows no such member (`constraints/iam.allowedPolicyMemberDomains`).
    ForbiddenMember,
    /// 403: the caller may not run anything as a service account, or that is not known everywhere yet.
    NoActAs,
    /// 409 `ABORTED`: somebody else wrote first.
    Conflict,
    /// 409 `ALREADY_EXISTS`.
    AlreadyExists,
    /// 429.
    RateLimited,
    /// 500, 503, 504. gcloud repeats these for about 30 seconds.
    Server(u16),
    /// The connection is closed without an answer.
    Dropped,
    /// The answer comes, but late.
    Slow(Duration),
}

impl FaultKind {
    /// The refusal, for those kinds that are one.
    pub(crate) fn error(self, api: &str, project_number: &str, method: &str, path: &str) -> Option<ApiError> {
        Some(match self {
            Self::Unauthenticated => ApiError::unauthenticated(),
            Self::PermissionDenied => ApiError::permission_denied(format!(
                "Permission denied on resource '//{api}{path}' (or it may not exist)."
            )),
            Self::ApiDisabled => ApiError::api_disabled(api, project_number),
            // Compute names the resource by its path without the version prefix; gcloud shows the text as it is.
            Self::NotFound => ApiError::not_found(match path.strip_prefix("/compute/v1/") {
                Some(resource) => format!("The resource '{resource}' was not found"),
                None => format!("{method} {path}: not found."),
            }),
            Self::ForbiddenMember => ApiError::failed_precondition(
                "One or more users named in the policy do not belong to a permitted customer, perhaps due to an \
                 organization policy.",
            ),
            Self::NoActAs => ApiError::permission_denied(
                "Permission 'iam.serviceaccounts.actAs' denied on service account (or it may not exist).",
            ),
            Self::Conflict => {
                ApiError::aborted("There were concurrent changes to the resource. Please retry.")
            }
            Self::AlreadyExists => ApiError::already_exists("The resource already exists."),
            Self::RateLimited => ApiError::resource_exhausted(),
            Self::Server(code) => ApiError::server(code),
            Self::HtmlNotFound | Self::Dropped | Self::Slow(_) => return None,
        })
    }
}

/// One rule: calls that match fail, a number of times or always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    method: Option<String>,
    pattern: String,
    kind: FaultKind,
    remaining: Option<u32>,
    after: bool,
}

impl Fault {
    /// Fails every call whose `host/path` matches `pattern` (`*` stands for any run of characters).
    pub fn new(pattern: impl Into<String>, kind: FaultKind) -> Self {
        Self { method: None, pattern: pattern.into(), kind, remaining: None, after: false }
    }

    /// Only calls with this HTTP method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only the first `times` matching calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.remaining = Some(times);
        self
    }

    /// The call is carried out, and only its answer is replaced: a write whose outcome the caller never learns.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.after = true;
        self
    }
}

/// What to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) kind: FaultKind,
    pub(crate) after: bool,
}

/// The rules in force; the first that matches and is not used up decides.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn decide(&mut self, method: &str, host_and_path: &str) -> Option<Verdict> {
        let fault = self.0.iter_mut().find(|fault| {
            fault.remaining != Some(0)
                && fault.method.as_deref().is_none_or(|wanted| wanted == method)
                && glob::matches(&fault.pattern, host_and_path)
        })?;
        if let Some(left) = &mut fault.remaining {
            *left -= 1;
        }
        Some(Verdict { kind: fault.kind, after: fault.after })
    }
}

/// A rule that could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "'{given}' is not a fault: write [METHOD] HOST/PATH KIND [xTIMES], KIND being 401, 403, disabled, member, actas, 404, html404, \
     409, exists, 429, 500, 503, 504, dropped or slow:SECONDS"
)]
pub struct FaultSyntax {
    given: String,
}

impl FromStr for Fault {
    type Err = FaultSyntax;

    fn from_str(given: &str) -> Result<Self, FaultSyntax> {
        let wrong = || FaultSyntax { given: given.to_owned() };
        let mut words: Vec<&str> = given.split_whitespace().collect();
        let times = match words.last().and_then(|word| word.strip_prefix('x')).map(str::parse) {
            Some(Ok(times)) => {
                words.pop();
                Some(times)
            }
            _ => None,
        };
        let (method, pattern, kind) = match words[..] {
            [pattern, kind] => (None, pattern, kind),
            [method, pattern, kind] => (Some(method), pattern, kind),
            _ => return Err(wrong()),
        };
        let kind = match kind {
            "401" => FaultKind::Unauthenticated,
            "403" => FaultKind::PermissionDenied,
            "disabled" => FaultKind::ApiDisabled,
            "member" => FaultKind::ForbiddenMember,
            "actas" => FaultKind::NoActAs,
            "404" => FaultKind::NotFound,
            "html404" => FaultKind::HtmlNotFound,
            "409" => FaultKind::Conflict,
            "exists" => FaultKind::AlreadyExists,
            "429" => FaultKind::RateLimited,
            "500" => FaultKind::Server(500),
            "503" => FaultKind::Server(503),
            "504" => FaultKind::Server(504),
            "dropped" => FaultKind::Dropped,
            other => {
                let seconds = other.strip_prefix("slow:").and_then(|text| text.parse().ok());
                FaultKind::Slow(Duration::from_secs(seconds.ok_or_else(wrong)?))
            }
        };
        let mut fault = Self::new(pattern, kind);
        fault.method = method.map(str::to_ascii_uppercase);
        fault.remaining = times;
        Ok(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_used_up() {
        let mut faults = Faults::default();
        faults.add("POST *:addVersion 503 x1".parse().unwrap());
        let path = "secretmanager.googleapis.com/v1/projects/p/secrets/n:addVersion";
        assert_eq!(faults.decide("GET", path), None);
        let verdict = faults.decide("POST", path).unwrap();
        assert_eq!(verdict.kind, FaultKind::Server(503));
        assert_eq!(faults.decide("POST", path), None);
    }

    #[test]
    fn a_rule_that_says_nothing_is_refused() {
        for text in ["", "403", "GET a b c", "* sometimes", "* slow:soon"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert_eq!("* slow:5".parse::<Fault>().unwrap().kind, FaultKind::Slow(Duration::from_secs(5)));
    }
}
