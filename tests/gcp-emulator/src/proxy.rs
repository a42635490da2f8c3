//! The forward proxy: takes absolute-form requests (RFC 9112 section 3.2.2) and answers them itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::call::Call;
use crate::cloud::Reply;
use crate::control;
use crate::error::{Answer, ApiError};
use crate::fault::FaultKind;
use crate::record::Recorded;
use crate::shared::Shared;

/// How long `operations:wait` is held open at most, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Accepts connections until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that fails before it is ours is the client's matter.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&shared)));
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| handle(request, Arc::clone(&shared)));
    // Ends with an error for every connection that is dropped on purpose: nothing to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the emulator was told to drop this call")]
struct Dropped;

/// What goes back over the wire.
enum Sent {
    Json(StatusCode, Value),
    Text(StatusCode, &'static str),
}

async fn handle(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Dropped> {
    let authority = request.uri().host().map(str::to_ascii_lowercase);
    if authority.is_none() {
        return Ok(response(control_answer(request, &shared).await));
    }
    let host = authority.unwrap_or_default();
    let connect = request.method() == Method::CONNECT;
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let authorized = bearer.and_then(|value| value.strip_prefix("Bearer ")) == Some(shared.token.as_str());
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let bytes = if connect {
        Bytes::new()
    } else {
        request.into_body().collect().await.map_err(|_| Dropped)?.to_bytes()
    };
    let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
    let call = Call { method, host, path, query, body: body.as_ref().cloned().unwrap_or(Value::Null) };

    let expected = !connect && is_expected(&call.host);
    let index = begin(&shared, &call, expected);
    let sent = if !expected {
        Ok(Sent::Text(StatusCode::FORBIDDEN, "the emulator does not stand in for this host\n"))
    } else if body.is_err() {
        Ok(json_sent(&call.host, Err(ApiError::invalid("Invalid JSON payload received."))))
    } else {
        respond(&shared, &call, authorized).await
    };
    let status = sent.as_ref().ok().map(|sent| match sent {
        Sent::Json(status, _) | Sent::Text(status, _) => status.as_u16(),
    });
    shared.record()[index].status = status;
    sent.map(response)
}

/// Faults first, then the login, then the API.
async fn respond(shared: &Arc<Shared>, call: &Call, authorized: bool) -> Result<Sent, Dropped> {
    let verdict = shared.faults().decide(&call.method, &format!("{}{}", call.host, call.path));
    if let Some(verdict) = verdict.filter(|verdict| verdict.after) {
        carry_out(shared, call, authorized).await;
        if let Some(sent) = failed(shared, call, verdict.kind).await {
            return sent;
        }
    }
    if let Some(verdict) = verdict.filter(|verdict| !verdict.after)
        && let Some(sent) = failed(shared, call, verdict.kind).await
    {
        return sent;
    }
    Ok(carry_out(shared, call, authorized).await)
}

/// The failure that a rule asks for; `None` for slowness, which is over when this returns.
async fn failed(shared: &Shared, call: &Call, kind: FaultKind) -> Option<Result<Sent, Dropped>> {
    match kind {
        FaultKind::Dropped => return Some(Err(Dropped)),
        FaultKind::HtmlNotFound => return Some(Ok(Sent::Text(StatusCode::NOT_FOUND, NOT_FOUND_PAGE))),
        FaultKind::Slow(delay) => tokio::time::sleep(delay).await,
        _ => {}
    }
    let api = call.host.rsplit_once('-').map_or(call.host.as_str(), |(_, api)| api);
    let number = shared.cloud().number.clone();
    let error = kind.error(api, &number, &call.method, &call.path)?;
    Some(Ok(json_sent(&call.host, Err(error))))
}

async fn carry_out(shared: &Arc<Shared>, call: &Call, authorized: bool) -> Sent {
    if !authorized {
        return json_sent(&call.host, Err(ApiError::unauthenticated()));
    }
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let mut changed = std::pin::pin!(shared.changed.notified());
        // Listening before asking: news that comes in between is not lost.
        changed.as_mut().enable();
        let reply = shared.cloud().answer(call);
        match reply {
            Reply::Now(answer) => {
                shared.launch();
                return json_sent(&call.host, answer);
            }
            Reply::NoSuchHost => return Sent::Text(StatusCode::NOT_FOUND, NOT_FOUND_PAGE),
            Reply::Service { region, name } => {
                shared.launch();
                let cloud = shared.cloud();
                let service = cloud.services.get(&(region, name)).map(|service| service.json(&cloud));
                return json_sent(&call.host, service.ok_or_else(|| ApiError::server(500)));
            }
            Reply::Later(otherwise) => {
                if tokio::time::timeout_at(deadline, changed).await.is_err() {
                    return json_sent(&call.host, Ok(otherwise));
                }
            }
        }
    }
}

fn begin(shared: &Shared, call: &Call, expected: bool) -> usize {
    let mut record = shared.record();
    record.push(Recorded {
        method: call.method.clone(),
        host: call.host.clone(),
        path: call.path.clone(),
        query: call.query.clone(),
        body: call.body.clone(),
        status: None,
        expected,
    });
    record.len() - 1
}

/// The hosts that the deploy tool has business with.
fn is_expected(host: &str) -> bool {
    const APIS: [&str; 11] = [
        "artifactregistry",
        "cloudresourcemanager",
        "cloudscheduler",
        "cloudtasks",
        "compute",
        "iam",
        "logging",
        "run",
        "secretmanager",
        "serviceusage",
        "sqladmin",
    ];
    let Some(name) = host.strip_suffix(".googleapis.com") else { return false };
    APIS.contains(&name) || name.ends_with("-run")
}

async fn control_answer(request: Request<Incoming>, shared: &Shared) -> Sent {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let Ok(body) = request.into_body().collect().await else {
        return Sent::Text(StatusCode::BAD_REQUEST, "the body could not be read\n");
    };
    match control::answer(shared, &method, &path, &String::from_utf8_lossy(&body.to_bytes())) {
        Ok(value) => Sent::Json(StatusCode::OK, value),
        Err((status, message)) => Sent::Json(status, Value::String(message)),
    }
}

fn json_sent(host: &str, answer: Answer) -> Sent {
    match answer {
        Ok(value) => Sent::Json(StatusCode::OK, value),
        Err(error) => {
            let status = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Sent::Json(status, error.body(host))
        }
    }
}

fn response(sent: Sent) -> Response<Full<Bytes>> {
    let (status, kind, body) = match sent {
        Sent::Json(status, value) => (status, "application/json; charset=UTF-8", value.to_string()),
        Sent::Text(status, text) => (status, "text/html; charset=UTF-8", text.to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// Google's front end for a host or region that serves nothing.
const NOT_FOUND_PAGE: &str = "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> \
                              <ins>That's an error.</ins></html>\n";
