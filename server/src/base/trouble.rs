//! Why there was no answer, in words by which somebody can tell what to change.

use std::error::Error;
use std::io::ErrorKind;

/// What stopped a request. reqwest's own text repeats the URL and nests its causes.
pub(crate) fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "no answer in time";
    }
    if !error.is_connect() {
        return "the connection broke";
    }
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(this) = cause {
        if let Some(known) = known(this) {
            return known;
        }
        cause = this.source();
    }
    "the connection failed"
}

fn known(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(io) = cause.downcast_ref::<std::io::Error>() {
        match io.kind() {
            ErrorKind::ConnectionRefused => return Some("nothing listens there (connection refused)"),
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
                return Some("there is no route to it");
            }
            // What is inside says more.
            _ => {}
        }
    }
    // Neither the resolver's nor the TLS library's errors have a type that we could name without depending on them.
    let text = cause.to_string();
    if text.starts_with("dns error") {
        return Some("its name does not resolve");
    }
    let certificate = text.strip_prefix("invalid peer certificate: ")?;
    Some(if certificate.contains("UnknownIssuer") {
        "its certificate is of an unknown issuer: for a private certificate authority, SSL_CERT_FILE has to name a file that \
         holds it"
    } else if certificate.contains("xpired") {
        "its certificate has expired"
    } else if certificate.contains("not valid for name") || certificate.contains("NotValidForName") {
        "its certificate is for another name"
    } else {
        "its certificate is not good"
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::generate_simple_self_signed;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::*;

    async fn of(url: &str) -> &'static str {
        let client = crate::base::http_client::http_client().expect("a client");
        reason(&client.get(url).send().await.expect_err("nobody is there"))
    }

    #[tokio::test]
    async fn each_cause_has_its_words() {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            listener.local_addr().expect("bound").port()
        };
        assert!(of(&format!("http://127.0.0.1:{port}/")).await.contains("refused"));
        assert!(of("http://no-such-host.invalid/").await.contains("does not resolve"));

        let certified = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                // The client ends it: that is what is tested.
                let _ = acceptor.accept(stream).await;
            }
        });
        let said = of(&format!("https://localhost:{port}/")).await;
        assert!(said.contains("unknown issuer") && said.contains("SSL_CERT_FILE"), "{said}");
    }
}
