//! A proxy client of a few lines: one absolute-form request, one answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use gcp_emulator::Emulator;
use serde_json::Value;

/// Sends one request through the emulator; an error when the connection ends without an answer.
pub(crate) fn send(emulator: &Emulator, method: &str, url: &str, body: &Value) -> io::Result<(u16, Value)> {
    send_as(emulator, "emu-token", method, url, body)
}

/// As [`send`], with another access token.
pub(crate) fn send_as(
    emulator: &Emulator,
    token: &str,
    method: &str,
    url: &str,
    body: &Value,
) -> io::Result<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {url} HTTP/1.1\r\nHost: ignored\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(emulator.address())?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let value = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, value))
}
