//! A running sandbox, as a test holds it.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::builder::{Builder, Edition};
use crate::fault::Fault;
use crate::google::GoogleVerification;
use crate::oidc::Mint;
use crate::received::Received;
use crate::route::Route;
use crate::serve::Server;
use crate::state::{State, lock};
use crate::submission::Stored;
use crate::version::Version;

/// A sandbox that serves until it is stopped or dropped.
pub struct Sandbox {
    pub(crate) server: Server,
    pub(crate) state: Arc<State>,
}

impl Sandbox {
    /// Settings to start one with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL, `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Every request that arrived, in order of arrival, refused and misbehaved ones too.
    pub fn received(&self) -> Vec<Received> {
        self.state.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear_received(&self) {
        self.state.log.clear();
    }

    /// The files of the latest runs that were started, as they are stored, in order.
    pub fn stored(&self) -> Vec<Stored> {
        lock(&self.state.stored).iter().cloned().collect()
    }

    /// Changes the licence while running.
    pub fn set_edition(&self, edition: Edition) {
        self.state.set_edition(edition);
    }

    /// Upgrades in place, or takes the upgrade back: users, workflows and runs stay.
    pub fn set_version(&self, version: Version) {
        self.state.set_version(version);
    }

    /// Lets the process die in the next launches by the REST API that carry an `Idempotency-Key`, right after the key was
    /// claimed: no run is made, the caller sees what a proxy says of it (502), and the key stays claimed for a day (contract of
    /// 0.16, B4).
    pub fn die_in_launches(&self, times: u32) {
        self.state.idempotency.die(times);
    }

    /// Refuses launches by the REST API with 409 `WORKFLOW_INACTIVE`, which is kept under their `Idempotency-Key`, until told
    /// otherwise (contract of 0.16, B3 and B4).
    pub fn pause_workflows(&self, paused: bool) {
        self.state.idempotency.pause(paused);
    }

    /// How many runs were started, by whomever, those that no history keeps any more too.
    pub fn runs(&self) -> usize {
        self.state.runs.count()
    }

    /// Makes a route misbehave until [`Self::behave`]. The newest fault of a route wins.
    pub fn misbehave(&self, route: Route, fault: Fault) {
        self.state.faults.add(route, fault, None);
    }

    /// Makes a route misbehave for the next `times` requests.
    pub fn misbehave_times(&self, route: Route, fault: Fault, times: u32) {
        self.state.faults.add(route, fault, Some(times));
    }

    /// Ends all misbehaviour.
    pub fn behave(&self) {
        self.state.faults.clear();
    }

    /// The sandbox's time: the system's, plus what [`Self::advance`] and [`Self::set_skew`] made of it.
    pub fn now(&self) -> OffsetDateTime {
        self.state.clock.now()
    }

    /// Moves the sandbox's clock forward: runs finish, throttled hours pass, tokens expire.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Sets how far the sandbox's clock is ahead of the system's; negative is behind.
    pub fn set_skew(&self, skew: time::Duration) {
        self.state.clock.set_skew(skew);
    }

    /// An access token for the demo user, with anything in it changed.
    pub fn mint(&self) -> Mint<'_> {
        Mint::new(&self.state)
    }

    /// Replaces the OpenID provider's key, without overlap: tokens that the old one signed are not valid any
    /// more. Blocks for as long as making a key takes.
    pub fn rotate_key(&self) {
        self.state.oidc.rotate_key();
    }

    /// Changes the MCP server's public base URL, when its port is known only after the sandbox's.
    pub fn set_mcp_base_url(&self, url: &str) {
        self.state.oidc.clients().set_mcp_base_url(url);
    }

    /// Changes how Google-signed identity tokens are verified; `None` refuses them all.
    pub fn set_google_verification(&self, verification: Option<GoogleVerification>) {
        self.state.set_google(verification);
    }

    /// The transactions for which agents got a run: each of them got exactly one.
    pub fn paid_transactions(&self) -> Vec<String> {
        self.state.paid.transactions()
    }

    /// Stops: open connections are cut, and the port is refused once this returns.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.server.url).finish_non_exhaustive()
    }
}
