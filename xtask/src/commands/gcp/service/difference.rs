//! What differs between two services, field by field.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Network, Probe, Scaling, Spec};

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Changed {
    /// The field, such as `env VALIDIBOT_MCP_ENABLED`.
    pub(crate) field: String,
    /// What it is; `None` where it is not set.
    pub(crate) from: Option<String>,
    /// What it is to be; `None` where it goes away.
    pub(crate) to: Option<String>,
    /// Whether a new revision is needed for it; the service itself can be changed in place.
    pub(crate) revision: bool,
}

impl Changed {
    /// For people: `memory: 256Mi -> 512Mi`.
    pub(crate) fn text(&self) -> String {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        format!("{}: {} -> {}", self.field, word(&self.from), word(&self.to))
    }
}

/// Every field that differs, in a steady order.
pub(crate) fn difference(from: &Spec, to: &Spec) -> Vec<Changed> {
    let mut changed = Vec::new();
    for (from, to, revision) in [
        (from.revision_fields(), to.revision_fields(), true),
        (from.service_fields(), to.service_fields(), false),
    ] {
        let names: Vec<&String> =
            to.keys().chain(from.keys().filter(|name| !to.contains_key(*name))).collect();
        for name in names {
            let (from, to) = (from.get(name).cloned(), to.get(name).cloned());
            if from != to {
                changed.push(Changed { field: name.clone(), from, to, revision });
            }
        }
    }
    changed
}

impl Spec {
    /// All of them.
    pub(crate) fn fields(&self) -> BTreeMap<String, String> {
        self.revision_fields().into_iter().chain(self.service_fields()).collect()
    }

    /// The fields that every revision has for itself.
    fn revision_fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value);
        set("image", self.image.clone());
        set("port", self.port.to_string());
        set("memory", self.memory.clone());
        set("timeout", format!("{} s", self.timeout));
        set("concurrency", self.concurrency.to_string());
        set("service account", self.account.clone());
        set("execution environment", self.execution.clone());
        set("startup CPU boost", if self.cpu_boost { "on" } else { "off" }.to_owned());
        if let Some(cpu) = &self.cpu {
            set("cpu", cpu.clone());
        }
        if let Some(scaling) = self.scaling.text() {
            set("instances of a revision", scaling);
        }
        if !self.cloud_sql.is_empty() {
            set("Cloud SQL", self.cloud_sql.join(", "));
        }
        if let Some(network) = &self.network {
            set("network", network.text());
        }
        for (name, probe) in [("startup probe", &self.startup), ("liveness probe", &self.liveness)] {
            if let Some(probe) = probe {
                set(name, probe.text());
            }
        }
        for (name, value) in &self.env {
            set(&format!("env {name}"), format!("'{value}'"));
        }
        for mount in &self.secrets {
            let value = format!("{} version {}", mount.secret, mount.version);
            set(&format!("secret at {}/{}", mount.folder, mount.file), value);
        }
        for (name, value) in &self.labels {
            set(&format!("label {name}"), value.clone());
        }
        for (name, value) in &self.other {
            set(name, value.clone());
        }
        fields
    }

    /// The fields that the service has, whatever its revisions are.
    fn service_fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::from([("ingress".to_owned(), self.ingress.name().to_owned())]);
        if let Some(scaling) = self.service_scaling.text() {
            fields.insert("instances of the service".to_owned(), scaling);
        }
        fields.extend(self.service_other.clone());
        fields
    }
}

impl Scaling {
    fn text(self) -> Option<String> {
        match (self.min, self.max) {
            (0, None) => None,
            (min, None) => Some(format!("from {min}")),
            (min, Some(max)) => Some(format!("{min} to {max}")),
        }
    }
}

impl Network {
    fn text(&self) -> String {
        format!("{}/{}, {}", self.name, self.subnetwork, self.egress)
    }
}

impl Probe {
    fn text(&self) -> String {
        let delay = if self.delay > 0 { format!("after {} s, ", self.delay) } else { String::new() };
        let Self { path, period, timeout, failures, .. } = self;
        format!("{path}, {delay}every {period} s, within {timeout} s, {failures} times")
    }
}
