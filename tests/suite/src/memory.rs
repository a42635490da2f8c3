//! A process's memory, as the kernel counts it.

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// At its highest.
    pub peak: u64,
}

impl Memory {
    /// Reads `/proc/PID/status`.
    pub fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel counts it");
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
            kib * 1024
        };
        Self { now: bytes("VmRSS:"), peak: bytes("VmHWM:") }
    }
}
