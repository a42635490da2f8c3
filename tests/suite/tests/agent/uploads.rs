//! Files that do not fit through a model: a ticket, and the real curl.

use std::path::Path;
use std::time::Duration;

use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use suite::mcp::{Client, Era};
use suite::net::http_client;
use suite::process::on_path;
use suite::server::Server;
use suite::skip;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

async fn ticket(client: &Client, workflow: &str, name: &str, extra: Value) -> Value {
    let mut arguments = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
        "file_name": name,
    });
    for (key, value) in extra.as_object().expect("an object") {
        arguments[key] = value.clone();
    }
    client.call_tool("prepare_upload", arguments).await.success()
}

pub(super) async fn put(upload: &Value, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let header = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket");
    let request = http_client()
        .put(upload["url"].as_str().expect("a URL"))
        .header("X-Validibot-Upload-Ticket", header)
        .body(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// Sends the head of an upload alone: what is too large must be refused before a byte of it is sent.
async fn announce(server: &Server, upload: &Value, length: u64) -> String {
    let address = server.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let ticket = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket");
    let head = format!(
        "PUT /uploads HTTP/1.1\r\nHost: {address}\r\nX-Validibot-Upload-Ticket: {ticket}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut status = [0; 32];
    let read = stream.read(&mut status).await.expect("an answer");
    String::from_utf8_lossy(&status[..read]).into_owned()
}

fn launches(sandbox: &Sandbox) -> usize {
    sandbox.received().iter().filter(|request| request.method == "POST").count()
}

/// `VmHWM` of a process, in kilobytes.
fn peak_kilobytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

pub(super) async fn run_curl(line: &str, folder: &Path) -> Value {
    let output = Command::new("sh").arg("-c").arg(line).current_dir(folder).output().await.expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn large_and_binary_files_go_through_curl_and_end_in_a_verdict() {
    let curl = on_path("curl").ok_or_else(|| "curl is not installed".to_owned());
    let Some(_) = skip::found("large_and_binary_files_go_through_curl_and_end_in_a_verdict", curl) else {
        return;
    };
    let sandbox = Sandbox::builder().simulation(Duration::from_millis(100)).start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let folder = tempfile::tempdir().expect("a folder");

    let mut large = br#"{"model":""#.to_vec();
    large.resize(9_900_000, b'x');
    large.extend_from_slice(br#""}"#);
    let binary: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    for (name, bytes) in [("large model.json", &large), ("it's.fmu", &binary)] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
        let before = peak_kilobytes(&server);
        let upload = ticket(&client, fixtures::ANNUAL_SIMULATION, name, json!({})).await;
        let answer = run_curl(upload["curl"].as_str().expect("a command"), folder.path()).await;
        let grown = peak_kilobytes(&server).saturating_sub(before);
        skip::say(&format!("an upload of {} bytes: the server's peak grew by {grown} kB", bytes.len()));
        assert!(grown < 20_000, "{name}: the server's peak grew by {grown} kB");
        let run = client.call_tool("wait_for_run", json!({ "run_ref": answer["run_ref"] })).await.success();
        assert_eq!(run["state"], "COMPLETED", "{run}");
        let received = sandbox.received();
        let launch = received.iter().rfind(|request| request.method == "POST").expect("a launch");
        assert!(launch.body.len() > bytes.len(), "the whole file arrived");
    }
}

/// Two programs read the line, the shell and curl, and neither may see anything but the file.
#[tokio::test]
async fn curl_sends_the_named_file_whatever_its_name_is() {
    let curl = on_path("curl").ok_or_else(|| "curl is not installed".to_owned());
    let Some(_) = skip::found("curl_sends_the_named_file_whatever_its_name_is", curl) else { return };
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = server.client(Era::Modern, fixtures::MODELLER_TOKEN);
    let folder = tempfile::tempdir().expect("a folder");
    // What a pattern would find in place of the file.
    for other in ["m1.txt", "m2.txt", "a.txt", "b.txt"] {
        std::fs::write(folder.path().join(other), "another file").expect("written");
    }
    for name in [
        "m[1-2].txt",
        "{a,b}.txt",
        "a b.txt",
        "it's $(x) `y` \\ \"z\".txt",
        "a&b;c|d<e>f#g!.txt",
        "-o.txt",
        "-",
        ".hidden.txt",
        "..txt",
        "~.txt",
        "=ls.txt",
        "100%.txt",
        "*?.txt",
        "Büro – 1.txt",
    ] {
        std::fs::write(folder.path().join(name), name).expect("written");
        let workflow_ref = fixtures::workflow_ref(fixtures::WORKSHOP, fixtures::ANY_DOCUMENT);
        let arguments = json!({ "workflow_ref": workflow_ref, "file_name": name });
        let upload = client.call_tool("prepare_upload", arguments).await.success();
        let line = upload["curl"].as_str().expect("a command");
        assert!(!line.contains("--fail"), "curl 7.61 knows no --fail-with-body");
        let answer = run_curl(line, folder.path()).await;
        assert!(answer["run_ref"].is_string(), "{name}: {answer}");
        let sent = sandbox.stored().pop().expect("a file").bytes;
        assert_eq!(String::from_utf8_lossy(&sent), name, "the file of that name");
        assert!(upload["curl_windows"].is_string() != upload["hint"].is_string(), "{upload}");
    }
}

#[tokio::test]
async fn a_ticket_is_good_for_one_run_and_only_for_the_file_that_it_names() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Legacy);
    let file = fixtures::GOOD_TABLE;
    let sha256 = Sha256::digest(file).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let named = json!({ "size_bytes": file.len(), "sha256": sha256 });

    // The control: the same ticket twice, one run.
    let upload = ticket(&client, fixtures::SENSOR_TABLE, "good.csv", named.clone()).await;
    let (status, first) = put(&upload, file).await;
    assert_eq!(status, 202, "{first}");
    let (status, second) = put(&upload, file).await;
    assert_eq!((status, &second["run_ref"]), (202, &first["run_ref"]));
    assert_eq!(launches(&sandbox), 1);

    let other_bytes = [&file[..file.len() - 1], b"!"].concat();
    for (what, body, expected) in [
        ("other bytes of the same size", other_bytes, 400),
        ("another size", b"a".to_vec(), 400),
        // No body, no Content-Length.
        ("nothing", Vec::new(), 411),
    ] {
        let upload = ticket(&client, fixtures::SENSOR_TABLE, "good.csv", named.clone()).await;
        let (status, answer) = put(&upload, body).await;
        assert_eq!(status, expected, "{what}: {answer}");
    }
    let upload = ticket(&client, fixtures::SENSOR_TABLE, "good.csv", json!({})).await;
    assert!(announce(&server, &upload, 10_485_761).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(launches(&sandbox), 1, "Validibot heard of none of them");
}

#[tokio::test]
async fn a_used_ticket_answers_for_the_bytes_that_it_was_used_with_and_no_others() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let upload = ticket(&client, fixtures::SENSOR_TABLE, "table.csv", json!({})).await;
    let file = fixtures::GOOD_TABLE;
    let (status, first) = put(&upload, file).await;
    assert_eq!(status, 202, "{first}");

    let same_size = [&file[..file.len() - 1], b"!"].concat();
    for (what, body) in [("the same size", same_size), ("another size", b"a,b\n1,2\n".to_vec())] {
        let (status, refused) = put(&upload, body).await;
        assert_eq!((status, &refused["error"]["code"]), (409, &json!("TICKET_USED")), "{what}: {refused}");
        let message = refused["error"]["message"].as_str().expect("a message");
        assert!(message.contains("prepare_upload"), "{message}");
    }
    // Another size is known by the head alone.
    assert!(announce(&server, &upload, 7).await.starts_with("HTTP/1.1 409 "));
    let (status, again) = put(&upload, file).await;
    assert_eq!((status, &again["run_ref"]), (202, &first["run_ref"]), "the same bytes get their run");
    assert_eq!(launches(&sandbox), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_after_the_last_byte_gets_its_run_with_the_same_ticket() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    for named in [false, true] {
        sandbox.clear_received();
        let file = fixtures::GOOD_TABLE;
        let sha256 =
            Sha256::digest(file).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let named = if named { json!({ "sha256": sha256 }) } else { json!({}) };
        let upload = ticket(&client, fixtures::SENSOR_TABLE, "table.csv", named).await;
        sandbox.misbehave(Route::LaunchRun, Fault::Delay(Duration::from_millis(500)));
        let header = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket");
        let address = server.base().trim_start_matches("http://").to_owned();
        let head = format!(
            "PUT /uploads HTTP/1.1\r\nHost: {address}\r\nX-Validibot-Upload-Ticket: {header}\r\nContent-Length: {}\r\n\r\n",
            file.len()
        );
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        stream.write_all(&[head.as_bytes(), file].concat()).await.expect("sent");
        // It is under way once Validibot has got it.
        while launches(&sandbox) == 0 {
            tokio::task::yield_now().await;
        }
        drop(stream);
        let (status, run) = put(&upload, file).await;
        assert_eq!(status, 202, "{run}");
        sandbox.behave();
        assert_eq!(launches(&sandbox), 1, "one ticket, one run");
    }
}

#[tokio::test]
async fn a_ticket_that_is_altered_or_of_another_server_is_refused() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let other = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let upload = ticket(&client, fixtures::SENSOR_TABLE, "good.csv", json!({})).await;
    let text = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket").to_owned();
    let middle = text.len() / 2;
    let altered = format!(
        "{}{}{}",
        &text[..middle],
        if &text[middle..=middle] == "A" { "B" } else { "A" },
        &text[middle + 1..]
    );
    for (url, ticket) in [
        (format!("{}/uploads", server.base()), altered),
        (format!("{}/uploads", server.base()), "k1.AAAA".to_owned()),
        (format!("{}/uploads", other.base()), text),
    ] {
        let forged = json!({ "url": url, "headers": { "X-Validibot-Upload-Ticket": ticket } });
        let (status, answer) = put(&forged, fixtures::GOOD_TABLE).await;
        assert_eq!((status, &answer["error"]["code"]), (401, &json!("INVALID_TICKET")), "{answer}");
    }
    let bare =
        http_client().put(format!("{}/uploads", server.base())).body("x").send().await.expect("an answer");
    assert_eq!(bare.status().as_u16(), 401);
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("a,b\n")]);
    let (status, _) = put(&upload, reqwest::Body::wrap_stream(stream)).await;
    assert_eq!(status, 411);
    assert_eq!(launches(&sandbox), 0);
}

#[tokio::test]
async fn without_a_key_ring_there_is_no_upload_and_no_tool_for_it() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let tools = client.request("tools/list", json!({})).await.result();
    assert_eq!(tools["tools"].as_array().map(Vec::len), Some(6));
    let error =
        client.request("tools/call", json!({ "name": "prepare_upload", "arguments": {} })).await.error();
    assert_eq!(error["code"], -32602);
}

/// Hosts whose schemas know no optional argument make a model send something for each.
#[tokio::test]
async fn an_empty_digest_and_a_size_of_nothing_promise_nothing() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era);
        for empty in [json!({ "sha256": "", "size_bytes": 0 }), json!({ "sha256": null, "size_bytes": "" })] {
            let upload = ticket(&client, fixtures::SENSOR_TABLE, "table.csv", empty.clone()).await;
            assert!(upload.get("note").is_none(), "nothing was unusual: {upload}");
            // A model copies it, and each character is one that it may get wrong.
            let header = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket");
            assert!(header.len() < 370, "a ticket of {} characters", header.len());
            let (status, run) = put(&upload, fixtures::GOOD_TABLE).await;
            assert_eq!(status, 202, "{empty}: {run}");
        }
    }
}

#[tokio::test]
async fn a_compressed_upload_is_refused_before_validibot_hears_of_it() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let upload = ticket(&client, fixtures::SENSOR_TABLE, "table.csv", json!({})).await;
    let header = upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket");
    let send = async |encoding: &'static str| {
        let request = http_client().put(upload["url"].as_str().expect("a URL"));
        let request =
            request.header("X-Validibot-Upload-Ticket", header).header("Content-Encoding", encoding);
        request.body(fixtures::GOOD_TABLE).send().await.expect("an answer")
    };
    for encoding in ["gzip", "identity, br", "Deflate"] {
        let answer = send(encoding).await;
        assert_eq!(answer.status(), 415, "{encoding}");
        assert_eq!(answer.headers()["accept-encoding"], "identity");
        let answer: Value = answer.json().await.expect("JSON");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("Content-Encoding")));
    }
    assert_eq!(launches(&sandbox), 0);
    assert_eq!(send("Identity").await.status(), 202);
}
