//! The life of one task of a job: a container that runs once and ends.

use std::sync::Arc;

use tokio::process::Child;
use tokio::time::timeout;

use super::State;
use super::container::{LABEL, lines, prepare, remove, spawn};
use crate::engine::Task;
use crate::shared::TaskReport;

/// Runs a task to its end, and says how it ended.
pub(super) async fn run(state: Arc<State>, task: Task, report: TaskReport) {
    let outcome = match start(&state, &task).await {
        Ok(child) => follow(&state, &task, &report, child).await,
        Err(message) => Err(message),
    };
    state.instances().remove(&task.execution);
    report.ended(outcome);
}

async fn start(state: &State, task: &Task) -> Result<Child, String> {
    // Executions of two emulators on one machine may have the same name; the engine's folder is its own.
    let folder = state.folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unique = format!("{LABEL}-{}-{folder}", task.execution);
    // <https://cloud.google.com/run/docs/container-contract#jobs-env-vars>
    let own = [
        ("CLOUD_RUN_JOB", task.job.clone()),
        ("CLOUD_RUN_EXECUTION", task.execution.clone()),
        ("CLOUD_RUN_TASK_INDEX", "0".to_owned()),
        ("CLOUD_RUN_TASK_ATTEMPT", "0".to_owned()),
        ("CLOUD_RUN_TASK_COUNT", "1".to_owned()),
    ];
    let mut command = prepare(state, &task.container, &task.execution, &unique, &own).await?;
    let (program, first) =
        task.command.split_first().map_or((None, [].as_slice()), |(program, rest)| (Some(program), rest));
    if let Some(program) = program {
        command.args(["--entrypoint", program]);
    }
    command.arg(&task.container.image).args(first).args(&task.args);
    spawn(state, &task.execution, unique, command)
}

/// Reads what it writes until it ends, or its time is over.
async fn follow(state: &State, task: &Task, report: &TaskReport, mut child: Child) -> Result<(), String> {
    let out = lines(child.stdout.take(), |line| report.log(line));
    let err = lines(child.stderr.take(), |line| report.log(line));
    let ended = async {
        tokio::join!(out, err);
        child.wait().await
    };
    match timeout(task.timeout, ended).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(status) => {
            let code = status.ok().and_then(|status| status.code());
            Err(code.map_or_else(
                || "Task terminated on signal.".to_owned(),
                |code| format!("Task failed with exit code {code}."),
            ))
        }
        Err(_) => {
            let container = state.instances().get(&task.execution).map(|instance| instance.container.clone());
            remove(container.as_slice());
            Err(format!("Task exceeded its timeout of {} s.", task.timeout.as_secs()))
        }
    }
}
