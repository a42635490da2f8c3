//! An image registry on loopback, in the place of Artifact Registry's own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(1);

/// A registry (Debian's `docker-registry`) that runs until it is dropped, and takes what it holds along.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Registry {
    /// Starts an empty registry and waits until it answers.
    pub fn start() -> io::Result<Self> {
        let folder = TempDir::with_prefix("gcp-registry-")?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config = folder.path().join("config.yml");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
            data.display()
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut registry = Self { child: command.spawn()?, address, _folder: folder };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = registry.child.try_wait()? {
                return Err(io::Error::other(format!("docker-registry ended with {status}")));
            }
            if started.elapsed() > DEADLINE {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "docker-registry does not answer"));
            }
            std::thread::yield_now();
        }
        Ok(registry)
    }

    /// Where it answers: the host of its images' names, and of `GCP_REGISTRY_HOST`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The digest of `REPOSITORY:TAG` (or `REPOSITORY@DIGEST`), asked of the registry itself; `None` where it has
    /// no such image.
    pub fn digest(&self, image: &str) -> io::Result<Option<String>> {
        let (repository, reference) = image
            .split_once('@')
            .or_else(|| image.rsplit_once(':'))
            .ok_or_else(|| io::Error::other(format!("{image} has neither tag nor digest")))?;
        let mut stream = TcpStream::connect(self.address)?;
        let accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
        let request = format!(
            "HEAD /v2/{repository}/manifests/{reference} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\
             Connection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let digest = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: "));
        Ok(digest.map(|digest| digest.trim().to_owned()))
    }

    /// Ends it before its time: from now on nobody answers there.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}
