//! Who and what there is: organisations, users, their tokens and workflows.

mod users;
mod workflows;

use aws_lc_rs::constant_time::verify_slices_are_equal;

pub(crate) use users::User;
pub(crate) use workflows::{Check, Sale, Workflow};

/// An organisation.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
}

/// Everything that does not change while the sandbox runs.
pub(crate) struct World {
    /// API tokens, each with its user's id.
    tokens: Vec<(String, i64)>,
    users: &'static [User],
    orgs: &'static [&'static Org],
    workflows: &'static [Workflow],
}

impl World {
    /// A world in which the demo user has this API token.
    pub(crate) fn new(demo_token: &str) -> Self {
        Self {
            tokens: users::tokens(demo_token),
            users: users::USERS,
            orgs: &workflows::ORGS,
            workflows: workflows::WORKFLOWS,
        }
    }

    /// The active user with this id.
    pub(crate) fn user(&self, id: i64) -> Option<&'static User> {
        self.users.iter().find(|user| user.id == id && user.active)
    }

    /// The active user with this API token. Every token is compared, each in constant time.
    pub(crate) fn user_of_token(&self, presented: &str) -> Option<&'static User> {
        let mut owner = None;
        for (token, id) in &self.tokens {
            if verify_slices_are_equal(token.as_bytes(), presented.as_bytes()).is_ok() {
                owner = Some(*id);
            }
        }
        self.user(owner?)
    }

    /// The organizations that a user has to do with, the newest first; the personal workspace is the oldest.
    pub(crate) fn orgs_of(&self, user: &'static User) -> Vec<&'static Org> {
        let member = |org: &&&'static Org| user.orgs.contains(&org.slug);
        let orgs = self.orgs.iter().rev().filter(member).copied();
        orgs.chain(std::iter::once(&user.workspace)).collect()
    }

    /// Whether there is such an organization, whoever is a member.
    pub(crate) fn has_org(&self, slug: &str) -> bool {
        let workspace = self.users.iter().any(|user| user.workspace.slug == slug);
        workspace || self.workflows.iter().any(|workflow| workflow.org.slug == slug)
    }

    /// The workflows of an organization that a user may see, whether they are for agents or not, the newest first.
    pub(crate) fn seen_in(&self, user: &User, org: &str) -> Vec<&'static Workflow> {
        let seen = |workflow: &&Workflow| workflow.org.slug == org && workflow.visible_to(user);
        self.workflows.iter().rev().filter(seen).collect()
    }

    /// The workflows for agents that a user may see and run, ordered by organisation, name and slug.
    pub(crate) fn visible_to(&self, user: &User) -> impl Iterator<Item = &'static Workflow> {
        let mut visible: Vec<_> = self
            .workflows
            .iter()
            .filter(|workflow| workflow.mcp_enabled && workflow.visible_to(user))
            .collect();
        visible.sort_by_key(|workflow| (workflow.org.name, workflow.name, workflow.slug));
        visible.into_iter()
    }

    /// The workflows that agents without an account see.
    pub(crate) fn open(&self) -> impl Iterator<Item = &'static Workflow> {
        self.workflows.iter().filter(|workflow| workflow.sale != Sale::None)
    }

    /// The workflow with this organisation and slug, if the user may see it.
    pub(crate) fn find(&self, user: &User, org: &str, slug: &str) -> Option<&'static Workflow> {
        self.visible_to(user).find(|workflow| workflow.org.slug == org && workflow.slug == slug)
    }
}
