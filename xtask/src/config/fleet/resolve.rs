//! The fleet at one stage: the names in every text are replaced once, and whatever has no value is reported at once.

use std::cell::RefCell;
use std::path::Path;

use super::resolved::{Container, Image, Ingress, Job, Resolved, Scheduled, Scheduler, Secret, Service};
use super::text::{ImageText, OF_IMAGE, Scope, Text};
use super::{ByStage, Fleet, SCHEDULER, Value};
use crate::config::env::Layers;
use crate::config::stage::Names;

impl Fleet {
    /// Replaces every name; `build` is the stage's `.build`, and `deployed` says which steps are about to be deployed.
    ///
    /// The names of resources need their values whatever is done. What else a step needs (its account, its variables) may be
    /// missing while it is not deployed: nothing is written from it then.
    ///
    /// # Errors
    /// A line for each text that a value is missing for.
    pub fn resolve(
        &self,
        names: &Names,
        build: &Layers<'_>,
        file: &Path,
        deployed: &dyn Fn(&str) -> bool,
    ) -> Result<Resolved, Vec<String>> {
        let (scope, problems) = (self.scope(names, build), RefCell::default());
        let filling = Filling { fleet: self, names, scope, file, problems };
        let resolved = Resolved {
            order: self.order.clone(),
            images: self.images.iter().map(|image| filling.image(image, deployed)).collect(),
            jobs: self
                .jobs
                .iter()
                .map(|job| Job {
                    container: filling.container(&job.container, deployed),
                    command: job.command.clone(),
                    script: job.script.clone(),
                })
                .collect(),
            services: self.services.iter().map(|service| filling.service(service, deployed)).collect(),
            scheduler: filling.scheduler(deployed(SCHEDULER)),
        };
        let problems = filling.problems.into_inner();
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    /// What each name stands for; those of the image stay open.
    fn scope(&self, names: &Names, build: &Layers<'_>) -> Scope {
        let stage = names.stage();
        let mut scope: Scope = [
            ("app", names.repository().as_str()),
            ("project", names.project()),
            ("region", names.region()),
            ("stage", stage.name()),
            ("suffix", stage.suffix()),
        ]
        .map(|(name, value)| (name.to_owned(), Some(Text::literal(value))))
        .into();
        scope.extend(OF_IMAGE.map(|name| (name.to_owned(), Some(Text::name(name)))));
        let value = |value: &Value| match value {
            Value::Text(text) => text.of(stage).fill(&scope).ok(),
            Value::Build { variable, default } => envs::find(variable)
                .and_then(|variable| build.get(variable))
                .map(|found| found.value.expose().trim().to_owned())
                .filter(|value| !value.is_empty() && !envs::Variable::is_placeholder(value))
                .or_else(|| default.clone())
                .map(|value| Text::literal(&value)),
        };
        let values: Vec<_> = self.values.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        scope.extend(values);
        scope
    }
}

/// Replaces names, and keeps what could not be replaced.
struct Filling<'f> {
    fleet: &'f Fleet,
    names: &'f Names,
    scope: Scope,
    file: &'f Path,
    problems: RefCell<Vec<String>>,
}

impl Filling<'_> {
    /// A text that may name the image; `None` where a value is missing, which is a problem where it is needed.
    fn open(&self, what: &str, text: &Text, scope: &Scope, needed: bool) -> Option<Text> {
        let filled = text.fill(scope);
        if let (Err(name), true) = (&filled, needed) {
            self.unset(what, name);
        }
        filled.ok()
    }

    /// A text that is known before there is an image; empty where it is missing: that is a problem, or it is not needed.
    fn plain_in(&self, what: &str, text: &Text, scope: &Scope, needed: bool) -> String {
        let Some(filled) = self.open(what, text, scope, needed) else { return String::new() };
        filled.plain().unwrap_or_else(|name| {
            if needed {
                let why = "is known only once there is an image, which is too late for a name";
                self.problems.borrow_mut().push(format!("{what}: {{{name}}} {why}"));
            }
            String::new()
        })
    }

    fn plain(&self, what: &str, text: &Text, needed: bool) -> String {
        self.plain_in(what, text, &self.scope, needed)
    }

    fn unset(&self, what: &str, name: &str) {
        let variable = match self.fleet.values.get(name) {
            Some(Value::Build { variable, .. }) => variable,
            _ => name,
        };
        let file = self.file.display();
        self.problems
            .borrow_mut()
            .push(format!("{variable} is not set, and {what} needs it; write it into {file}"));
    }

    fn image(&self, image: &super::Image, deployed: &dyn Fn(&str) -> bool) -> Image {
        let jobs = self.fleet.jobs.iter().map(|job| &job.container);
        let mut containers = jobs.chain(self.fleet.services.iter().map(|service| &service.container));
        let needed = containers.any(|container| container.image == image.key && deployed(&container.key));
        let what = |part: &str| format!("images.{}.{part}", image.key);
        let arg = |(name, value): &(String, Text)| {
            let value = self.open(&what(&format!("args.{name}")), value, &self.scope, needed);
            value.map(|value| (name.clone(), ImageText::of(value)))
        };
        Image {
            key: image.key.clone(),
            name: self.plain(&what("name"), &image.name, needed),
            source: image.source.clone(),
            file: image.file.clone(),
            args: image.args.iter().filter_map(arg).collect(),
        }
    }

    fn container(&self, container: &super::Container, deployed: &dyn Fn(&str) -> bool) -> Container {
        let needed = deployed(&container.key);
        let what = |part: &str| format!("{}.{part}", container.key);
        let env = |stamp: &super::Stamp| {
            let needed = needed && !stamp.optional;
            let value = self.open(&what(&format!("env.{}", stamp.name)), &stamp.value, &self.scope, needed);
            (stamp.name.clone(), value.map(ImageText::of))
        };
        let secret = self.fleet.secrets.iter().find(|secret| secret.key == container.secret);
        Container {
            key: container.key.clone(),
            name: self.plain(&what("name"), &container.name, true),
            image: container.image.clone(),
            memory: container.memory.clone(),
            cpu: container.cpu.clone(),
            timeout: container.timeout,
            account: self.plain(&what("account"), &container.account, needed),
            secret: Secret {
                name: secret
                    .map_or_else(String::new, |secret| self.plain(&what("secret"), &secret.name, needed)),
                wins: secret.is_some_and(|secret| secret.wins),
                address: secret.map(|secret| secret.address.clone()).unwrap_or_default(),
            },
            database: container.database.as_ref().map(|name| self.plain(&what("database"), name, needed)),
            network: container.network.clone(),
            env: container.env.iter().map(env).collect(),
        }
    }

    fn service(&self, service: &super::Service, deployed: &dyn Fn(&str) -> bool) -> Service {
        let what = |part: &str| format!("{}.{part}", service.container.key);
        let stage = self.names.stage();
        let queue = |queue: &ByStage<Text>| self.plain(&what("queue"), queue.of(stage), true);
        let resolved = Service {
            container: self.container(&service.container, deployed),
            gated: service.gated,
            port: service.port,
            min: *service.min.of(stage),
            max: *service.max.of(stage),
            together: service.together,
            ingress: match &service.ingress {
                super::Ingress::Fixed(word) => Ingress::Fixed(word.clone()),
                super::Ingress::Balanced(group) => {
                    Ingress::Balanced(self.plain(&what("ingress.endpoint_group"), group, true))
                }
            },
            public: service.public,
            proof: service.proof.clone(),
            labels: service.labels.clone(),
            queue: service.queue.as_ref().map(queue),
        };
        if service.gated && deployed(&service.container.key) {
            self.known(&resolved);
        }
        resolved
    }

    /// Every other command knows the MCP server by the names that follow from the stage: the file may not part from them.
    fn known(&self, server: &Service) {
        let (names, container) = (self.names, &server.container);
        let mut known = vec![
            ("name", names.service(), &container.name),
            ("account", names.service_account(), &container.account),
            ("secret", names.secret(), &container.secret.name),
        ];
        if let Ingress::Balanced(group) = &server.ingress {
            known.push(("ingress.endpoint_group", names.endpoint_group(), group));
        }
        let other = known.into_iter().filter(|(_, known, said)| !said.is_empty() && *known != **said);
        self.problems.borrow_mut().extend(other.map(|(part, known, said)| {
            format!(
                "{}.{part} is '{said}' in fleet.toml, and the other commands know it as '{known}'",
                container.key
            )
        }));
    }

    fn scheduler(&self, deployed: bool) -> Scheduler {
        let scheduler = &self.fleet.scheduler;
        let job = |job: &super::Scheduled| {
            let mut scope = self.scope.clone();
            scope.insert("id".to_owned(), Some(Text::literal(&job.id)));
            Scheduled {
                name: self.plain_in("scheduler.name", &scheduler.name, &scope, true),
                path: self.plain_in("scheduler.path", &scheduler.path, &scope, deployed),
                cron: job.cron.clone(),
                does: job.does.clone(),
            }
        };
        Scheduler {
            target: scheduler.target.clone(),
            account: self.plain("scheduler.account", &scheduler.account, deployed),
            time_zone: scheduler.time_zone.of(self.names.stage()).clone(),
            jobs: scheduler.jobs.iter().map(job).collect(),
        }
    }
}
