//! A server that writes to the terminal of whoever looks at it.

use std::convert::Infallible;

use suite::binary;
use suite::process::run;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::DEADLINE;

/// What terminals obey: to the clipboard, and an empty screen; in both forms of control characters, and what turns text round.
const HARM: &str = "\u{1b}]52;c;AAAA\u{7}\u{1b}[2J\u{9b}2J\u{202e}";
/// What is left of it.
const SEEN: &str = "]52;c;AAAA";

/// Says the same to everybody: as JSON-RPC, as JSON with every member that is looked for, or as text.
async fn serve(listener: TcpListener, in_json: bool) -> Infallible {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let mut request = vec![0; 64 * 1024];
            let length = stream.read(&mut request).await.ok()?;
            let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
            let anonymous = request.starts_with("post /mcp") && !request.contains("authorization:");
            let status = if anonymous { "401 Unauthorized" } else { "200 OK" };
            let id: u64 = request
                .split_once("\"id\":")
                .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
                .unwrap_or_default();
            let said = serde_json::json!({
                "jsonrpc": "2.0",
                "id": id,
                "error": { "code": -1, "message": HARM },
                "version": HARM,
                "commit": HARM,
                "issuer": HARM,
                "resource": HARM,
                "authorization_servers": [HARM],
            });
            let (kind, body) =
                if in_json { ("application/json", said.to_string()) } else { ("text/plain", HARM.repeat(2)) };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nServer: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.shutdown().await.ok()
        });
    }
}

#[tokio::test]
async fn what_a_server_says_is_not_obeyed_by_the_terminal() {
    let mut seen = 0;
    for in_json in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(serve(listener, in_json));
        for args in [&["e2e", &url][..], &["diagnose", &url, "--token"], &["probe", &url]] {
            let mut command = Command::new(binary::validibot_mcp());
            command.args(args).env_clear().env("VALIDIBOT_E2E_TOKEN", "a-token");
            let output = run(&mut command, DEADLINE).await.expect("it ends");
            for written in [&output.stdout, &output.stderr] {
                let foul = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}';
                assert!(!written.contains(foul), "{args:?}: {written:?}");
            }
            seen += usize::from(output.stdout.contains(SEEN));
        }
    }
    assert!(seen > 1, "what the server says is shown");
}
