//! The users and their API tokens.

use super::Org;
use crate::fixtures::{self, ACME, NORTHWIND, WORKSHOP};

/// A user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) email: &'static str,
    pub(crate) name: &'static str,
    pub(crate) active: bool,
    /// Slugs of the organisations that the user is a member of.
    pub(crate) orgs: &'static [&'static str],
    /// The personal workspace that everybody has: an organization of its own (contract of 0.16, B2).
    pub(crate) workspace: Org,
}

pub(crate) const USERS: &[User] = &[
    User {
        id: fixtures::DEMO_USER_ID,
        email: fixtures::DEMO_EMAIL,
        name: "Demo User",
        active: true,
        orgs: &[ACME, NORTHWIND],
        workspace: Org { slug: "demo-user", name: "Demo User's workspace" },
    },
    User {
        id: fixtures::SECOND_USER_ID,
        email: "second@example.com",
        // Names may be empty (contract, A2).
        name: "",
        active: true,
        orgs: &[ACME],
        workspace: Org { slug: "second", name: "second's workspace" },
    },
    User {
        id: fixtures::MODELLER_USER_ID,
        email: "modeller@example.com",
        name: "Modeller",
        active: true,
        orgs: &[WORKSHOP],
        workspace: Org { slug: "modeller", name: "Modeller's workspace" },
    },
    User {
        id: fixtures::INACTIVE_USER_ID,
        email: "former@example.com",
        name: "Former User",
        active: false,
        orgs: &[ACME],
        workspace: Org { slug: "former", name: "Former's workspace" },
    },
];

/// The tokens that are not revoked, each with its user's id.
pub(crate) fn tokens(demo_token: &str) -> Vec<(String, i64)> {
    vec![
        (demo_token.to_owned(), fixtures::DEMO_USER_ID),
        (fixtures::LEGACY_TOKEN.to_owned(), fixtures::DEMO_USER_ID),
        (fixtures::SECOND_TOKEN.to_owned(), fixtures::SECOND_USER_ID),
        (fixtures::MODELLER_TOKEN.to_owned(), fixtures::MODELLER_USER_ID),
        (fixtures::INACTIVE_TOKEN.to_owned(), fixtures::INACTIVE_USER_ID),
    ]
}
