//! The life of one container: from a launch to its last line.

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
use crate::engine::Launch;
use crate::run::quantity;
use crate::shared::Report;

/// Marks every container of an engine, for people who look for what a killed test left behind.
const LABEL: &str = "validibot-gcp-emulator";

/// Starts a revision and follows it to its end.
pub(super) async fn run(state: Arc<State>, launch: Launch, report: Report) {
    match start(&state, &launch).await {
        Ok((child, port)) => follow(&state, &launch, &report, child, port).await,
        Err(message) => report.failed(&message),
    }
}

/// Everything up to the running client, which lives as long as the container.
async fn start(state: &State, launch: &Launch) -> Result<(Child, u16), String> {
    let failed = |error: io::Error| format!("the engine could not start the container: {error}");
    pull(state, &launch.image).await?;
    let port = ports::free().ok_or("the engine has no port left")?;
    let mounts = write_files(state.folder.path(), launch).map_err(failed)?;
    let metadata = state.metadata.host(&launch.service_account).await.map_err(failed)?;
    // Revisions of two emulators on one machine may have the same name; a port is one container's alone.
    let container = format!("{LABEL}-{}-{port}", launch.revision);
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--name", &container, "--label", LABEL, "--pull", "never"]);
    command.args(["--network", "host", "--no-healthcheck", "--read-only", "--tmpfs", "/tmp"]);
    command.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
    if let Some(bytes) = launch.memory.as_deref().and_then(quantity) {
        let bytes = bytes.to_string();
        command.args(["--memory", &bytes, "--memory-swap", &bytes]);
    }
    for (folder, inside) in mounts {
        let mount = format!("type=bind,source={},destination={inside},readonly", folder.display());
        command.args(["--mount", &mount]);
    }
    for (name, value) in environment(launch, port, &metadata) {
        command.args(["--env", &format!("{name}={value}")]);
    }
    command.arg(&launch.image).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    // Entered first: whoever stops the revision from now on finds the container by its name.
    let instance = Instance { container, port: None };
    state.instances().insert(launch.revision.clone(), instance);
    let child = command.spawn().map_err(failed)?;
    Ok((child, port))
}

/// The container contract's variables (<https://cloud.google.com/run/docs/container-contract#env-vars>), what the
/// machine that it runs on makes necessary, and the deployed ones, which win.
fn environment(launch: &Launch, port: u16, metadata: &str) -> Vec<(String, String)> {
    let own = [
        ("PORT", port.to_string()),
        ("K_SERVICE", launch.service.clone()),
        ("K_REVISION", launch.revision.clone()),
        ("K_CONFIGURATION", launch.service.clone()),
        ("GCE_METADATA_HOST", metadata.to_owned()),
        // On the host's network the server's default, all interfaces, would open it to others.
        ("VALIDIBOT_MCP_BIND", "127.0.0.1".to_owned()),
    ];
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(launch.env.iter().cloned()).collect()
}

/// Reads the container's output, waits for its probe, and says how it went.
async fn follow(state: &State, launch: &Launch, report: &Report, mut child: Child, port: u16) {
    let out = lines(child.stdout.take(), report, LogSource::Stdout);
    let err = lines(child.stderr.take(), report, LogSource::Stderr);
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

async fn lines(stream: Option<impl AsyncRead + Unpin>, report: &Report, from: LogSource) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        if !text.trim_end().is_empty() {
            report.log(from, text.trim_end());
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
fn write_files(engine: &Path, launch: &Launch) -> io::Result<Vec<(PathBuf, String)>> {
    let mut mounts: Vec<(PathBuf, String)> = Vec::new();
    for (path, content) in &launch.files {
        let path = Path::new(path);
        let inside = path.parent().unwrap_or(Path::new("/")).display().to_string();
        let known = mounts.iter().find(|(_, known)| *known == inside).map(|(folder, _)| folder.clone());
        let folder = known.unwrap_or_else(|| {
            let folder = engine.join(&launch.revision).join(mounts.len().to_string());
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
