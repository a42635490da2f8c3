//! A backend that answers GET requests from memory. It shares its processor with the load generator, so it does no
//! more than that takes: HTTP as far as a well-behaved client speaks it.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Far above the head of any request that is measured.
const MAX_HEAD: usize = 64 * 1024;

/// Each path's answer, head and body in one piece.
type Answers = HashMap<String, Vec<u8>>;

pub(crate) async fn serve(listener: TcpListener, answers: &Path) -> Result<(), Box<dyn Error>> {
    let bodies: HashMap<String, Box<RawValue>> = serde_json::from_slice(&tokio::fs::read(answers).await?)?;
    let answers = bodies.into_iter().map(|(path, body)| (path, answer("200 OK", body.get())));
    let answers: Arc<Answers> = Arc::new(answers.collect());
    loop {
        let (mut stream, _) = listener.accept().await?;
        crate::no_delay(&mut stream);
        let answers = answers.clone();
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            let _ = converse(stream, &answers).await;
        });
    }
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into()
}

/// One request after the other, until the client is gone.
async fn converse(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let not_found = answer("404 Not Found", "{}");
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            if buffer.len() > MAX_HEAD || stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let path =
            buffer[..end].split(|byte| *byte == b' ').nth(1).and_then(|path| std::str::from_utf8(path).ok());
        let answer = path.and_then(|path| answers.get(path)).unwrap_or(&not_found);
        stream.write_all(answer).await?;
        buffer.drain(..end + 4);
    }
}
