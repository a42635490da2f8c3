//! A small reverse proxy: Google's front end, as far as a client notices it.

use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::State;
use super::front::{Door, Way};

type Body = BoxBody<Bytes, hyper::Error>;

/// Serves one door until the engine ends.
pub(super) async fn serve(state: Arc<State>, listener: TcpListener, service: String, door: Door) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("it was made on a runtime's thread");
    loop {
        // A connection that fails before it is ours is the client's matter.
        let Ok((stream, peer)) = listener.accept().await else { continue };
        let (state, service, door) = (Arc::clone(&state), service.clone(), door.clone());
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let peer = peer.ip().to_string();
                let way = state.fronts.change(&service, |front| front.way(&door));
                let state = &state;
                async move { Ok::<_, std::convert::Infallible>(answer(state, way, request, &peer).await) }
            });
            // A client that went away has nothing to be told.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(state: &State, way: Way, request: Request<Incoming>, peer: &str) -> Response<Body> {
    let revision = match way {
        Way::To(revision) => revision,
        Way::NotFound => {
            return page(StatusCode::NOT_FOUND, "The requested URL was not found on this server.");
        }
        Way::Forbidden => {
            return page(
                StatusCode::FORBIDDEN,
                "Your client does not have permission to get URL from this server.",
            );
        }
    };
    let forwarded = match state.port_of(&revision) {
        Some(port) => forward(request, port, peer).await,
        None => None,
    };
    // Cloud Run's own words for an instance that is gone.
    let gone = "The request failed because either the HTTP response was malformed or connection to the instance had \
                an error.";
    forwarded.unwrap_or_else(|| page(StatusCode::SERVICE_UNAVAILABLE, gone))
}

/// Sends a request on as it is, Host and all, with what the front end adds.
async fn forward(mut request: Request<Incoming>, port: u16, peer: &str) -> Option<Response<Body>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    headers.remove(header::CONNECTION);
    let before = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let chain = before.map_or_else(|| peer.to_owned(), |before| format!("{before},{peer}"));
    headers.insert(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(&chain).ok()?);
    headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("http"));
    let mut response = sender.send_request(request).await.ok()?;
    response.headers_mut().remove(header::CONNECTION);
    Some(response.map(BodyExt::boxed))
}

fn page(status: StatusCode, text: &str) -> Response<Body> {
    let code = status.as_u16();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=en><title>Error {code}</title>\n<p><b>{code}.</b> {text}</html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(html)).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
