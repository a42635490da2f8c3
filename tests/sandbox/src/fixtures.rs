//! What every sandbox knows: names, tokens and sample files. None of it is secret.

use crate::refs;

/// The demo user's API token, unless the builder says another.
pub const DEMO_TOKEN: &str =
    "vbk_1_5a9d0b0c5a9d0b0c5a9d0b0c5a9d0b0c_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The demo user's token in the older form of 40 hexadecimal digits.
pub const LEGACY_TOKEN: &str = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
/// The second user's API token.
pub const SECOND_TOKEN: &str =
    "vbk_1_5ec04d005ec04d005ec04d005ec04d00_ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
/// The modeller's API token.
pub const MODELLER_TOKEN: &str =
    "vbk_1_0b1ec7000b1ec7000b1ec7000b1ec700_89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567";
/// The API token of a user who is not active any more: always refused.
pub const INACTIVE_TOKEN: &str =
    "vbk_1_0ff00ff00ff00ff00ff00ff00ff00ff0_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// An API token that was revoked: always refused.
pub const REVOKED_TOKEN: &str =
    "vbk_1_dead0000dead0000dead0000dead0000_fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// The shared key of the MCP server, unless the builder says another.
pub const SERVICE_KEY: &str = "sandbox-service-key";

/// The demo user's id: the `sub` of her tokens. She is a member of both organisations.
pub const DEMO_USER_ID: i64 = 2;
/// The demo user's e-mail address.
pub const DEMO_EMAIL: &str = "demo@example.com";
/// The second user's id. She is a member of [`ACME`] alone, and sees [`HIDDEN_WORKFLOW`].
pub const SECOND_USER_ID: i64 = 3;
/// The modeller's id. She is a member of [`WORKSHOP`] alone.
pub const MODELLER_USER_ID: i64 = 5;
/// The id of a user who is not active any more.
pub const INACTIVE_USER_ID: i64 = 4;

/// The demo user's password, for the login page.
pub const DEMO_PASSWORD: &str = "demo-password";

/// Id of the MCP server's client at the OpenID provider: confidential, and without a consent page.
pub const MCP_CLIENT_ID: &str = "validibot-mcp-server";
/// Id of Claude's client: public, with PKCE and a consent page.
pub const CLAUDE_CLIENT_ID: &str = "validibot-claude-desktop";

/// Slug of the first organisation.
pub const ACME: &str = "acme";
/// Slug of the second organisation.
pub const NORTHWIND: &str = "northwind";

/// Slug of the workflow that checks a building-energy model; both organisations have it.
pub const ENERGY_MODEL: &str = "energy-model";
/// Slug of the workflow that checks a CSV table; both organisations have it.
pub const SENSOR_TABLE: &str = "sensor-table";
/// Slug of the slow workflow; [`ACME`] has it.
pub const ANNUAL_SIMULATION: &str = "annual-simulation";
/// Slug of the workflow in [`ACME`] that the demo user may not see.
pub const HIDDEN_WORKFLOW: &str = "board-report";

/// Slug of the workflow in [`ACME`] that is not for agents.
pub const FOR_PEOPLE: &str = "acceptance";

/// Slug of the organisation whose workflows take the files of modellers.
pub const WORKSHOP: &str = "workshop";
/// Slug of the workflow in [`WORKSHOP`] that reads an `EnergyPlus` model.
pub const WHOLE_BUILDING: &str = "whole-building";
/// Slug of the workflow in [`WORKSHOP`] that takes any text file.
pub const TEXT_DOCUMENT: &str = "text-document";
/// Slug of the workflow in [`WORKSHOP`] that takes any XML file.
pub const XML_DOCUMENT: &str = "xml-document";
/// Slug of the workflow in [`WORKSHOP`] that takes files of every type.
pub const ANY_DOCUMENT: &str = "any-document";

/// Slug of the organisation without members, whose workflows are for agents that pay.
pub const OPEN_LAB: &str = "open-lab";
/// Slug of the workflow in [`OPEN_LAB`] that is free, and so not for sale.
pub const FREE_WORKFLOW: &str = "free-energy-model";
/// Slug of the workflow in [`OPEN_LAB`] that has a price and is not published.
pub const DRAFT_WORKFLOW: &str = "draft-energy-model";
/// What [`ENERGY_MODEL`] costs in [`OPEN_LAB`], in US cents.
pub const ENERGY_MODEL_CENTS: i64 = 10;
/// What [`SENSOR_TABLE`] costs there.
pub const SENSOR_TABLE_CENTS: i64 = 5;
/// What [`ANNUAL_SIMULATION`] costs there.
pub const ANNUAL_SIMULATION_CENTS: i64 = 10;

/// The wallet that agents pay.
pub const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
/// The network that they pay on: Base's testnet.
pub const NETWORK: &str = "eip155:84532";
/// The token that they pay with: USDC there.
pub const ASSET: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

/// Stands in every scripted HTML page, so that a test can show that no foreign body leaks.
pub const HTML_MARKER: &str = "scripted-page-of-the-sandbox";

/// A number in the `input_schema` and in a constant of [`ENERGY_MODEL`], beyond every machine integer.
pub const LONG_NUMBER: &str = "12345678901234567890123";
/// Another one there, whose last zero a careless decoder drops.
pub const DECIMAL_NUMBER: &str = "1.10";

/// An energy model that passes [`ENERGY_MODEL`], and [`ANNUAL_SIMULATION`] too.
pub const GOOD_ENERGY_MODEL: &[u8] = include_bytes!("../samples/good-energy-model.json");
/// An energy model with four findings of its schema.
pub const BAD_ENERGY_MODEL: &[u8] = include_bytes!("../samples/bad-energy-model.json");
/// A CSV table that passes [`SENSOR_TABLE`].
pub const GOOD_TABLE: &[u8] = include_bytes!("../samples/good-table.csv");
/// A CSV table with findings in four cells.
pub const BAD_TABLE: &[u8] = include_bytes!("../samples/bad-table.csv");

/// The reference of a workflow, existing or not.
pub fn workflow_ref(org: &str, workflow: &str) -> String {
    refs::workflow_ref(org, workflow)
}

/// The reference of a run, existing or not.
pub fn run_ref(org: &str, run_id: uuid::Uuid) -> String {
    refs::run_ref(org, run_id)
}
