//! Writes an environment's files from their templates, with fresh secrets, and never over a file that exists.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use envs::deploy::ENABLE_MCP_SERVER;
use envs::{HeldIn, Variable};

use super::check::closed_gate;
use super::fill;
use super::neighbour::name_at_validibot;
use crate::cli::Init;
use crate::config::context::Context;
use crate::config::env::{JUST, Origin};
use crate::config::stage::Target;
use crate::core::ask;
use crate::core::error::{Error, Result};
use crate::core::secret::{random_base64, random_hex};

/// Writes every missing file of an environment, and lists the values that are left to fill in.
pub fn init(context: &Context, args: &Init) -> Result<()> {
    let target = args.stage;
    for file in target.place().files() {
        if let Some(path) = write_file(context, target, *file)? {
            context.printer.note(&format!("wrote {}", path.display()));
        } else if let Some(path) = context.tree.path(target, *file) {
            context.printer.note(&format!("left {} as it is", path.display()));
        }
    }
    if !args.yes && ask::is_possible(&context.printer) {
        fill::fill(context, target)?;
    }
    let left = to_do(context, target)?;
    if left.is_empty() {
        context.printer.note(&format!("{target}: nothing is left to fill in"));
    } else {
        context.printer.note(&format!("now, in your editor:\n  {}", left.join("\n  ")));
        context.printer.note(&format!("then: cargo xtask env check {target}"));
    }
    Ok(())
}

/// What only the operator knows: placeholders, example hosts, and what Validibot has to be told.
fn to_do(context: &Context, target: Target) -> Result<Vec<String>> {
    let mut left = Vec::new();
    let files = super::files(context, target)?;
    if let Some(Origin::File(line)) = closed_gate(context, &files) {
        left.push(format!("{line}: {}: the gate is closed; true opens it", ENABLE_MCP_SERVER.name));
    }
    for (_, file) in &files {
        for entry in file.entries() {
            let place = format!("{}: {}", file.at(entry), entry.name);
            let value = entry.value.expose();
            let variable = envs::find(&entry.name);
            if Variable::is_placeholder(value) || variable.is_some_and(|variable| variable.is_example(value))
            {
                left.push(format!("{place}: set your own value"));
            } else if let Some(variable) = variable.filter(|variable| variable.secret)
                && let Some(theirs) = name_at_validibot(variable)
                && target != Target::Local
            {
                left.push(format!("{place}: put the same value into .django as {theirs}"));
            }
        }
    }
    Ok(left)
}

/// Writes one file of an environment. Returns its path, or `None` where it exists already.
pub fn write_file(context: &Context, target: Target, file: HeldIn) -> Result<Option<PathBuf>> {
    let Some(path) = context.tree.path(target, file) else { return Ok(None) };
    if path.exists() {
        return Ok(None);
    }
    let mut text = filled(target, file)?;
    if path.file_name().is_some_and(|name| name == JUST) {
        text = exported(&text);
    }
    write_new(&path, &text).map(|written| written.then_some(path))
}

/// The template's text with every secret that we can make up made up.
fn filled(target: Target, file: HeldIn) -> Result<String> {
    let mut text = String::new();
    for line in envs::example_file(target.place(), file).lines() {
        let variable = line.split_once('=').and_then(|(name, _)| envs::find(name));
        match variable.filter(|variable| variable.secret) {
            Some(variable) => match fresh(target, variable)? {
                Some(secret) => {
                    text.push_str(variable.name);
                    text.push('=');
                    text.push_str(&secret);
                }
                None => text.push_str(line),
            },
            None => text.push_str(line),
        }
        text.push('\n');
    }
    Ok(text)
}

/// The same for a file that recipes read from the shell that sourced it: each line is an export, also behind its `#`.
fn exported(text: &str) -> String {
    let export = |line: &str| {
        let (hash, rest) = line.strip_prefix('#').map_or(("", line), |rest| ("#", rest));
        let known = rest.split_once('=').is_some_and(|(name, _)| envs::find(name).is_some());
        if known { format!("{hash}export {rest}\n") } else { format!("{line}\n") }
    };
    text.lines().map(export).collect()
}

/// A fresh secret, where it is ours to choose. A token that Validibot issues is not, but for the stand-in's.
fn fresh(target: Target, variable: &Variable) -> Result<Option<String>> {
    Ok(match variable.name {
        "VALIDIBOT_MCP_SERVICE_KEY" | "VALIDIBOT_OAUTH_CLIENT_SECRET" => Some(random_hex(32)?),
        "VALIDIBOT_MCP_SEAL_KEYS" => Some(format!("k1:{}", random_base64(32)?)),
        "VALIDIBOT_E2E_TOKEN" if target == Target::Local => {
            // The form of Validibot's own API tokens: prefix, version, public id, secret.
            Some(format!("vbk_1_{}_{}", random_hex(16)?, random_hex(32)?))
        }
        _ => None,
    })
}

/// Creates the file with mode 0600; `false` if another program created it first.
fn write_new(path: &Path, text: &str) -> Result<bool> {
    let failed = |error: std::io::Error| {
        Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_file_is_complete_and_has_its_own_secrets() {
        let (one, two) =
            (filled(Target::Local, HeldIn::Mcp).unwrap(), filled(Target::Local, HeldIn::Mcp).unwrap());
        assert_ne!(one, two);
        let assignments = envs::file::parse(&one).unwrap();
        assert!(assignments.iter().all(|a| !Variable::is_placeholder(a.value())), "no placeholder is left");
        for name in [
            "VALIDIBOT_API_BASE_URL",
            "VALIDIBOT_MCP_BASE_URL",
            "VALIDIBOT_MCP_SERVICE_KEY",
            "VALIDIBOT_MCP_SEAL_KEYS",
            "VALIDIBOT_OAUTH_CLIENT_SECRET",
            "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL",
        ] {
            assert!(assignments.iter().any(|a| a.key() == name), "{name}");
        }
        let test = filled(Target::Local, HeldIn::Test).unwrap();
        let token = envs::file::parse(&test).unwrap();
        let token = token.iter().find(|a| a.key() == "VALIDIBOT_E2E_TOKEN").unwrap().value().to_owned();
        let parts: Vec<_> = token.split('_').collect();
        assert_eq!((parts[0], parts[1], parts[2].len(), parts[3].len()), ("vbk", "1", 32, 64));
    }

    #[test]
    fn what_is_sourced_by_hand_is_exported() {
        let text = exported(&envs::example_file(envs::Place::GoogleCloud, HeldIn::Gcp));
        let name = envs::deploy::GCP_PROJECT_ID.name;
        assert!(text.lines().any(|line| line.starts_with(&format!("export {name}="))), "{text}");
        assert!(text.lines().any(|line| line.starts_with("#export ")), "{text}");
        assert!(
            text.lines().all(|line| line.is_empty() || line.starts_with('#') || line.starts_with("export "))
        );
        assert!(envs::file::parse(&text).is_ok(), "it is read as any other file");
    }

    #[test]
    fn a_file_that_exists_is_left_alone_and_a_new_one_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local/.mcp");
        assert!(write_new(&path, "A=1\n").unwrap());
        assert!(!write_new(&path, "A=2\n").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "A=1\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
