//! What the token's contract knows, and the blocks that it happened in: one every two seconds, as on Base.

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::fixtures;

/// Seconds from one block to the next.
const PACE: u64 = 2;

/// One transfer of the token by authorization (EIP-3009).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The transaction's hash.
    pub transaction: String,
    /// Who paid.
    pub from: String,
    /// Who was paid.
    pub to: String,
    /// How much, in the token's smallest unit.
    pub value: u64,
    /// The authorization's nonce.
    pub nonce: String,
    pub(super) block: u64,
    pub(super) contract: String,
}

/// Every transfer, and those that wait to be mined.
#[derive(Default)]
pub(super) struct Book {
    mined: Vec<Transfer>,
    pending: Vec<Transfer>,
}

impl Book {
    /// Now, in seconds since the Unix epoch.
    pub(super) fn now() -> u64 {
        u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default()
    }

    pub(super) fn latest() -> u64 {
        Self::now() / PACE
    }

    pub(super) const fn timestamp(block: u64) -> u64 {
        block * PACE
    }

    pub(super) fn transfers(&self) -> Vec<Transfer> {
        self.mined.clone()
    }

    /// The transfer that used this authorization.
    pub(super) fn used(&self, from: &str, nonce: &str) -> Option<&Transfer> {
        self.mined.iter().find(|transfer| transfer.is(from, nonce))
    }

    /// The transfer that is about to use it.
    pub(super) fn waiting(&self, from: &str, nonce: &str) -> Option<&Transfer> {
        self.pending.iter().find(|transfer| transfer.is(from, nonce))
    }

    /// Takes an authorization that nobody has used.
    pub(super) fn transfer(&mut self, from: &str, nonce: &str, to: &str, value: u64, mined: bool) -> String {
        let transaction = hash(&[from, nonce]);
        let transfer = Transfer {
            transaction: transaction.clone(),
            from: from.to_ascii_lowercase(),
            to: to.to_ascii_lowercase(),
            value,
            nonce: nonce.to_ascii_lowercase(),
            block: Self::latest(),
            contract: fixtures::ASSET.to_ascii_lowercase(),
        };
        if mined { &mut self.mined } else { &mut self.pending }.push(transfer);
        transaction
    }

    /// One that is mined in the block of this time.
    pub(super) fn transfer_at(&mut self, from: &str, nonce: &str, to: &str, value: u64, time: u64) {
        self.transfer(from, nonce, to, value, true);
        if let Some(transfer) = self.mined.last_mut() {
            transfer.block = time / PACE;
        }
    }

    pub(super) fn mine(&mut self) {
        let block = Self::latest();
        self.mined.extend(self.pending.drain(..).map(|transfer| Transfer { block, ..transfer }));
    }
}

impl Transfer {
    fn is(&self, from: &str, nonce: &str) -> bool {
        self.from.eq_ignore_ascii_case(from) && self.nonce.eq_ignore_ascii_case(nonce)
    }
}

/// A hash that no other parts have.
pub(super) fn hash(parts: &[&str]) -> String {
    let text = parts.join("|").to_ascii_lowercase();
    format!("0x{}", crate::hex::hex(&Sha256::digest(text)))
}
