//! Where it was measured.

use serde::Serialize;

/// What figures depend on besides the programs.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// How many there are.
    pub(crate) processors: usize,
    /// Work that waited for a processor over the last minute, at the start and at the end: above some tenths, absolute
    /// figures tell of that work.
    pub(crate) load: Vec<String>,
    /// How often each figure was taken.
    pub(crate) rounds: usize,
}

impl Machine {
    pub(crate) fn look(rounds: usize) -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
            processors: cpus.lines().filter(|line| line.starts_with("processor")).count(),
            load: vec![load()],
            rounds,
        }
    }

    pub(crate) fn look_again(&mut self) {
        self.load.push(load());
    }
}

/// Over one minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
