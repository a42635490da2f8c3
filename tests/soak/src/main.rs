//! `validibot-soak`: mixed traffic through two instances behind a proxy that sends each request to the next one.
//! Instances are killed, stopped and started, Validibot and its provider fail in turns, keys are rotated, and a hostile
//! tenant holds on to whatever it can get. In the end a ledger says whether every call was answered once, and rightly.
//!
//! With `--attack` it measures what an attack costs the members of one instance; with `--upgrades` Validibot is upgraded in
//! place and taken back.

mod attack;
mod chaos;
mod hostile;
mod ledger;
mod login;
mod stack;
mod traffic;
mod upgrades;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use suite::proxy::Bug;
use suite::skip::say;

use self::stack::Stack;

/// Soaks two instances in mixed traffic; exit code 1 where the ledger is not clean
#[derive(Parser)]
struct Args {
    /// How long traffic goes on
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Measures members' calls and sign-ins in quiet, and then as long beside all that strangers can hold on to at once
    #[arg(long, conflicts_with = "bug")]
    attack: bool,
    /// Upgrades Validibot in place, and takes it back, over and over: every call has to be answered rightly
    #[arg(long, conflicts_with = "attack")]
    upgrades: bool,
    /// A mistake to make on purpose, to see that it is found
    #[arg(long, value_enum)]
    bug: Option<Deliberate>,
}

/// Mistakes of the proxy: the server has none to switch on.
#[derive(Clone, Copy, ValueEnum)]
enum Deliberate {
    /// Now and then an answer is swallowed
    DroppedAnswer,
    /// Now and then a connection is never closed
    LeakedDescriptor,
}

impl Deliberate {
    fn of_the_proxy(self) -> Bug {
        match self {
            Self::DroppedAnswer => Bug::DroppedAnswer,
            Self::LeakedDescriptor => Bug::LeakedDescriptor,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let length = Duration::from_secs(args.seconds);
    if args.attack {
        return match attack::run(length).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(reason) => {
                say(&format!("error: {reason}"));
                ExitCode::FAILURE
            }
        };
    }
    say(&format!("soaking for {} s", args.seconds));
    if args.upgrades {
        let verdict = upgrades::run(length, args.bug.map(Deliberate::of_the_proxy)).await;
        say(&verdict.text);
        return if verdict.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let stack = Arc::new(Stack::start().await);
    let callers = traffic::start(&stack, true).await;
    let hostile = hostile::start(&stack).await;
    if let Some(bug) = args.bug {
        stack.proxy.misbehave(bug.of_the_proxy());
    }
    let steady = chaos::run(stack.clone(), length, hostile).await;
    let (entries, lost) = callers.finish().await;
    let runs = ledger::by_name(&stack, &entries);
    let verdict = ledger::settle(&stack, &entries, &lost, &steady, runs);
    say(&verdict.text);
    if verdict.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
