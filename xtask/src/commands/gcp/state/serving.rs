//! The revision that serves, where it is not the newest: what a service's document says of itself is the newest one's.

use serde_json::Value;

use super::observe::{Read, cannot_tell, observe};
use crate::commands::gcp::rollout::contradiction;
use crate::commands::gcp::service::{COMMIT, Live};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::Result;
use crate::tools::gcloud::{Seen, run};

/// Reads it, where that is needed. An unknown state is an error.
pub(crate) fn read(context: &Context, names: &Names, live: Live) -> Result<Live> {
    match ask(context, names, live)? {
        Seen::Present(live) => Ok(live),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
        Seen::Absent => {
            let said = "the service gives it all the traffic, and it is not there";
            Err(cannot_tell(&[contradiction(
                "the revision that serves",
                said,
                "gcloud run revisions list".into(),
            )]))
        }
    }
}

/// As [`read`], with an unknown state as an answer.
pub(crate) fn ask(context: &Context, names: &Names, live: Live) -> Result<Seen<Live>> {
    let Some(revision) = live.unread() else { return Ok(Seen::Present(live)) };
    let what = format!("the revision {revision}, which serves");
    let read = Read::new(what.clone(), run::describe_revision(names, revision));
    let [seen] = observe(context, 1, &[read])?;
    Ok(seen.understand(&what, |text| live.with_serving(text)))
}

/// For a plan: the newest revision, where another one serves.
pub(crate) fn beside(live: &Live) -> Option<String> {
    let (serving, newest) = (live.serving()?, live.newest.as_deref()?);
    let spec = &live.spec;
    let commit = spec.labels.get(COMMIT).map_or("unknown", String::as_str);
    let secret = spec.secrets.first().map_or("none", |mount| mount.version.as_str());
    let switch = spec.env.get(envs::server::ENABLED.name).map(|value| value != "false");
    let switch = switch.map(|on| format!(", switch {}", if on { "on" } else { "off" })).unwrap_or_default();
    let image = spec.image.rsplit('@').next().unwrap_or_default();
    (serving != newest).then(|| {
        format!(
            "{serving} serves; the newest revision is {newest}: commit {commit}, image {image}, secret version \
             {secret}{switch}"
        )
    })
}

/// The same, of the list of the service's revisions, as far as it is there.
pub(crate) fn listed(revisions: &str, live: Live) -> Live {
    let Some(revision) = live.unread() else { return live };
    let listed: Vec<Value> = serde_json::from_str(revisions).unwrap_or_default();
    let found = listed.iter().find(|document| document["metadata"]["name"] == revision).map(Value::to_string);
    found.and_then(|text| live.clone().with_serving(&text)).unwrap_or(live)
}
