//! What a service is, and how a new wish for it is taken: checked whole, then applied whole.

use serde_json::{Value, json};

use super::template::{self, Template};
use super::traffic::{self, Target};
use crate::api::is_name;
use crate::cloud::Cloud;
use crate::engine::{Engine, Ingress, Route};
use crate::error::ApiError;
use crate::policy::Policy;

/// A Cloud Run service.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(super) uid: String,
    pub(super) created: String,
    /// Labels and annotations as the caller wrote them, without the server's own.
    pub(super) metadata: Value,
    /// `spec.template` as stored, with its defaults.
    pub(super) template: Value,
    /// `spec.traffic` as wanted.
    pub(super) wanted: Vec<Target>,
    /// What the traffic really is.
    pub(super) routed: Vec<Target>,
    pub(super) generation: u64,
    pub(super) version: u64,
    pub(super) operation: String,
    pub(super) made: usize,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) policy: Policy,
}

/// One revision: a template that never changes, and how its start went.
pub(crate) struct Revision {
    pub(crate) name: String,
    pub(super) created: String,
    pub(super) generation: u64,
    /// The template without its name.
    pub(super) template: Value,
    pub(super) state: State,
}

/// How far a revision is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Starting,
    Ready,
    Failed(String),
}

/// `POST …/services`; answers the name.
pub(super) fn create(cloud: &mut Cloud, region: &str, body: &Value) -> Result<String, ApiError> {
    let name = body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Cloud Run: 49 characters at most, so that the URL's label has room for the project's part.
    if !is_name(&name, 1..=49) {
        return Err(ApiError::invalid(format!("metadata.name: '{name}' is not a valid service name.")));
    }
    let key = (region.to_owned(), name.clone());
    if cloud.services.contains_key(&key) {
        return Err(ApiError::already_exists(format!("Resource '{name}' already exists.")));
    }
    let mut service = Service {
        uid: format!("uid-{name}-{}", cloud.next()),
        created: cloud.timestamp(),
        name,
        region: region.to_owned(),
        metadata: json!({}),
        template: json!({}),
        wanted: Vec::new(),
        routed: Vec::new(),
        generation: 0,
        version: 0,
        operation: String::new(),
        made: 0,
        revisions: Vec::new(),
        policy: Policy::default(),
    };
    apply(cloud, &mut service, body)?;
    let name = service.name.clone();
    cloud.services.insert(key, service);
    Ok(name)
}

/// `PUT …/services/NAME`.
pub(super) fn replace(cloud: &mut Cloud, region: &str, name: &str, body: &Value) -> Result<(), ApiError> {
    let key = (region.to_owned(), name.to_owned());
    let Some(mut service) = cloud.services.remove(&key) else {
        return Err(ApiError::not_found(format!("Resource '{name}' of kind 'SERVICE' does not exist")));
    };
    let given = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let outcome = if given.is_some_and(|given| given != service.resource_version()) {
        Err(ApiError::aborted(format!(
            "Conflict for resource '{name}': version '{}' was specified but current version is '{}'.",
            given.unwrap_or_default(),
            service.resource_version()
        )))
    } else {
        apply(cloud, &mut service, body)
    };
    cloud.services.insert(key, service);
    outcome
}

/// Checks everything, then changes `service`; on an error it is as before.
fn apply(cloud: &mut Cloud, service: &mut Service, body: &Value) -> Result<(), ApiError> {
    template::check_service(body)?;
    let wish = Template::read(cloud, service, &body["spec"]["template"])?;
    let wanted = traffic::read(service, wish.new_revision.as_deref(), &body["spec"]["traffic"])?;

    service.metadata = template::own_metadata(&body["metadata"]);
    service.template = wish.stored;
    service.wanted = wanted;
    service.generation += 1;
    service.version = cloud.next();
    service.operation = format!("op-{}", service.version);
    if let Some(name) = wish.new_revision {
        service.made += 1;
        let template = template::unnamed(&service.template);
        // A secret that cannot be mounted fails the revision, not the request.
        let state = match template::launch(cloud, service, &name, &template) {
            Ok(launch) => {
                cloud.launches.push(launch);
                State::Starting
            }
            Err(message) => State::Failed(message),
        };
        let created = cloud.timestamp();
        service.revisions.push(Revision { name, created, generation: service.generation, template, state });
    }
    service.route(cloud);
    service.admit(&*cloud.engine());
    Ok(())
}

impl Cloud {
    /// A revision's start has ended.
    pub(crate) fn settle(
        &mut self,
        region: &str,
        service: &str,
        revision: &str,
        outcome: Result<(), String>,
    ) {
        let key = (region.to_owned(), service.to_owned());
        let Some(mut service) = self.services.remove(&key) else { return };
        if let Some(revision) = service.revisions.iter_mut().find(|known| known.name == revision) {
            revision.state = match outcome {
                Ok(()) => State::Ready,
                Err(message) => State::Failed(message),
            };
        }
        service.route(self);
        self.services.insert(key, service);
    }
}

impl Service {
    /// Whether the answer to the last change is still open.
    pub(super) fn pending(&self) -> bool {
        let open = |name: &str| self.revision(name).is_some_and(|revision| revision.state == State::Starting);
        self.revisions.last().is_some_and(|latest| latest.state == State::Starting)
            || self.wanted.iter().any(|target| target.revision.as_deref().is_some_and(open))
    }

    pub(super) fn revision(&self, name: &str) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.name == name)
    }

    pub(super) fn latest_ready(&self) -> Option<&Revision> {
        self.revisions.iter().rev().find(|revision| revision.state == State::Ready)
    }

    pub(super) fn resource_version(&self) -> String {
        format!("AAY{:013}", self.version)
    }

    /// Tells the engine who may come in from outside.
    pub(super) fn admit(&self, engine: &dyn Engine) {
        let ingress = Ingress::of(self.metadata["annotations"]["run.googleapis.com/ingress"].as_str());
        engine.admit(&self.name, ingress, self.policy.grants("roles/run.invoker", "allUsers"));
    }

    /// Moves the traffic to where it is wanted, if all of that is ready; otherwise it stays where it is.
    fn route(&mut self, cloud: &Cloud) {
        let Ok(resolved) = traffic::resolve(self) else { return };
        if resolved == self.routed {
            return;
        }
        self.routed = resolved;
        let routes: Vec<Route> = self
            .routed
            .iter()
            .filter_map(|target| {
                let revision = target.revision.clone()?;
                Some(Route { revision, percent: target.percent, tag: target.tag.clone() })
            })
            .collect();
        cloud.engine().route(&self.name, &routes);
    }
}
