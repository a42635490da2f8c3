//! The state that connections, engines and tests share, and the news that it has changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::api::logging::LogSource;
use crate::cloud::Cloud;
use crate::fault::Faults;
use crate::record::Recorded;

/// Everything behind one emulator.
pub(crate) struct Shared {
    cloud: Mutex<Cloud>,
    faults: Mutex<Faults>,
    record: Mutex<Vec<Recorded>>,
    /// Told whenever a revision has settled: what `operations:wait` waits for.
    pub(crate) changed: Notify,
    /// The only access token that is accepted.
    pub(crate) token: String,
}

impl Shared {
    pub(crate) fn new(cloud: Cloud, token: String) -> Self {
        Self {
            cloud: Mutex::new(cloud),
            faults: Mutex::default(),
            record: Mutex::default(),
            changed: Notify::new(),
            token,
        }
    }

    pub(crate) fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the revisions and tasks that wait for it to the engine.
    pub(crate) fn launch(self: &Arc<Self>) {
        let (launches, tasks, engine) = {
            let mut cloud = self.cloud();
            (std::mem::take(&mut cloud.launches), std::mem::take(&mut cloud.tasks), cloud.engine())
        };
        for launch in launches {
            let report = Report {
                shared: Arc::downgrade(self),
                service: launch.service.clone(),
                region: launch.region.clone(),
                revision: launch.revision.clone(),
            };
            engine.launch(launch, report);
        }
        for task in tasks {
            let report = TaskReport {
                shared: Arc::downgrade(self),
                job: task.job.clone(),
                region: task.region.clone(),
                execution: task.execution.clone(),
            };
            engine.execute(task, report);
        }
    }
}

/// How an engine tells the emulator about one revision.
#[derive(Clone)]
pub struct Report {
    shared: Weak<Shared>,
    service: String,
    region: String,
    revision: String,
}

impl Report {
    /// The revision is up and its startup probe has passed.
    pub fn ready(&self) {
        self.settle(Ok(()));
    }

    /// The revision will not come up, for this reason.
    pub fn failed(&self, message: &str) {
        self.settle(Err(message.to_owned()));
    }

    /// One line of the container's output, or about it, as Cloud Logging will hold it.
    pub fn log(&self, from: LogSource, line: &str) {
        if let Some(shared) = self.shared.upgrade() {
            shared.cloud().log_line(&self.region, &self.service, &self.revision, from, line);
        }
    }

    fn settle(&self, outcome: Result<(), String>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.cloud().settle(&self.region, &self.service, &self.revision, outcome);
            shared.changed.notify_waiters();
        }
    }
}

/// How an engine tells the emulator about one task.
#[derive(Clone)]
pub struct TaskReport {
    shared: Weak<Shared>,
    job: String,
    region: String,
    execution: String,
}

impl TaskReport {
    /// One line of the task's output, as Cloud Logging will hold it.
    pub fn log(&self, line: &str) {
        if let Some(shared) = self.shared.upgrade() {
            shared.cloud().log_task(&self.region, &self.job, &self.execution, line);
        }
    }

    /// The task is over; an error is the sentence that the execution's condition shows.
    pub fn ended(&self, outcome: Result<(), String>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.cloud().end_execution(&self.region, &self.execution, outcome);
        }
    }
}
