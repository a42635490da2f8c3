//! A deploy's plan as a file that a later deploy is held to.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Deploy;
use crate::commands::gcp::rollout::Access;
use crate::commands::gcp::service::Live;
use crate::config::fleet::resolved::Ingress;
use crate::core::error::{Error, Result};

/// Version of the file. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// A plan, written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
    schema_version: u32,
    stage: String,
    project: String,
    region: String,
    commit: String,
    /// What was wanted.
    wanted: Value,
    /// What was there.
    live: Value,
}

impl Deploy<'_> {
    fn file(&self) -> File {
        let names = self.place.names();
        let (commit, wanted, live) = match self.server() {
            Some((service, image)) => {
                let balanced = match &service.ingress {
                    Ingress::Balanced(group) => self.state.is_balanced(group),
                    Ingress::Fixed(_) => false,
                };
                let live = json!({
                    "service": self.live(service).map(Live::essence),
                    "open to everybody": self.state.access(names.service().as_str()) == Some(Access::Everybody),
                    "secret version": self.state.version(&service.container.secret.name),
                    "load balancer": balanced,
                    "web": self.state.told(names),
                    "may call web": self.state.may_call_web(names),
                });
                (image.commit.clone(), json!(self.spec(service, image)), live)
            }
            None => (String::new(), Value::Null, Value::Null),
        };
        File {
            schema_version: SCHEMA_VERSION,
            stage: names.stage().name().to_owned(),
            project: names.project().to_owned(),
            region: names.region().to_owned(),
            commit,
            wanted,
            live,
        }
    }

    /// Writes the plan down.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.file()).unwrap_or_default();
        std::fs::write(path, text + "\n").map_err(|error| {
            Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
        })
    }

    /// Whether this deploy is the one that was planned; an error shows what is different.
    pub(super) fn check(&self, planned: &File) -> Result<()> {
        let now = self.file();
        let mut wrong = Vec::new();
        for (what, then, now) in [
            ("stage", &planned.stage, &now.stage),
            ("project", &planned.project, &now.project),
            ("region", &planned.region, &now.region),
            ("commit", &planned.commit, &now.commit),
        ] {
            if then != now {
                wrong.push(format!("{what}: planned for {then}, this is {now}"));
            }
        }
        for line in leaves("", &planned.wanted, &now.wanted) {
            wrong.push(format!("wanted{line}"));
        }
        let moved: Vec<String> = leaves("", &planned.live, &now.live).collect();
        if wrong.is_empty() && moved.is_empty() {
            return Ok(());
        }
        let message = if wrong.is_empty() {
            "what is there is not what was planned on"
        } else {
            "this is not what was planned"
        };
        Err(Error::failed(message)
            .causes(wrong)
            .causes(moved.into_iter().map(|line| format!("live{line}")))
            .cause("nothing was changed")
            .hint(format!("plan again: cargo xtask gcp plan {} --out FILE", now.stage)))
    }
}

impl File {
    /// Reads a plan.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| {
            Error::usage(format!("{} is not a plan", path.display()))
                .cause(why)
                .hint("make one: cargo xtask gcp plan STAGE --out FILE")
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let file: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if file.schema_version != SCHEMA_VERSION {
            return Err(wrong(format!(
                "its schema_version is {}, not {SCHEMA_VERSION}",
                file.schema_version
            )));
        }
        Ok(file)
    }
}

/// Every leaf that differs: ` /service/ingress: "all" -> "internal"`.
fn leaves<'a>(path: &str, then: &'a Value, now: &'a Value) -> Box<dyn Iterator<Item = String> + 'a> {
    if then == now {
        return Box::new(std::iter::empty());
    }
    if let (Some(old), Some(new)) = (then.as_array(), now.as_array())
        && old.len() == new.len()
    {
        let path = path.to_owned();
        let pairs = old.iter().zip(new).enumerate();
        return Box::new(pairs.flat_map(move |(at, (old, new))| leaves(&format!("{path}/{at}"), old, new)));
    }
    let (Some(old), Some(new)) = (then.as_object(), now.as_object()) else {
        return Box::new(std::iter::once(format!(" {path}: {then} -> {now}")));
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let path = path.to_owned();
    Box::new(names.into_iter().flat_map(move |name| {
        leaves(
            &format!("{path}/{name}"),
            old.get(name).unwrap_or(&Value::Null),
            new.get(name).unwrap_or(&Value::Null),
        )
    }))
}
