//! The server, or its client, gets no time for a while, as on a machine that has too much to do.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::Sandbox;
use suite::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(1);
const GET: &[u8] = b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn connect(server: &Server) -> TcpStream {
    let address = server.base().trim_start_matches("http://");
    TcpStream::connect(address).await.expect("connected")
}

/// Reads until the text has an end like this.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.trim_end().ends_with(end) {
        let read = tokio::time::timeout(DEADLINE, stream.read(&mut buffer)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing more comes: {text:?}")).expect("not reset");
        assert_ne!(read, 0, "cut: {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[tokio::test]
async fn requests_that_came_in_before_the_signal_are_answered_on_every_connection() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id"));
    let mut connections = Vec::new();
    // More than tokio serves in a few turns.
    for _ in 0..400 {
        let mut kept = connect(&server).await;
        kept.write_all(GET).await.expect("sent");
        assert!(read_until(&mut kept, "}").await.starts_with("HTTP/1.1 200"));
        connections.push(kept);
    }
    kill(pid, Signal::SIGSTOP).expect("signalled");
    connections.push(connect(&server).await);
    for stream in &mut connections {
        stream.write_all(GET).await.expect("sent");
    }
    kill(pid, Signal::SIGTERM).expect("signalled");
    kill(pid, Signal::SIGCONT).expect("signalled");
    for (number, stream) in connections.iter_mut().enumerate() {
        let answer = read_until(stream, "}").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{number}: {answer}");
    }
    let exit = server.wait().await;
    assert_eq!(exit.code, Some(0), "{}", exit.log);
}

#[tokio::test]
async fn a_client_that_pauses_in_a_body_that_is_refused_can_go_on_and_reads_the_answer() {
    const SIZE: usize = 14_000_000;
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let mut stream = connect(&server).await;
    let head = format!("POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: {SIZE}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let body = vec![b'x'; SIZE];
    let (first, rest) = body.split_at(100_000);
    stream.write_all(first).await.expect("sent");
    // The server takes the silence for one who waits for the answer.
    stream.readable().await.expect("an answer");
    stream.write_all(rest).await.expect("the rest is taken in");
    let answer = read_until(&mut stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close"), "the connection is not for another request: {answer}");
}
