//! One child process: its own group, a deadline, signals passed on, and an end that takes its children along.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{Outcome, Said, Streams, lines, tail};
use crate::core::command::{Command, EnvValue, Stdin};
use crate::core::error::{Error, Result};
use crate::core::interrupt::Interrupts;
use crate::core::secret::Secret;

/// Variables that change the form of gcloud's answers and messages.
const GCLOUD_LOOKS: [&str; 2] = ["CLOUDSDK_CORE_DEFAULT_FORMAT", "CLOUDSDK_CORE_SHOW_STRUCTURED_LOGS"];

/// How long a program may take to end after it was told to, before it is killed. gcloud writes its own
/// configuration on the way out; docker compose asks for 10 seconds of its own.
const GRACE: Duration = Duration::from_secs(12);

/// How long a stream may stay open after the program itself has ended: a child of its own holds it.
const STREAM_GRACE: Duration = Duration::from_secs(2);

/// How many lines of standard error are kept of a program that is watched: an error shows fewer.
const KEPT_LINES: usize = 40;

enum Event {
    Ended(ExitStatus),
    Signal(i32),
    Said(Said),
}

enum Ending {
    ByItself(ExitStatus),
    Interrupted,
    TimedOut,
}

/// A program that runs, and has not been given its input.
#[derive(Debug)]
pub(super) struct Started {
    child: Child,
    group: Pid,
    stdout: Option<Receiver<String>>,
    stderr: Option<Receiver<String>>,
}

impl Started {
    /// Whether it has ended by itself, told nothing.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

pub(super) fn start(command: &Command, streams: Streams) -> Result<Started> {
    let mut child = spawn(command, &mut prepare(command, streams))?;
    let group = group_of(&child);
    let stdout = child.stdout.take().map(|stream| tail::collect(stream, tail::STDOUT_LIMIT));
    let stderr = child.stderr.take().map(|stream| tail::collect(stream, tail::STDERR_LIMIT));
    Ok(Started { child, group, stdout, stderr })
}

/// Ends a program that was not given its input: killed, so that it cannot take the end of it for an empty one.
pub(super) fn abandon(started: &mut Started) {
    signal_group(started.group, Signal::SIGKILL);
    // One that somebody else has reaped is gone as well.
    let _ = started.child.wait();
}

/// Runs the command to its end, from nothing. A signal that arrives while it starts ends it as any later one does: it acts already.
pub(super) fn run(command: &Command, streams: Streams, interrupts: &Interrupts) -> Result<Outcome> {
    interrupts.check()?;
    attend(start(command, streams)?, command, interrupts)
}

/// Gives a program that was started ahead the command's input, and runs it to its end. It acts as soon as it is told, so that it is
/// told nothing once a signal has arrived.
pub(super) fn finish(mut started: Started, command: &Command, interrupts: &Interrupts) -> Result<Outcome> {
    if let Err(error) = interrupts.check() {
        abandon(&mut started);
        return Err(error);
    }
    attend(started, command, interrupts)
}

fn attend(started: Started, command: &Command, interrupts: &Interrupts) -> Result<Outcome> {
    let (events, inbox) = mpsc::channel();
    let Started { child, group, stdout, stderr } = started;
    let ending = lead(child, group, command, interrupts, (events, &inbox), &mut |_| {});
    let (stdout, stderr) = (drain(stdout, group), drain(stderr, group));
    conclude(&ending, command, stdout, stderr)
}

/// Gives the program its input, and waits until it has ended, by itself or because it was told to.
fn lead(
    mut child: Child,
    group: Pid,
    command: &Command,
    interrupts: &Interrupts,
    (events, inbox): (Sender<Event>, &Receiver<Event>),
    each: &mut dyn FnMut(Said),
) -> Ending {
    let signals = events.clone();
    let _subscription = interrupts.subscribe(move |signal| {
        let _ = signals.send(Event::Signal(signal));
    });
    write_input(&mut child, command);
    std::thread::spawn(move || {
        // A child that somebody else has reaped counts as killed.
        let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(Signal::SIGKILL as i32));
        let _ = events.send(Event::Ended(status));
    });
    supervise(inbox, group, command.time_limit(), each)
}

fn conclude(ending: &Ending, command: &Command, stdout: String, stderr: String) -> Result<Outcome> {
    match *ending {
        Ending::ByItself(status) => Ok(Outcome { code: code_of(status), stdout, stderr }),
        Ending::Interrupted => {
            // The command's line may be a screen long, and whoever pressed Ctrl-C knows what ran.
            Err(Error::interrupted(format!("interrupted; {} was stopped with its children", command.name())))
        }
        Ending::TimedOut => {
            let limit = command.time_limit().unwrap_or_default().as_secs();
            let error = Error::failed(format!(
                "{} did not finish within {limit} s and was stopped with its children",
                command.name()
            ))
            .cause(format!("command: {}", command.render()));
            let said = super::last_lines(&stderr, 10);
            Err(if said.is_empty() { error } else { error.cause(said) })
        }
    }
}

/// Runs the command to its end and hands on each line as soon as it is there.
pub(super) fn watch(
    command: &Command,
    interrupts: &Interrupts,
    each: &mut dyn FnMut(Said),
) -> Result<Outcome> {
    interrupts.check()?;
    let mut child = spawn(command, &mut prepare(command, Streams::Captured))?;
    let group = group_of(&child);
    let (events, inbox) = mpsc::channel();
    if let Some(stream) = child.stdout.take() {
        hand_on(stream, false, Said::Stdout, events.clone());
    }
    if let Some(stream) = child.stderr.take() {
        hand_on(stream, true, Said::Stderr, events.clone());
    }
    let mut kept = VecDeque::new();
    let mut keep = |said: Said| {
        if let Said::Stderr(line) = &said {
            kept.push_back(line.clone());
            if kept.len() > KEPT_LINES {
                kept.pop_front();
            }
        }
        each(said);
    };
    let ending = lead(child, group, command, interrupts, (events, &inbox), &mut keep);
    // What the program wrote last may still be in its pipes. The senders are gone when both are at their end; a grandchild that
    // holds one is not waited for.
    while let Ok(event) = inbox.recv_timeout(STREAM_GRACE) {
        if let Event::Said(said) = event {
            keep(said);
        }
    }
    conclude(&ending, command, String::new(), Vec::from(kept).join("\n"))
}

fn hand_on(
    stream: impl std::io::Read + Send + 'static,
    overwrites: bool,
    said: fn(String) -> Said,
    events: Sender<Event>,
) {
    std::thread::spawn(move || {
        // Nobody listens once the command was given up.
        lines::each_line(stream, overwrites, |line| drop(events.send(Event::Said(said(line)))));
    });
}

pub(super) fn detach(command: &Command, log: &Path) -> Result<Child> {
    let open = || OpenOptions::new().create(true).append(true).open(log);
    let (out, err) = open().and_then(|out| Ok((out, open()?))).map_err(|error| {
        Error::failed(format!("the log file {} cannot be written", log.display())).cause(error.to_string())
    })?;
    let mut child = spawn(command, prepare(command, Streams::Inherited).stdout(out).stderr(err))?;
    write_input(&mut child, command);
    Ok(child)
}

/// The exit code as a shell counts: 128 and the signal's number where a signal ended the program.
pub(super) fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn prepare(command: &Command, streams: Streams) -> std::process::Command {
    let mut child = std::process::Command::new(command.program());
    child.args(command.arguments()).process_group(0);
    for (name, value) in command.environment() {
        match value {
            EnvValue::Plain(value) => child.env(name, value),
            EnvValue::Secret(value) => child.env(name, value.expose()),
            EnvValue::Removed => child.env_remove(name),
        };
    }
    if command.name() == "gcloud" {
        // What somebody likes to see in a shell, and what nobody here could read.
        for name in GCLOUD_LOOKS {
            child.env_remove(name);
        }
    }
    if let Some(folder) = command.folder() {
        child.current_dir(folder);
    }
    // Not the terminal: a process in a group of its own is stopped when it reads from there.
    child.stdin(match command.input() {
        Stdin::Null => Stdio::null(),
        Stdin::Text(_) | Stdin::Secret { .. } => Stdio::piped(),
    });
    let (stdout, stderr) = match streams {
        Streams::Captured => (Stdio::piped(), Stdio::piped()),
        Streams::Inherited => (Stdio::inherit(), Stdio::inherit()),
        Streams::StdoutCaptured => (Stdio::piped(), Stdio::inherit()),
    };
    child.stdout(stdout).stderr(stderr);
    child
}

/// One at a time: where a pipe cannot be made closed to other children in one step (macOS), a program that starts at the
/// same moment would inherit it, and its reader would wait for that program's end.
fn spawn(command: &Command, prepared: &mut std::process::Command) -> Result<Child> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    prepared.spawn().map_err(|error| start_error(command, &error))
}

fn start_error(command: &Command, error: &std::io::Error) -> Error {
    let name = command.name();
    let started = Error::failed(format!("{name} cannot be started")).cause(error.to_string());
    if error.kind() == ErrorKind::NotFound {
        started.hint(format!("install {name}, or put its folder on PATH"))
    } else {
        started
    }
}

/// In a thread: a program that does not read its input must not block us.
fn write_input(child: &mut Child, command: &Command) {
    let content = match command.input() {
        Stdin::Null => return,
        Stdin::Text(text) => Secret::new(text),
        Stdin::Secret { content, .. } => content.clone(),
    };
    if let Some(mut pipe) = child.stdin.take() {
        std::thread::spawn(move || {
            // A program that ends without reading says so by its exit code.
            let _ = pipe.write_all(content.expose().as_bytes());
        });
    }
}

fn supervise(
    inbox: &Receiver<Event>,
    group: Pid,
    limit: Option<Duration>,
    each: &mut dyn FnMut(Said),
) -> Ending {
    match next(inbox, limit, each) {
        Some(Event::Ended(status)) => Ending::ByItself(status),
        Some(Event::Signal(signal)) => {
            end(inbox, group, Signal::try_from(signal).unwrap_or(Signal::SIGTERM), each);
            Ending::Interrupted
        }
        Some(Event::Said(_)) | None => {
            end(inbox, group, Signal::SIGTERM, each);
            Ending::TimedOut
        }
    }
}

/// The next event that is no line, within this time; lines go on as they come.
fn next(inbox: &Receiver<Event>, limit: Option<Duration>, each: &mut dyn FnMut(Said)) -> Option<Event> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    loop {
        let event = match deadline {
            Some(deadline) => inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
            None => inbox.recv().ok(),
        };
        match event {
            Some(Event::Said(said)) => each(said),
            other => return other,
        }
    }
}

/// Tells the group to end, and kills what is left of it; a second signal from the operator does not wait.
fn end(inbox: &Receiver<Event>, group: Pid, signal: Signal, each: &mut dyn FnMut(Said)) {
    signal_group(group, signal);
    // Whatever comes (the end, a second signal, or nothing in time), the rest of the group goes now.
    let first = next(inbox, Some(GRACE), each);
    signal_group(group, Signal::SIGKILL);
    if !matches!(first, Some(Event::Ended(_))) {
        let _ = next(inbox, Some(GRACE), each);
    }
}

fn drain(stream: Option<Receiver<String>>, group: Pid) -> String {
    let Some(stream) = stream else { return String::new() };
    stream.recv_timeout(STREAM_GRACE).unwrap_or_else(|_| {
        signal_group(group, Signal::SIGKILL);
        stream.recv_timeout(STREAM_GRACE).unwrap_or_default()
    })
}

fn signal_group(group: Pid, signal: Signal) {
    // An empty group is what we want: that it is gone already is no error.
    let _ = killpg(group, signal);
}

fn group_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}
