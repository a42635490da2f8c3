//! An Internet of the test's own: names, addresses and certificates.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use validibot_mcp::base::outbound::{Outbound, Resolver};

pub(crate) const PUBLIC: &str = "93.184.216.34";

/// The sites of this Internet all live in one server on loopback, behind public addresses.
pub(crate) struct Sites {
    answers: Arc<Mutex<BTreeMap<String, String>>>,
    /// The heads of the requests.
    visits: Arc<Mutex<Vec<String>>>,
    names: Arc<Names>,
    pub(crate) outbound: Outbound,
}

struct Names {
    /// The answers to the first, second, … question; the last one stays.
    addresses: Mutex<Vec<Vec<IpAddr>>>,
    server: SocketAddr,
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let mut addresses = self.addresses.lock().expect("unpoisoned");
        let answer = if addresses.len() > 1 { addresses.remove(0) } else { addresses[0].clone() };
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn route(&self, address: IpAddr) -> SocketAddr {
        assert_eq!(address.to_string(), PUBLIC, "an address that should not have passed");
        self.server
    }
}

impl Sites {
    pub(crate) async fn start() -> Self {
        let names = ["client.example", "moved.example", "files.example"].map(str::to_owned).to_vec();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = listener.local_addr().expect("an address");
        let (answers, visits) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::<Mutex<Vec<String>>>::default());
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), answers.clone(), visits.clone()));
        let names = Arc::new(Names { addresses: Mutex::new(vec![addresses(&[PUBLIC])]), server });
        let trusted = vec![reqwest::Certificate::from_der(cert.der()).expect("a certificate")];
        let outbound = Outbound { resolver: names.clone(), trusted: Some(trusted) };
        Self { answers, visits, names, outbound }
    }

    pub(crate) fn answer(&self, url: &str, answer: impl Into<String>) {
        self.answers.lock().expect("unpoisoned").insert(url.to_owned(), answer.into());
    }

    pub(crate) fn resolve(&self, lookups: &[&[&str]]) {
        *self.names.addresses.lock().expect("unpoisoned") =
            lookups.iter().map(|list| addresses(list)).collect();
    }

    pub(crate) fn visits(&self) -> usize {
        self.visits.lock().expect("unpoisoned").len()
    }

    /// Where all of them live.
    pub(crate) fn server(&self) -> SocketAddr {
        self.names.server
    }

    /// Answers nothing any more.
    pub(crate) fn forget(&self) {
        self.answers.lock().expect("unpoisoned").clear();
    }

    /// The head of the last request.
    pub(crate) fn last(&self) -> String {
        self.visits.lock().expect("unpoisoned").last().cloned().expect("somebody came")
    }
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().expect("an address")).collect()
}

/// Answers with what was set for `host/path`; without that, never.
async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    answers: Arc<Mutex<BTreeMap<String, String>>>,
    visits: Arc<Mutex<Vec<String>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, answers, visits) = (acceptor.clone(), answers.clone(), visits.clone());
        tokio::spawn(async move {
            let mut stream = acceptor.accept(stream).await.ok()?;
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.ok()?;
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            visits.lock().expect("unpoisoned").push(request.clone());
            let path = request.split(' ').nth(1)?;
            let host = request.lines().find_map(|line| line.strip_prefix("host: "))?;
            let answer = answers.lock().expect("unpoisoned").get(&format!("https://{host}{path}")).cloned();
            match answer {
                Some(answer) => {
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    stream.shutdown().await.ok()
                }
                None => std::future::pending().await,
            }
        });
    }
}
