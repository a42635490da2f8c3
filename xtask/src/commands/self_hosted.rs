//! `cargo xtask self-hosted`: the MCP server beside a Validibot on one's own machine, with docker compose.

mod update;

use std::time::Duration;

use envs::{HeldIn, Variable, deploy, server};

use crate::artifact::image::{self, Program, Purpose};
use crate::cli::{SelfHosted, SelfHostedImage, SelfHostedProject};
use crate::commands::log_line;
use crate::config::context::Context;
use crate::config::env::{EnvFile, Layers};
use crate::config::gate::Gate;
use crate::config::stage::Target;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::{Streams, last_lines};
use crate::tools::compose::Project;
use crate::tools::engine;

/// The compose service.
const SERVICE: &str = "mcp";

/// How long the server may take until it is healthy: it needs well below a second, and its first health check is
/// five seconds after its start.
const HEALTHY_WITHIN_SECONDS: u64 = 60;

/// The image has 15 MB: that is much, also at a slow registry.
const PULLED_WITHIN: Duration = Duration::from_mins(10);

/// How much of the log an error shows.
const LOG_LINES: u32 = 20;

/// One installation, ready to be worked on.
struct Installation<'a> {
    context: &'a Context,
    project: Project,
    /// What clients are told.
    address: Option<String>,
}

/// Does what was asked of the self-hosted server.
pub fn run(context: &Context, task: &SelfHosted) -> Result<()> {
    match task {
        SelfHosted::Up(args) => {
            gated(context, |build| Installation::open(context, &args.installation, build)?.up(args))
        }
        SelfHosted::Restart(args) => {
            gated(context, |build| Installation::open(context, args, build)?.restart())
        }
        SelfHosted::Build(args) => build(context, args),
        SelfHosted::Update(args) => {
            gated(context, |build| Installation::open(context, &args.installation, build)?.update(args))
        }
        SelfHosted::Down(args) => down(context, args),
        SelfHosted::Ps(args) => context.runner.show(&by_name(context, args)?.ps_table()),
        SelfHosted::Logs(args) => {
            let project = by_name(context, &args.installation)?;
            if !is_there(context, &project)? {
                context.printer.note(&nothing(&project));
                return Ok(());
            }
            log_line::show(context, &project.raw_logs(SERVICE, args.follow))
        }
    }
}

/// Behind a closed gate nothing is built or started; looking and stopping are always possible.
fn gated(context: &Context, act: impl FnOnce(Option<&EnvFile>) -> Result<()>) -> Result<()> {
    let build = context.tree.read(Target::SelfHosted, HeldIn::Build)?;
    let gate = Gate::read(&context.environment, build.as_ref())?;
    if gate.open {
        return act(build.as_ref());
    }
    let folder = context.tree.folder(Target::SelfHosted);
    let how = format!("write ENABLE_MCP_SERVER=true into {}", folder.join(".build").display());
    context.printer.data(&gate.skipped("self-hosted", &how));
    Ok(())
}

/// Needs an engine and an open gate, and nothing of the installation.
fn build(context: &Context, args: &SelfHostedImage) -> Result<()> {
    gated(context, |_| {
        engine::require(context)?;
        new_image(context, args, &current(&args.installation.project))
    })
}

/// The image that an installation runs, or will.
fn current(project: &str) -> String {
    format!("{project}:current")
}

/// Builds an image under this tag, or gives the tag to the image that was named.
fn new_image(context: &Context, args: &SelfHostedImage, tag: &str) -> Result<()> {
    match &args.image {
        Some(image) => pull_missing(context, image).and_then(|()| retag(context, image, tag)),
        None => image::build(context, Program::Server, Purpose::Release, &[tag.to_owned()]),
    }
}

/// Fetches the image that was named, unless it is on this machine.
fn pull_missing(context: &Context, image: &str) -> Result<()> {
    if image::commit_of(context, image)?.is_some() {
        return Ok(());
    }
    let _progress = context.printer.progress(&format!("pulling {image}"));
    let pull = Command::new("docker").args(["pull", "--quiet", image]).deadline(PULLED_WITHIN);
    let pulled = context.runner.read(&pull).map_err(|error| {
        error.hint("name an image of this machine or of a registry; `docker login` where it asks who you are")
    });
    pulled.map(|_| ())
}

fn retag(context: &Context, image: &str, tag: &str) -> Result<()> {
    context.runner.read(&Command::new("docker").args(["tag", image, tag])).map(|_| ())
}

fn by_name(context: &Context, args: &SelfHostedProject) -> Result<Project> {
    let compose = engine::require(context)?;
    Ok(Project { compose, name: args.project.clone(), files: Vec::new(), variables: Vec::new() })
}

fn down(context: &Context, args: &SelfHostedProject) -> Result<()> {
    let project = by_name(context, args)?;
    if !is_there(context, &project)? {
        context.printer.note(&nothing(&project));
        return Ok(());
    }
    context.runner.read(&project.down())?;
    context.printer.note(&format!("stopped {}; Validibot itself keeps running", args.project));
    Ok(())
}

/// Whether the project has a container, running or not.
fn is_there(context: &Context, project: &Project) -> Result<bool> {
    Ok(!context.runner.read(&project.ps())?.stdout.trim().is_empty())
}

fn nothing(project: &Project) -> String {
    format!("there is no container of {}; to start it: cargo xtask self-hosted up", project.name)
}

impl<'a> Installation<'a> {
    /// Reads the settings and checks everything that can be wrong with them, before anything is built.
    fn open(context: &'a Context, args: &SelfHostedProject, build: Option<&EnvFile>) -> Result<Self> {
        let path = context.tree.path(Target::SelfHosted, HeldIn::Mcp).unwrap_or_default();
        let settings = context.tree.read(Target::SelfHosted, HeldIn::Mcp)?.ok_or_else(|| {
            Error::usage(format!("{} does not exist", path.display()))
                .hint("cargo xtask env init self-hosted")
        })?;
        complete(context, &settings)?;
        let mut project = by_name(context, args)?;
        project.files = vec![context.root.join("envs/production/self-hosted/compose.yaml")];
        project.hand_over(&settings);
        let layers = Layers::new(&context.environment, build);
        for variable in [&deploy::NETWORK, &deploy::PUBLISH] {
            project.set(variable.name, layers.require(variable)?.value.expose());
        }
        if let Some(found) = layers.get(&deploy::CA_FILE) {
            project.set(deploy::CA_FILE.name, authorities(context, found.value.expose())?);
            project.set("VALIDIBOT_MCP_CA_BUNDLE", CA_BUNDLE);
        }
        let told = Layers::new(&context.environment, [&settings]);
        let address = told.get(&server::MCP_BASE_URL).map(|found| found.value.expose().trim().to_owned());
        let installation = Self { context, project, address };
        installation.find_network(layers.require(&deploy::NETWORK)?.value.expose())?;
        Ok(installation)
    }

    fn current(&self) -> String {
        current(&self.project.name)
    }

    /// The server joins Validibot's network; compose's own message about a missing one does not help.
    fn find_network(&self, network: &str) -> Result<()> {
        let inspect = Command::new("docker").args(["network", "inspect", network]).reads();
        if self.context.runner.run(&inspect, Streams::Captured)?.code == 0 {
            return Ok(());
        }
        Err(Error::failed(format!("there is no Docker network '{network}'"))
            .cause("the server reaches Validibot's web container over Validibot's own network")
            .hint(format!(
                "start Validibot first; if its network has another name (docker network ls), set {} in .build",
                deploy::NETWORK.name
            )))
    }

    fn up(&self, args: &SelfHostedImage) -> Result<()> {
        if args.image.is_some() || image::commit_of(self.context, &self.current())?.is_none() {
            new_image(self.context, args, &self.current())?;
        }
        self.start(false)?;
        self.context.printer.note("the server is healthy");
        self.next();
        Ok(())
    }

    /// The same image once more. Where there is none, there is nothing to restart.
    fn restart(&self) -> Result<()> {
        if image::commit_of(self.context, &self.current())?.is_none() {
            return Err(Error::failed(format!("{} has no image yet", self.project.name))
                .hint("to start it: cargo xtask self-hosted up"));
        }
        self.start(true)?;
        self.context.printer.note("the server was restarted and is healthy");
        self.next();
        Ok(())
    }

    /// Where clients go, and how to see whether they get there.
    fn next(&self) {
        if let Some(address) = &self.address {
            self.context.printer.note(&format!(
                "clients connect to {address}/mcp, through your reverse proxy; to check: cargo xtask diagnose --stage self-hosted"
            ));
        }
    }

    /// Brings the container to the current image and settings; `anew` also where nothing has changed.
    fn start(&self, anew: bool) -> Result<()> {
        let project = self.with_image(&self.current());
        let progress = self.context.printer.progress("starting the server, until it is healthy");
        let outcome =
            self.context.runner.run(&project.up(true, anew, HEALTHY_WITHIN_SECONDS), Streams::Captured)?;
        drop(progress);
        if outcome.code == 0 {
            return Ok(());
        }
        let logs = self.context.runner.run(&project.logs(None, false, Some(LOG_LINES)), Streams::Captured)?;
        Err(Error::failed("the server did not become healthy")
            .cause(last_lines(&outcome.stderr, 5))
            .cause(logs.stdout.trim())
            .hint("the whole log: cargo xtask self-hosted logs"))
    }

    /// The project with the server's image set.
    fn with_image(&self, image: &str) -> Project {
        let mut project = self.project.clone();
        project.set("VALIDIBOT_MCP_IMAGE", image);
        project
    }
}

/// Where the file of `VALIDIBOT_MCP_CA_FILE` is in the container; its compose file mounts it there.
const CA_BUNDLE: &str = "/etc/validibot-mcp/ca.pem";

/// The file's full path. Docker makes a folder of what is not there.
fn authorities(context: &Context, file: &str) -> Result<String> {
    let path = context.root.join(file.trim());
    let pem = std::fs::read_to_string(&path).map_err(|error| {
        Error::usage(format!(
            "{} names {}, which cannot be read: {error}",
            deploy::CA_FILE.name,
            path.display()
        ))
        .hint("a relative path is resolved from the workspace's root")
    })?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Error::usage(format!("{} holds no certificate in PEM", path.display()))
            .hint(format!("{} names a file of certificate authorities", deploy::CA_FILE.name)));
    }
    Ok(path.display().to_string())
}

/// What the server cannot start without, all at once.
fn complete(context: &Context, settings: &EnvFile) -> Result<()> {
    let layers = Layers::new(&context.environment, [settings]);
    let required: [&Variable; 3] = [&server::API_BASE_URL, &server::MCP_BASE_URL, &server::SERVICE_KEY];
    let mut missing: Vec<String> = required
        .into_iter()
        .filter_map(|variable| layers.require(variable).err().map(|error| error.to_string()))
        .collect();
    missing.extend(
        settings
            .entries()
            .iter()
            .filter(|entry| required.iter().all(|variable| variable.name != entry.name))
            .filter(|entry| Variable::is_placeholder(entry.value.expose()))
            .map(|entry| {
                format!(
                    "{} still holds the template's placeholder\n  from: {}",
                    entry.name,
                    settings.at(entry)
                )
            }),
    );
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::usage("the settings are not complete")
        .causes(missing)
        .hint("cargo xtask env check self-hosted reports every mistake"))
}
