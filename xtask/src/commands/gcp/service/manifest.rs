//! The document that is written: a service, whole.

use serde_json::{Map, Value, json};

use super::annotation::{BY_HAND, INGRESS, LAUNCH_STAGE, SERVICE_MAX, SERVICE_MIN};
use super::keyed::{keyed, listed};
use super::live::{foreign_labels, of_service};
use super::noise::is_noise;
use super::overlay::overlay;
use super::template::own_template;
use super::value::members;
use super::{History, Live, Spec, Target};

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Manifest<'a> {
    /// The service's name.
    pub(crate) name: &'a str,
    /// What is there; `None` for a new service.
    pub(crate) live: Option<&'a Live>,
    /// What revisions are made from.
    pub(crate) template: Template<'a>,
    /// Where the service's own settings (ingress, instances in all) come from; `None` leaves them.
    pub(crate) service: Option<&'a Spec>,
    /// Who gets how much. Foreign tags stay.
    pub(crate) traffic: Vec<Target>,
    /// What it is to remember of its revisions; `None` leaves that.
    pub(crate) history: Option<History>,
}

/// What revisions are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Template<'a> {
    /// The one that is there, to the letter: no new revision.
    Kept,
    /// A new one, under this name.
    New(&'a Spec, &'a str),
}

impl Manifest<'_> {
    /// The document, as text.
    pub(crate) fn text(&self) -> String {
        format!("{:#}\n", self.document())
    }

    fn document(&self) -> Value {
        let old = self.live.map_or(&Value::Null, |live| &live.document);
        let template = match self.template {
            Template::Kept => old["spec"]["template"].clone(),
            Template::New(spec, revision) => template(spec, revision, self.live),
        };
        let mut traffic: Vec<Target> = self.traffic.clone();
        traffic.extend(self.live.into_iter().flat_map(Live::foreign_tags));
        let mut metadata = json!({ "name": self.name, "annotations": self.annotations(&old["metadata"]) });
        let labels = foreign_labels(&old["metadata"]).map(|(name, value)| (name.clone(), value.clone()));
        let labels: Map<_, _> = labels.collect();
        if !labels.is_empty() {
            metadata["labels"] = Value::Object(labels);
        }
        let mut spec =
            json!({ "template": template, "traffic": traffic.iter().map(Target::entry).collect::<Value>() });
        // gcloud knows no other member and refuses it: better than to lose it unseen.
        for (name, value) in members(&old["spec"]) {
            if spec.get(name).is_none() && self.stays(name) {
                spec[name] = value.clone();
            }
        }
        json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": spec,
        })
    }

    /// Whether a setting of the service itself that has no field stays: but for a wish that does not have it, it does.
    fn stays(&self, name: &str) -> bool {
        let wish = match self.template {
            Template::New(spec, _) => Some(spec),
            Template::Kept => self.service,
        };
        wish.is_none_or(|wish| wish.service_other.contains_key(&of_service(name)))
    }

    /// What somebody else has written on the service stays.
    fn annotations(&self, old: &Value) -> Map<String, Value> {
        let mut annotations = object(&old["annotations"]);
        annotations.retain(|name, _| !is_noise(name));
        if self.service.is_some() {
            annotations.retain(|name, _| !BY_HAND.contains(&name.as_str()) || self.stays(name));
        }
        let by_hand = BY_HAND.iter().any(|name| annotations.contains_key(*name));
        let mut set = |name: &str, value: Option<String>| match value {
            Some(value) => annotations.insert(name.to_owned(), json!(value)),
            None => annotations.remove(name),
        };
        if let Some(spec) = self.service {
            set(INGRESS, Some(spec.ingress.name().to_owned()));
            // What gcloud's `--scaling` does, too: with a number by hand there are no bounds.
            let scaling = if by_hand { super::Scaling::default() } else { spec.service_scaling };
            set(SERVICE_MIN, (scaling.min > 0).then(|| scaling.min.to_string()));
            set(SERVICE_MAX, scaling.max.map(|max| max.to_string()));
            if scaling.max.is_some() {
                // What `gcloud beta run deploy --max` writes beside it.
                set(LAUNCH_STAGE, Some("BETA".to_owned()));
            }
        }
        if let Some(history) = &self.history {
            history.write(&mut annotations);
        }
        annotations
    }
}

/// What a revision of this name is made from: the wish, and what it keeps of what is there.
pub(super) fn template(spec: &Spec, revision: &str, live: Option<&Live>) -> Value {
    let live = live.map(|live| keyed(live.base())).unwrap_or_default();
    let own = own_template(spec, revision, &live);
    if !spec.foreign.keeps {
        return own;
    }
    let mut template = listed(&overlay(&keyed(&own), &live, &spec.foreign.unset));
    template["metadata"]["name"] = json!(revision);
    template
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
