//! The current state of the load balancer.

use serde::Deserialize;

use super::certificates::Certificate;
use super::last;
use crate::commands::gcp::service;
use crate::commands::gcp::state::observe::{Read, cannot_tell, observe};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, Seen, run};

/// Everything that a name's way to the service is made of.
pub(super) struct Live {
    pub(super) service: service::Live,
    pub(super) group: Option<Group>,
    pub(super) backend: Option<Backend>,
    pub(super) map: Map,
    pub(super) proxy: Proxy,
    pub(super) certificates: Vec<Certificate>,
    pub(super) address: String,
    /// The scheme of the URL map's first backend: the server's must have the same.
    pub(super) scheme: String,
}

/// What leads a load balancer to a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Group {
    cloud_run: Option<CloudRun>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloudRun {
    service: String,
}

/// A backend service.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Backend {
    backends: Vec<Member>,
    load_balancing_scheme: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    group: String,
}

/// What a name and a path lead to.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Map {
    default_service: String,
    host_rules: Vec<HostRule>,
    path_matchers: Vec<PathMatcher>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HostRule {
    hosts: Vec<String>,
    path_matcher: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PathMatcher {
    name: String,
    default_service: String,
}

/// What clients speak HTTPS with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Proxy {
    ssl_certificates: Option<Vec<String>>,
    /// Where this is set, the list above is not used.
    pub(super) certificate_map: Option<String>,
}

impl Group {
    /// The service that it leads to.
    pub(super) fn service(&self) -> &str {
        self.cloud_run.as_ref().map_or("", |run| &run.service)
    }
}

impl Proxy {
    /// Links to its certificates.
    pub(super) fn certificates(&self) -> &[String] {
        self.ssl_certificates.as_deref().unwrap_or_default()
    }
}

impl Backend {
    /// Whether it leads to this group.
    pub(super) fn leads_to(&self, group: &str) -> bool {
        self.backends.iter().any(|member| last(&member.group) == group)
    }
}

impl Map {
    /// The path matcher that this name leads to.
    pub(super) fn matcher_of(&self, domain: &str) -> Option<&str> {
        let rule = self.host_rules.iter().find(|rule| rule.hosts.iter().any(|host| host == domain))?;
        Some(&rule.path_matcher)
    }

    /// The backend that a path matcher leads to.
    pub(super) fn backend_of(&self, matcher: &str) -> Option<&str> {
        let matcher = self.path_matchers.iter().find(|known| known.name == matcher)?;
        Some(last(&matcher.default_service))
    }
}

impl Live {
    /// Reads the state. An unknown part is an error; so is the lack of what others make.
    pub(super) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Self> {
        let reads = [
            Read::new("the service", run::describe(names, &names.service())),
            Read::new("the load balancer's way to it", gcloud::describe_endpoint_group(names)),
            Read::new("the server's backend", gcloud::describe_backend(names, &names.backend())),
            Read::new("the URL map", gcloud::describe_url_map(names)),
            Read::new("the HTTPS proxy", gcloud::describe_https_proxy(names)),
            Read::new("the certificates", gcloud::list_certificates(names)),
            Read::new("the address", gcloud::describe_address(names)),
        ];
        let [service, group, backend, map, proxy, certificates, address] = observe(context, at_once, &reads)?;
        let mut troubles = Vec::new();
        let service = service.understand("the service", service::Live::parse).take(&mut troubles);
        let group: Option<Group> = document("the load balancer's way to it", group).take(&mut troubles);
        let backend: Option<Backend> = document("the server's backend", backend).take(&mut troubles);
        let map: Option<Map> = document("the URL map", map).take(&mut troubles);
        let proxy: Option<Proxy> = document("the HTTPS proxy", proxy).take(&mut troubles);
        let certificates = document("the certificates", certificates).take(&mut troubles);
        let address = address.take(&mut troubles).map(|text| text.trim().to_owned());
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let there = [service.is_some(), map.is_some(), proxy.is_some(), address.is_some()];
        let (Some(service), Some(map), Some(proxy), Some(address)) = (service, map, proxy, address) else {
            return Err(missing(names, there));
        };
        let scheme = match &backend {
            Some(backend) => backend.load_balancing_scheme.clone(),
            None => scheme(context, names, last(&map.default_service))?,
        };
        let certificates = certificates.unwrap_or_default();
        Ok(Self { service, group, backend, map, proxy, certificates, address, scheme })
    }
}

fn document<T: for<'a> Deserialize<'a>>(what: &str, seen: Seen<String>) -> Seen<T> {
    seen.understand(what, |text| serde_json::from_str(text).ok())
}

/// The scheme of another backend of the URL map.
fn scheme(context: &Context, names: &Names, backend: &str) -> Result<String> {
    let what = format!("the backend {backend}");
    let [seen] = observe(context, 1, &[Read::new(&what, gcloud::describe_backend(names, backend))])?;
    let mut troubles = Vec::new();
    let backend: Option<Backend> = document(&what, seen).take(&mut troubles);
    if !troubles.is_empty() {
        return Err(cannot_tell(&troubles));
    }
    backend.map(|backend| backend.load_balancing_scheme).filter(|scheme| !scheme.is_empty()).ok_or_else(
        || Error::failed(format!("{what} is not there, or has no scheme")).cause("nothing was changed"),
    )
}

/// The error for what others make, and is not there.
fn missing(names: &Names, [service, map, proxy, address]: [bool; 4]) -> Error {
    let stage = names.stage();
    let mut error = Error::failed(format!("{stage} is not ready for a name of its own"));
    if !service {
        error = error.cause(format!("the service {} is not deployed", names.service()));
    }
    let parts = [
        (map, format!("URL map {}", names.url_map())),
        (proxy, format!("HTTPS proxy {}", names.https_proxy())),
        (address, format!("address {}", names.address())),
    ];
    for (_, part) in parts.iter().filter(|(there, _)| !there) {
        error = error.cause(format!("the load balancer has no {part}"));
    }
    error = error.cause("nothing was changed");
    if !service {
        error = error.hint(format!("cargo xtask gcp deploy {stage}"));
    }
    if map && proxy && address {
        return error;
    }
    error.hint(format!("the load balancer is the web application's: just gcp lb-setup {stage} DOMAINS"))
}
