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
    place.hands.apply(asked(place, service, image, state), state.services.get(&service.container.name))
}

fn asked(place: &Place<'_>, service: &Service, image: &Built, state: &State) -> Spec {
    let container = &service.container;
    let unset = container.env.iter().filter(|(_, value)| value.is_none());
    let foreign = Foreign { unset: unset.map(|(name, _)| name.clone()).collect(), ..Foreign::default() };
    let config = place.config.as_ref().filter(|_| service.gated);
    let maintenance = match state.services.get(&container.name) {
        // The MCP server is closed and opened by itself, too.
        Some(live) if service.gated => live.in_maintenance(),
        // A new one comes into a closed stage as a closed one: what opens the stage opens it, too.
        _ => state.in_maintenance(place),
    };
    let mut env = image.env(container);
    if let Some(config) = config {
        env.extend(config.env(place.names(), &state.project_number, maintenance));
    }
    let (scaling, service_scaling) = mcp::scaling(service, maintenance);
    let database = container.database.as_ref().and_then(|name| state.databases.get(name));
    let private = container.database.is_none() || database.is_some_and(|database| database.private);
    let network = container.network.as_ref().filter(|_| private);
    let secret = &container.secret.name;
    Spec {
        image: image.reference(),
        port: service.port,
        env,
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

/// A minute for a server that has to ask others before it is ready: the MCP server listens only once Validibot, which may have to
/// start first, has said that it is licensed.
fn startup(path: String) -> Probe {
    Probe { path, delay: 0, period: 1, timeout: 1, failures: 60 }
}

fn ingress(service: &Service, state: &State, maintenance: bool) -> Ingress {
    match &service.ingress {
        _ if maintenance && (service.public || service.gated) => Ingress::Internal,
        Wanted::Fixed(word) => Ingress::parse(word).unwrap_or(Ingress::Internal),
        Wanted::Balanced(group) if state.is_balanced(group) => Ingress::InternalAndCloudLoadBalancing,
        Wanted::Balanced(_) => Ingress::All,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::GcpHands;
    use crate::commands::gcp::build::Source;
    use crate::commands::gcp::deploy::images;
    use crate::config::context::Context;
    use crate::config::env::Environment;
    use crate::config::stage::Stage;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    /// The fleet's file, with another size of the MCP server and one more variable.
    fn resized() -> String {
        let text = include_str!("../../../../../envs/fleet.toml");
        let changes = [
            ("memory = \"512Mi\"", "memory = \"1Gi\"\nlabels = { cost-center = \"42\" }"),
            (
                "min = 0\nmax = { prod = 4, other = 2 }\n",
                "min = { prod = 1, other = 0 }\nmax = { prod = 9, other = 3 }\nnetwork = { name = \"n\" }\n",
            ),
            ("[services.mcp.env]\n", "[services.mcp.env]\nMORE = \"{stage} {commit}\"\n"),
        ];
        changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        })
    }

    #[test]
    fn the_server_is_what_the_fleets_file_and_the_stages_files_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("fleet.toml"), resized()).unwrap();
        for part in ["dev", "staging", "production"] {
            let place = folder.path().join(part).join("google-cloud");
            std::fs::create_dir_all(&place).unwrap();
            let build = "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.example.com\n\
                         VALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n";
            std::fs::write(place.join(".build"), build).unwrap();
            std::fs::write(place.join(".gcp"), "GCP_PROJECT_ID=acme-proj\nGCP_REGION=us-west1\n").unwrap();
        }
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), |_| Outcome::success(r#"{"digest": "sha256:1"}"#));
        let envs = Some(folder.path().to_owned());
        let context = Context::new(Environment::default(), envs, printer, runner, root).unwrap();
        for (stage, min, max) in [(Stage::Dev, 0, 3), (Stage::Staging, 0, 3), (Stage::Prod, 1, 9)] {
            let hands = GcpHands { keep_foreign: false, take_over: false };
            let place = Place::alone(&context, stage, hands).unwrap();
            let source = Source { commit: "abcdef".into(), tag: "abc".into(), dirty: false };
            let images = images::of_server(&place, source).unwrap();
            let server = place.server().unwrap();
            let spec = spec(&place, server, &images[&server.container.image], &State::default());
            assert_eq!((spec.scaling.min, spec.scaling.max), (min, Some(max)), "{stage}");
            assert_eq!(spec.image, "us-west1-docker.pkg.dev/acme-proj/validibot/validibot-mcp@sha256:1");
            assert_eq!((spec.memory.as_str(), spec.labels["cost-center"].as_str()), ("1Gi", "42"));
            assert_eq!(spec.network.map(|network| network.name).as_deref(), Some("n"));
            assert_eq!(spec.startup.map(|probe| probe.path).as_deref(), Some("/readyz"));
            assert_eq!(spec.secrets[0].secret, place.names().secret());
            assert_eq!(spec.env["VALIDIBOT_MCP_BASE_URL"], "https://mcp.example.com");
            assert_eq!(spec.env["MORE"], format!("{stage} abcdef"), "what the file stamps is stamped");
            assert!(spec.env["VALIDIBOT_MCP_EXTRA_HOSTS"].starts_with("candidate---validibot-mcp"));
        }
    }
}
