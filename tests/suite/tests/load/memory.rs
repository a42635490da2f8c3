//! A process's memory, as the kernel counts it.

use suite::server::Server;

/// The resident memory now and at its highest, in MB.
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    /// Reads `/proc/PID/status`.
    pub(crate) fn of(server: &Server) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel counts it");
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
            kib * 1024 / 1_000_000
        };
        Self { now: megabytes("VmRSS:"), peak: megabytes("VmHWM:") }
    }
}
