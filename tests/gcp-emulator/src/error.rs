//! Google's error answers (google.rpc.Status over JSON, <https://cloud.google.com/apis/design/errors>).

use serde_json::{Value, json};

/// An API's refusal: HTTP code, status word, message, details.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    pub(crate) status: &'static str,
    pub(crate) message: String,
    pub(crate) details: Vec<Value>,
}

impl ApiError {
    fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    pub(crate) fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential.",
        )
    }

    pub(crate) fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// What a project answers for an API that it has not enabled.
    pub(crate) fn api_disabled(api: &str, project_number: &str) -> Self {
        let message = format!(
            "{api} has not been used in project {project_number} before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/{api}/overview?project={project_number} then retry."
        );
        let mut error = Self::permission_denied(message);
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED",
            "domain": "googleapis.com",
            "metadata": {"service": api, "consumer": format!("projects/{project_number}")},
        }));
        error
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", message)
    }

    /// The answer for a method or path that nobody taught the emulator: a gap here, not a finding about the caller.
    pub(crate) fn not_emulated(method: &str, path: &str) -> Self {
        Self::new(501, "UNIMPLEMENTED", format!("the emulator does not know {method} {path}"))
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    pub(crate) fn aborted(message: impl Into<String>) -> Self {
        Self::new(409, "ABORTED", message)
    }

    /// Compute's answer to a fingerprint that is no longer the resource's.
    pub(crate) fn condition_not_met(message: impl Into<String>) -> Self {
        Self::new(412, "CONDITION_NOT_MET", message)
    }

    pub(crate) fn resource_exhausted() -> Self {
        Self::new(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Requests' per minute.")
    }

    pub(crate) fn server(code: u16) -> Self {
        let (status, message) = match code {
            503 => ("UNAVAILABLE", "The service is currently unavailable."),
            504 => ("DEADLINE_EXCEEDED", "The request timed out."),
            _ => ("INTERNAL", "Internal error encountered."),
        };
        Self::new(code, status, message)
    }

    /// The body as the API sends it. Compute has its own form, without a status word.
    pub(crate) fn body(&self, host: &str) -> Value {
        if host == "compute.googleapis.com" || host == "sqladmin.googleapis.com" {
            let reason = match self.code {
                404 => "notFound",
                403 => "forbidden",
                409 => "alreadyExists",
                412 => "conditionNotMet",
                _ => "invalid",
            };
            let errors = json!([{"message": self.message, "domain": "global", "reason": reason}]);
            return json!({"error": {"code": self.code, "message": self.message, "errors": errors}});
        }
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({ "error": error })
    }
}

/// What an emulated method answers.
pub(crate) type Answer = Result<Value, ApiError>;
