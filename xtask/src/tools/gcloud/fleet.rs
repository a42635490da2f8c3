//! What the fleet needs besides single services: jobs, the scheduler, queues, the database.

use std::time::Duration;

use super::{gcloud, read};
use crate::config::stage::Names;
use crate::core::command::Command;

/// A job that is written is ready at once; gcloud asks until it is.
const WRITING: Duration = Duration::from_mins(5);

/// How far back the lines of an execution are looked for; it has just ended.
const FRESHNESS: &str = "--freshness=1d";

/// What a call of the scheduler is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag of `scheduler jobs create|update http`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Every service of the region, whole.
pub fn services(names: &Names) -> Command {
    read(names, ["run", "services", "list", "--region", names.region()], "json")
}

/// A secret's newest version and what it holds: its name in the first line. What it prints is secret.
pub fn newest_content(names: &Names, secret: &str) -> Command {
    let secret = format!("--secret={secret}");
    let format = "value[separator=\"\n\"](name,payload.data.decode(base64).decode(utf8))";
    read(names, ["secrets", "versions", "access", "latest", &secret], format)
}

/// A secret's versions.
pub fn versions(names: &Names, secret: &str) -> Command {
    read(names, ["secrets", "versions", "list", secret], "json(name,state,createTime)")
}

/// A job, whole.
pub fn job(names: &Names, job: &str) -> Command {
    read(names, ["run", "jobs", "describe", job, "--region", names.region()], "json")
}

/// Makes a job what the manifest says, and makes it where it is not there.
pub fn replace_job(names: &Names, manifest: &str) -> Command {
    gcloud(names, ["run", "jobs", "replace", "-", "--region", names.region()])
        .stdin_text(manifest)
        .deadline(WRITING)
}

/// Begins an execution and prints its name. Not `--wait`: that has no deadline, and hides how it ended.
pub fn execute(names: &Names, job: &str) -> Command {
    let args = ["run", "jobs", "execute", job, "--async", "--region", names.region()];
    gcloud(names, args).arg("--format=value(metadata.name)")
}

/// One execution.
pub fn execution(names: &Names, execution: &str) -> Command {
    let args = ["run", "jobs", "executions", "describe", execution, "--region", names.region()];
    read(names, args, "json")
}

/// A job's newest execution, in a list of at most one.
pub fn newest_execution(names: &Names, job: &str) -> Command {
    let args = ["run", "jobs", "executions", "list", "--job", job, "--region", names.region()];
    read(names, args.into_iter().chain(["--sort-by=~metadata.creationTimestamp", "--limit=1"]), "json")
}

/// What an execution wrote last, newest first.
///
/// Not `beta run jobs executions logs read`: gcloud 528 crashes there on lines that are JSON.
pub fn execution_lines(names: &Names, execution: &str, count: usize) -> Command {
    let filter = format!(
        "resource.type=\"cloud_run_job\" AND labels.\"run.googleapis.com/execution_name\"=\"{execution}\""
    );
    let limit = format!("--limit={count}");
    read(names, ["logging", "read", &filter, &limit, FRESHNESS], "json(textPayload,jsonPayload,severity)")
}

/// Every job of the scheduler in the region.
pub fn scheduled(names: &Names) -> Command {
    // Without a location gcloud asks App Engine for one.
    read(names, ["scheduler", "jobs", "list", "--location", names.region()], "json")
}

/// Makes a job of the scheduler.
pub fn create_scheduled(names: &Names, job: &str, flags: &[Flag]) -> Command {
    with_flags(scheduler(names, &["create", "http"], job).arg("--http-method=POST"), flags)
}

/// Changes what the flags name, and nothing else.
pub fn update_scheduled(names: &Names, job: &str, flags: &[Flag]) -> Command {
    with_flags(scheduler(names, &["update", "http"], job), flags)
}

/// Lets a paused job run again. A job that is not paused refuses.
pub fn resume_scheduled(names: &Names, job: &str) -> Command {
    scheduler(names, &["resume"], job)
}

/// Stops a job until it is resumed. A job that is paused refuses.
pub fn pause_scheduled(names: &Names, job: &str) -> Command {
    scheduler(names, &["pause"], job)
}

/// A Cloud SQL instance.
pub fn database(names: &Names, instance: &str) -> Command {
    read(names, ["sql", "instances", "describe", instance], "json")
}

/// A Cloud Tasks queue.
pub fn queue(names: &Names, queue: &str) -> Command {
    read(names, ["tasks", "queues", "describe", queue, "--location", names.region()], "json")
}

/// Lets a queue run.
pub fn resume_queue(names: &Names, queue: &str) -> Command {
    gcloud(names, ["tasks", "queues", "resume", queue, "--location", names.region()])
}

/// Stops a queue until it is resumed; tasks wait in it.
pub fn pause_queue(names: &Names, queue: &str) -> Command {
    gcloud(names, ["tasks", "queues", "pause", queue, "--location", names.region()])
}

fn scheduler(names: &Names, verb: &[&str], job: &str) -> Command {
    let args = [&["scheduler", "jobs"], verb, &[job, "--location", names.region()]].concat();
    gcloud(names, args)
}

/// With an equals sign: a value may begin with a hyphen.
fn with_flags(command: Command, flags: &[Flag]) -> Command {
    flags.iter().fold(command, |command, flag| command.arg(format!("--{}={}", flag.name, flag.value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::Stage;
    use crate::core::command::Effect;

    #[test]
    fn a_location_is_always_said_and_only_looking_is_reading() {
        let names = Names::new("acme", "us-west1", "validibot", "r", Stage::Dev);
        let flags = [Flag { name: "schedule", value: "*/5 * * * *".into() }];
        expect_test::expect![[r"
            CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API=false gcloud scheduler jobs update http validibot-x-dev --location us-west1 --project acme --quiet --verbosity=warning --no-log-http '--schedule=*/5 * * * *'"]]
        .assert_eq(&update_scheduled(&names, "validibot-x-dev", &flags).render());
        for looks in [
            services(&names),
            newest_content(&names, "s"),
            versions(&names, "s"),
            job(&names, "j"),
            execution(&names, "e"),
            newest_execution(&names, "j"),
            execution_lines(&names, "e", 5),
            scheduled(&names),
            database(&names, "d"),
            queue(&names, "q"),
        ] {
            assert_eq!(looks.effect(), Effect::Reads, "{}", looks.render());
        }
        for changes in [
            replace_job(&names, "{}"),
            execute(&names, "j"),
            create_scheduled(&names, "j", &flags),
            resume_scheduled(&names, "j"),
            pause_scheduled(&names, "j"),
            resume_queue(&names, "q"),
            pause_queue(&names, "q"),
        ] {
            assert_eq!(changes.effect(), Effect::Changes, "{}", changes.render());
        }
    }
}
