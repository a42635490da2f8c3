//! Where lines of log go. Whoever reads them may stop to: the server goes on, keeps some, and counts the rest.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing_subscriber::fmt::MakeWriter;

/// What waits for a reader at most: some thousand lines.
const MAX_WAITING: usize = 512 * 1024;
/// What a pipe takes without waiting once it can be written to at all: a page, on Linux (its `pipe_poll`).
const PIECE: usize = 4096;
/// How long the end of the process waits for a reader.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Says in a line of its own how many lines were dropped before it.
type Notice = fn(u64) -> String;

/// The way to a reader.
pub(super) struct Lines<W>(Arc<Mutex<Waiting<W>>>);

struct Waiting<W> {
    out: W,
    bytes: VecDeque<u8>,
    dropped: u64,
    notice: Notice,
    /// Somebody waits for the reader already.
    watched: bool,
}

impl<W> Clone for Lines<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Write + AsFd + Send + 'static> Lines<W> {
    pub(super) fn new(out: W, notice: Notice) -> Self {
        Self(Arc::new(Mutex::new(Waiting {
            out,
            bytes: VecDeque::new(),
            dropped: 0,
            notice,
            watched: false,
        })))
    }

    /// Writes a line, or keeps or drops it; returns at once.
    fn line(&self, line: &[u8]) {
        let mut waiting = self.lock();
        waiting.keep(line);
        waiting.send();
        if !waiting.bytes.is_empty() && !waiting.watched {
            // Without a thread, what waits goes out with the next line.
            waiting.watched = self.watch(&waiting.out).is_ok();
        }
    }

    /// Starts a thread that waits for the reader, and ends when nothing waits any more.
    fn watch(&self, out: &W) -> io::Result<()> {
        let (lines, reader) = (self.clone(), out.as_fd().try_clone_to_owned()?);
        let wait = move || {
            loop {
                writable(reader.as_fd(), PollTimeout::NONE);
                let mut waiting = lines.lock();
                waiting.send();
                if waiting.bytes.is_empty() {
                    waiting.watched = false;
                    return;
                }
            }
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(wait).map(drop)
    }

    /// Lets what waits go out, if somebody reads it within a moment.
    pub(super) fn finish(&self) {
        let mut waiting = self.lock();
        waiting.tell();
        let patience = PollTimeout::try_from(LAST_WAIT).unwrap_or(PollTimeout::ZERO);
        while !waiting.bytes.is_empty() && writable(waiting.out.as_fd(), patience) {
            waiting.send();
        }
    }

    /// A panic elsewhere cannot have spoilt it: each line is there as a whole or not.
    fn lock(&self) -> MutexGuard<'_, Waiting<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write + AsFd> Waiting<W> {
    fn keep(&mut self, line: &[u8]) {
        // What waits is sent first: the room may have come back.
        self.send();
        self.tell();
        if self.dropped > 0 || self.bytes.len() + line.len() > MAX_WAITING {
            self.dropped += 1;
        } else {
            self.bytes.extend(line);
        }
    }

    /// Reports what was dropped where it was dropped, once there is room for that.
    fn tell(&mut self) {
        if self.dropped > 0 && self.bytes.len() < MAX_WAITING / 2 {
            self.bytes.extend((self.notice)(self.dropped).as_bytes());
            self.dropped = 0;
        }
    }

    /// Writes as much as the reader takes without a wait.
    fn send(&mut self) {
        while !self.bytes.is_empty() && writable(self.out.as_fd(), PollTimeout::ZERO) {
            let (first, _) = self.bytes.as_slices();
            match self.out.write(&first[..first.len().min(PIECE)]) {
                Ok(written) if written > 0 => drop(self.bytes.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nobody will read it any more.
                Ok(_) | Err(_) => self.bytes.clear(),
            }
        }
    }
}

/// Whether something can be written without a wait. A reader that is gone counts: the write tells.
fn writable(out: BorrowedFd<'_>, timeout: PollTimeout) -> bool {
    let mut fds = [PollFd::new(out, PollFlags::POLLOUT)];
    poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
}

impl<'a, W: Write + AsFd + Send + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Line<'a, W> {
        Line(self)
    }
}

/// Takes one event, which comes in one piece.
pub(super) struct Line<'a, W>(&'a Lines<W>);

impl<W: Write + AsFd + Send + 'static> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, pipe};

    use super::*;

    /// Far more than a pipe and the buffer hold: that writing them returns at all is the point.
    const LINES: usize = 5_000;

    fn notice(dropped: u64) -> String {
        format!("{dropped} dropped\n")
    }

    #[test]
    fn a_log_that_nobody_reads_stops_nobody_and_tells_later_what_is_missing() {
        let (reader, writer) = pipe().expect("a pipe");
        let lines = Lines::new(writer, notice);
        let long = "x".repeat(999);
        for number in 0..LINES {
            lines.line(format!("{number:04}{long}\n").as_bytes());
        }
        let reads = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines().map(|line| line.expect("text"));
            lines.take_while(|line| line != "end").collect::<Vec<_>>()
        });
        // Until somebody has read so much that there is room for it.
        while lines.lock().bytes.len() >= MAX_WAITING / 2 {
            std::thread::yield_now();
        }
        lines.line(b"late\nend\n");
        lines.finish();
        let read = reads.join().expect("they are read");
        let kept = read.iter().take_while(|line| line.ends_with('x')).count();
        assert!(kept > 100 && kept < LINES, "{kept}");
        for (number, line) in read[..kept].iter().enumerate() {
            assert!(line.starts_with(&format!("{number:04}x")), "{line}");
        }
        assert_eq!(read[kept..], [format!("{} dropped", LINES - kept), "late".to_owned()]);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_trouble() {
        let (reader, writer) = pipe().expect("a pipe");
        let lines = Lines::new(writer, notice);
        drop(reader);
        lines.line(b"nobody\n");
        lines.finish();
        assert!(lines.lock().bytes.is_empty());
    }
}
