//! What each service is to be, from the file and from what is there around it.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::images::Built;
use super::job::{FILE, FOLDER};
use super::place::Place;
use crate::commands::gcp::mcp::{self, Config};
use crate::commands::gcp::rollout::Access;
use crate::commands::gcp::service::{Foreign, Ingress, Mount, Probe, Spec};
use crate::config::fleet::{Ingress as Wanted, Service};
use crate::core::error::{Error, Result};

/// Requests that an instance is given at a time: Cloud Run's own default.
const CONCURRENCY: u32 = 80;

/// Who may call it.
pub(super) fn access(service: &Service) -> Access {
    if service.public { Access::Everybody } else { Access::Granted }
}

/// Whether the application is in maintenance: what the public reaches otherwise is closed.
pub(in crate::commands::gcp) fn in_maintenance(place: &Place<'_>, facts: &Facts) -> bool {
    let open = place.fleet.services.iter().filter(|service| service.public && !service.gated);
    let mut live = open.filter_map(|service| facts.services.get(&place.fill(&service.container.name)));
    live.any(|live| live.spec.ingress == Ingress::Internal)
}

/// The service that the file asks for, with what stays of what other hands have set on the one that is there.
pub(super) fn spec(place: &Place<'_>, service: &Service, image: &Built, facts: &Facts) -> Result<Spec> {
    let live = facts.services.get(&place.fill(&service.container.name));
    Ok(place.hands.apply(asked(place, service, image, facts)?, live))
}

fn asked(place: &Place<'_>, service: &Service, image: &Built, facts: &Facts) -> Result<Spec> {
    if service.gated {
        return mcp_spec(place, service, image, facts);
    }
    let container = &service.container;
    let scope = image.scope(place);
    let mut env = BTreeMap::new();
    let mut foreign = Foreign::default();
    for stamp in &container.env {
        match stamp.value.fill(&scope) {
            Ok(value) => {
                env.insert(stamp.name.clone(), value);
            }
            Err(_) if stamp.optional => {
                foreign.unset.insert(stamp.name.clone());
            }
            Err(name) => {
                return Err(Error::usage(format!(
                    "{}.env.{}: {name} has no value",
                    container.key, stamp.name
                )));
            }
        }
    }
    let maintenance = in_maintenance(place, facts);
    let (scaling, service_scaling) = mcp::scaling(service, place.stage(), maintenance);
    let database = container.database.as_ref().and_then(|name| facts.databases.get(&place.fill(name)));
    let private = container.database.is_none() || database.is_some_and(|database| database.private);
    let network = container.network.as_ref().filter(|_| private);
    let secret = place.secret_of(container);
    Ok(Spec {
        image: image.reference(),
        port: service.port,
        env,
        secrets: vec![Mount {
            folder: FOLDER.into(),
            file: FILE.into(),
            version: facts
                .secrets
                .get(&secret)
                .map(|content| content.version.to_string())
                .unwrap_or_default(),
            secret,
        }],
        memory: container.memory.clone(),
        cpu: container.cpu.clone(),
        timeout: container.timeout,
        concurrency: CONCURRENCY,
        account: container.account.fill(&scope).unwrap_or_default(),
        execution: "gen2".into(),
        cpu_boost: true,
        scaling,
        service_scaling,
        ingress: ingress(place, service, facts, maintenance),
        cloud_sql: database.map(|database| database.connection.clone()).into_iter().collect(),
        network: network.map(mcp::network),
        startup: service.proof.startup.clone().map(startup),
        liveness: None,
        labels: mcp::labels(service, &image.commit),
        other: BTreeMap::new(),
        service_other: BTreeMap::new(),
        foreign,
    })
}

/// A minute for a server that has to ask others before it is ready.
fn startup(path: String) -> Probe {
    Probe { path, delay: 0, period: 1, timeout: 1, failures: 60 }
}

fn ingress(place: &Place<'_>, service: &Service, facts: &Facts, maintenance: bool) -> Ingress {
    match &service.ingress {
        _ if maintenance && service.public => Ingress::Internal,
        Wanted::Fixed(word) => Ingress::parse(word).unwrap_or(Ingress::Internal),
        Wanted::Balanced(group) if facts.is_balanced(&place.fill(group)) => {
            Ingress::InternalAndCloudLoadBalancing
        }
        Wanted::Balanced(_) => Ingress::All,
    }
}

/// The MCP server is what `gcp deploy` makes it: its own settings, in one place.
fn mcp_spec(place: &Place<'_>, service: &Service, image: &Built, facts: &Facts) -> Result<Spec> {
    let config = Config::load(place.context, place.stage())?;
    let name = place.fill(&service.container.name);
    let balanced = match &service.ingress {
        Wanted::Balanced(group) => facts.is_balanced(&place.fill(group)),
        Wanted::Fixed(_) => false,
    };
    let secret = place.secret_of(&service.container);
    Ok(config.spec(
        place.names(),
        &mcp::Place {
            wanted: service,
            image: &image.reference(),
            commit: &image.commit,
            version: facts.secrets.get(&secret).map(|content| content.version).unwrap_or_default(),
            project_number: &facts.project_number,
            balanced,
            // A new one comes into a closed stage as a closed one: what opens the stage opens it, too.
            maintenance: match facts.services.get(&name) {
                Some(live) => live.in_maintenance(),
                None => in_maintenance(place, facts),
            },
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::context::Context;
    use crate::config::env::Environment;
    use crate::config::fleet::Fleet;
    use crate::config::stage::{Names, Stage};
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    /// The fleet's file, with another size of the MCP server.
    fn resized() -> Fleet {
        let text = include_str!("../../../../../envs/fleet.toml");
        let (from, to) = ("memory = \"512Mi\"", "memory = \"1Gi\"\nlabels = { cost-center = \"42\" }");
        let bounds = "min = 0\nmax = { prod = 4, other = 2 }\n";
        let more =
            "min = { prod = 1, other = 0 }\nmax = { prod = 9, other = 3 }\nnetwork = { name = \"n\" }\n";
        assert!(text.contains(from) && text.contains(bounds));
        Fleet::parse(Path::new("fleet.toml"), &text.replace(from, to).replace(bounds, more)).unwrap()
    }

    fn place(wanted: &Service, maintenance: bool) -> mcp::Place<'_> {
        mcp::Place {
            wanted,
            image: "r/acme/validibot/validibot-mcp@sha256:1",
            commit: "c",
            version: 7,
            project_number: "1",
            balanced: false,
            maintenance,
        }
    }

    #[test]
    fn the_server_has_the_size_that_the_file_says_for_each_stage() {
        let (folder, root) = files();
        let context = context(folder.path(), &root);
        let fleet = resized();
        let server = fleet.service("mcp").unwrap();
        for (stage, min, max) in [(Stage::Dev, 0, 3), (Stage::Staging, 0, 3), (Stage::Prod, 1, 9)] {
            let names = Names::new("acme", "us-west1", "validibot", "r", stage);
            let config = Config::load(&context, stage).unwrap();
            let spec = config.spec(&names, &place(server, false));
            assert_eq!((spec.scaling.min, spec.scaling.max), (min, Some(max)), "{stage}");
            assert_eq!(spec.memory, "1Gi");
            assert_eq!(spec.labels["cost-center"], "42");
            assert_eq!(spec.network.map(|network| network.name).as_deref(), Some("n"));
            let closed = config.spec(&names, &place(server, true));
            assert_eq!(closed.scaling.min, 0, "in maintenance no instance waits");
        }
    }

    /// Stage folders with what a deploy needs, and the workspace.
    fn files() -> (tempfile::TempDir, std::path::PathBuf) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        for part in ["dev", "staging", "production"] {
            let place = folder.path().join(part).join("google-cloud");
            std::fs::create_dir_all(&place).unwrap();
            let lines = "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.example.com\n\
                         VALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n";
            std::fs::write(place.join(".build"), lines).unwrap();
        }
        (folder, root)
    }

    fn context(folder: &Path, root: &Path) -> Context {
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), |_| Outcome::success(""));
        Context::new(Environment::default(), Some(folder.to_owned()), printer, runner, root).unwrap()
    }

    /// What the file says about the MCP server's names, `gcp deploy` derives from the stage: they may not part.
    #[test]
    fn the_file_and_gcp_deploy_want_the_same_mcp_server() {
        let (folder, root) = files();
        let context = context(folder.path(), &root);
        let fleet =
            Fleet::parse(Path::new("fleet.toml"), include_str!("../../../../../envs/fleet.toml")).unwrap();
        let server = fleet.service("mcp").unwrap();
        for stage in [Stage::Dev, Stage::Staging, Stage::Prod] {
            let names = Names::new("acme", "us-west1", "validibot", "r", stage);
            let code = Config::load(&context, stage).unwrap().spec(&names, &place(server, false));
            let container = &server.container;
            let scope = crate::config::fleet::Scope::from(
                [
                    ("app", "validibot"),
                    ("project", "acme"),
                    ("stage", stage.name()),
                    ("suffix", stage.suffix()),
                    ("mcp_account", &names.service_account()),
                ]
                .map(|(name, value)| (name.to_owned(), Some(value.to_owned()))),
            );
            let fill = |text: &crate::config::fleet::Text| text.fill(&scope).unwrap();
            assert_eq!(code.account, fill(&container.account));
            assert_eq!(names.service(), fill(&container.name));
            assert_eq!(code.startup.map(|probe| probe.path), server.proof.startup);
            let secret = fleet.secrets.iter().find(|secret| secret.key == container.secret).unwrap();
            assert_eq!(code.secrets[0].secret, fill(&secret.name));
            for stamp in &container.env {
                assert!(code.env.contains_key(&stamp.name), "{}", stamp.name);
            }
            let Wanted::Balanced(group) = &server.ingress else { panic!("{:?}", server.ingress) };
            assert_eq!(fill(group), names.endpoint_group());
        }
    }
}
