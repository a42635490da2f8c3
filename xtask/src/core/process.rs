//! Processes that we started earlier and ports that others hold, as the operating system knows them.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::core::error::{Error, Result};
use crate::core::interrupt::Interrupts;

/// A process, named so that a later one with the same number is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id, which is also its group's.
    pub pid: u32,
    /// When it started, in whatever unit the system counts.
    pub started: String,
}

/// How long a program may take to end in order, before it is killed: the server drains for 10 seconds.
const GRACE: Duration = Duration::from_secs(12);

/// How often an ending process is polled. It is not our child, so there is nothing to wait on.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Identity {
    /// The process of this id; `None` where it has ended.
    pub fn of(pid: u32) -> Option<Self> {
        started(pid).map(|started| Self { pid, started })
    }

    /// Whether that very process still runs.
    pub fn alive(&self) -> bool {
        started(self.pid).as_deref() == Some(self.started.as_str())
    }

    /// Ends the process and its children: in order first, by force after a while.
    ///
    /// A process that has taken over the number since is left alone.
    pub fn end(&self, interrupts: &Interrupts) -> Result<()> {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if !self.alive() {
                break;
            }
            // Gone in between is what we want.
            let _ = killpg(Pid::from_raw(i32::try_from(self.pid).unwrap_or(i32::MAX)), signal);
            let deadline = Instant::now() + GRACE;
            while self.alive() && Instant::now() < deadline {
                interrupts.pause(LOOK_EVERY)?;
            }
        }
        if self.alive() {
            return Err(Error::failed(format!("process {} does not end", self.pid)));
        }
        Ok(())
    }
}

/// The program that listens on a port of this machine, such as `python3 (pid 4711)`; `None` where the port is free.
pub fn port_owner(port: u16) -> Option<String> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
        return None;
    }
    Some(listener(Path::new("/proc"), port).unwrap_or_else(|| "another program".to_owned()))
}

/// When the process started; `None` where there is none, or only what is left of it until its parent looks.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    match stat {
        Ok(stat) => started_in(&stat),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => started_by_ps(pid),
    }
}

/// Fields of `proc_pid_stat(5)`: the state is the first behind the name, the start time the 20th.
fn started_in(stat: &str) -> Option<String> {
    // The name is in parentheses and may hold anything, parentheses too.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" { None } else { fields.nth(18).map(str::to_owned) }
}

/// Where there is no /proc (macOS).
fn started_by_ps(pid: u32) -> Option<String> {
    let pid = pid.to_string();
    let output = std::process::Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, start) = text.trim().split_once(' ')?;
    if state.starts_with('Z') { None } else { Some(start.trim().to_owned()) }
}

/// Follows the listening socket's inode from /proc/net/tcp to the process that has it open.
fn listener(proc: &Path, port: u16) -> Option<String> {
    let socket = ["net/tcp", "net/tcp6"].iter().find_map(|table| {
        let table = std::fs::read_to_string(proc.join(table)).ok()?;
        table.lines().find_map(|line| inode_of(line, port))
    })?;
    let wanted = format!("socket:[{socket}]");
    for process in std::fs::read_dir(proc).ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let holds = files.flatten().any(|file| {
            std::fs::read_link(file.path()).is_ok_and(|link| link.to_str() == Some(wanted.as_str()))
        });
        if holds {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (pid {pid})", name.trim()));
        }
    }
    None
}

/// A row of /proc/net/tcp: number, local address, remote address, state (0A listens), …, inode as the tenth.
fn inode_of(row: &str, port: u16) -> Option<String> {
    let fields: Vec<_> = row.split_whitespace().collect();
    let local = fields.get(1)?.rsplit_once(':')?.1;
    let listens = *fields.get(3)? == "0A" && u16::from_str_radix(local, 16) == Ok(port);
    if listens { fields.get(9).map(|inode| (*inode).to_owned()) } else { None }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_and_ends_with_its_children() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        let identity = Identity::of(child.id()).unwrap();
        assert!(identity.alive());
        let reused = Identity { started: "0".into(), ..identity.clone() };
        assert!(!reused.alive());
        reused.end(&Interrupts::none()).unwrap();
        assert!(identity.alive(), "a process that only has the same number is left alone");
        identity.end(&Interrupts::none()).unwrap();
        assert!(!identity.alive());
        child.wait().unwrap();
    }

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let stat = "7 (a) b) S 1 7 7 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4242 10";
        assert_eq!(started_in(stat).as_deref(), Some("4242"));
        assert_eq!(started_in(&stat.replace(") S", ") Z")), None);
    }

    #[test]
    fn a_busy_port_has_an_owner_and_a_free_one_has_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let owner = port_owner(port).unwrap();
        if Path::new("/proc/net/tcp").exists() {
            assert!(owner.ends_with(&format!("(pid {})", std::process::id())), "{owner}");
        }
        drop(listener);
        // A child that another test is just forking holds a copy until it executes its own program.
        while port_owner(port).is_some() {
            std::thread::yield_now();
        }
    }
}
