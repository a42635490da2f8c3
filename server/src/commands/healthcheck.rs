//! `validibot-mcp healthcheck`: the container's health check. The image has no shell and no curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::base::env::Env;
use crate::cli::HealthcheckArgs;
use crate::telemetry;

/// Each step. A ready server answers in well under a millisecond; a stopped one must be found out soon.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Where the port is neither given nor set.
const DEFAULT_PORT: u16 = 8080;

/// Exit 0 when the server on this machine is ready, 1 with a sentence when it is not.
pub fn run(args: &HealthcheckArgs, env: &dyn Env) -> ExitCode {
    let configured = || env.get(envs::server::PORT.name).and_then(|port| port.trim().parse().ok());
    let port = args.port.or_else(configured).unwrap_or(DEFAULT_PORT);
    match ask(SocketAddr::new(host(env), port)) {
        Ok(status) if status == "200" => ExitCode::SUCCESS,
        Ok(status) => {
            telemetry::report(&format_args!("not ready: /readyz on port {port} answers {status}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            telemetry::report(&format_args!("not ready: port {port}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Where a server that listens on the configured address can be reached from its own machine.
fn host(env: &dyn Env) -> IpAddr {
    let bind = env.get(envs::server::BIND.name).and_then(|address| address.trim().parse::<IpAddr>().ok());
    match bind {
        Some(IpAddr::V6(any)) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        Some(address) if !address.is_unspecified() => address,
        _ => Ipv4Addr::LOCALHOST.into(),
    }
}

/// The status of `GET /readyz`.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    // `HTTP/1.1 200`: the status is the last three bytes of the first twelve.
    Ok(String::from_utf8_lossy(&head[9..]).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_address_that_it_listens_on_is_asked() {
        for (bind, expected) in [
            (None, "127.0.0.1"),
            (Some("0.0.0.0"), "127.0.0.1"),
            (Some("::"), "::1"),
            (Some(" 192.0.2.7 "), "192.0.2.7"),
            (Some("::1"), "::1"),
            (Some("nonsense"), "127.0.0.1"),
        ] {
            let bind = bind.map(|bind: &str| (envs::server::BIND.name.to_owned(), bind.to_owned()));
            let env: BTreeMap<String, String> = bind.into_iter().collect();
            assert_eq!(host(&env).to_string(), expected);
        }
    }
}
