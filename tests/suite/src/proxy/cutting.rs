//! A proxy that cuts answers off, at whichever byte a test says.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::url;

/// The largest request, and the largest answer.
const MAX_BYTES: usize = 1024 * 1024;
/// For one request and its answer. Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(1);

/// A proxy that runs until it is dropped. Each request gets a connection of its own.
#[derive(Debug)]
pub struct Cutting {
    url: String,
    cuts: Arc<Cuts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Cuts {
    /// How many bytes go on of each answer to the upload of a file of this name.
    after: Mutex<HashMap<String, usize>>,
    /// The lengths of the head and of the whole of the newest answer to one.
    measured: Mutex<Option<(usize, usize)>>,
}

impl Cutting {
    /// Listens in front of `target`, `http://127.0.0.1:PORT`.
    pub fn start(listener: TcpListener, target: &str) -> Self {
        let (url, cuts) = (url(&listener), Arc::<Cuts>::default());
        let address = target.trim_start_matches("http://").to_owned();
        let shared = cuts.clone();
        let task = tokio::spawn(async move {
            // It ends with the test.
            while let Ok((client, _)) = listener.accept().await {
                let (address, cuts) = (address.clone(), shared.clone());
                tokio::spawn(async move {
                    // A client that goes away is one of the things that are tested.
                    let _ = timeout(DEADLINE, exchange(client, &address, &cuts)).await;
                });
            }
        });
        Self { url, cuts, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts each answer to an upload of a file of this name after so many bytes, from now on.
    pub fn cut(&self, file: &str, after: usize) {
        lock(&self.cuts.after).insert(file.to_owned(), after);
    }

    /// Passes those answers on whole again.
    pub fn mend(&self, file: &str) {
        lock(&self.cuts.after).remove(file);
    }

    /// The lengths of the head and of the whole of the newest answer to an upload.
    pub fn measured(&self) -> Option<(usize, usize)> {
        *lock(&self.cuts.measured)
    }
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn exchange(mut client: TcpStream, target: &str, cuts: &Cuts) -> io::Result<()> {
    let request = request(&mut client).await?;
    let mut server = TcpStream::connect(target).await?;
    server.write_all(&request).await?;
    let mut answer = Vec::new();
    server.take(MAX_BYTES as u64).read_to_end(&mut answer).await?;
    let mut left = answer.len();
    if let Some(file) = uploaded(&request) {
        *lock(&cuts.measured) = head_of(&answer).map(|head| (head, answer.len()));
        if let Some(after) = lock(&cuts.after).get(&file) {
            left = left.min(*after);
        }
    }
    client.write_all(&answer[..left]).await?;
    client.shutdown().await
}

/// One request, to be answered on a connection that closes.
async fn request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(head) = head_of(&request) {
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
            if request.len() >= head + length {
                let line = request.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                request.splice(line..line, *b"Connection: close\r\n");
                return Ok(request);
            }
        }
        if request.len() > MAX_BYTES || client.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Where a head ends: after its empty line.
fn head_of(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The name of the file that a request uploads.
fn uploaded(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let name = text.split("filename=\"").nth(1)?.split('"').next()?;
    Some(name.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
