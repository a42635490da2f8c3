//! The token endpoint and the revocation endpoint.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::access;
use super::clients::Client;
use super::grants::{Grant, Pending};
use super::params::Params;
use crate::answer::Answer;
use crate::api::Call;

/// Redeems a code or a refresh token.
pub(crate) fn exchange(call: &Call<'_>) -> Answer {
    let form = Params::of_form(call);
    let Some(client) = call.state.oidc.clients().authenticate(call, &form) else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let answer = match form.get("grant_type") {
        Some("authorization_code") => redeem(call, &form, &client),
        Some("refresh_token") => refresh(call, &form, &client),
        Some(_) => Err("unsupported_grant_type"),
        None => Err("invalid_request"),
    };
    answer.unwrap_or_else(|error| refused(StatusCode::BAD_REQUEST, error))
}

/// 200 for every token, known or not: its holder learns nothing (RFC 7009, 2.2).
pub(crate) fn revoke(call: &Call<'_>) -> Answer {
    let form = Params::of_form(call);
    let oidc = &call.state.oidc;
    let Some(client) = oidc.clients().authenticate(call, &form) else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    oidc.grants.forget_refresh(form.get("token").unwrap_or_default(), client.id);
    Answer::html(StatusCode::OK, "")
}

fn redeem(call: &Call<'_>, form: &Params, client: &Client) -> Result<Answer, &'static str> {
    let code = form.get("code").ok_or("invalid_request")?;
    let pending = call
        .state
        .oidc
        .grants
        .redeem(code, call.state.clock.now(), |pending| is_for(pending, form, client))
        .ok_or("invalid_grant")?;
    let (grant, nonce) = (pending.grant, pending.nonce);
    let refresh = call.state.oidc.grants.issue_refresh(grant.clone());
    Ok(tokens(call, &grant, &refresh, nonce.as_deref()))
}

/// The code was issued to this client for this redirect, and its verifier is known (RFC 7636, 4.6).
fn is_for(pending: &Pending, form: &Params, client: &Client) -> bool {
    let verified = match (&pending.challenge, form.get("code_verifier")) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            verify_slices_are_equal(computed.as_bytes(), challenge.as_bytes()).is_ok()
        }
        _ => false,
    };
    verified
        && pending.grant.client == client.id
        && form.get("redirect_uri") == Some(pending.redirect_uri.as_str())
}

/// The old token ends here; used again it is `invalid_grant`, and the new one stays good.
fn refresh(call: &Call<'_>, form: &Params, client: &Client) -> Result<Answer, &'static str> {
    let grants = &call.state.oidc.grants;
    let token = form.get("refresh_token").ok_or("invalid_request")?;
    let grant = grants.of_refresh(token, client.id).ok_or("invalid_grant")?;
    let mut narrowed = grant.clone();
    if let Some(scope) = form.get("scope") {
        narrowed.scopes = scope.split_ascii_whitespace().map(str::to_owned).collect();
        if !narrowed.scopes.iter().all(|scope| grant.scopes.contains(scope)) {
            return Err("invalid_scope");
        }
    }
    // Of two requests with one token, this line lets one through.
    if !grants.forget_refresh(token, client.id) {
        return Err("invalid_grant");
    }
    let refresh = grants.issue_refresh(grant);
    Ok(tokens(call, &narrowed, &refresh, None))
}

fn tokens(call: &Call<'_>, grant: &Grant, refresh: &str, nonce: Option<&str>) -> Answer {
    let mut body = json!({
        "access_token": access::token(call.state, grant),
        "expires_in": call.state.oidc.access_token_seconds(call.state.version()),
        "token_type": "Bearer",
        "scope": grant.scopes.join(" "),
        "refresh_token": refresh,
    });
    if grant.scopes.iter().any(|scope| scope == "openid") {
        body["id_token"] = access::id_token(call.state, grant, nonce).into();
    }
    no_store(Answer::json(StatusCode::OK, &body))
}

fn refused(status: StatusCode, error: &str) -> Answer {
    no_store(Answer::json(status, &json!({ "error": error })))
}

fn no_store(answer: Answer) -> Answer {
    answer.with(header::CACHE_CONTROL, "no-store").with(header::PRAGMA, "no-cache")
}
