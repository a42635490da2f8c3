//! What only the sandbox reads.

use crate::{Fallback, HeldIn, Kind, Reader, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] = &[&API_TOKEN];

/// `VALIDIBOT_SANDBOX_API_TOKEN`
pub const API_TOKEN: Variable = Variable {
    name: "VALIDIBOT_SANDBOX_API_TOKEN",
    doc: "API token of the sandbox's demo user",
    held_in: &[HeldIn::Process],
    readers: &[Reader::Sandbox],
    kind: Kind::Text,
    fallback: Fallback::Derived("a token that the sandbox's sources name"),
    required: Required::No,
    secret: true,
    example: "<an API token>",
};
