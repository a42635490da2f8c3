//! What is wanted of a service.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Everything about a service that a deploy decides, but for its name and its traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Spec {
    /// The image, by digest.
    pub(crate) image: String,
    /// The port that the container listens on.
    pub(crate) port: u16,
    /// Plain environment variables. Never a secret: they can be read in the service.
    pub(crate) env: BTreeMap<String, String>,
    /// Secrets that the container sees as files.
    pub(crate) secrets: Vec<Mount>,
    /// Memory limit, such as `512Mi`.
    pub(crate) memory: String,
    /// CPU limit, such as `1`; `None` leaves it to Cloud Run, which gives 1.
    pub(crate) cpu: Option<String>,
    /// How long a request may take, in seconds.
    pub(crate) timeout: u32,
    /// How many requests an instance is given at a time.
    pub(crate) concurrency: u32,
    /// The service account that the container is.
    pub(crate) account: String,
    /// The execution environment, `gen1` or `gen2`.
    pub(crate) execution: String,
    /// Whether an instance is given more CPU while it starts.
    pub(crate) cpu_boost: bool,
    /// How many instances a revision has.
    pub(crate) scaling: Scaling,
    /// How many instances the service has, all revisions together.
    pub(crate) service_scaling: Scaling,
    /// Who reaches it over the network.
    pub(crate) ingress: Ingress,
    /// Connection names of Cloud SQL instances.
    pub(crate) cloud_sql: Vec<String>,
    /// The network that its outgoing requests take.
    pub(crate) network: Option<Network>,
    /// When a new instance is up; `None` for Cloud Run's own, a TCP connection.
    pub(crate) startup: Option<Probe>,
    /// When an instance has to be replaced.
    pub(crate) liveness: Option<Probe>,
    /// Labels of the revision: lower-case letters, digits, `_` and `-`, at most 63.
    pub(crate) labels: BTreeMap<String, String>,
    /// What a revision that is there has and nobody has a field for above, by the name of the setting. Wanted where it is kept,
    /// and otherwise shown as going away.
    pub(crate) other: BTreeMap<String, String>,
    /// The same, of the service itself.
    pub(crate) service_other: BTreeMap<String, String>,
    /// What becomes of settings of other hands.
    pub(crate) foreign: Foreign,
}

/// A secret as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mount {
    /// The folder, such as `/secrets`.
    pub(crate) folder: String,
    /// The file in it, such as `.env`.
    pub(crate) file: String,
    /// The secret.
    pub(crate) secret: String,
    /// Its version: a number, so that an instance which starts tomorrow reads what was proven today.
    pub(crate) version: String,
}

/// Bounds of a number of instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Scaling {
    /// At least so many; 0 is Cloud Run's default, and it stores nothing for it.
    pub(crate) min: u32,
    /// At most so many.
    pub(crate) max: Option<u32>,
}

/// Who reaches a service over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ingress {
    /// Everybody.
    All,
    /// The project's own networks and its load balancers.
    InternalAndCloudLoadBalancing,
    /// The project's own networks.
    Internal,
}

/// The network that outgoing requests take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Network {
    /// Its name.
    pub(crate) name: String,
    /// Its subnetwork.
    pub(crate) subnetwork: String,
    /// Which requests: `private-ranges-only` or `all-traffic`.
    pub(crate) egress: String,
}

/// A question that Cloud Run asks a container over HTTP; times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Probe {
    /// The path that must answer 200 to 399.
    pub(crate) path: String,
    /// How long before the first question.
    pub(crate) delay: u32,
    /// How long between questions; a startup probe's period times its failures is at most 240.
    pub(crate) period: u32,
    /// How long for an answer.
    pub(crate) timeout: u32,
    /// How many failures in a row are too many.
    pub(crate) failures: u32,
}

impl Ingress {
    /// Every one.
    const ALL: [Self; 3] = [Self::All, Self::InternalAndCloudLoadBalancing, Self::Internal];

    /// As the service's document has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::InternalAndCloudLoadBalancing => "internal-and-cloud-load-balancing",
            Self::Internal => "internal",
        }
    }

    /// Reads the document's word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ingress| ingress.name() == text)
    }
}

/// What a wish does with the settings of other hands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Foreign {
    /// Whether what is there and has no field in a [`Spec`] is written again.
    pub(crate) keeps: bool,
    /// What stays that the wish itself does not ask for, by the name of the setting.
    pub(crate) kept: BTreeMap<String, String>,
    /// Variables that are ours and are not set now: these do not stay.
    pub(crate) unset: BTreeSet<String>,
}
