//! Whether the process that took a lock is still there, as far as this machine can tell.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// This start of the machine and this container, where the system says them: a process number means something only there.
fn here() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = std::fs::read_link(Path::new("/proc/self/ns/pid")).ok()?;
    Some(format!("{} {}", boot.trim(), numbers.display()))
}

/// This process, for the lock; empty where the system does not say enough.
pub(super) fn myself() -> String {
    here().map(|here| format!("{here} {}", std::process::id())).unwrap_or_default()
}

/// Whether the process that a lock names ran here and is gone. Of another machine nothing is known.
pub(super) fn is_gone(said: &str) -> bool {
    let Some((place, number)) = said.rsplit_once(' ') else { return false };
    let Ok(number) = number.parse::<i32>() else { return false };
    number > 0
        && here().is_some_and(|here| here == place)
        && kill(Pid::from_raw(number), None) == Err(Errno::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_only_where_this_machine_knows_it() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let number = child.id();
        child.wait().unwrap();
        let Some(here) = here() else { return };
        assert!(is_gone(&format!("{here} {number}")));
        for other in [
            myself(),
            format!("another machine {number}"),
            number.to_string(),
            String::new(),
            format!("{here} 0"),
        ] {
            assert!(!is_gone(&other), "{other}");
        }
    }
}
