//! An engine with containers: each revision is the deployed image, running on this machine's Docker engine.

mod container;
mod door;
mod front;
mod metadata;
mod ports;
mod probe;
mod task;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use sandbox::GoogleCerts;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::engine::{Engine, Ingress, Launch, Route, Task};
use crate::shared::{Report, TaskReport};
use front::{Door, Fronts};
use metadata::Metadata;

/// Runs each revision, and each task of a job, as a container of its image, on the host's network, and answers at URLs on
/// loopback.
///
/// A container gets what Cloud Run gives it: `PORT`, the secrets' files (readable by any user), a read-only root with a
/// `/tmp` in memory, its memory limit, and a metadata server that mints identity tokens for its service account. Its
/// startup probe decides whether the revision becomes ready; its output goes to the emulator's log. In front of it stands
/// what stands there at Google: one URL for the service and one for each tag, which follow the traffic, answer 404 where
/// ingress forbids outside requests, and 403 where `allUsers` is no invoker.
///
/// Nothing is pulled but from a registry on loopback. Containers, pulled images and files are gone when it is dropped.
///
/// ```no_run
/// use std::sync::Arc;
/// use gcp_emulator::{Docker, Emulator, Options, Registry};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let registry = Registry::start()?;      // docker push HOST/demo-proj/validibot/validibot-mcp:TAG
/// let docker = Arc::new(Docker::start()?);
/// let emulator = Emulator::start_with(Options { engine: docker.clone(), ..Options::default() })?;
/// // A Validibot that believes the containers' identity tokens:
/// let web = sandbox::Sandbox::builder().no_service_key().start().await?;
/// web.set_google_verification(Some(sandbox::GoogleVerification {
///     audience: web.url().to_owned(),
///     allowed_service_accounts: vec!["validibot-mcp-dev@demo-proj.iam.gserviceaccount.com".into()],
///     certs: docker.certs(),
/// }));
/// // The URLs are known before the first deploy, and stay:
/// let service = docker.url("validibot-mcp-dev");
/// let candidate = docker.tag_url("validibot-mcp-dev", "candidate");
/// let public = docker.balancer_url("validibot-mcp-dev"); // through the load balancer, for locked ingress
/// // … GCP_REGISTRY_HOST=registry.address(), then deploy with gcloud in emulator.env() …
/// # Ok::<(), std::io::Error>(()) })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Docker {
    state: Arc<State>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What containers, doors and the engine share.
struct State {
    metadata: Metadata,
    fronts: Fronts,
    /// By the name of the revision, or of the execution.
    instances: Mutex<BTreeMap<String, Instance>>,
    /// Images that were not here before: removed at the end.
    pulled: Mutex<Vec<String>>,
    folder: TempDir,
}

/// The one container of a revision or of an execution.
struct Instance {
    container: String,
    /// A revision's port on loopback, once it is ready and as long as it runs.
    port: Option<u16>,
}

impl State {
    fn instances(&self) -> MutexGuard<'_, BTreeMap<String, Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pulled(&self) -> MutexGuard<'_, Vec<String>> {
        self.pulled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a revision answers, if it does.
    fn port_of(&self, revision: &str) -> Option<u16> {
        self.instances().get(revision)?.port
    }
}

impl Docker {
    /// Makes an engine; nothing is started before the first revision.
    ///
    /// # Errors
    /// Where there is no room for its files, or no thread.
    pub fn start() -> io::Result<Self> {
        let state = Arc::new(State {
            metadata: Metadata::default(),
            fronts: Fronts::default(),
            instances: Mutex::default(),
            pulled: Mutex::default(),
            folder: TempDir::with_prefix("gcp-engine-")?,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // An error is the sender's end, which means the same.
            let _ = runtime.block_on(stopped);
        };
        let thread = std::thread::Builder::new().name("gcp-engine".into()).spawn(run)?;
        Ok(Self { state, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL of a service, `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// When loopback has no free port left, as the other URLs.
    pub fn url(&self, service: &str) -> String {
        self.open(service, Door::Service)
    }

    /// The URL of one of a service's tags.
    pub fn tag_url(&self, service: &str, tag: &str) -> String {
        self.open(service, Door::Tag(tag.to_owned()))
    }

    /// The URL at which a load balancer in front of the service answers: the one that stays open when ingress is
    /// `internal-and-cloud-load-balancing`.
    pub fn balancer_url(&self, service: &str) -> String {
        self.open(service, Door::Balancer)
    }

    /// The URL at which the project's own network reaches the service, whatever its ingress. At Google that is the service's
    /// own URL; here the door says where a request comes from.
    pub fn inside_url(&self, service: &str) -> String {
        self.open(service, Door::Inside)
    }

    /// The keys that sign the containers' identity tokens: for a Validibot that is to believe them.
    pub fn certs(&self) -> GoogleCerts {
        self.state.metadata.certs()
    }

    /// The revisions whose containers are up and ready.
    pub fn running(&self) -> Vec<String> {
        let instances = self.state.instances();
        instances
            .iter()
            .filter(|(_, instance)| instance.port.is_some())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The names of the containers, ready or not, for `docker` itself.
    pub fn containers(&self) -> Vec<String> {
        self.state.instances().values().map(|instance| instance.container.clone()).collect()
    }

    fn open(&self, service: &str, door: Door) -> String {
        match self.state.fronts.door(service, door) {
            (url, None) => url,
            (url, Some((listener, door))) => {
                self.runtime.spawn(door::serve(Arc::clone(&self.state), listener, service.to_owned(), door));
                url
            }
        }
    }
}

impl Engine for Docker {
    fn launch(&self, launch: Launch, report: Report) {
        self.runtime.spawn(container::run(Arc::clone(&self.state), launch, report));
    }

    fn executes(&self) -> bool {
        true
    }

    fn execute(&self, task: Task, report: TaskReport) {
        self.runtime.spawn(task::run(Arc::clone(&self.state), task, report));
    }

    fn route(&self, service: &str, routes: &[Route]) {
        self.state.fronts.change(service, |front| front.routes = routes.to_vec());
    }

    fn admit(&self, service: &str, ingress: Ingress, public: bool) {
        self.state.fronts.change(service, |front| (front.ingress, front.public) = (ingress, public));
    }

    fn stop(&self, name: &str) {
        if let Some(instance) = self.state.instances().remove(name) {
            container::remove(&[instance.container]);
        }
    }

    fn address(&self, service: &str, tag: Option<&str>) -> Option<String> {
        Some(tag.map_or_else(|| self.url(service), |tag| self.tag_url(service, tag)))
    }
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker").field("running", &self.running()).finish_non_exhaustive()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Already gone is as good.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // Nothing is launched after this: the tasks ended with the runtime.
            let _ = thread.join();
        }
        let instances = std::mem::take(&mut *self.state.instances());
        let containers: Vec<String> = instances.into_values().map(|instance| instance.container).collect();
        container::remove(&containers);
        container::remove_images(&std::mem::take(&mut *self.state.pulled()));
    }
}
