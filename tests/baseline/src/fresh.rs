//! A hop between the load generator and a server that gives each request a bearer token of its own: what a server does
//! with a token that it has never seen is measured with it.

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

/// A whole request of the load generator arrives in one piece: it writes it in one, and it is smaller than this.
const BUFFER: usize = 64 * 1024;

struct Tokens {
    tokens: Vec<Vec<u8>>,
    next: AtomicUsize,
}

pub(crate) async fn serve(listener: TcpListener, to: u16, tokens: &Path) -> Result<(), Box<dyn Error>> {
    let text = tokio::fs::read_to_string(tokens).await?;
    let tokens: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_owned()).collect();
    if tokens.windows(2).any(|pair| pair[0].len() != pair[1].len()) || tokens.is_empty() {
        return Err("the tokens are not all of one length".into());
    }
    let tokens = Arc::new(Tokens { tokens, next: AtomicUsize::new(0) });
    loop {
        let (mut stream, _) = listener.accept().await?;
        crate::no_delay(&mut stream);
        let tokens = tokens.clone();
        tokio::spawn(async move {
            // A connection that breaks on either side ends on both.
            let _ = pass_on(stream, to, &tokens).await;
        });
    }
}

async fn pass_on(client: TcpStream, to: u16, tokens: &Tokens) -> std::io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    crate::no_delay(&mut server);
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from_client.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        tokens.replace(&mut buffer[..length]);
        to_server.write_all(&buffer[..length]).await?;
    }
    to_server.shutdown().await?;
    let _ = back.await;
    Ok(())
}

impl Tokens {
    /// Puts the next token in the place of the first one. Beyond the last one it begins again.
    fn replace(&self, request: &mut [u8]) {
        let known = &self.tokens[0];
        if let Some(at) = request.windows(known.len()).position(|window| window == known.as_slice()) {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % self.tokens.len();
            request[at..at + known.len()].copy_from_slice(&self.tokens[next]);
        }
    }
}
