//! Completion scripts: clap's, which know each option, and what its types do not tell: stages, variables, steps of the fleet.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command as Clap, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, Completions};
use crate::config::context::Context;
use crate::config::fleet::Fleet;
use crate::config::stage::Target;

/// Cargo's own completion is asked where the command is not ours.
const BASH_CARGO: &str = r#"
_cargo_xtask() {
    if [[ ${COMP_WORDS[1]-} == xtask && $COMP_CWORD -gt 1 ]]; then
        COMP_WORDS=(xtask "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _xtask xtask "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    elif declare -F _cargo > /dev/null; then
        _cargo "$@"
    fi
}
complete -F _cargo_xtask -o bashdefault -o default cargo
"#;

/// Prints a completion script.
///
/// Shells complete a program: the script is for `alias xtask='cargo xtask'`, and in bash for `cargo xtask` as well.
pub fn completions(context: &Context, args: &Completions) {
    let words = Words { steps: steps(context) };
    let mut command = words.with_values(Cli::command().bin_name("xtask"));
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "xtask", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Bash {
        script.push_str(BASH_CARGO);
    }
    context.printer.data(&script);
}

/// What only the workspace knows.
struct Words {
    /// Of `envs/fleet.toml`.
    steps: Vec<&'static str>,
}

/// The steps of the fleet; a file with mistakes has no names to offer. Clap keeps names for as long as the program runs.
fn steps(context: &Context) -> Vec<&'static str> {
    let order = Fleet::load(context).map(|fleet| fleet.order).unwrap_or_default();
    order.into_iter().map(|step| &*step.leak()).collect()
}

impl Words {
    /// The command with each value that is one of a few as one of them: for scripts alone, the program parses otherwise.
    fn with_values(&self, command: Clap) -> Clap {
        let command = command.mut_args(|arg| self.value(arg));
        let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |inner| self.with_values(inner)))
    }

    fn value(&self, arg: Arg) -> Arg {
        // A stage on Google Cloud is a type of its own, which says its names.
        let says_itself = !arg.get_possible_values().is_empty();
        let words: Vec<&'static str> = match arg.get_id().as_str() {
            _ if says_itself => return arg,
            "stage" => Target::ALL.iter().map(|target| target.name()).collect(),
            "name" => {
                let variables = envs::VARIABLES.iter().flat_map(|area| area.iter());
                variables.map(|variable| variable.name).collect()
            }
            "only" | "from" | "service" => self.steps.clone(),
            _ => return arg,
        };
        if words.is_empty() { arg } else { arg.value_parser(PossibleValuesParser::new(words)) }
    }
}
