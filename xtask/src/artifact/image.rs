//! Container images: the program compiled on this machine, linked statically, and copied into an empty image.

use std::path::{Path, PathBuf};

use crate::artifact::{cargo, sbom};
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::core::secret::hex;
use crate::tools::docker;

/// Where distributions keep the CA certificates in one file.
const CA_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The bill of materials of the server's image, in `CycloneDX` JSON.
pub const BILL: &str = "target/image/validibot-mcp.cdx.json";

/// The label with its SHA-256.
const BILL_LABEL: &str = "io.validibot.mcp.sbom";

/// A program that has an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The MCP server.
    Server,
    /// The stand-in Validibot.
    Sandbox,
}

/// Which state of the sources an image is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit, with `-dirty` where files differ from it; `unknown` outside a checkout.
    pub commit: String,
    /// When it was committed, in RFC 3339; empty where that is not known.
    pub created: String,
}

impl Program {
    /// The name of its package, its binary and its image's repository.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "validibot-mcp",
            Self::Sandbox => "validibot-sandbox",
        }
    }

    /// Its Dockerfile, below the workspace.
    pub const fn dockerfile(self) -> &'static str {
        match self {
            Self::Server => "server/Dockerfile",
            Self::Sandbox => "tests/sandbox/Dockerfile",
        }
    }
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A local stack: it should be there soon.
    Local,
    /// To be shipped: as small and fast as it gets.
    Release,
    /// The same, for Cloud Run, whatever processor this machine has.
    Cloud,
}

impl Purpose {
    /// The profile in Cargo.toml.
    const fn profile(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Release | Self::Cloud => "release",
        }
    }

    /// The processor that the image is for.
    const fn architecture(self) -> &'static str {
        match self {
            Self::Local | Self::Release => std::env::consts::ARCH,
            // Cloud Run runs this.
            Self::Cloud => "x86_64",
        }
    }

    /// As docker calls it.
    fn platform(self) -> &'static str {
        if self.architecture() == "aarch64" { "linux/arm64" } else { "linux/amd64" }
    }

    /// As Rust calls it, with glibc.
    fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.architecture())
    }
}

impl Revision {
    /// Asks git; a folder without git, such as an unpacked archive, has an unknown revision.
    pub fn of(context: &Context) -> Result<Self> {
        let git = |args: &[&str]| -> Result<Option<String>> {
            let command = Command::new("git").args(args).dir(&context.root).reads();
            let outcome = context.runner.run(&command, Streams::Captured)?;
            Ok((outcome.code == 0).then(|| outcome.stdout.trim().to_owned()))
        };
        if !crate::tools::engine::on_path(&context.environment, "git") {
            return Ok(Self { commit: "unknown".to_owned(), created: String::new() });
        }
        let Some(commit) = git(&["rev-parse", "HEAD"])? else {
            return Ok(Self { commit: "unknown".to_owned(), created: String::new() });
        };
        let dirty = git(&["status", "--porcelain"])?.is_some_and(|changed| !changed.is_empty());
        let created = git(&["show", "--no-patch", "--format=%cI", "HEAD"])?.unwrap_or_default();
        Ok(Self { commit: if dirty { format!("{commit}-dirty") } else { commit }, created })
    }
}

/// Compiles a program and makes its image under these tags.
pub fn build(context: &Context, program: Program, purpose: Purpose, tags: &[String]) -> Result<()> {
    let revision = Revision::of(context)?;
    let order = Order { program, purpose, revision: &revision, tags, args: &[] };
    order.build(context)
}

/// An image that is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The program in it.
    pub program: Program,
    /// What it is for.
    pub purpose: Purpose,
    /// What it is made from.
    pub revision: &'a Revision,
    /// Full names with tags.
    pub tags: &'a [String],
    /// More build arguments, as `NAME=VALUE`.
    pub args: &'a [String],
}

impl Order<'_> {
    /// Compiles the program and makes the image.
    pub fn build(&self, context: &Context) -> Result<()> {
        let Self { program, purpose, revision, tags, .. } = *self;
        if self.is_compiled_here() {
            let built = compile_at(context, program.name(), purpose, revision)?;
            stage(&context.root, program, &built)?;
        }
        let bill = if self.has_bill() { Some(write_bill(context, purpose, revision)?) } else { None };
        let command = self.docker(&context.root, bill.as_deref());
        let what = format!("building the image {}", tags.join(", "));
        // A build for the cloud says for minutes what it is at: people see it as docker shows it.
        let streams = if purpose == Purpose::Cloud { Streams::StdoutCaptured } else { Streams::Captured };
        let _progress = if streams == Streams::Captured {
            Some(context.printer.progress(&what))
        } else {
            context.printer.note(&what);
            None
        };
        context.runner.run(&command, streams)?.success_of(&command).map(|_| ())
    }

    /// docker's command, as a plan shows it: the bill's sum is known only then.
    pub fn shown(&self, context: &Context) -> Command {
        self.docker(&context.root, self.has_bill().then_some(SUM))
    }

    /// Other systems and other processors cannot compile the image's program: there, the Dockerfile's own stage does.
    fn is_compiled_here(&self) -> bool {
        let own = self.purpose.architecture() == std::env::consts::ARCH;
        (cfg!(target_os = "linux") && own) || self.program == Program::Sandbox
    }

    fn has_bill(&self) -> bool {
        self.program == Program::Server && matches!(self.purpose, Purpose::Release | Purpose::Cloud)
    }
}

/// In a plan, in place of the SHA-256 of the bill of materials.
const SUM: &str = "SUM_OF_THE_BILL_OF_MATERIALS";

/// Writes the bill of materials beside the program; its SHA-256, which the image carries as a label, so that anybody
/// can tell which bill is whose.
fn write_bill(context: &Context, purpose: Purpose, revision: &Revision) -> Result<String> {
    let bill = sbom::of_server(context, &purpose.target(), &revision.commit)?;
    let path = context.root.join(BILL);
    let folder = path.parent().unwrap_or(&context.root);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &bill)).map_err(|error| {
        Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
    })?;
    context.printer.note(&format!("wrote {BILL}, the bill of materials"));
    Ok(hex(&hmac_sha256::Hash::hash(bill.as_bytes())))
}

/// The host's architecture with glibc.
fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// What of the toolchain's place would show in a program.
struct Toolchain {
    /// Where it is installed.
    sysroot: String,
    /// The commit of the compiler, under which paths of the standard library are known.
    commit: String,
}

impl Toolchain {
    /// Asks the compiler.
    fn of(context: &Context) -> Result<Self> {
        let ask = |args: &[&str]| -> Result<String> {
            let command = Command::new("rustc").args(args).dir(&context.root).reads();
            context.runner.read(&command).map(|outcome| outcome.stdout)
        };
        let sysroot = ask(&["--print", "sysroot"])?.trim().to_owned();
        let version = ask(&["--version", "--verbose"])?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
        Ok(Self { sysroot, commit: commit.to_owned() })
    }

    /// Where the component rust-src is installed, code of the standard library that is compiled into a program carries
    /// the path of its source there; elsewhere it carries this fixed one.
    fn standard_library(&self) -> String {
        format!("--remap-path-prefix={}/lib/rustlib/src/rust=/rustc/{}", self.sysroot, self.commit)
    }
}

/// Compiles a package's program of the same name as images have it; where it is.
pub fn compile(context: &Context, package: &str, purpose: Purpose) -> Result<PathBuf> {
    compile_at(context, package, purpose, &Revision::of(context)?)
}

/// The same with a feature that images do not have. It is at the same place, until the next is compiled.
pub fn compile_with(context: &Context, package: &str, purpose: Purpose, feature: &str) -> Result<PathBuf> {
    let compilation =
        compilation(context, package, purpose, &Revision::of(context)?, &Toolchain::of(context)?);
    run(context, package, purpose, &compilation.args(["--features", feature]))
}

/// The same, as of this revision.
pub fn compile_at(
    context: &Context,
    package: &str,
    purpose: Purpose,
    revision: &Revision,
) -> Result<PathBuf> {
    run(
        context,
        package,
        purpose,
        &compilation(context, package, purpose, revision, &Toolchain::of(context)?),
    )
}

fn run(context: &Context, package: &str, purpose: Purpose, compile: &Command) -> Result<PathBuf> {
    let what = format!("compiling {package} for its image");
    let outcome = cargo::build(context, &what, compile, &mut |_| {})?;
    if outcome.code != 0 {
        return Err(Error::failed(format!("{package} cannot be compiled for its image"))
            .cause(format!("command: {}", compile.render()))
            .hint("linking statically needs glibc's static library: libc6-dev on Debian, glibc-static on Fedora"));
    }
    Ok(context.root.join("target/image").join(target()).join(purpose.profile()).join(package))
}

/// AES-GCM is compiled without its AVX-512 form: 0.7 MB of the image, for what TLS to Validibot never needs. The name is
/// AWS-LC's own, for old assemblers (`crypto/CMakeLists.txt` there); the AVX2 form serves. The Dockerfile has the same.
const AWS_LC_FLAGS: &str = "-DMY_ASSEMBLER_IS_TOO_OLD_FOR_512AVX";

/// The target folder is one of its own: other flags would throw away what is in the usual one.
fn compilation(
    context: &Context,
    package: &str,
    purpose: Purpose,
    revision: &Revision,
    toolchain: &Toolchain,
) -> Command {
    let root = context.root.display();
    let home = context.environment.get("HOME").unwrap_or("/root");
    let cargo_home =
        context.environment.get("CARGO_HOME").map_or_else(|| format!("{home}/.cargo"), str::to_owned);
    // The Dockerfile's stage has the same flags in the same order: the same program comes out.
    let flags = format!(
        "target.{}.rustflags=['-Ctarget-feature=+crt-static', '--remap-path-prefix={cargo_home}=/cargo', \
         '--remap-path-prefix={root}=/src', '{}']",
        target(),
        toolchain.standard_library()
    );
    Command::new(context.cargo())
        .args(["build", "--locked", "--profile", purpose.profile()])
        .args(["--target", &target(), "--target-dir", "target/image", "--config", &flags])
        .args(["--package", package, "--bin", package])
        .env("VALIDIBOT_MCP_COMMIT", &revision.commit)
        .env("AWS_LC_SYS_CFLAGS", AWS_LC_FLAGS)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .dir(&context.root)
        .no_deadline()
}

/// Puts the program and the CA certificates where the Dockerfile takes them from.
fn stage(root: &Path, program: Program, built: &Path) -> Result<()> {
    let folder = root.join("target/image/prebuilt");
    copy(built, &folder, program.name())?;
    if program == Program::Server {
        let bundle = CA_BUNDLES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            Error::failed("this machine has no CA certificates to put into the image")
                .causes(CA_BUNDLES.iter().map(|path| format!("not there: {path}")))
                .hint("install the package ca-certificates")
        })?;
        copy(&bundle, &folder, "ca-certificates.crt")?;
    }
    Ok(())
}

fn copy(from: &Path, folder: &Path, name: &str) -> Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(from, &fresh))
        .and_then(|_| std::fs::rename(&fresh, folder.join(name)))
        .map_err(|error| {
            Error::failed(format!("{} cannot be copied to {}", from.display(), folder.display()))
                .cause(error.to_string())
        })
}

impl Order<'_> {
    fn docker(&self, root: &Path, bill: Option<&str>) -> Command {
        let Self { program, purpose, revision, tags, .. } = *self;
        let labels: Vec<_> = bill.map(|sum| (BILL_LABEL, format!("sha256:{sum}"))).into_iter().collect();
        let mut args = vec![
            format!("VALIDIBOT_MCP_COMMIT={}", revision.commit),
            format!("VERSION={}", env!("CARGO_PKG_VERSION")),
            format!("CREATED={}", revision.created),
        ];
        if program == Program::Server {
            args.push(format!("SOURCE={}", if self.is_compiled_here() { "prebuilt" } else { "built" }));
        }
        args.extend_from_slice(self.args);
        docker::build(&docker::Build {
            context: root,
            file: &root.join(program.dockerfile()),
            platform: purpose.platform(),
            tags,
            labels: &labels,
            args: &args,
        })
    }
}

/// The commit that the engine's image of this name was made from, as its label says; `None` where there is no image.
pub fn commit_of(context: &Context, tag: &str) -> Result<Option<String>> {
    let format = r#"{{index .Config.Labels "org.opencontainers.image.revision"}}"#;
    let inspect = Command::new("docker").args(["image", "inspect", "--format", format, tag]).reads();
    let outcome = context.runner.run(&inspect, Streams::Captured)?;
    Ok((outcome.code == 0).then(|| outcome.stdout.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_it_was_made_from() {
        let revision = Revision { commit: "abc-dirty".into(), created: "2026-11-23T00:00:00Z".into() };
        let (program, tags) = (Program::Server, ["validibot-mcp:local".to_owned()]);
        let order =
            |purpose: Purpose| Order { program, purpose, revision: &revision, tags: &tags, args: &[] };
        let line = order(Purpose::Release).docker(Path::new("/w"), Some("abc")).render();
        for part in [
            "--provenance=false",
            "--file /w/server/Dockerfile",
            "SOURCE=prebuilt",
            "VALIDIBOT_MCP_COMMIT=abc-dirty",
            "--tag validibot-mcp:local",
            "--label io.validibot.mcp.sbom=sha256:abc",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        // Cloud Run has one kind of processor; where that is not this machine's, the Dockerfile compiles.
        let own = cfg!(target_os = "linux") && std::env::consts::ARCH == "x86_64";
        let cloud = order(Purpose::Cloud).docker(Path::new("/w"), Some("abc")).render();
        let source = if own { "SOURCE=prebuilt" } else { "SOURCE=built" };
        assert!(cloud.contains("--platform linux/amd64") && cloud.contains(source), "{cloud}");
    }
}
