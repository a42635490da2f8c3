//! `cargo xtask generate`: the files that come from the table of variables, and from what the server says of itself.

mod registry;

use std::path::{Path, PathBuf};

use envs::{HeldIn, Place};
use xshell::Shell;

use crate::cli::Generate;
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// Writes every generated file, or with `--check` names those that are stale.
pub fn generate(context: &Context, args: &Generate) -> Result<()> {
    let stale = stale(&context.root)?;
    if args.check {
        return report(&stale);
    }
    let shell = Shell::new().map_err(|error| Error::failed(error.to_string()))?;
    shell.change_dir(&context.root);
    for (path, text) in &stale {
        // Makes the folders on the way, and names the path in its errors.
        shell.write_file(path, text).map_err(|error| Error::failed(error.to_string()))?;
        context.printer.note(&format!("wrote {}", path.display()));
    }
    if stale.is_empty() {
        context.printer.note("every generated file is up to date");
    }
    Ok(())
}

/// The generated files under `root` that are not as they would be written, with the text they should have.
pub fn stale(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut wanted = templates();
    wanted.push((PathBuf::from("docs/configuration.md"), envs::configuration_page()));
    wanted.push((PathBuf::from("server/server.json"), registry::entry()?));
    wanted.retain(|(path, text)| std::fs::read_to_string(root.join(path)).ok().as_ref() != Some(text));
    Ok(wanted)
}

/// An error that names every stale file and the command that writes them.
fn report(stale: &[(PathBuf, String)]) -> Result<()> {
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::failed("generated files are outdated")
        .causes(stale.iter().map(|(path, _)| path.display().to_string()))
        .hint("edit envs/src/table or server/about.json, then run: cargo xtask generate"))
}

fn templates() -> Vec<(PathBuf, String)> {
    // The stages on Google Cloud have the same template: what differs is what one fills in.
    let folders: &[(Place, &str)] = &[
        (Place::Local, "envs/local"),
        (Place::SelfHosted, "envs/production/self-hosted"),
        (Place::GoogleCloud, "envs/dev/google-cloud"),
        (Place::GoogleCloud, "envs/staging/google-cloud"),
        (Place::GoogleCloud, "envs/production/google-cloud"),
    ];
    let mut files = Vec::new();
    for (place, folder) in folders {
        for file in place.files() {
            let name = file.file_name().unwrap_or_default();
            files.push((PathBuf::from(format!("{folder}/{name}.example")), template(*place, *file)));
        }
    }
    files
}

fn template(place: Place, file: HeldIn) -> String {
    envs::example_file(place, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_files_are_named_with_the_command_that_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let stale = stale(folder.path()).unwrap();
        assert!(stale.iter().any(|(path, _)| path == Path::new("envs/local/.mcp.example")));
        let error = report(&stale[..1]).unwrap_err();
        expect_test::expect![[r"
            generated files are outdated
              envs/local/.build.example
            hint: edit envs/src/table or server/about.json, then run: cargo xtask generate"]]
        .assert_eq(&error.to_string());
    }
}
