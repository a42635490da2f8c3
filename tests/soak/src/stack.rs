//! A Validibot, two instances of the server, and the proxy before them.

use std::sync::Mutex as StdMutex;
use std::sync::PoisonError;
use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use suite::proxy::{self, Alternating};
use suite::server::Server;
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// Long enough to be a key ring's root as well.
const CLIENT_SECRET: &str = "a-client-secret-of-more-than-32-bytes";
/// Access tokens end soon, so that logins refresh all the time.
const ACCESS_TOKEN_SECONDS: u32 = 45;
/// 32 bytes each, in base64.
const KEYS: [&str; 2] =
    ["a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "b:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="];

/// What is soaked.
pub(crate) struct Stack {
    pub(crate) sandbox: Sandbox,
    /// The base URL: the proxy's.
    pub(crate) base: String,
    pub(crate) proxy: Alternating,
    instances: Mutex<Vec<Server>>,
    /// Where they are.
    bases: StdMutex<Vec<String>>,
    /// The key ring, as instances that start now get it.
    ring: StdMutex<String>,
    /// A refresh holds it shared, a kill alone: what a killed instance has not said, nobody can know, and a refresh
    /// token that was used up in its answer is lost with it (SECURITY.md).
    pub(crate) refreshes: RwLock<()>,
    windows: StdMutex<Vec<Window>>,
}

/// A time in which calls may fail, and how.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) what: Trouble,
    /// `None` while it goes on.
    pub(crate) until: Option<Instant>,
}

/// What is done to the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// An instance ends without a word.
    Kill,
    /// Validibot's helper API answers with errors, late, or not at all.
    Backend,
    /// The OpenID provider does.
    Provider,
    /// The provider has a new key: tokens of the old one are not good any more.
    NewKey,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        let listener = proxy::listener().await;
        let base = proxy::url(&listener);
        let sandbox = Sandbox::builder()
            .auto_login(true)
            .oauth_client_secret(CLIENT_SECRET)
            .access_token_seconds(ACCESS_TOKEN_SECONDS)
            .mcp_base_url(&base)
            .throttle(10_000_000)
            .launch_throttle(10_000_000)
            .start()
            .await
            .expect("a sandbox");
        let stack = Self {
            sandbox,
            base,
            proxy: Alternating::start(listener),
            instances: Mutex::default(),
            bases: StdMutex::default(),
            ring: StdMutex::new(KEYS[0].to_owned()),
            refreshes: RwLock::new(()),
            windows: StdMutex::default(),
        };
        let instances = vec![stack.instance().await, stack.instance().await];
        stack.serve_by(&instances);
        *stack.instances.lock().await = instances;
        stack
    }

    async fn instance(&self) -> Server {
        let ring = lock(&self.ring).clone();
        Server::for_sandbox(&self.sandbox)
            .env("VALIDIBOT_MCP_BASE_URL", &self.base)
            .env("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", self.sandbox.url())
            .env("VALIDIBOT_OAUTH_CLIENT_SECRET", CLIENT_SECRET)
            .env("VALIDIBOT_MCP_SEAL_KEYS", ring)
            .start()
            .await
    }

    /// Kills the older instance in the middle of what it does; another one takes its place.
    pub(crate) async fn kill(&self) {
        let alone = self.refreshes.write().await;
        let window = self.open(Trouble::Kill);
        let mut instances = self.instances.lock().await;
        let victim = instances.remove(0);
        victim.kill().await;
        // The proxy finds out by itself, as a load balancer does.
        drop(alone);
        instances.push(self.instance().await);
        self.serve_by(&instances);
        drop(instances);
        self.close(window);
    }

    /// Replaces the older instance as a platform does: first no new requests, then SIGTERM. Nobody may notice.
    pub(crate) async fn replace(&self) {
        let mut instances = self.instances.lock().await;
        instances.push(self.instance().await);
        let old = instances.remove(0);
        self.serve_by(&instances);
        let exit = old.stop().await;
        assert_eq!(exit.code, Some(0), "an instance did not end in order: {}", exit.log);
    }

    /// Changes the key ring as SECURITY.md says: every instance first learns to read the new key, then to write it.
    pub(crate) async fn rotate_seal_keys(&self) {
        let old = lock(&self.ring).clone();
        let new = KEYS.iter().find(|key| !old.starts_with(*key)).expect("there are two");
        let first = old.split(',').next().expect("a key");
        for ring in [format!("{first},{new}"), format!("{new},{first}")] {
            *lock(&self.ring) = ring;
            self.replace().await;
            self.replace().await;
        }
    }

    fn serve_by(&self, instances: &[Server]) {
        let bases: Vec<String> = instances.iter().map(|server| server.base().to_owned()).collect();
        lock(&self.bases).clone_from(&bases);
        self.proxy.set(bases);
    }

    /// The base URL of an instance, past the proxy.
    pub(crate) fn newest(&self) -> String {
        lock(&self.bases).last().expect("there is one").clone()
    }

    /// The process ids of the instances.
    pub(crate) async fn pids(&self) -> Vec<u32> {
        self.instances.lock().await.iter().map(Server::pid).collect()
    }

    pub(crate) fn open(&self, what: Trouble) -> usize {
        let mut windows = lock(&self.windows);
        windows.push(Window { what, until: None });
        windows.len() - 1
    }

    pub(crate) fn close(&self, window: usize) {
        lock(&self.windows)[window].until = Some(Instant::now());
    }

    /// What troubled a call that lasted from `from` to now.
    pub(crate) fn troubles(&self, from: Instant) -> Vec<Trouble> {
        let troubled =
            |window: &&Window| window.until.is_none_or(|until| until + aftermath(window.what) >= from);
        lock(&self.windows).iter().filter(troubled).map(|window| window.what).collect()
    }

    pub(crate) fn windows(&self) -> Vec<Window> {
        lock(&self.windows).clone()
    }

    pub(crate) fn mcp_url(&self) -> String {
        format!("{}/mcp", self.base)
    }

    /// The workflow whose runs are done at once.
    pub(crate) fn workflow() -> String {
        fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL)
    }
}

/// How long a trouble may still be felt once it is over: keys are not asked for again at once after a failure.
fn aftermath(what: Trouble) -> Duration {
    match what {
        Trouble::Kill | Trouble::Backend => Duration::from_secs(1),
        Trouble::Provider | Trouble::NewKey => Duration::from_secs(40),
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
