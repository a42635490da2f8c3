//! The scheduler's jobs: what each is to be, what is there, and the one command for the difference.

use serde_json::{Value, json};

use super::place::Place;
use crate::commands::gcp::plan::{Item, State};
use crate::config::fleet::resolved::Scheduled;
use crate::core::command::Command;
use crate::tools::gcloud::fleet::{self, Flag};

/// A job that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::gcp) struct Live {
    pub(in crate::commands::gcp) name: String,
    flags: Vec<Flag>,
    method: String,
    pub(in crate::commands::gcp) paused: bool,
}

/// The flags of a job, and where each stands in its document.
const FIELDS: [(&str, &str); 6] = [
    ("schedule", "/schedule"),
    ("time-zone", "/timeZone"),
    ("description", "/description"),
    ("uri", "/httpTarget/uri"),
    ("oidc-service-account-email", "/httpTarget/oidcToken/serviceAccountEmail"),
    ("oidc-token-audience", "/httpTarget/oidcToken/audience"),
];

impl Live {
    /// Reads `gcloud scheduler jobs list --format=json`.
    pub(in crate::commands::gcp) fn parse(text: &str) -> Option<Vec<Self>> {
        let listed: Vec<Value> = serde_json::from_str(text).ok()?;
        listed.iter().map(Self::of).collect()
    }

    fn of(job: &Value) -> Option<Self> {
        let text =
            |pointer: &str| job.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text("/name").rsplit('/').next()?.to_owned();
        Some(Self {
            name,
            flags: FIELDS.iter().map(|(name, pointer)| Flag { name, value: text(pointer) }).collect(),
            method: text("/httpTarget/httpMethod"),
            paused: match text("/state").as_str() {
                "PAUSED" => true,
                "ENABLED" => false,
                _ => return None,
            },
        })
    }

    /// What somebody has decided of it.
    pub(in crate::commands::gcp) fn essence(&self) -> Value {
        let flags: Vec<&str> = self.flags.iter().map(|flag| flag.value.as_str()).collect();
        json!({"name": self.name, "flags": flags, "method": self.method, "paused": self.paused})
    }
}

/// What one job is to be.
fn wanted(place: &Place<'_>, job: &Scheduled, address: &str) -> Vec<Flag> {
    let scheduler = &place.fleet.scheduler;
    let values = [
        job.cron.clone(),
        scheduler.time_zone.clone(),
        job.does.clone(),
        format!("{}{}", address.trim_end_matches('/'), job.path),
        scheduler.account.clone(),
        address.to_owned(),
    ];
    FIELDS.iter().zip(values).map(|((name, _), value)| Flag { name, value }).collect()
}

/// What is to do, job by job; in maintenance every job is paused, and stays so.
pub(in crate::commands::gcp) fn items(
    place: &Place<'_>,
    live: &[Live],
    address: &str,
    maintenance: bool,
) -> Vec<Item> {
    let mut items = Vec::new();
    for job in &place.fleet.scheduler.jobs {
        let (name, flags) = (&job.name, wanted(place, job, address));
        let resource = format!("scheduled {name}");
        let Some(found) = live.iter().find(|found| found.name == *name) else {
            let create = fleet::create_scheduled(place.names(), name, &flags);
            items.push(
                Item::step(&resource, State::Create, create).note(format!("{} {}", job.cron, job.does)),
            );
            if maintenance {
                let pause = fleet::pause_scheduled(place.names(), name);
                items.push(Item::step(format!("{resource} is paused"), State::Change, pause).wave(1));
            }
            continue;
        };
        let item = change(place, found, &flags, &resource);
        // Two jobs may be written side by side, one job never: its second write waits for the first.
        let second = u8::from(item.step.is_some());
        items.push(item);
        let turn = match (maintenance, found.paused) {
            (false, true) => Some(("runs again", fleet::resume_scheduled(place.names(), name))),
            (true, false) => Some(("is paused", fleet::pause_scheduled(place.names(), name))),
            _ => None,
        };
        items.extend(turn.map(|(what, command): (&str, Command)| {
            Item::step(format!("{resource} {what}"), State::Change, command).wave(second)
        }));
    }
    items
}

fn change(place: &Place<'_>, found: &Live, flags: &[Flag], resource: &str) -> Item {
    let differs = |wanted: &&Flag| {
        found.flags.iter().any(|flag| flag.name == wanted.name && flag.value != wanted.value)
    };
    let changed: Vec<Flag> = flags.iter().filter(differs).cloned().collect();
    let was = |name: &str| {
        found.flags.iter().find(|flag| flag.name == name).map(|flag| flag.value.clone()).unwrap_or_default()
    };
    if changed.is_empty() && found.method == "POST" {
        return Item::unchanged(resource);
    }
    let mut command = fleet::update_scheduled(place.names(), &found.name, &changed);
    let mut notes: Vec<String> =
        changed.iter().map(|flag| format!("{}: {} -> {}", flag.name, was(flag.name), flag.value)).collect();
    if found.method != "POST" {
        command = command.arg("--http-method=POST");
        notes.push(format!("method: {} -> POST", found.method));
    }
    let mut item = Item::step(resource, State::Change, command);
    item.notes = notes;
    item
}
