//! `local logs`: the programs' logs, and with `-f` their further output.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::docker::{self, Containers};
use super::programs::{MCP, WEB};
use super::state::State;
use super::state_folder;
use crate::cli::{Logs, ProgramName};
use crate::commands::log_line;
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// How often a followed file is read: soon enough to read along, seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One program's log, as far as it was shown.
struct Log {
    name: &'static str,
    path: PathBuf,
    shown: u64,
}

/// Prints the logs; with several programs each line carries its program's name.
pub(super) fn logs(context: &Context, args: &Logs) -> Result<()> {
    let folder = state_folder(context, &args.state);
    if let Some(containers) = Containers::load(&folder)? {
        let only = args.program.map(|program| if program == ProgramName::Web { WEB } else { MCP });
        return docker::logs(context, &containers, only, args.follow);
    }
    let names: &[&'static str] = match args.program {
        Some(ProgramName::Web) => &[WEB],
        Some(ProgramName::Mcp) => &[MCP],
        None => &[WEB, MCP],
    };
    let mut logs: Vec<_> =
        names.iter().map(|name| Log { name, path: folder.join(format!("{name}.log")), shown: 0 }).collect();
    if !logs.iter().any(|log| log.path.exists()) {
        return Err(Error::failed(format!("there are no logs in {}", folder.display()))
            .hint("start the stack first: cargo xtask local up"));
    }
    loop {
        // Asked before reading: what a program writes before it ends is then shown.
        let running = any_running(&folder, names)?;
        for log in &mut logs {
            log.show(context, names.len() > 1)?;
        }
        if !args.follow {
            return Ok(());
        }
        if !running {
            context.printer.note("no program is running any more");
            return Ok(());
        }
        context.runner.interrupts().pause(LOOK_EVERY)?;
    }
}

fn any_running(folder: &Path, names: &[&str]) -> Result<bool> {
    let state = State::load(folder)?;
    Ok(names.iter().any(|name| state.running(name).is_some()))
}

impl Log {
    /// Prints the whole lines that were not shown yet.
    fn show(&mut self, context: &Context, named: bool) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::failed(format!("{} cannot be read", self.path.display())).cause(error.to_string())
        };
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        // A restarted program has truncated its log.
        if file.metadata().map_err(failed)?.len() < self.shown {
            self.shown = 0;
        }
        file.seek(SeekFrom::Start(self.shown)).map_err(failed)?;
        let mut fresh = Vec::new();
        file.read_to_end(&mut fresh).map_err(failed)?;
        let for_people = context.printer.results_are_on_a_terminal();
        let Some(end) = fresh.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        self.shown += end as u64 + 1;
        for line in String::from_utf8_lossy(&fresh[..end]).split('\n') {
            let line = if named { format!("{} | {line}", self.name) } else { line.to_owned() };
            context.printer.data(&if for_people { log_line::for_people(&line) } else { line });
        }
        Ok(())
    }
}
