//! What each service is to be, from the file and from what is there around it.

use std::collections::BTreeMap;

use super::images::Built;
use super::job::{FILE, FOLDER};
use super::place::Place;
use crate::commands::gcp::mcp;
use crate::commands::gcp::rollout::Access;
use crate::commands::gcp::service::{Foreign, Ingress, Mount, Probe, Spec};
use crate::commands::gcp::state::State;
use crate::config::fleet::resolved::{Ingress as Wanted, Service};

/// Requests that an instance is given at a time: Cloud Run's own default.
const CONCURRENCY: u32 = 80;

/// Who may call it.
pub(super) fn access(service: &Service) -> Access {
    if service.public { Access::Everybody } else { Access::Granted }
}

/// The service that the file asks for, with what stays of what other hands have set on the one that is there.
pub(super) fn spec(place: &Place<'_>, service: &Service, image: &Built, state: &State) -> Spec {
    let asked = match &place.config {
        Some(config) if service.gated => server(place, config, service, image, state),
        _ => asked(place, service, image, state),
    };
    place.hands.apply(asked, state.services.get(&service.container.name))
}

fn asked(place: &Place<'_>, service: &Service, image: &Built, state: &State) -> Spec {
    let container = &service.container;
    let unset = container.env.iter().filter(|(_, value)| value.is_none());
    let foreign = Foreign { unset: unset.map(|(name, _)| name.clone()).collect(), ..Foreign::default() };
    let maintenance = state.in_maintenance(place);
    let (scaling, service_scaling) = mcp::scaling(service, maintenance);
    let database = container.database.as_ref().and_then(|name| state.databases.get(name));
    let private = container.database.is_none() || database.is_some_and(|database| database.private);
    let network = container.network.as_ref().filter(|_| private);
    let secret = &container.secret.name;
    Spec {
        image: image.reference(),
        port: service.port,
        env: image.env(container),
        secrets: vec![Mount {
            folder: FOLDER.into(),
            file: FILE.into(),
            version: state.version(secret).to_string(),
            secret: secret.clone(),
        }],
        memory: container.memory.clone(),
        cpu: container.cpu.clone(),
        timeout: container.timeout,
        concurrency: CONCURRENCY,
        account: container.account.clone(),
        execution: "gen2".into(),
        cpu_boost: true,
        scaling,
        service_scaling,
        ingress: ingress(service, state, maintenance),
        cloud_sql: database.map(|database| database.connection.clone()).into_iter().collect(),
        network: network.map(mcp::network),
        startup: service.proof.startup.clone().map(startup),
        liveness: None,
        labels: mcp::labels(service, &image.commit),
        other: BTreeMap::new(),
        service_other: BTreeMap::new(),
        foreign,
    }
}

/// A minute for a server that has to ask others before it is ready.
fn startup(path: String) -> Probe {
    Probe { path, delay: 0, period: 1, timeout: 1, failures: 60 }
}

fn ingress(service: &Service, state: &State, maintenance: bool) -> Ingress {
    match &service.ingress {
        _ if maintenance && service.public => Ingress::Internal,
        Wanted::Fixed(word) => Ingress::parse(word).unwrap_or(Ingress::Internal),
        Wanted::Balanced(group) if state.is_balanced(group) => Ingress::InternalAndCloudLoadBalancing,
        Wanted::Balanced(_) => Ingress::All,
    }
}

/// The MCP server has settings of its own, in the stage's files.
fn server(place: &Place<'_>, config: &mcp::Config, service: &Service, image: &Built, state: &State) -> Spec {
    let balanced = match &service.ingress {
        Wanted::Balanced(group) => state.is_balanced(group),
        Wanted::Fixed(_) => false,
    };
    config.spec(
        place.names(),
        &mcp::Place {
            wanted: service,
            image: &image.reference(),
            commit: &image.commit,
            version: state.version(&service.container.secret.name),
            project_number: &state.project_number,
            balanced,
            // A new one comes into a closed stage as a closed one: what opens the stage opens it, too.
            maintenance: match state.services.get(&service.container.name) {
                Some(live) => live.in_maintenance(),
                None => state.in_maintenance(place),
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::commands::gcp::mcp::Config;
    use crate::config::context::Context;
    use crate::config::env::{EnvFile, Environment, Layers};
    use crate::config::fleet::{Fleet, Resolved};
    use crate::config::stage::{Names, Stage};
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    const BUILD: &str = "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.example.com\n\
                         VALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n";

    /// The fleet's file, with another size of the MCP server.
    fn resized(names: &Names) -> Resolved {
        let text = include_str!("../../../../../envs/fleet.toml");
        let (from, to) = ("memory = \"512Mi\"", "memory = \"1Gi\"\nlabels = { cost-center = \"42\" }");
        let bounds = "min = 0\nmax = { prod = 4, other = 2 }\n";
        let more =
            "min = { prod = 1, other = 0 }\nmax = { prod = 9, other = 3 }\nnetwork = { name = \"n\" }\n";
        assert!(text.contains(from) && text.contains(bounds));
        let text = text.replace(from, to).replace(bounds, more);
        let fleet = Fleet::parse(Path::new("fleet.toml"), &text).unwrap();
        let (environment, build) =
            (Environment::default(), EnvFile::parse(Path::new(".build"), BUILD).unwrap());
        let layers = Layers::new(&environment, Some(&build));
        fleet.resolve(names, &layers, Path::new(".build"), &|_| true).unwrap()
    }

    #[test]
    fn the_server_has_the_size_that_the_file_says_for_each_stage() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for part in ["dev", "staging", "production"] {
            let place = folder.path().join(part).join("google-cloud");
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join(".build"), BUILD).unwrap();
        }
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), |_| Outcome::success(""));
        let envs = Some(folder.path().to_owned());
        let context = Context::new(Environment::default(), envs, printer, runner, root).unwrap();
        for (stage, min, max) in [(Stage::Dev, 0, 3), (Stage::Staging, 0, 3), (Stage::Prod, 1, 9)] {
            let names = Names::new("acme", "us-west1", "validibot", "r", stage);
            let fleet = resized(&names);
            let config = Config::load(&context, stage).unwrap();
            let spec = |maintenance: bool| {
                let place = mcp::Place {
                    wanted: fleet.service("mcp").unwrap(),
                    image: "r/acme/validibot/validibot-mcp@sha256:1",
                    commit: "c",
                    version: 7,
                    project_number: "1",
                    balanced: false,
                    maintenance,
                };
                config.spec(&names, &place)
            };
            let open = spec(false);
            assert_eq!((open.scaling.min, open.scaling.max), (min, Some(max)), "{stage}");
            assert_eq!(open.memory, "1Gi");
            assert_eq!(open.labels["cost-center"], "42");
            assert_eq!(open.network.as_ref().map(|network| network.name.as_str()), Some("n"));
            assert_eq!(spec(true).scaling.min, 0, "in maintenance no instance waits");
            // What the file stamps, the settings of the stage's files know by the same names.
            let server = fleet.service("mcp").unwrap();
            assert!(server.container.env.iter().all(|(name, _)| open.env.contains_key(name)));
            assert_eq!(open.startup.map(|probe| probe.path), server.proof.startup);
        }
    }
}
