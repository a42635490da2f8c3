//! Much at once: memory stays bounded, and every call is done, or refused in a way that a client can act on.

mod hidden;
mod hostile;
mod lists;
mod long;
mod reports;
mod shares;
mod structure;
mod uploads;

use sandbox::{Builder, Sandbox, fixtures};
use suite::server::Server;

/// A Validibot without a throttle that would get in the way, and a server before it.
async fn start(builder: Builder) -> (Sandbox, Server) {
    let sandbox = builder.throttle(1_000_000).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    // Chain 1's answer is remembered from here on.
    server.client(suite::mcp::Era::Legacy, fixtures::DEMO_TOKEN).hello().await;
    sandbox.clear_received();
    (sandbox, server)
}
