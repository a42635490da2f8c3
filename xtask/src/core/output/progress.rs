//! What goes on, while it goes on.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Printer;
use super::text::clean;

/// How often a line says that something still goes on, where lines stay: often enough for whoever wonders whether
/// it hangs, and seldom enough for a log of an hour.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How often the line on a terminal moves.
const TICK: Duration = Duration::from_millis(120);

/// A line that moves while something goes on, on a terminal, and stays there with the time that it took; elsewhere it is
/// written when it begins, and again every ten seconds.
#[must_use]
pub struct Progress {
    text: String,
    shown: Shown,
    printer: Printer,
    leaves_a_line: bool,
}

enum Shown {
    Moving(ProgressBar),
    /// The thread that gives signs of life ends when the sender is dropped.
    Lines {
        detail: Arc<Mutex<String>>,
        _stop: Sender<()>,
    },
    Nothing,
}

impl Progress {
    pub(super) fn moving(printer: &Printer, bars: &MultiProgress, text: &str) -> Self {
        let bar = bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(clean(text, false));
        bar.enable_steady_tick(TICK);
        Self::new(printer, text, Shown::Moving(bar))
    }

    pub(super) fn lines(printer: &Printer, text: &str, every: Duration) -> Self {
        printer.note(text);
        let detail = Arc::new(Mutex::new(String::new()));
        let (stop, stopped) = mpsc::channel();
        let (seen, writer, what) = (Arc::clone(&detail), printer.clone(), text.to_owned());
        std::thread::spawn(move || {
            let begun = Instant::now();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let detail = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                writer.note(&format!("still {what}{detail}  {} s", begun.elapsed().as_secs()));
            }
        });
        Self::new(printer, text, Shown::Lines { detail, _stop: stop })
    }

    pub(super) fn hidden(printer: &Printer, text: &str) -> Self {
        Self::new(printer, text, Shown::Nothing)
    }

    fn new(printer: &Printer, text: &str, shown: Shown) -> Self {
        Self { text: text.to_owned(), shown, printer: printer.clone(), leaves_a_line: true }
    }

    /// Says how far it is, such as `37 of 356 crates`.
    pub fn detail(&self, detail: &str) {
        match &self.shown {
            Shown::Moving(bar) => bar.set_message(clean(&format!("{}: {detail}", self.text), false)),
            Shown::Lines { detail: seen, .. } => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = format!(": {detail}");
            }
            Shown::Nothing => {}
        }
    }

    /// On a terminal nothing of it stays: for what turned out to be no work.
    pub fn leave_nothing(mut self) {
        self.leaves_a_line = false;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Moving(bar) = &self.shown {
            bar.finish_and_clear();
            if self.leaves_a_line {
                self.printer.note(&format!("{}  {} s", self.text, bar.elapsed().as_secs()));
            }
        }
    }
}
