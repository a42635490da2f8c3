//! `self-hosted update`: the new image proves itself beside the running server before it takes its place.

use std::time::{Duration, Instant};

use super::{HEALTHY_WITHIN_SECONDS, Installation, LOG_LINES, SERVICE, new_image, retag};
use crate::artifact::image;
use crate::cli::SelfHostedImage;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// How often the candidate is asked whether it is healthy.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What became of a candidate.
enum Verdict {
    Healthy,
    Broken(String),
}

impl Installation<'_> {
    /// Replaces the running server. Whatever happens, a server that was healthy is serving in the end.
    pub(super) fn update(&self, args: &SelfHostedImage) -> Result<()> {
        let candidate = format!("{}:candidate", self.project.name);
        new_image(self.context, args, &candidate)?;
        if !self.is_running()? {
            self.context.printer.note("no server is running: starting it");
            retag(self.context, &candidate, &self.current())?;
            return self.start(false);
        }
        self.context.printer.note("starting the new server next to the running one");
        let verdict = self.prove(&candidate);
        // Healthy or not, it has done its work.
        self.context.runner.run(&docker(&["rm", "--force", &self.container()]), Streams::Captured)?;
        if let Verdict::Broken(why) = verdict? {
            return Err(Error::failed(
                "the new server did not become healthy; the running one was left alone",
            )
            .cause(why)
            .hint("correct the image or the settings, then try again"));
        }
        self.swap(&candidate)?;
        self.context.printer.note("the new server is healthy and serves");
        Ok(())
    }

    fn swap(&self, candidate: &str) -> Result<()> {
        let (current, previous) = (self.current(), format!("{}:previous", self.project.name));
        let there_was_one = image::commit_of(self.context, &current)?.is_some();
        if there_was_one {
            retag(self.context, &current, &previous)?;
        }
        retag(self.context, candidate, &current)?;
        let Err(error) = self.start(false) else { return Ok(()) };
        if !there_was_one {
            return Err(error);
        }
        self.context.runner.interrupts().acknowledge();
        retag(self.context, &previous, &current)?;
        self.start(false)?;
        Err(error.hint("the previous server is running again"))
    }

    /// The candidate's container.
    fn container(&self) -> String {
        format!("{}-candidate", self.project.name)
    }

    fn is_running(&self) -> Result<bool> {
        let outcome = self.context.runner.read(&self.project.ps())?;
        Ok(outcome.stdout.lines().any(|line| {
            let container: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            container["Service"] == SERVICE && container["State"] == "running"
        }))
    }

    fn prove(&self, candidate: &str) -> Result<Verdict> {
        let container = self.container();
        // One that an interrupted update has left behind.
        self.context.runner.run(&docker(&["rm", "--force", &container]), Streams::Captured)?;
        let started = self
            .context
            .runner
            .run(&self.with_image(candidate).run_beside(&container, SERVICE), Streams::Captured)?;
        if started.code != 0 {
            return Ok(Verdict::Broken(started.stderr.trim().to_owned()));
        }
        let deadline = Instant::now() + Duration::from_secs(HEALTHY_WITHIN_SECONDS);
        loop {
            let asked = docker(&["exec", &container, "/validibot-mcp", "healthcheck"]).reads();
            if self.context.runner.run(&asked, Streams::Captured)?.code == 0 {
                return Ok(Verdict::Healthy);
            }
            let state = docker(&["inspect", "--format", "{{.State.Status}}", &container]).reads();
            let state = self.context.runner.run(&state, Streams::Captured)?.stdout;
            let late = Instant::now() > deadline;
            if state.trim() != "running" || late {
                let lines = LOG_LINES.to_string();
                let logs = docker(&["logs", "--tail", &lines, &container]).reads();
                let logs = self.context.runner.run(&logs, Streams::Captured)?;
                let how = if late { "was not healthy in time" } else { "ended" };
                return Ok(Verdict::Broken(format!(
                    "it {how}:\n{}{}",
                    logs.stdout.trim(),
                    logs.stderr.trim()
                )));
            }
            self.context.runner.interrupts().pause(ASK_EVERY)?;
        }
    }
}

fn docker(args: &[&str]) -> Command {
    Command::new("docker").args(args)
}
