//! `cargo xtask generate`: the files that come from the table of variables.

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
    let readme = PathBuf::from("README.md");
    // A README without the markers has no such table: the tidy tests say that it must have one.
    if let Ok(text) = std::fs::read_to_string(root.join(&readme)) {
        wanted.push((readme, with_table(&text)?));
    }
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
        .hint("edit envs/src/table, then run: cargo xtask generate"))
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

const BEGIN: &str = "<!-- variables:begin -->\n";
const END: &str = "<!-- variables:end -->";

/// The README with a fresh table between its markers.
fn with_table(readme: &str) -> Result<String> {
    let parts = readme.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    match parts {
        Some((head, tail)) => Ok(format!("{head}{BEGIN}\n{}\n{END}{tail}", envs::variable_table())),
        None if readme.contains(BEGIN.trim_end()) || readme.contains(END) => {
            Err(Error::failed("README.md has only one marker of the variables' table")
                .hint(format!("write both, each on a line of its own: {} and {END}", BEGIN.trim_end())))
        }
        None => Ok(readme.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_what_stands_between_the_markers_and_nothing_else() {
        let readme = format!("# A\n{BEGIN}OLD ROW\n{END}\n## B\n");
        let fresh = with_table(&readme).unwrap();
        assert!(fresh.starts_with("# A\n") && fresh.ends_with("\n## B\n") && !fresh.contains("OLD ROW"));
        assert_eq!(with_table(&fresh).unwrap(), fresh);
        assert!(with_table(&format!("{BEGIN} only")).is_err());
        assert_eq!(with_table("none").unwrap(), "none");
    }

    #[test]
    fn stale_files_are_named_with_the_command_that_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let stale = stale(folder.path()).unwrap();
        assert!(stale.iter().any(|(path, _)| path == Path::new("envs/local/.mcp.example")));
        let error = report(&stale[..1]).unwrap_err();
        expect_test::expect![[r"
            generated files are outdated
              envs/local/.build.example
            hint: edit envs/src/table, then run: cargo xtask generate"]]
        .assert_eq(&error.to_string());
    }
}
