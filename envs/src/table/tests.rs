//! What the suites read.

use crate::{Fallback, HeldIn, Kind, Place, Reader, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] =
    &[&E2E_URL, &E2E_TOKEN, &E2E_ORG_SLUG, &E2E_WORKFLOW, &E2E_GOOD_FILE, &E2E_BAD_FILE, &REQUIRE_ALL_TESTS];

/// `VALIDIBOT_E2E_URL`
pub const E2E_URL: Variable = Variable {
    name: "VALIDIBOT_E2E_URL",
    doc: "The live server that test-e2e checks",
    held_in: &[HeldIn::Test],
    readers: &[Reader::Xtask],
    kind: Kind::Url,
    fallback: Fallback::Derived("the running local stack"),
    example: "http://localhost:8001",
    example_in: &[
        (Place::SelfHosted, "https://mcp.example.com"),
        (Place::GoogleCloud, "https://mcp.example.com"),
    ],
    active_in: &Place::ALL,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_E2E_TOKEN`
pub const E2E_TOKEN: Variable = Variable {
    name: "VALIDIBOT_E2E_TOKEN",
    doc: "API token for test-e2e and for the proof of a deploy",
    kind: Kind::Text,
    fallback: Fallback::Nothing,
    required: Required::When("test-e2e runs against another server than the local stack"),
    secret: true,
    example: "<an API token of a test user>",
    example_in: &[],
    ..E2E_URL
};

/// `VALIDIBOT_E2E_ORG_SLUG`
pub const E2E_ORG_SLUG: Variable = Variable {
    name: "VALIDIBOT_E2E_ORG_SLUG",
    doc: "The organisation whose workflows test-e2e uses",
    kind: Kind::Text,
    fallback: Fallback::Derived("the first organisation that the token can see"),
    example: "acme",
    example_in: &[],
    // The stand-in's; elsewhere the default finds one.
    active_in: &[Place::Local],
    ..E2E_URL
};

/// `VALIDIBOT_E2E_WORKFLOW`
pub const E2E_WORKFLOW: Variable = Variable {
    name: "VALIDIBOT_E2E_WORKFLOW",
    doc: "Slug of the workflow that test-e2e uses",
    kind: Kind::Text,
    fallback: Fallback::Derived("the organisation's first"),
    example: "energy-model",
    example_in: &[],
    // The samples are the stand-in's: which files pass elsewhere is unknown.
    active_in: &[Place::Local],
    ..E2E_URL
};

/// `VALIDIBOT_E2E_GOOD_FILE`
pub const E2E_GOOD_FILE: Variable = Variable {
    name: "VALIDIBOT_E2E_GOOD_FILE",
    doc: "Path of a file that the workflow must pass, from the workspace's folder",
    kind: Kind::Text,
    fallback: Fallback::Derived("a few bytes of an accepted type, for which any verdict passes"),
    example: "tests/sandbox/samples/good-energy-model.json",
    ..E2E_WORKFLOW
};

/// `VALIDIBOT_E2E_BAD_FILE`
pub const E2E_BAD_FILE: Variable = Variable {
    name: "VALIDIBOT_E2E_BAD_FILE",
    doc: "Path of a file that the workflow must fail with findings, from the workspace's folder",
    kind: Kind::Text,
    fallback: Fallback::Derived("none: that step is skipped"),
    example: "tests/sandbox/samples/bad-energy-model.json",
    ..E2E_WORKFLOW
};

/// `VALIDIBOT_REQUIRE_ALL_TESTS`
pub const REQUIRE_ALL_TESTS: Variable = Variable {
    name: "VALIDIBOT_REQUIRE_ALL_TESTS",
    doc: "Turns a skipped test into a failure; CI sets it",
    held_in: &[HeldIn::Process],
    readers: &[Reader::Suite],
    kind: Kind::Switch,
    fallback: Fallback::Value("false"),
    ..Variable::OPTIONAL
};
