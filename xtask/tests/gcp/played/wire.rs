//! What gcloud would send, sent to the emulated project, and what it would print.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use gcp_emulator::Emulator;
use serde_json::Value;
use xtask::core::runner::Outcome;

use super::{RUN, SERVICE};

/// As gcloud does: the version that is there goes into the manifest; the end is what the condition says.
pub(super) fn replace(to: SocketAddr, mut manifest: Value) -> Outcome {
    let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
    let (status, old) = request(to, "GET", &format!("{RUN}/services/{name}"), &Value::Null);
    let answer = if status == 200 {
        manifest["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        request(to, "PUT", &format!("{RUN}/services/{name}"), &manifest)
    } else {
        request(to, "POST", &format!("{RUN}/services"), &manifest)
    };
    let ready = answer.1["status"]["conditions"][0].clone();
    if answer.0 == 200 && ready["status"] == "False" {
        let message = ready["message"].as_str().unwrap_or_default();
        return Outcome::failure(
            1,
            format!("Deploying...\nfailed\nERROR: (gcloud.run.services.replace) {message}"),
        );
    }
    said("run.services.replace", answer)
}

pub(super) fn said(command: &str, (status, body): (u16, Value)) -> Outcome {
    if status == 200 {
        return Outcome::success(body.to_string());
    }
    let error = &body["error"];
    let word = error["status"].as_str().unwrap_or("UNKNOWN");
    Outcome::failure(
        1,
        format!("ERROR: (gcloud.{command}) {word}: {}", error["message"].as_str().unwrap_or_default()),
    )
}

/// One request through the emulator.
pub(super) fn request(to: SocketAddr, method: &str, url: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {url} HTTP/1.1\r\nHost: ignored\r\nAuthorization: Bearer emu-token\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Somebody's hand in the project: changes the service as `change` says, in one write.
pub(crate) fn by_hand(emulator: &Emulator, change: impl FnOnce(&mut Value)) {
    let url = format!("{RUN}/services/{SERVICE}");
    let mut service = request(emulator.address(), "GET", &url, &Value::Null).1;
    change(&mut service);
    assert_eq!(request(emulator.address(), "PUT", &url, &service).0, 200);
}
