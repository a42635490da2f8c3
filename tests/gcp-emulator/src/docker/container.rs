//! The life of one container: from a launch to its last line.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::probe::Probe;
use super::{Instance, State, ports};
use crate::api::logging::LogSource;
use crate::engine::{Container, Launch};
use crate::run::quantity;
use crate::shared::Report;

/// Marks every container of an engine, for people who look for what a killed test left behind.
pub(super) const LABEL: &str = "validibot-gcp-emulator";

/// Starts a revision and follows it to its end.
pub(super) async fn run(state: Arc<State>, launch: Launch, report: Report) {
    match start(&state, &launch).await {
        Ok((child, port)) => follow(&state, &launch, &report, child, port).await,
        Err(message) => report.failed(&message),
    }
}

/// Everything up to the running client, which lives as long as the container.
async fn start(state: &State, launch: &Launch) -> Result<(Child, u16), String> {
    let port = ports::free().ok_or("the engine has no port left")?;
    // Revisions of two emulators on one machine may have the same name; a port is one container's alone.
    let unique = format!("{LABEL}-{}-{port}", launch.revision);
    let own = contract(launch, port);
    let mut command = prepare(state, &launch.container, &launch.revision, &unique, &own).await?;
    command.arg(&launch.container.image);
    Ok((spawn(state, &launch.revision, unique, command)?, port))
}

/// `docker run` up to the image: what is the same for a revision and for a task.
pub(super) async fn prepare(
    state: &State,
    container: &Container,
    name: &str,
    unique: &str,
    own: &[(&str, String)],
) -> Result<Command, String> {
    pull(state, &container.image).await?;
    let mounts =
        write_files(&state.folder.path().join(name), &container.files).map_err(|error| could_not(&error))?;
    let metadata =
        state.metadata.host(&container.service_account).await.map_err(|error| could_not(&error))?;
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--name", unique, "--label", LABEL, "--pull", "never"]);
    command.args(["--network", "host", "--no-healthcheck", "--read-only", "--tmpfs", "/tmp"]);
    command.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
    if let Some(bytes) = container.memory.as_deref().and_then(quantity) {
        let bytes = bytes.to_string();
        command.args(["--memory", &bytes, "--memory-swap", &bytes]);
    }
    for (folder, inside) in mounts {
        let mount = format!("type=bind,source={},destination={inside},readonly", folder.display());
        command.args(["--mount", &mount]);
    }
    command.args(["--env", &format!("GCE_METADATA_HOST={metadata}")]);
    // The deployed ones come last, and win.
    let deployed = container.env.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in own.iter().map(|(name, value)| (*name, value)).chain(deployed) {
        command.args(["--env", &format!("{name}={value}")]);
    }
    Ok(command)
}

/// Starts the client.
pub(super) fn spawn(
    state: &State,
    name: &str,
    container: String,
    mut command: Command,
) -> Result<Child, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Entered first: whoever stops the revision from now on finds the container by its name.
    state.instances().insert(name.to_owned(), Instance { container, port: None });
    command.spawn().map_err(|error| could_not(&error))
}

fn could_not(error: &io::Error) -> String {
    format!("the engine could not start the container: {error}")
}

/// The container contract's variables (<https://cloud.google.com/run/docs/container-contract#env-vars>), and what the
/// machine that it runs on makes necessary.
fn contract(launch: &Launch, port: u16) -> [(&'static str, String); 5] {
    [
        ("PORT", port.to_string()),
        ("K_SERVICE", launch.service.clone()),
        ("K_REVISION", launch.revision.clone()),
        ("K_CONFIGURATION", launch.service.clone()),
        // On the host's network the server's default, all interfaces, would open it to others.
        ("VALIDIBOT_MCP_BIND", "127.0.0.1".to_owned()),
    ]
}

/// Reads the container's output, waits for its probe, and says how it went.
async fn follow(state: &State, launch: &Launch, report: &Report, mut child: Child, port: u16) {
    let out = lines(child.stdout.take(), |line| report.log(LogSource::Stdout, line));
    let err = lines(child.stderr.take(), |line| report.log(LogSource::Stderr, line));
    let mut ended = std::pin::pin!(async {
        // Its last lines come first, so that they stand in the log when somebody hears of its end.
        tokio::join!(out, err);
        child.wait().await
    });
    let probe = Probe::read(&launch.startup_probe);
    let name = format!("{}-1", launch.service);
    let status = tokio::select! {
        status = &mut ended => status,
        probed = probe.wait(&name, port, launch.port) => {
            let set = |port| state.instances().get_mut(&launch.revision).map(|instance| instance.port = port);
            match &probed {
                Ok(()) => {
                    set(Some(port));
                    report.log(LogSource::System("INFO"), "Default STARTUP probe succeeded.");
                    report.ready();
                }
                Err(_) => {
                    if let Some(instance) = state.instances().remove(&launch.revision) {
                        remove(&[instance.container]);
                    }
                }
            }
            let status = ended.await;
            set(None);
            match probed {
                Ok(()) => report.log(LogSource::System("WARNING"), &exit_line(&status)),
                Err(why) => {
                    report.log(LogSource::System("ERROR"), &why);
                    report.failed("The user-provided container failed the configured startup probe checks.");
                }
            }
            return;
        }
    };
    report.log(LogSource::System("WARNING"), &exit_line(&status));
    report.failed(&format!(
        "The user-provided container failed to start and listen on the port defined provided by the PORT={} environment \
         variable within the allocated timeout. This can happen when the container port is misconfigured or if the \
         timeout is too short. The health check timeout can be extended. Logs for this revision might contain more \
         information.",
        launch.port
    ));
    state.instances().remove(&launch.revision);
}

fn exit_line(status: &io::Result<std::process::ExitStatus>) -> String {
    let code = status.as_ref().ok().and_then(std::process::ExitStatus::code);
    code.map_or_else(
        || "Container terminated on signal.".to_owned(),
        |code| format!("Container called exit({code})."),
    )
}

/// Reads a stream to its end, line by line.
pub(super) async fn lines(stream: Option<impl AsyncRead + Unpin>, mut log: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        if !text.trim_end().is_empty() {
            log(text.trim_end());
        }
        line.clear();
    }
}

/// Gets the image, unless it is here.
async fn pull(state: &State, image: &str) -> Result<(), String> {
    let docker = async |args: &[&str]| {
        let output = Command::new("docker").args(args).arg(image).stdin(Stdio::null()).output().await;
        output.map_err(|error| format!("the engine could not start docker: {error}"))
    };
    if docker(&["image", "inspect", "--format", "{{.Id}}"]).await?.status.success() {
        return Ok(());
    }
    // Nothing leaves the machine.
    if !(image.starts_with("127.0.0.1:") || image.starts_with("localhost:")) {
        return Err(format!(
            "Image '{image}' is not on this machine, and the engine pulls from a registry on loopback only."
        ));
    }
    let pulled = docker(&["pull", "--quiet"]).await?;
    if pulled.status.success() {
        state.pulled().push(image.to_owned());
        return Ok(());
    }
    Err(format!("Image '{image}' not found. {}", String::from_utf8_lossy(&pulled.stderr).trim()))
}

/// Writes the mounted files: for each folder inside the container, one on this machine.
///
/// The files are readable by everybody, since an image's user is known by number only; what keeps others out is the
/// engine's folder above them.
fn write_files(own: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<(PathBuf, String)>> {
    let mut mounts: Vec<(PathBuf, String)> = Vec::new();
    for (path, content) in files {
        let path = Path::new(path);
        let inside = path.parent().unwrap_or(Path::new("/")).display().to_string();
        let known = mounts.iter().find(|(_, known)| *known == inside).map(|(folder, _)| folder.clone());
        let folder = known.unwrap_or_else(|| {
            let folder = own.join(mounts.len().to_string());
            mounts.push((folder.clone(), inside));
            folder
        });
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let file = folder.join(path.file_name().unwrap_or_default());
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444))?;
    }
    Ok(mounts)
}

/// Removes containers, running or not, and waits for it.
pub(super) fn remove(containers: &[String]) {
    if !containers.is_empty() {
        quietly(std::process::Command::new("docker").args(["rm", "--force"]).args(containers));
    }
}

/// Removes images by the names that they were pulled by.
pub(super) fn remove_images(images: &[String]) {
    if !images.is_empty() {
        quietly(std::process::Command::new("docker").args(["image", "rm"]).args(images));
    }
}

/// Cleaning up: what is gone already is as good.
fn quietly(command: &mut std::process::Command) {
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
