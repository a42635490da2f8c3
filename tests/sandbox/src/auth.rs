//! Who calls: API tokens, and service identity with the user it acts for (contract, A2 and section b).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{StatusCode, header};

use crate::answer::{self, Answer};
use crate::api::Call;
use crate::google::Refusal;
use crate::world::User;

/// What every 401 of the helper API carries.
const CHALLENGE: &str = r#"Bearer realm="validibot-mcp-service""#;

/// Longer keys are refused unread (contract, A2).
const MAX_TOKEN: usize = 160;

/// The user of `Authorization: Bearer <API token>`. Every refusal is 403 without a challenge, because session
/// authentication comes first in Validibot's list.
pub(crate) fn bearer(call: &Call<'_>) -> Result<&'static User, Answer> {
    bearer_value(call)
        .filter(|token| token.len() <= MAX_TOKEN)
        .and_then(|token| call.state.world.user_of_token(token))
        .ok_or_else(|| {
            answer::detail(StatusCode::FORBIDDEN, "A valid API token of an active user is needed.")
        })
}

/// The user for whom an authenticated service calls the helper API.
pub(crate) fn forwarded<'a>(call: &Call<'a>) -> Result<&'a User, Answer> {
    service(call)?;
    let filled = |name| call.header(name).map(str::trim).filter(|value| !value.is_empty());
    let (sub, token) = (filled("x-validibot-user-sub"), filled("x-validibot-api-token"));
    let world = &call.state.world;
    match (sub, token) {
        (Some(sub), _) => {
            if !is_integer(sub) {
                // Known bug, kept: the database layer's validation error is not caught.
                return Err(answer::internal_error());
            }
            sub.parse()
                .ok()
                .and_then(|id| world.user(id))
                .ok_or_else(|| unauthorized("No active user has this subject."))
        }
        (None, Some(token)) => {
            world.user_of_token(token).ok_or_else(|| unauthorized("The user's API token is not valid."))
        }
        (None, None) => Err(unauthorized("The request names no user, by subject or by API token.")),
    }
}

/// The shared key, or else a Google identity token: a wrong key falls through to the token.
pub(crate) fn service(call: &Call<'_>) -> Result<(), Answer> {
    let presented = call.header("x-mcp-service-key").unwrap_or_default();
    let accepted = call.state.service_key.as_ref().is_some_and(|key| {
        !key.is_empty() && verify_slices_are_equal(key.as_bytes(), presented.as_bytes()).is_ok()
    });
    if accepted {
        return Ok(());
    }
    let verification = call.state.google();
    let verified = verification
        .zip(bearer_value(call))
        .map_or(Err(Refusal::Invalid), |(google, token)| google.verify(token, call.state.clock.now()));
    verified.map_err(|refusal| match refusal {
        Refusal::Invalid => unauthorized("The service's identity is missing or not valid."),
        Refusal::ForeignIssuer => answer::internal_error(),
    })
}

/// The scheme is compared without regard to case; there is exactly one word after it.
pub(crate) fn bearer_value<'a>(call: &Call<'a>) -> Option<&'a str> {
    let value = call.head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let mut words = value.split_ascii_whitespace();
    let scheme = words.next()?;
    let token = words.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && words.next().is_none()).then_some(token)
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn unauthorized(text: &str) -> Answer {
    answer::detail(StatusCode::UNAUTHORIZED, text).with(header::WWW_AUTHENTICATE, CHALLENGE)
}
