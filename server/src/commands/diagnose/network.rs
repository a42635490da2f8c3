//! Name, connection, certificate.

use std::io::ErrorKind;
use std::time::Duration;

use url::{Host, Url};

use super::DiagnoseContext;
use super::report::{Finding, Hop, Report, Step};
use crate::commands::client::{Answer, Trouble};

/// One resolution or connection. Anything slower fails clients too.
const DEADLINE: Duration = Duration::from_secs(10);

/// Goes as far as the answer to `GET /`.
pub(super) async fn reach(walk: &DiagnoseContext, report: &mut Report) -> Option<Answer> {
    let url = walk.base.join("/");
    let (host, port) = (url.host_str()?.to_owned(), url.port_or_known_default()?);
    let addresses = report.take(Hop::Dns, resolve(&url, &host, port).await)?;
    report.take(Hop::Connect, connect(&host, port, &addresses).await)?;
    let secure = walk.base.is_https();
    match walk.http.send(walk.http.get(&url)).await {
        Ok(answer) => {
            if secure {
                report.take(Hop::Tls, Ok(("the certificate is good for this name".to_owned(), ())));
            } else {
                report.skip(Hop::Tls, "plain http");
            }
            Some(answer)
        }
        Err(Trouble::Connect(reason)) if secure => {
            report.take::<()>(Hop::Tls, Err(certificate(&host, &reason)));
            None
        }
        Err(trouble) => {
            let finding =
                Finding::new("no-answer", format!("{host}:{port} accepts connections, but {trouble}"))
                    .fix("something that speaks no HTTP has that port, or the server hangs: read its log");
            if !secure {
                report.skip(Hop::Tls, "plain http");
            }
            report.take::<()>(Hop::Descriptor, Err(finding));
            None
        }
    }
}

async fn resolve(url: &Url, host: &str, port: u16) -> Step<Vec<std::net::SocketAddr>> {
    // `host_str` keeps an IPv6 address's brackets.
    let name = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => host.to_owned(),
    };
    let looked_up = tokio::time::timeout(DEADLINE, tokio::net::lookup_host((name, port))).await;
    let addresses: Vec<_> = match looked_up {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let Some(first) = addresses.first() else {
        return Err(Finding::new("unknown-host", format!("the name {host} does not resolve")).fix(
            "correct the address, or add the DNS record: an A record with the load balancer's IP address",
        ));
    };
    let more = if addresses.len() > 1 { format!(" and {} more", addresses.len() - 1) } else { String::new() };
    Ok((format!("{host} is {}{more}", first.ip()), addresses))
}

async fn connect(host: &str, port: u16, addresses: &[std::net::SocketAddr]) -> Step<()> {
    match tokio::time::timeout(DEADLINE, tokio::net::TcpStream::connect(addresses)).await {
        Ok(Ok(_)) => Ok((format!("port {port} is open"), ())),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Err(Finding::new("connection-refused", format!("nothing listens on {host}:{port}"))
                .fix("start the server; if it exits at once, the last line of its log has the reason, usually the licence or a setting")
                .fix("on this machine: cargo xtask local logs mcp")
                .fix("with --api and Validibot's address, the licence is checked here too"))
        }
        Ok(Err(error)) => {
            Err(Finding::new("unreachable", format!("{host}:{port} cannot be reached: {}", error.kind()))
                .fix("check the address, routes and firewalls between here and there"))
        }
        Err(_) => Err(Finding::new(
            "connect-timeout",
            format!("{host}:{port} does not answer within {} s", DEADLINE.as_secs()),
        )
        .fix("a firewall drops the connection, or the address is another machine's: compare the DNS record")),
    }
}

fn certificate(host: &str, reason: &str) -> Finding {
    let finding = Finding::new("certificate", format!("the TLS connection to {host} fails: {reason}"));
    let finding = if reason.contains("UnknownIssuer") {
        finding.fix(
            "for a private certificate authority, set SSL_CERT_FILE to its file, here and in each client",
        )
    } else {
        finding
    };
    finding
        .fix("a managed certificate becomes active only once DNS points to the load balancer: compare both")
        .fix("behind one's own proxy: serve a certificate for this name with its whole chain")
}
