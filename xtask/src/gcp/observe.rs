//! Reading what is there, several commands at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::command::Command;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcloud::{Seen, Trouble, classify};
use crate::runner::Streams;

/// One question.
pub(super) struct Read {
    /// What is asked for, as a person says it.
    pub(super) what: String,
    /// How.
    pub(super) command: Command,
}

impl Read {
    pub(super) fn new(what: impl Into<String>, command: Command) -> Self {
        Self { what: what.into(), command }
    }
}

/// Asks every question, `at_once` at a time; the answers are in their order.
///
/// It is an error when a command cannot be started, does not end in time, or is interrupted.
pub(super) fn observe<const N: usize>(
    context: &Context,
    at_once: usize,
    reads: &[Read; N],
) -> Result<[Seen<String>; N]> {
    let _progress = context.printer.progress(&format!("reading what is there ({N} questions)"));
    let next = AtomicUsize::new(0);
    let answers: [Mutex<Option<Result<Seen<String>>>>; N] = std::array::from_fn(|_| Mutex::new(None));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(read) = reads.get(index) else { return };
            let answer = context
                .runner
                .run(&read.command, Streams::Captured)
                .map(|outcome| classify(&read.what, &read.command, &outcome));
            let failed = answer.is_err();
            *answers[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            if failed {
                // Nothing is decided without all answers: the rest need not be asked.
                next.store(N, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..at_once {
            scope.spawn(work);
        }
        work();
    });
    let mut given = Vec::with_capacity(N);
    for answer in answers {
        match answer.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(Ok(answer)) => given.push(answer),
            Some(Err(error)) => return Err(error.cause("nothing was changed")),
            // Not asked any more: the error that stopped it stands further on.
            None => {}
        }
    }
    given
        .try_into()
        .map_err(|_| Error::failed("not every question was answered").cause("nothing was changed"))
}

/// The error for what nobody can tell: names all of it, and what to do.
pub(super) fn cannot_tell(troubles: &[Trouble]) -> Error {
    let mut error = Error::failed("could not tell what is there, so nothing was changed");
    for trouble in troubles {
        error = error.cause(format!("{}: could not be read", trouble.what));
        error = error.cause(format!("  {}", trouble.said.replace('\n', "\n  ")));
        error = error.cause(format!("  command: {}", trouble.command));
    }
    let mut advice: Vec<_> = troubles.iter().map(|trouble| trouble.advice.text()).collect();
    advice.dedup();
    advice.into_iter().fold(error, Error::hint)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::env::Environment;
    use crate::output::Printer;
    use crate::runner::{Outcome, Runner};

    fn context(answer: impl Fn(&Command) -> Outcome + Send + Sync + 'static) -> Context {
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), answer);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Context::new(Environment::default(), None, printer, runner, here).unwrap()
    }

    #[test]
    fn answers_come_back_in_the_order_of_the_questions() {
        let context = context(|command| Outcome::success(command.render()));
        let reads = ["a", "b", "c", "d", "e"].map(|name| Read::new(name, Command::new(name).reads()));
        let answers = observe(&context, 2, &reads).unwrap();
        assert_eq!(answers, ["a", "b", "c", "d", "e"].map(|name| Seen::Present(name.to_owned())));
    }

    #[test]
    fn what_nobody_can_tell_names_everything_and_what_to_do() {
        let context =
            context(|_| Outcome::failure(1, "ERROR: (gcloud.x.y) UNAUTHENTICATED: Request had no login."));
        let reads =
            ["the secret", "the policy"].map(|name| Read::new(name, Command::new("gcloud").arg(name)));
        let troubles: Vec<_> = observe(&context, 2, &reads)
            .unwrap()
            .into_iter()
            .filter_map(|seen| if let Seen::Unknown(trouble) = seen { Some(trouble) } else { None })
            .collect();
        expect_test::expect![[r"
            could not tell what is there, so nothing was changed
              the secret: could not be read
                ERROR: (gcloud.x.y) UNAUTHENTICATED: Request had no login.
                command: gcloud 'the secret'
              the policy: could not be read
                ERROR: (gcloud.x.y) UNAUTHENTICATED: Request had no login.
                command: gcloud 'the policy'
            hint: log in: gcloud auth login"]]
        .assert_eq(&cannot_tell(&troubles).to_string());
    }
}
