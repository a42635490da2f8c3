//! `env init` on a terminal: asks for the values that only the operator knows, and writes them into the files.

use envs::deploy::ENABLE_MCP_SERVER;
use envs::{HeldIn, Variable};

use super::check::closed_gate;
use crate::config::context::Context;
use crate::config::env::EnvFile;
use crate::config::stage::Target;
use crate::core::ask;
use crate::core::command::quote;
use crate::core::error::{Error, Result};

/// One value that was answered: the file, the number of its line from 1, the line.
struct Answer<'a> {
    file: &'a EnvFile,
    line: usize,
    variable: &'static Variable,
    value: String,
}

/// Asks for each value; no answer leaves it as the template has it. Secrets are not asked for: what is typed here is seen.
pub(super) fn fill(context: &Context, target: Target) -> Result<()> {
    let files = super::files(context, target)?;
    let mut answers = Vec::new();
    if closed_gate(context, &files).is_some()
        && let Some((file, line)) = line_of(&files, HeldIn::Build, ENABLE_MCP_SERVER.name)
        && ask::confirm(&context.printer, &context.runner, "Open the gate (build and start the MCP server)?")?
    {
        answers.push(Answer { file, line, variable: &ENABLE_MCP_SERVER, value: "true".to_owned() });
    }
    for (_, file) in &files {
        for entry in file.entries() {
            let Some(variable) = envs::find(&entry.name).filter(|variable| !variable.secret) else {
                continue;
            };
            let value = entry.value.expose();
            if !(Variable::is_placeholder(value) || variable.is_example(value)) {
                continue;
            }
            if let Some(answer) = ask_for(context, variable, value)? {
                answers.push(Answer { file, line: entry.line, variable, value: answer });
            }
        }
    }
    answers.iter().try_for_each(write)
}

fn line_of<'a>(files: &'a [(HeldIn, EnvFile)], held_in: HeldIn, name: &str) -> Option<(&'a EnvFile, usize)> {
    let (_, file) = files.iter().find(|(kind, _)| *kind == held_in)?;
    Some((file, file.get(name)?.line))
}

/// Asks until the answer is one that its readers take, or none.
fn ask_for(context: &Context, variable: &Variable, template: &str) -> Result<Option<String>> {
    context.printer.note(&format!("\n{}: {}", variable.name, variable.doc));
    loop {
        let question = format!("{}, such as {template} (Enter: later) >", variable.name);
        let answer = ask::value(&context.printer, &context.runner, &question)?;
        if answer.is_empty() {
            return Ok(None);
        }
        match problem(variable, &answer) {
            None => return Ok(Some(answer)),
            Some(problem) => context.printer.note(&format!("not taken: {problem}")),
        }
    }
}

/// What is wrong with an answer: its readers, or the file's syntax, would not take it.
fn problem(variable: &Variable, answer: &str) -> Option<String> {
    if Variable::is_placeholder(answer) || variable.is_example(answer) {
        return Some("it is the template's".to_owned());
    }
    if let Some(problem) = variable.problem(answer) {
        return Some(problem);
    }
    let parsed = envs::file::parse(&assignment(variable, answer)).ok();
    let same = parsed.is_some_and(|lines| lines.len() == 1 && lines[0].value() == answer);
    (!same).then(|| "a line of an environment file cannot hold it".to_owned())
}

fn assignment(variable: &Variable, value: &str) -> String {
    format!("{}={}\n", variable.name, quote(value))
}

/// Replaces one line of the file; an `export` in front of it stays.
fn write(answer: &Answer<'_>) -> Result<()> {
    let path = answer.file.path();
    let failed = |error: std::io::Error| {
        Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
    };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let fresh: String = text
        .split_inclusive('\n')
        .zip(1..)
        .map(|(line, number)| {
            let export = if line.starts_with("export ") { "export " } else { "" };
            if number == answer.line {
                format!("{export}{}", assignment(answer.variable, &answer.value))
            } else {
                line.to_owned()
            }
        })
        .collect();
    std::fs::write(path, fresh).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_as_its_readers_do() {
        let url = &envs::server::MCP_BASE_URL;
        assert_eq!(problem(url, "https://mcp.acme.test"), None);
        assert!(problem(url, "mcp.acme.test").is_some());
        assert!(problem(url, "https://mcp.example.com").unwrap().contains("the template's"));
        assert!(problem(url, "https://mcp.acme.test\u{7}").is_some());
    }
}
