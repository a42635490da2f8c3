//! Google's metadata server, on loopback: what `GCE_METADATA_HOST` can point to.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use sandbox::metadata::{MetadataServer, SERVICE_ACCOUNT};
//! use sandbox::{GoogleVerification, Sandbox};
//!
//! let metadata = MetadataServer::start().await?;
//! let sandbox = Sandbox::builder().no_service_key().start().await?;
//! sandbox.set_google_verification(Some(GoogleVerification {
//!     audience: sandbox.url().to_owned(),
//!     allowed_service_accounts: vec![SERVICE_ACCOUNT.to_owned()],
//!     certs: metadata.certs(),
//! }));
//! // … start the server under test with GCE_METADATA_HOST set to metadata.host() …
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod identity;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use http::{HeaderName, Method, Request, Response, StatusCode, request};
use time::OffsetDateTime;
use url::form_urlencoded;

use crate::answer::Answer;
use crate::connection::Control;
use crate::dispatch::{misbehave, read};
use crate::fault::{Fault, Faults};
use crate::google::GoogleCerts;
use crate::received::{Log, Received};
use crate::route::Route;
use crate::serve::{self, Server};
use crate::state::lock;

pub use identity::{Identity, SERVICE_ACCOUNT};

/// The one path that it serves.
const IDENTITY_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

/// The header that a request must carry, and that every answer carries: it keeps out requests that a program
/// was tricked into sending.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// A metadata server that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct MetadataServer {
    server: Server,
    shared: Arc<State>,
}

/// What its requests share.
struct State {
    certs: GoogleCerts,
    identity: Mutex<Identity>,
    faults: Faults,
    log: Log,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl MetadataServer {
    /// Starts one on a free port, with a key of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), GoogleCerts::default()).await
    }

    /// Starts one at this address with these keys: one that was away comes back.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn start_at(address: SocketAddr, certs: GoogleCerts) -> io::Result<Self> {
        let maker = certs.clone();
        // Made here, so that no request has to wait for it.
        tokio::task::spawn_blocking(move || maker.key().kid().len()).await.map_err(io::Error::other)?;
        let shared = Arc::new(State {
            certs,
            identity: Mutex::default(),
            faults: Faults::default(),
            log: Log::new(true),
        });
        let state = Arc::clone(&shared);
        let server = serve::listen(address, |_| {
            move |control: Arc<Control>, _: IpAddr| {
                Router::new().fallback(dispatch).with_state((Arc::clone(&state), control))
            }
        })
        .await?;
        Ok(Self { server, shared })
    }

    /// `127.0.0.1:PORT`, for `GCE_METADATA_HOST`.
    pub fn host(&self) -> &str {
        self.server.url.trim_start_matches("http://")
    }

    /// Where it listens, to start another one there.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The keys that it signs with.
    pub fn certs(&self) -> GoogleCerts {
        self.shared.certs.clone()
    }

    /// Changes what its tokens say.
    pub fn set_identity(&self, identity: Identity) {
        *lock(&self.shared.identity) = identity;
    }

    /// Makes it misbehave until [`Self::behave`].
    pub fn misbehave(&self, fault: Fault) {
        self.shared.faults.add(Route::Any, fault, None);
    }

    /// Makes it misbehave for the next `times` requests.
    pub fn misbehave_times(&self, fault: Fault, times: u32) {
        self.shared.faults.add(Route::Any, fault, Some(times));
    }

    /// Ends all misbehaviour.
    pub fn behave(&self) {
        self.shared.faults.clear();
    }

    /// How many requests arrived.
    pub fn requests(&self) -> usize {
        self.shared.log.all().len()
    }

    /// Every request that arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.all()
    }

    /// Stops: the port is refused once this returns.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn dispatch(
    Shared((state, control)): Shared<(Arc<State>, Arc<Control>)>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    state.log.arrived(&head);
    read(body).await;
    let right = async { answer(&state, &head).with(FLAVOR, "Google") };
    match state.faults.take(Route::Any) {
        None => right.await.into_response(),
        Some(fault) => misbehave(fault, &control, right).await,
    }
}

fn answer(state: &State, head: &request::Parts) -> Answer {
    let page = |status, text: &str| Answer::html(status, text.to_owned());
    if head.headers.get(FLAVOR).is_none_or(|flavor| flavor != "Google") {
        return page(StatusCode::FORBIDDEN, "Missing required header: Metadata-Flavor");
    }
    if head.method != Method::GET {
        return page(StatusCode::METHOD_NOT_ALLOWED, "Only GET is possible here");
    }
    if head.uri.path() != IDENTITY_PATH {
        return page(StatusCode::NOT_FOUND, "There is no such metadata");
    }
    let query = head.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    match parameter("audience").filter(|audience| !audience.is_empty()) {
        None => page(StatusCode::BAD_REQUEST, "An audience is required"),
        Some(audience) => {
            let full = parameter("format").is_some_and(|format| format == "full");
            let identity = lock(&state.identity).clone();
            page(StatusCode::OK, &identity.token(&state.certs, &audience, full, OffsetDateTime::now_utc()))
        }
    }
}
