//! The MCP server as a Cloud Run service: what its settings make of it.

mod clients;
mod mode;
mod probe;
mod web;

pub(crate) use clients::not_led_here;
pub(crate) use mode::Mode;
pub(crate) use probe::Probe as Prober;
pub(crate) use web::{Comparison, Web};

use std::collections::BTreeMap;

use envs::{HeldIn, Variable, deploy, server};

use super::service::{COMMIT, Network, Scaling};
use crate::commands::env;
use crate::config::context::Context;
use crate::config::env::{EnvFile, Layers};
use crate::config::fleet::{self, resolved::Service};
use crate::config::stage::{Names, Stage, Target};
use crate::core::error::{Error, Result};

/// What a stage's files say about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Validibot's API, to the letter: it is the identity token's audience, too.
    pub(crate) api_base_url: String,
    /// Where clients reach the server.
    pub(crate) base_url: String,
    /// The kill switch.
    pub(crate) enabled: bool,
    /// The identity token's audience, where it is not the API's address.
    pub(crate) audience: String,
    /// Host names besides those that follow from the service's name.
    hosts: Vec<String>,
}

impl Config {
    /// Reads the stage's files; everything that is wrong is reported at once.
    pub(crate) fn load(context: &Context, stage: Stage) -> Result<Self> {
        let (config, problems) = Self::read(context, stage)?;
        if problems.is_empty() { Ok(config) } else { Err(unfit(stage, problems)) }
    }

    /// As [`Config::load`], with everything that is wrong beside it.
    pub(crate) fn read(context: &Context, stage: Stage) -> Result<(Self, Vec<String>)> {
        let target = Target::GoogleCloud(stage);
        // The switches of a deploy are stronger than the file that the server reads: they become its environment.
        let read = |held_in| context.tree.read(target, held_in).transpose();
        let files: Vec<EnvFile> =
            [HeldIn::Build, HeldIn::Mcp].into_iter().filter_map(read).collect::<Result<_>>()?;
        let layers = Layers::new(&context.environment, &files);
        let mut problems = env::file_problems(context, target, HeldIn::Build)?;
        let text = |variable: &Variable| {
            layers.get(variable).map(|found| found.value.expose().trim().to_owned()).unwrap_or_default()
        };
        let (api_base_url, base_url) = (text(&deploy::MCP_API_BASE_URL), text(&server::MCP_BASE_URL));
        for (variable, value) in
            [(&deploy::MCP_API_BASE_URL, &api_base_url), (&server::MCP_BASE_URL, &base_url)]
        {
            if value.is_empty() || Variable::is_placeholder(value) {
                let file = context.tree.path(target, HeldIn::Build).unwrap_or_default();
                problems.push(format!(
                    "{} is not set: {}; write it into {}",
                    variable.name,
                    variable.doc,
                    file.display()
                ));
            } else if !(value.starts_with("https://") || value.starts_with("http://")) {
                problems.push(format!("{}: '{value}' is not an absolute URL", variable.name));
            }
        }
        let enabled = text(&server::ENABLED);
        let switch = envs::parse_switch(&enabled);
        let audience = text(&server::SERVICE_AUDIENCE);
        let hosts = text(&server::EXTRA_HOSTS);
        let config = Self {
            audience: if audience.is_empty() { api_base_url.clone() } else { audience },
            api_base_url,
            base_url,
            enabled: switch.unwrap_or(false),
            hosts: hosts
                .split(',')
                .map(str::trim)
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
        };
        Ok((config, problems))
    }

    /// What the server is told in its environment; in maintenance every tool says that it is switched off.
    pub(crate) fn env(
        &self,
        names: &Names,
        project_number: &str,
        maintenance: bool,
    ) -> [(String, String); 4] {
        [
            (server::API_BASE_URL.name, self.api_base_url.clone()),
            (server::MCP_BASE_URL.name, self.base_url.clone()),
            (server::ENABLED.name, (self.enabled && !maintenance).to_string()),
            (server::EXTRA_HOSTS.name, self.hosts(names, project_number).join(",")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// The names under which Cloud Run serves it and its candidate: both are known before the service is there.
    fn hosts(&self, names: &Names, project_number: &str) -> Vec<String> {
        let host = format!("{}-{project_number}.{}.run.app", names.service(), names.region());
        let mut hosts = vec![format!("{}---{host}", super::service::CANDIDATE), host];
        hosts.extend(self.hosts.iter().cloned());
        hosts
    }
}

/// The error of settings that a deploy cannot go by.
pub(crate) fn unfit(stage: Stage, problems: Vec<String>) -> Error {
    Error::usage(format!("the settings of {stage} are not fit for a deploy")).causes(problems)
}

/// How many instances each revision has, and all of them together; in maintenance none waits.
pub(crate) fn scaling(wanted: &Service, maintenance: bool) -> (Scaling, Scaling) {
    let min = if maintenance { 0 } else { wanted.min };
    let bounds = Scaling { min, max: Some(wanted.max) };
    if wanted.together { (Scaling::default(), bounds) } else { (bounds, Scaling::default()) }
}

/// The network that the fleet's file names.
pub(crate) fn network(wanted: &fleet::Network) -> Network {
    Network { name: wanted.name.clone(), subnetwork: wanted.subnet.clone(), egress: wanted.egress.clone() }
}

/// The labels that the fleet's file names, and the commit's.
pub(crate) fn labels(wanted: &Service, commit: &str) -> BTreeMap<String, String> {
    let commit = (COMMIT.to_owned(), label(commit));
    wanted.labels.iter().cloned().chain([commit]).collect()
}

/// As a label's value may be: lower-case letters, digits, `_` and `-`, at most 63.
pub(crate) fn label(text: &str) -> String {
    let legal = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
    text.to_ascii_lowercase().chars().map(legal).take(63).collect()
}
