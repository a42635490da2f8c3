//! What the fuzz targets see of sign-ins.

use super::artifacts::{Code, Login, Refresh, Registration, Ticket};
use super::cimd;
use crate::config::redirect_uri::{AppSchemes, RedirectUri};
use crate::seal::Seal;

/// A text that nobody has sealed opens as nothing.
pub(crate) fn open(seal: &Seal, text: &str) {
    assert!(seal.open::<Registration>(text, 0).is_err());
    assert!(seal.open::<Ticket>(text, 0).is_err());
    assert!(seal.open::<Login>(text, 0).is_err());
    assert!(seal.open::<Code>(text, 0).is_err());
    assert!(seal.open::<Refresh>(text, 0).is_err());
}

/// A document of a client: every redirect address that is taken from it is one that a client may have.
pub(crate) fn document(body: &[u8]) {
    if let Ok(document) = cimd::document(body, "https://client.example/metadata.json") {
        assert!(!document.redirect_uris.is_empty());
        assert!(
            document.redirect_uris.iter().all(|uri| RedirectUri::parse(uri, &AppSchemes::default()).is_ok())
        );
    }
}
