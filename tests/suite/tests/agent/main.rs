//! What an agent sees: results that lead, findings by the page, uploads by ticket, resources.

mod backends;
mod compare;
mod cut;
mod files;
mod findings;
mod lists;
mod once;
mod pages;
mod resources;
mod transcript;
mod uploads;
mod versions;
mod view;

use sandbox::{Sandbox, fixtures};
use suite::mcp::{Client, Era};
use suite::server::{Builder, Server};

/// 32 bytes in base64, made for these tests.
const SEAL_KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A server with a key ring, on a base URL that is its own: uploads come back to it.
fn server(sandbox: &Sandbox) -> Builder {
    Server::for_sandbox(sandbox).env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS).on_its_own_base_url()
}

/// The same, whichever way the suite is run: for answers that are put in the place of the helper API's.
fn by_helper(sandbox: &Sandbox) -> Builder {
    server(sandbox).env("VALIDIBOT_BACKEND", "helper")
}

fn client(server: &Server, era: Era) -> Client {
    server.client(era, fixtures::DEMO_TOKEN)
}
