//! docker's command lines.

use std::path::Path;

use crate::core::command::Command;

/// What an image is built from.
pub struct Build<'a> {
    /// The folder that docker sees.
    pub context: &'a Path,
    /// The Dockerfile.
    pub file: &'a Path,
    /// The platform, such as `linux/amd64`.
    pub platform: &'a str,
    /// Full names with tags.
    pub tags: &'a [String],
    /// Labels, as name and value.
    pub labels: &'a [(&'a str, String)],
    /// Build arguments, as `NAME=VALUE`; they stay readable in the image's history.
    pub args: &'a [String],
}

/// Builds an image. Without provenance the result is one manifest, whose digest is the image's.
pub fn build(build: &Build<'_>) -> Command {
    let mut command =
        Command::new("docker").args(["build", "--provenance=false", "--platform", build.platform]);
    command = command.arg("--file").arg(build.file);
    for tag in build.tags {
        command = command.args(["--tag", tag]);
    }
    for (name, value) in build.labels {
        command = command.arg("--label").arg(format!("{name}={value}"));
    }
    for arg in build.args {
        command = command.args(["--build-arg", arg]);
    }
    command.arg(build.context).no_deadline()
}

/// Whether this builds an image.
pub fn is_build(command: &Command) -> bool {
    command.name() == "docker" && command.arguments().first().is_some_and(|word| word == "build")
}

/// Pushes one tag.
pub fn push(reference: &str) -> Command {
    Command::new("docker").args(["push", "--quiet", reference]).no_deadline()
}

/// Asks the registry what a tag leads to; prints the manifest's descriptor as JSON.
///
/// Not `{{.Manifest.Digest}}`: buildx 0.13 prints its default text for that.
pub fn inspect(reference: &str) -> Command {
    let args = ["buildx", "imagetools", "inspect", reference, "--format", "{{json .Manifest}}"];
    Command::new("docker").args(args).reads()
}

/// Lets a tag lead to an image that the registry has already.
pub fn tag(reference: &str, image: &str) -> Command {
    Command::new("docker").args(["buildx", "imagetools", "create", "--tag", reference, image])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_what_it_is_made_from() {
        let command = build(&Build {
            context: Path::new("."),
            file: Path::new("server/Dockerfile"),
            platform: "linux/amd64",
            tags: &["r/p/a:abc".to_owned(), "r/p/a:latest".to_owned()],
            labels: &[("org.opencontainers.image.revision", "abc".to_owned())],
            args: &["SOURCE=prebuilt".to_owned()],
        });
        expect_test::expect![
            "docker build --provenance=false --platform linux/amd64 --file server/Dockerfile --tag r/p/a:abc --tag r/p/a:latest --label org.opencontainers.image.revision=abc --build-arg SOURCE=prebuilt ."
        ]
        .assert_eq(&command.render());
    }
}
