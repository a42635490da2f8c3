//! Authorization codes and refresh tokens.

use std::collections::VecDeque;
use std::sync::Mutex;

use time::{Duration, OffsetDateTime};

use crate::random;
use crate::state::lock;

/// `IDP_OIDC_AUTHORIZATION_CODE_EXPIRES_IN`.
const CODE_LIFETIME: Duration = Duration::seconds(60);

/// Length of a code, in characters.
const CODE_LENGTH: usize = 30;

/// Codes and refresh tokens kept at a time; the oldest go first. There they live in a database.
const MAX_KEPT: usize = 10_000;

/// What a user granted a client.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) client: &'static str,
    pub(crate) user: i64,
    /// In the order in which they were asked for.
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
}

/// A grant that waits to be fetched with a code.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) grant: Grant,
    pub(crate) redirect_uri: String,
    /// The S256 challenge of RFC 7636, where the client sent one.
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
}

/// The codes and refresh tokens that are good.
#[derive(Default)]
pub(crate) struct Grants {
    codes: Mutex<VecDeque<(String, OffsetDateTime, Pending)>>,
    refresh: Mutex<VecDeque<(String, Grant)>>,
}

impl Grants {
    /// A code for this grant.
    pub(crate) fn issue_code(&self, pending: Pending, now: OffsetDateTime) -> String {
        let code = random::alphanumeric(CODE_LENGTH);
        let mut codes = lock(&self.codes);
        codes.retain(|(_, expiry, _)| *expiry > now);
        push(&mut codes, (code.clone(), now + CODE_LIFETIME, pending));
        code
    }

    /// Redeems a code that `is_good` accepts. One that it does not accept stays, as upstream forgets a code
    /// only when it succeeded.
    pub(crate) fn redeem(
        &self,
        code: &str,
        now: OffsetDateTime,
        is_good: impl FnOnce(&Pending) -> bool,
    ) -> Option<Pending> {
        let mut codes = lock(&self.codes);
        let at = codes.iter().position(|(known, expiry, _)| known == code && *expiry > now)?;
        if !is_good(&codes[at].2) {
            return None;
        }
        codes.remove(at).map(|(_, _, pending)| pending)
    }

    /// A refresh token for this grant.
    pub(crate) fn issue_refresh(&self, grant: Grant) -> String {
        let token = random::opaque();
        push(&mut lock(&self.refresh), (token.clone(), grant));
        token
    }

    /// The client's grant behind a refresh token, which stays good.
    pub(crate) fn of_refresh(&self, token: &str, client: &str) -> Option<Grant> {
        let refresh = lock(&self.refresh);
        refresh
            .iter()
            .find(|(known, grant)| known == token && grant.client == client)
            .map(|(_, grant)| grant.clone())
    }

    /// Ends a client's refresh token; whether it was good.
    pub(crate) fn forget_refresh(&self, token: &str, client: &str) -> bool {
        let mut refresh = lock(&self.refresh);
        let at = refresh.iter().position(|(known, grant)| known == token && grant.client == client);
        at.and_then(|at| refresh.remove(at)).is_some()
    }
}

fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() == MAX_KEPT {
        list.pop_front();
    }
    list.push_back(item);
}
