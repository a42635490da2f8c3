//! Metadata servers, one for each service account: whose identity a container has, it asks there.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use sandbox::GoogleCerts;
use sandbox::metadata::{Identity, MetadataServer};
use tokio::sync::Mutex;

/// All of them, with the keys that they sign with.
#[derive(Default)]
pub(super) struct Metadata {
    certs: GoogleCerts,
    servers: Mutex<BTreeMap<String, MetadataServer>>,
}

impl Metadata {
    pub(super) fn certs(&self) -> GoogleCerts {
        self.certs.clone()
    }

    /// `127.0.0.1:PORT` of the one for this account, for `GCE_METADATA_HOST`.
    pub(super) async fn host(&self, account: &str) -> io::Result<String> {
        let mut servers = self.servers.lock().await;
        if let Some(server) = servers.get(account) {
            return Ok(server.host().to_owned());
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = MetadataServer::start_at(address, self.certs.clone()).await?;
        server.set_identity(Identity { email: Some(account.to_owned()), ..Identity::default() });
        let host = server.host().to_owned();
        servers.insert(account.to_owned(), server);
        Ok(host)
    }
}
