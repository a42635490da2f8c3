//! A deployment with gcloud played in this process: the same commands, answered by the same emulated project, without a
//! second of Python for each. For tests that interrupt every command in every way; the real gcloud has tests of its own.

mod compute;
mod secrets;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use gcp_emulator::Options;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use xtask::cli::{Cli, Task};
use xtask::commands::gcp::gcp;
use xtask::config::context::Context;
use xtask::config::env::Environment;
use xtask::core::command::{Command, Effect, Stdin};
use xtask::core::interrupt::Interrupts;
use xtask::core::output::Printer;
use xtask::core::runner::{Outcome, Runner};

pub(crate) use self::compute::{add_balancer, answer as balancer};
use self::secrets::SECRETS;
pub(crate) use self::wire::by_hand;
use self::wire::{replace, request, said};
use crate::blow::Blow;
use crate::stage::Stage;
use crate::words::words;

pub(crate) const SERVICE: &str = "validibot-mcp-dev";
const RUN: &str = "http://us-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo-proj";
const POLICY: &str = "http://run.googleapis.com/v1/projects/demo-proj/locations/us-west1/services";

/// A stage, and what its outside world is like.
pub(crate) struct World {
    pub(crate) stage: Stage,
    /// The commit that is checked out; its image is in the registry.
    pub(crate) commit: Mutex<String>,
    /// Addresses whose probe fails contain one of these.
    pub(crate) unfit: Mutex<Vec<&'static str>>,
    /// Whether a load balancer leads to the service.
    pub(crate) balanced: Mutex<bool>,
    /// Where every name leads to.
    pub(crate) dns: Mutex<Option<&'static str>>,
    /// Done before the command of this number, from 0.
    pub(crate) meanwhile: Mutex<Option<(usize, Hand)>>,
    /// Reads that hold these words are refused.
    pub(crate) blind: Mutex<Option<&'static str>>,
    /// Whether the list of services is empty, whatever is there: one page of it, or a malformed parent.
    pub(crate) lists_nothing: Mutex<bool>,
    /// Whether no pause lasts.
    pub(crate) hurries: Mutex<bool>,
    /// The revisions that have passed a probe.
    pub(crate) proven: Mutex<Vec<String>>,
    counted: AtomicUsize,
    /// What gcloud was started for in the last run.
    pub(crate) gclouds: Mutex<Vec<String>>,
}

/// Somebody else's hand.
pub(crate) type Hand = Box<dyn Fn(&World) + Send>;

/// How a command of the tool ended; `None` where it was killed.
pub(crate) struct Ended {
    pub(crate) code: Option<u8>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// A stage after its first deploy.
    pub(crate) fn new() -> Arc<Self> {
        Self::first(Options::default())
    }

    /// As [`World::new`], of a project like this.
    pub(crate) fn first(options: Options) -> Arc<Self> {
        let world = Self::on(Stage::ready_as(options));
        let first = world.run(&["deploy", "dev", "--yes"], None);
        assert_eq!(first.code, Some(0), "{}", first.err);
        world
    }

    /// A stage before its first deploy.
    pub(crate) fn bare() -> Arc<Self> {
        Self::on(Stage::ready())
    }

    fn on(stage: Stage) -> Arc<Self> {
        stage.write(".mcp", "A=1\n");
        stage.emulator.cloud().seed_version("mcp-env-dev", "A=1");
        let build = "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.example.com\n\
                     VALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n";
        stage.write(".build", build);
        Arc::new(Self {
            stage,
            commit: Mutex::new("1".repeat(40)),
            unfit: Mutex::default(),
            balanced: Mutex::new(false),
            dns: Mutex::default(),
            meanwhile: Mutex::default(),
            blind: Mutex::default(),
            lists_nothing: Mutex::default(),
            hurries: Mutex::default(),
            proven: Mutex::default(),
            counted: AtomicUsize::new(0),
            gclouds: Mutex::default(),
        })
    }

    /// Runs the tool; at the command of this number, of those that change or prove something, the blow falls.
    pub(crate) fn run(self: &Arc<Self>, args: &[&str], blow: Option<(usize, Blow)>) -> Ended {
        self.counted.store(0, Ordering::SeqCst);
        let printer = Printer::captured();
        let hurries = *self.hurries.lock().unwrap();
        let interrupts = if hurries { Interrupts::hurried() } else { Interrupts::none() };
        let world = Arc::clone(self);
        let signals = interrupts.clone();
        let answer = move |command: &Command| world.answer(command, blow, &signals);
        let runner = Runner::record(printer.clone(), answer).interrupted_by(interrupts);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let environment: Environment = [("USER", "ada")].into_iter().collect();
        let context =
            Context::new(environment, Some(self.stage.path("envs")), printer.clone(), runner.clone(), here)
                .unwrap();
        let cli = Cli::try_parse_from(["xtask", "gcp"].iter().chain(args)).unwrap();
        let Some(Task::Gcp(task)) = cli.task else { panic!("{args:?} is no gcp command") };
        // A kill is a panic that nobody here catches but this: nothing is tidied up.
        let ended = catch_unwind(AssertUnwindSafe(|| match gcp(&context, &task) {
            Ok(exit) => exit.code(),
            Err(error) => {
                printer.error(&error);
                error.exit().code()
            }
        }));
        let gclouds = runner.recorded().into_iter().filter(|command| command.name() == "gcloud");
        *self.gclouds.lock().unwrap() = gclouds.map(|command| command.render()).collect();
        Ended { code: ended.ok(), out: printer.stdout(), err: printer.stderr() }
    }

    /// How many commands counted in the last run.
    pub(crate) fn counted(&self) -> usize {
        self.counted.load(Ordering::SeqCst)
    }

    pub(crate) fn service(&self) -> Value {
        self.stage.emulator.snapshot()["services"][SERVICE].clone()
    }

    /// As [`World::shares`], each commit by its first letter: most tests have few.
    pub(crate) fn traffic(&self) -> Vec<(String, u64, String)> {
        let short = |(commit, percent, tag): (String, u64, String)| (commit[..1].to_owned(), percent, tag);
        self.shares().into_iter().map(short).collect()
    }

    /// Which commit has how much traffic, and every tag.
    pub(crate) fn shares(&self) -> Vec<(String, u64, String)> {
        let revisions = self.revisions();
        let commit = |name: &Value| {
            let revision = revisions.iter().find(|(known, _)| *name == known.as_str());
            revision.unwrap().1.clone()
        };
        let service = self.service();
        let entries = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
        let target = |entry: &Value| {
            let tag = entry["tag"].as_str().unwrap_or_default().to_owned();
            (commit(&entry["revisionName"]), entry["percent"].as_u64().unwrap_or(0), tag)
        };
        entries.iter().map(target).collect()
    }

    /// The name and the commit of each revision.
    pub(crate) fn revisions(&self) -> Vec<(String, String)> {
        let to = self.stage.emulator.address();
        let list = request(to, "GET", &format!("{RUN}/revisions"), &Value::Null).1;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let revisions = list["items"].as_array().unwrap().iter().map(|item| &item["metadata"]);
        revisions.map(|item| (text(&item["name"]), text(&item["labels"]["validibot-commit"]))).collect()
    }

    /// The lock, as somebody else's hand has made it.
    pub(crate) fn lock_by(&self, lock: &str, annotations: &Value) {
        let body = json!({"ttl": "900s", "replication": {"automatic": {}}, "annotations": annotations});
        let made =
            request(self.stage.emulator.address(), "POST", &format!("{SECRETS}?secretId={lock}"), &body);
        assert_eq!(made.0, 200, "{}", made.1);
    }

    pub(crate) fn is_locked(&self) -> bool {
        !self.stage.emulator.snapshot()["secrets"]["validibot-mcp-deploy-lock-dev"].is_null()
    }

    /// What counts for the end state: everything but the revision's random name.
    pub(crate) fn state(&self) -> Value {
        let service = self.service();
        json!({
            "traffic": self.traffic(),
            "spec": service["spec"]["template"]["spec"],
            "ingress": service["metadata"]["annotations"]["run.googleapis.com/ingress"],
            "invokers": self.stage.emulator.snapshot()["invokers"][SERVICE],
            "locked": self.is_locked(),
        })
    }

    fn answer(
        self: &Arc<Self>,
        command: &Command,
        blow: Option<(usize, Blow)>,
        signals: &Interrupts,
    ) -> Outcome {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let counts = command.effect() == Effect::Changes || words.starts_with(&["run", "--rm"]);
        let blind = self.blind.lock().unwrap().filter(|words| command.render().contains(words));
        if blind.is_some() && !counts {
            return Outcome::failure(
                1,
                "ERROR: (gcloud.x) PERMISSION_DENIED: Permission 'p' denied (or it may not exist).",
            );
        }
        if !counts {
            return self.play(command, &words);
        }
        let number = self.counted.fetch_add(1, Ordering::SeqCst);
        let meanwhile = self.meanwhile.lock().unwrap().take_if(|(at, _)| *at == number);
        if let Some((_, act)) = meanwhile {
            act(self);
        }
        let blow = blow.filter(|(at, _)| *at == number).map(|(_, blow)| blow);
        let failed = || Outcome::failure(1, "ERROR: gcloud crashed (ConnectionError): it was played so");
        match blow {
            None => self.play(command, &words),
            Some(Blow::FailsBefore) => failed(),
            Some(Blow::FailsAfter) => {
                self.play(command, &words);
                failed()
            }
            Some(Blow::Interrupted) => {
                signals.raise(Signal::SIGINT as i32);
                self.play(command, &words)
            }
            Some(Blow::KilledBefore) => std::panic::resume_unwind(Box::new("killed")),
            Some(Blow::KilledAfter) => {
                self.play(command, &words);
                std::panic::resume_unwind(Box::new("killed"))
            }
        }
    }

    fn play(&self, command: &Command, words: &[&str]) -> Outcome {
        let commit = self.commit.lock().unwrap().clone();
        match (command.name().as_str(), words) {
            ("git", ["rev-parse", "--short=12", ..]) => Outcome::success(&commit[..12]),
            ("git", ["rev-parse", ..]) => Outcome::success(commit),
            // Each commit holds those of smaller digits.
            ("git", ["merge-base", .., old, new]) => {
                Outcome { code: i32::from(old > new), stdout: String::new(), stderr: String::new() }
            }
            // The tree is as it was committed; Validibot is licensed.
            ("git", _) | ("docker", ["run", .., "license", "--api", _, "--wait", _]) => Outcome::success(""),
            ("docker", ["buildx", ..]) => {
                Outcome::success(json!({"digest": format!("sha256:{commit}{}", "0".repeat(24))}).to_string())
            }
            ("docker", ["run", .., url, "--json", "--expect-commit", expected]) => self.probe(url, expected),
            ("getent", ["ahosts", _]) => match *self.dns.lock().unwrap() {
                Some(address) => Outcome::success(format!("{address} STREAM name\n{address} DGRAM\n")),
                None => Outcome::failure(2, ""),
            },
            ("gcloud", _) => self.gcloud(command, words),
            _ => panic!("not played: {}", command.render()),
        }
    }

    /// As the image's probe would; where it names another commit than the one that serves there, it fails.
    fn probe(&self, url: &str, expected: &str) -> Outcome {
        let traffic = self.shares();
        let candidate = url.contains("candidate---");
        let answers = traffic
            .iter()
            .find(|(_, percent, tag)| if candidate { tag == "candidate" } else { *percent > 0 });
        let is_commit = answers.is_some_and(|(commit, ..)| expected.starts_with(commit.as_str()));
        if is_commit && !self.unfit.lock().unwrap().iter().any(|unfit| url.contains(unfit)) {
            let tag = if candidate { "candidate" } else { "" };
            let on = self.enabled(tag);
            self.proven.lock().unwrap().push(self.revision(tag));
            return Outcome::success(
                json!({"proven": "challenge", "switch": if on { "on" } else { "off" }}).to_string(),
            );
        }
        let check = json!({"name": "version", "status": "failed", "detail": "another build answers"});
        Outcome { code: 1, stdout: json!({"checks": [check]}).to_string(), stderr: String::new() }
    }

    /// The revision with this tag; without one, what serves.
    pub(crate) fn revision(&self, tag: &str) -> String {
        let service = self.service();
        let traffic = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
        let target = traffic.iter().find(|entry| match tag {
            "" => entry["percent"].as_u64() > Some(0),
            tag => entry["tag"] == tag,
        });
        target.unwrap()["revisionName"].as_str().unwrap().to_owned()
    }

    /// The kill switch of the revision with this tag; without one, of what serves.
    pub(crate) fn enabled(&self, tag: &str) -> bool {
        let name = self.revision(tag);
        let revision =
            request(self.stage.emulator.address(), "GET", &format!("{RUN}/revisions/{name}"), &Value::Null).1;
        let env = revision["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
        env.iter().any(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED" && entry["value"] == "true")
    }

    /// What the service remembers under this name.
    pub(crate) fn remembers(&self, name: &str) -> String {
        let service = self.service();
        service["metadata"]["annotations"][format!("validibot.com/{name}")]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The revisions of this commit, in the order in which they were made.
    pub(crate) fn of_commit(&self, commit: &str) -> Vec<String> {
        let all = self.revisions().into_iter();
        all.filter(|(_, known)| known.starts_with(commit)).map(|(name, _)| name).collect()
    }

    fn gcloud(&self, command: &Command, words: &[&str]) -> Outcome {
        let to = self.stage.emulator.address();
        let get = |url: &str| request(to, "GET", url, &Value::Null);
        let flag =
            |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned();
        match words {
            ["run", "services", "describe", name, ..] => match get(&format!("{RUN}/services/{name}")) {
                (404, _) => Outcome::failure(
                    1,
                    format!("ERROR: (gcloud.run.services.describe) Cannot find service [{name}]"),
                ),
                answer => said("run.services.describe", answer),
            },
            ["run", "services", "replace", "-", ..] => {
                let Stdin::Text(text) = command.input() else { panic!("no manifest") };
                replace(to, serde_json::from_str(text).unwrap())
            }
            ["run", "services", "get-iam-policy", name, ..] => {
                said("run.services.get-iam-policy", get(&format!("{POLICY}/{name}:getIamPolicy")))
            }
            ["run", "services", "add-iam-policy-binding", name, ..] => {
                let mut policy = get(&format!("{POLICY}/{name}:getIamPolicy")).1;
                policy["bindings"] = json!([{"role": "roles/run.invoker", "members": [flag("--member=")]}]);
                let body = json!({ "policy": policy });
                said("run.services", request(to, "POST", &format!("{POLICY}/{name}:setIamPolicy"), &body))
            }
            ["run", "services", "update", name, ..] => {
                let mut service = get(&format!("{RUN}/services/{name}")).1;
                let ingress = flag("--ingress=");
                if !ingress.is_empty() {
                    service["metadata"]["annotations"]["run.googleapis.com/ingress"] = json!(ingress);
                    return replace(to, service);
                }
                let off = words.contains(&"--no-invoker-iam-check").to_string();
                service["metadata"]["annotations"]["run.googleapis.com/invoker-iam-disabled"] = json!(off);
                replace(to, service)
            }
            ["run", "revisions", "describe", name, ..] => {
                said("run.revisions.describe", get(&format!("{RUN}/revisions/{name}")))
            }
            ["run", "services", "list", ..] if *self.lists_nothing.lock().unwrap() => Outcome::success("[]"),
            ["run", "services", "list", ..] => {
                let (status, list) = get(&format!("{RUN}/services"));
                said("run.services.list", (status, list["items"].clone()))
            }
            // Of the application there is no more than the service that the tests of a deploy look at.
            ["scheduler" | "run", "jobs", "list", ..] | ["run", "jobs", "executions", "list", ..] => {
                Outcome::success("[]")
            }
            ["tasks", "queues", "describe", ..] => {
                Outcome::failure(1, "ERROR: (gcloud.tasks.queues.describe) NOT_FOUND: Queue does not exist.")
            }
            ["run", "revisions", "list", ..] => {
                let (status, list) = get(&format!("{RUN}/revisions"));
                said("run.revisions.list", (status, list["items"].clone()))
            }
            ["secrets" | "iam" | "projects", ..] => secrets::answer(to, words),
            ["compute", "network-endpoint-groups", "describe", ..] if *self.balanced.lock().unwrap() => {
                Outcome::success("{}")
            }
            ["compute", ..] => compute::answer(to, words),
            ["logging", "read", ..] => Outcome::success(r#"[{"textPayload": "what the container wrote"}]"#),
            _ => panic!("not played: {}", command.render()),
        }
    }
}
