//! Reading what is there, several commands at a time.

use std::sync::OnceLock;

use crate::commands::gcp::side_by_side::side_by_side;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::tools::gcloud::{Advice, Seen, Trouble, classify};

/// One question.
pub(crate) struct Read {
    /// What is asked for, as a person says it.
    pub(crate) what: String,
    /// How.
    pub(crate) command: Command,
    /// What the list of APIs has to do with it.
    api: Api,
}

enum Api {
    /// Nothing.
    Unrelated,
    /// The answer is that list.
    Listed,
    /// There can be an answer only when this one is on.
    Needed(&'static str),
}

impl Read {
    pub(crate) fn new(what: impl Into<String>, command: Command) -> Self {
        Self { what: what.into(), command, api: Api::Unrelated }
    }

    /// The question which APIs are on, one a line of the answer.
    pub(crate) fn lists_apis(mut self) -> Self {
        self.api = Api::Listed;
        self
    }

    /// Not worth asking where this API is known to be off by then.
    pub(crate) fn needs(mut self, api: &'static str) -> Self {
        self.api = Api::Needed(api);
        self
    }
}

/// Asks every question, `at_once` at a time; the answers are in their order.
///
/// It is an error when a command cannot be started, does not end in time, or is interrupted.
pub(crate) fn observe<const N: usize>(
    context: &Context,
    at_once: usize,
    reads: &[Read; N],
) -> Result<[Seen<String>; N]> {
    observe_all(context, at_once, reads)?
        .try_into()
        .map_err(|_| Error::failed("not every question was answered").cause("nothing was changed"))
}

/// As [`observe`], where the number of questions is known only when they are asked.
pub(in crate::commands::gcp) fn observe_all(
    context: &Context,
    at_once: usize,
    reads: &[Read],
) -> Result<Vec<Seen<String>>> {
    let count = reads.len();
    let _progress = context
        .printer
        .glance(&format!("reading what is there ({count} question{})", if count == 1 { "" } else { "s" }));
    let on = OnceLock::new();
    let results = side_by_side(at_once, reads, |read| ask(context, read, &on));
    let mut answers = Vec::with_capacity(count);
    // What was not asked any more has no answer; the error that stopped it stands somewhere.
    for result in results.into_iter().flatten() {
        answers.push(result.map_err(|error| error.cause("nothing was changed"))?);
    }
    if answers.len() < count {
        return Err(Error::failed("not every question was answered").cause("nothing was changed"));
    }
    Ok(answers)
}

fn ask(context: &Context, read: &Read, on: &OnceLock<Vec<String>>) -> Result<Seen<String>> {
    if let Api::Needed(api) = read.api
        && on.get().is_some_and(|on| !on.iter().any(|known| known == api))
    {
        return Ok(Seen::Unknown(Trouble {
            what: read.what.clone(),
            advice: Advice::EnableApi,
            said: format!("{api} is off"),
            command: read.command.render(),
        }));
    }
    let outcome = context.runner.run(&read.command, Streams::Captured)?;
    let seen = classify(&read.what, &read.command, &outcome);
    if let (Api::Listed, Seen::Present(text)) = (&read.api, &seen) {
        // Set once: there is one such question.
        let _ = on.set(text.split_whitespace().map(str::to_owned).collect());
    }
    Ok(seen)
}

/// The policy of a service, beside whether the list of the region's services has the service: one of the two answers may be
/// wrong (a listing without anything, a 404 on the way), and then the state is unknown. That a service is not there is
/// believed where both say so.
pub(crate) fn proven(service: &str, listed: bool, policy: Seen<String>) -> Seen<String> {
    match (policy, listed) {
        (policy, true) => policy.is_there(&format!("the policy of {service}")),
        (Seen::Present(_), false) => Seen::contradicts(
            &format!("the service {service}"),
            "it has a policy, and the list of the region's services does not have it",
        ),
        (policy, false) => policy,
    }
}

/// The error for what is unknown: names all of it, and what to do.
pub(crate) fn cannot_tell(troubles: &[Trouble]) -> Error {
    unreadable(troubles, "could not tell what is there, so nothing was changed")
}

/// The same, where something was changed before: what comes first says so.
pub(crate) fn unreadable(troubles: &[Trouble], message: &str) -> Error {
    let mut error = Error::failed(message);
    for (index, trouble) in troubles.iter().enumerate() {
        // One cause behind all answers is told once.
        if let Some(same) = troubles[..index].iter().find(|other| trouble.shares_cause_with(other)) {
            error = error.cause(format!("{}: could not be read, as {}", trouble.what, same.what));
            continue;
        }
        error = error.cause(format!("{}: could not be read", trouble.what));
        error = error.cause(format!("  {}", trouble.said.replace('\n', "\n  ")));
        if !trouble.command.is_empty() {
            error = error.cause(format!("  command: {}", trouble.command));
        }
    }
    let mut advice: Vec<String> = Vec::new();
    for text in troubles.iter().map(Trouble::advice_text) {
        if !advice.contains(&text) {
            advice.push(text);
        }
    }
    advice.into_iter().fold(error, Error::hint)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::env::Environment;
    use crate::core::interrupt::Interrupts;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

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
              the policy: could not be read, as the secret
            hint: log in: gcloud auth login"]]
        .assert_eq(&cannot_tell(&troubles).to_string());
    }

    #[test]
    fn a_service_is_there_or_not_only_where_its_policy_says_the_same() {
        let present = || Seen::Present("{}".to_owned());
        assert_eq!(proven("a", true, present()), present());
        assert_eq!(proven("a", false, Seen::Absent), Seen::Absent);
        for (listed, policy) in [(true, Seen::Absent), (false, present())] {
            assert!(matches!(proven("a", listed, policy), Seen::Unknown(_)), "{listed}");
        }
    }

    #[test]
    fn a_question_that_hangs_is_given_up_and_nothing_was_changed() {
        let printer = Printer::captured();
        let runner = Runner::real(printer.clone(), Interrupts::none());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let context = Context::new(Environment::default(), None, printer, runner, here).unwrap();
        let hanging = Command::new("sleep").arg("600").deadline(Duration::from_millis(100)).reads();
        let error = observe(&context, 2, &[Read::new("the secret", hanging)]).unwrap_err();
        assert_eq!(error.exit().code(), 1);
        for part in ["sleep did not finish within", "stopped with its children", "nothing was changed"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
