//! The emulator's own door, for people and for tests in other processes: requests to it directly, not through it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::shared::Shared;

/// `GET /state`, `GET /calls`, `DELETE /calls`, `POST /faults` (one rule a line), `DELETE /faults`.
pub(crate) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    body: &str,
) -> Result<Value, (StatusCode, String)> {
    match (method.as_str(), path) {
        ("GET", "/state") => Ok(shared.cloud().snapshot()),
        ("GET", "/calls") => Ok(shared.record().iter().map(crate::record::Recorded::json).collect()),
        ("DELETE", "/calls") => {
            shared.record().clear();
            Ok(json!({}))
        }
        ("POST", "/faults") => {
            let faults: Result<Vec<Fault>, _> =
                body.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::parse).collect();
            let faults = faults.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            let count = faults.len();
            for fault in faults {
                shared.faults().add(fault);
            }
            Ok(json!({"added": count}))
        }
        ("DELETE", "/faults") => {
            shared.faults().clear();
            Ok(json!({}))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            "GET /state, GET /calls, DELETE /calls, POST /faults, DELETE /faults".into(),
        )),
    }
}
