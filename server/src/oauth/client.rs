//! Clients: who may ask for a sign-in, by the form of the client id.

use std::sync::Arc;

use thiserror::Error;

use super::artifacts::Registration;
use super::cimd::{DocumentError, Documents};
use crate::config::ClientSettings;
use crate::config::document_url::is_document_url;
use crate::config::redirect_uri::{AppSchemes, RedirectUri, Target};
use crate::seal::Seal;

/// Clients that Validibot itself knows by these ids (contract, section c), for those who type one into a connector.
const PRE_REGISTERED: [(&str, &str, &[&str]); 1] = [(
    "validibot-claude-desktop",
    "Claude",
    &["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
)];

/// A client, as far as a sign-in needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// What it calls itself.
    pub(super) name: String,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) vouched: ClientTrust,
}

/// Who says that the client is what it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientTrust {
    /// We do.
    Us,
    /// The web site that its metadata document was fetched from.
    Site(String),
    /// Nobody but itself.
    Nobody,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// No such client, now or ever.
    #[error("the client id is not known here")]
    Unknown,
    /// Its metadata document is not to be had, or not to be used.
    #[error("{0}")]
    Document(#[from] DocumentError),
}

/// Finds clients.
pub(super) struct Clients {
    known: Vec<Known>,
    seal: Arc<Seal>,
    /// Where clients may be known by their documents.
    documents: Option<Documents>,
    schemes: AppSchemes,
}

/// A client that need not register.
struct Known {
    id: String,
    name: String,
    redirect_uris: Vec<String>,
}

impl Clients {
    pub(super) fn new(
        configured: &[ClientSettings],
        seal: Arc<Seal>,
        documents: Option<Documents>,
        schemes: AppSchemes,
    ) -> Self {
        let site = |id: &str| Some(is_document_url(id)?.host_str()?.to_owned());
        let configured = configured.iter().map(|client| Known {
            id: client.id.clone(),
            name: site(&client.id).unwrap_or_else(|| client.id.clone()),
            redirect_uris: client.redirect_uris.clone(),
        });
        let built_in = PRE_REGISTERED.into_iter().map(|(id, name, redirects)| Known {
            id: id.to_owned(),
            name: name.to_owned(),
            redirect_uris: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
        });
        // What the operator says of a client comes first.
        Self { known: configured.chain(built_in).collect(), seal, documents, schemes }
    }

    /// The schemes that clients' redirect addresses may have.
    pub(super) fn schemes(&self) -> &AppSchemes {
        &self.schemes
    }

    /// Whether clients may be known by their metadata documents.
    pub(super) fn take_documents(&self) -> bool {
        self.documents.is_some()
    }

    /// The client with this id. May fetch its metadata document.
    pub(super) async fn find(&self, id: &str) -> Result<Client, ClientError> {
        if let Some(known) = self.known.iter().find(|known| known.id == id) {
            let redirects = known.redirect_uris.iter().map(String::as_str);
            return Ok(client(known.name.clone(), redirects, &AppSchemes::any(), ClientTrust::Us));
        }
        if let (Some(url), Some(documents)) = (is_document_url(id), &self.documents) {
            let site = url.host_str().unwrap_or_default().to_owned();
            let document = documents.get(id, url).await?;
            let redirects = document.redirect_uris.iter().map(String::as_str);
            return Ok(client(
                document.name.clone().unwrap_or_else(|| site.clone()),
                redirects,
                &self.schemes,
                ClientTrust::Site(site),
            ));
        }
        let registration = self.registration(id).ok_or(ClientError::Unknown)?;
        let redirects = registration.redirect_uris.iter().map(String::as_str);
        Ok(client(registration.name.clone(), redirects, &self.schemes, ClientTrust::Nobody))
    }

    /// Whether this can be a client's id, without asking anybody: whatever the client holds is bound to its id anyway.
    pub(super) fn is_known(&self, id: &str) -> bool {
        self.known.iter().any(|known| known.id == id)
            || (self.take_documents() && is_document_url(id).is_some())
            || self.registration(id).is_some()
    }

    fn registration(&self, id: &str) -> Option<Registration> {
        // Client ids never expire, so the time does not matter.
        self.seal.open::<Registration>(id, 0).ok()
    }
}

fn client<'a>(
    name: String,
    redirects: impl Iterator<Item = &'a str>,
    schemes: &AppSchemes,
    vouched: ClientTrust,
) -> Client {
    Client {
        name,
        redirect_uris: redirects.filter_map(|uri| RedirectUri::parse(uri, schemes).ok()).collect(),
        vouched,
    }
}

impl Client {
    /// The redirect URI of a request, where the client has it; without one in the request, the only one it has.
    pub(super) fn redirect(&self, requested: Option<&str>) -> Option<RedirectUri> {
        match (requested, self.redirect_uris.as_slice()) {
            (Some(requested), known) => {
                let known = known.iter().find(|uri| uri.matches(requested))?;
                // Only an address on this device can match with another text.
                let same = (known.as_str() == requested).then(|| known.clone());
                same.or_else(|| RedirectUri::parse(requested, &AppSchemes::default()).ok())
            }
            (None, [only]) => Some(only.clone()),
            _ => None,
        }
    }

    /// Whether every redirect stays on the user's own machine: then any program there could pose as this client.
    pub(super) fn is_local_only(&self) -> bool {
        self.redirect_uris.iter().all(|uri| !matches!(uri.target(), Target::Site(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A redirect that is none would be left out, and the client could not sign in.
    #[test]
    fn no_pre_registered_client_loses_a_redirect() {
        for (id, name, redirects) in PRE_REGISTERED {
            let client =
                client(name.to_owned(), redirects.iter().copied(), &AppSchemes::default(), ClientTrust::Us);
            assert!(!redirects.is_empty());
            for redirect in redirects {
                let found = client.redirect(Some(redirect)).map(|uri| uri.as_str().to_owned());
                assert_eq!(found.as_deref(), Some(*redirect), "{id}");
            }
        }
    }
}
