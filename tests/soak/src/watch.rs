//! Memory and open files, of the instances and of the proxy before them, while nothing is restarted.

use std::collections::BTreeMap;
use std::time::Duration;

use suite::memory::Memory;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// Connections come and go with the traffic: this many descriptors more are no leak.
const MORE_FILES: f64 = 24.0;
/// Caches fill and allocators keep pages; traffic is the same all the time.
const MORE_MEGABYTES: f64 = 24.0;

/// Looks at processes until it is told to stop.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Readings>,
}

/// What was read, by process.
#[derive(Debug, Default)]
pub(crate) struct Readings(BTreeMap<String, Series>);

#[derive(Debug, Default)]
struct Series {
    files: Vec<f64>,
    megabytes: Vec<f64>,
}

impl Watch {
    pub(crate) fn of(instances: Vec<u32>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut readings = Readings::default();
            while stopped.try_recv().is_err() {
                for pid in &instances {
                    readings.read(&format!("instance {pid}"), *pid);
                }
                // The proxy runs in this process.
                readings.read("proxy", std::process::id());
                sleep(EVERY).await;
            }
            readings
        });
        Self { stop, task }
    }

    pub(crate) async fn finish(self) -> Readings {
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

impl Readings {
    fn read(&mut self, name: &str, pid: u32) {
        let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return };
        let series = self.0.entry(name.to_owned()).or_default();
        series.files.push(as_float(files.count()));
        series
            .megabytes
            .push(as_float(usize::try_from(Memory::of(pid).now / 1024).unwrap_or_default()) / 1024.0);
    }

    /// Lines about what was read, and what grew that must not.
    pub(crate) fn judge(&self) -> (Vec<String>, Vec<String>) {
        let (mut lines, mut faults) = (Vec::new(), Vec::new());
        for (name, Series { files, megabytes }) in &self.0 {
            let ((files_before, files_after), (before, after)) = (ends(files), ends(megabytes));
            lines.push(format!(
                "{name}: {files_before:.0} to {files_after:.0} open files, {before:.1} to {after:.1} MB resident"
            ));
            if files_after > files_before + MORE_FILES {
                faults.push(format!("{name} leaks descriptors: {files_before:.0} became {files_after:.0}"));
            }
            // The proxy's process also keeps what the sandbox has received, for the ledger.
            if name != "proxy" && after > before + MORE_MEGABYTES {
                faults.push(format!("{name} grows: {before:.1} MB became {after:.1}"));
            }
        }
        if self.0.len() < 3 {
            faults.push("an instance ended while nothing should have ended it".to_owned());
        }
        (lines, faults)
    }
}

/// The medians of the first and of the last third.
fn ends(samples: &[f64]) -> (f64, f64) {
    let third = (samples.len() / 3).max(1).min(samples.len());
    (middle(&samples[..third]), middle(&samples[samples.len() - third..]))
}

fn middle(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_told_from_what_goes_up_and_down() {
        let series = |files: &[f64]| Series { files: files.to_vec(), megabytes: vec![10.0; files.len()] };
        let of = |files: &[f64]| {
            let names = ["instance 1", "instance 2", "proxy"];
            Readings(names.iter().map(|name| ((*name).to_owned(), series(files))).collect()).judge().1
        };
        assert!(of(&[20.0, 60.0, 21.0, 20.0, 50.0, 22.0, 20.0, 22.0, 55.0]).is_empty());
        assert_eq!(of(&[20.0, 21.0, 22.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]).len(), 3);
    }
}
