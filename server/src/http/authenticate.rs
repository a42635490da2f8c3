//! Chain 1 before a route: who is calling, put into the request.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::app::App;
use crate::caller::{AuthDuration, Bearer, Caller, Fingerprint};

/// Finds the caller, and puts them and their bearer's fingerprint into the request; or the answer, 401 or 503.
pub(crate) async fn authenticate(app: &App, mut request: Request) -> Result<Request, Response> {
    let started = Instant::now();
    let verified = match Bearer::from_headers(request.headers()).map(Bearer::into_token) {
        Err(refusal) => Err(refusal),
        // Switched off, no backend may be needed: a bearer has to be there, but it is not checked.
        Ok(_) if !app.settings.enabled => Ok((Caller::Unchecked, None)),
        Ok(token) => {
            let id = Fingerprint::of(&token);
            app.callers.verify(token, id).await.map(|caller| (caller, Some(id)))
        }
    };
    let (caller, id) = verified.map_err(|refusal| refusal.challenge(&app.settings).into_response())?;
    let extensions = request.extensions_mut();
    extensions.insert(caller);
    extensions.insert(AuthDuration(started.elapsed()));
    if let Some(id) = id {
        extensions.insert(id);
    }
    Ok(request)
}
