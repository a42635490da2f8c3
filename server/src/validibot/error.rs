//! One error type for everything that can go wrong between us and Validibot.
//!
//! Messages are ours. Of Validibot's body only what its contract defines as meant for callers goes on: the code,
//! the `detail` and the field errors of a refusal (4xx). Never a body that we do not understand.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// Codes of our own; Validibot's own codes, such as `FILE_TYPE_UNSUPPORTED`, are passed on beside them.
pub mod code {
    /// An argument is wrong: `data.errors` names the field.
    pub const INVALID_PARAMS: &str = "INVALID_PARAMS";
    /// No such workflow or run, or not for this user.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// The user's credential is not, or not any more, good.
    pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
    /// The user signed in, and has no active account at Validibot (any more).
    pub const ACCOUNT_INACTIVE: &str = "ACCOUNT_INACTIVE";
    /// Validibot refuses this user.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The user's budget of requests is used up.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// The workflow's state forbids it.
    pub const CONFLICT: &str = "CONFLICT";
    /// Validibot does not accept this server: an operator has to act, the user cannot.
    pub const SERVICE_AUTH_FAILED: &str = "SERVICE_AUTH_FAILED";
    /// Validibot is down, slow or out of reach.
    pub const UPSTREAM_UNAVAILABLE: &str = "UPSTREAM_UNAVAILABLE";
    /// The workflow has to be paid for.
    pub const PAYMENT_REQUIRED: &str = "PAYMENT_REQUIRED";
    /// Validibot answered something that its contract does not know.
    pub const API_ERROR: &str = "API_ERROR";
    /// The user has to connect with an API token: this Validibot takes no sign-in through this server.
    pub const API_TOKEN_REQUIRED: &str = "API_TOKEN_REQUIRED";
    /// This server's own fault.
    pub const INTERNAL_ERROR: &str = "INTERNAL_ERROR";
}

/// Why a call to Validibot failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers a question of its own, asked in another place"
)]
pub struct ApiError {
    /// What an agent decides by: one of [`code`], or Validibot's own.
    pub code: Cow<'static, str>,
    /// A sentence for people and models.
    pub message: String,
    /// Validibot's HTTP status; where there was no answer, what a gateway would say. `None` for errors of our own.
    pub status: Option<u16>,
    /// When to try again, in seconds.
    pub retry_after: Option<u64>,
    /// Which fields are wrong.
    pub errors: Vec<FieldError>,
    /// Whether the same request may succeed in a moment.
    pub transient: bool,
    /// Whether the request can be ruled out to have had an effect.
    pub no_effect: bool,
    /// For a launch: nobody knows whether the run was started.
    pub fate_unknown: bool,
    /// For a launch whose fate is unknown: under which name it can be made again without starting a second run.
    pub idempotency_key: Option<String>,
    /// Whether Validibot has no such endpoint at all, as one of another version has not.
    pub endpoint_gone: bool,
}

/// One field's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl ApiError {
    pub(super) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: None,
            retry_after: None,
            errors: Vec::new(),
            transient: false,
            no_effect: false,
            fate_unknown: false,
            idempotency_key: None,
            endpoint_gone: false,
        }
    }

    pub(crate) fn internal() -> Self {
        Self {
            no_effect: true,
            ..Self::new(code::INTERNAL_ERROR, "The server could not prepare the request")
        }
    }

    /// This instance ends before Validibot has answered.
    pub(super) fn stopping() -> Self {
        Self {
            retry_after: Some(1),
            status: Some(503),
            ..Self::new(
                code::UPSTREAM_UNAVAILABLE,
                "This instance of the server is being replaced, and Validibot had not answered yet. Another instance \
                 answers the next call",
            )
        }
    }

    /// Validibot answered 401, and of the two identities it was the user's that it does not accept.
    pub(super) fn unauthorized() -> Self {
        Self {
            no_effect: true,
            status: Some(401),
            ..Self::new(
                code::UNAUTHORIZED,
                "Validibot does not accept your API token any more: it was revoked, or it has expired. Make a new one \
                 in your profile",
            )
        }
    }

    /// Validibot answered 401 for a user who signed in, and accepts this server.
    pub(super) fn inactive() -> Self {
        Self {
            no_effect: true,
            status: Some(401),
            ..Self::new(
                code::ACCOUNT_INACTIVE,
                "Validibot has no active account for you any more: it was deactivated or removed. Ask the \
                 administrator of your Validibot; signing in again does not help",
            )
        }
    }

    /// The metadata server may be back in a moment. The status is what the system we replace gives this.
    pub(super) fn no_identity_token() -> Self {
        Self {
            no_effect: true,
            transient: true,
            status: Some(503),
            ..Self::new(
                code::SERVICE_AUTH_FAILED,
                "This server could not get an identity token to prove itself to Validibot. An operator has to look \
                 at it; your account is not the cause",
            )
        }
    }

    /// There is no such workflow or run, or it is not for this user or not for agents.
    pub(super) fn not_found() -> Self {
        Self {
            no_effect: true,
            status: Some(404),
            ..Self::new(code::NOT_FOUND, "There is no such workflow or run, or it is not yours to see")
        }
    }

    /// Who signed in cannot be served: from 0.16 on no server can call Validibot for a user (contract of 0.16, C1).
    pub(super) fn api_token_needed(site: Option<&str>) -> Self {
        let own = site.map_or_else(String::new, |site| {
            format!(", or connect to Validibot's own MCP server at {site}/mcp")
        });
        Self {
            no_effect: true,
            status: Some(403),
            ..Self::new(
                code::API_TOKEN_REQUIRED,
                format!(
                    "This Validibot (0.16 or later) takes no sign-in through this server. Connect with a Validibot API token as the \
                     bearer, which you make in your profile{own}"
                ),
            )
        }
    }

    /// Validibot was upgraded, or is being, in the middle of the call, which had no effect.
    pub(super) fn send_again() -> Self {
        Self {
            no_effect: true,
            transient: true,
            retry_after: Some(1),
            status: Some(503),
            ..Self::new(
                code::UPSTREAM_UNAVAILABLE,
                "Validibot is being upgraded, and nothing was done. Make the same call again in a moment",
            )
        }
    }

    /// The client's stream ended before the whole file was there.
    pub(super) fn upload_broken() -> Self {
        Self {
            no_effect: true,
            status: Some(400),
            ..Self::new(code::INVALID_PARAMS, "The upload ended before the whole file was there")
        }
    }

    /// The first request of a launch is at work for longer than anybody waits.
    pub(super) fn launch_at_work() -> Self {
        Self {
            fate_unknown: true,
            status: Some(409),
            retry_after: Some(60),
            ..Self::new(
                code::CONFLICT,
                "The same launch was made before, and Validibot still has it at work. It is not known whether the run was started, \
                 and no other was. Look for it in Validibot's list of runs",
            )
        }
    }

    /// A launch's name was used for another file.
    pub(super) fn launch_reused() -> Self {
        Self {
            no_effect: true,
            status: Some(422),
            ..Self::new(
                code::CONFLICT,
                "This launch was made before with another file, and nothing was started now: for another file, name it otherwise",
            )
        }
    }

    /// Whether a launch was refused because its name was used for another file.
    pub(crate) fn is_another_file(&self) -> bool {
        self.status == Some(422)
    }

    /// What the error of a launch means that has a key: repeats of it start no second run. `name` is what `validate_file` calls it by;
    /// that of an upload is its ticket.
    pub(super) fn for_a_keyed_launch(mut self, name: Option<&str>) -> Self {
        if self.no_effect {
            return self;
        }
        if !self.fate_unknown {
            self.fate_unknown = true;
            self.transient = false;
            self.message.push_str(". It is not known whether the run was started. ");
            let again = match name {
                Some(name) => &*format!(
                    "Call validate_file again with the same arguments and the idempotency_key {name}"
                ),
                None => "Send the same file with the same ticket again",
            };
            self.message.push_str(again);
            self.message.push_str(": if it was, you get that run, and no second one is started");
        }
        self.idempotency_key = name.map(str::to_owned);
        self
    }

    /// What the error of a launch means: unless it is certain that nothing was started, the answer says so.
    pub(super) fn for_a_launch(mut self) -> Self {
        if !self.no_effect {
            self.fate_unknown = true;
            self.transient = false;
            self.message.push_str(
                ". It is not known whether the run was started, and it was not tried again. Look for it in \
                 Validibot's list of runs before you start another",
            );
        }
        self
    }

    /// The `data` of the error payload.
    pub fn data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        if let Some(status) = self.status {
            data.insert("status_code".into(), status.into());
        }
        if let Some(seconds) = self.retry_after {
            data.insert("retry_after_seconds".into(), seconds.into());
        }
        if !self.errors.is_empty() {
            let errors =
                self.errors.iter().map(|error| json!({ "field": error.field, "message": error.message }));
            data.insert("errors".into(), errors.collect());
        }
        if self.fate_unknown {
            data.insert("run_started".into(), "unknown".into());
        }
        if let Some(name) = &self.idempotency_key {
            data.insert("idempotency_key".into(), name.as_str().into());
        }
        data
    }
}
