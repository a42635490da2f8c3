//! The real server as a black box, against the sandbox.

mod addresses;
mod arguments;
mod auth;
mod bad_input;
mod browsers;
mod echoes;
mod fast_path;
mod gate;
mod journey;
mod mutated;
mod privacy;
mod probe;
mod reaching;
mod settings;
mod streams;
mod surface;
mod telemetry;
mod welcome;

use sandbox::{Sandbox, fixtures};
use suite::mcp::{Client, Era};
use suite::server::Server;

/// A licensed Validibot, a server before it, and a client with the demo user's token.
struct Stack {
    sandbox: Sandbox,
    server: Server,
}

impl Stack {
    async fn start() -> Self {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        let server = Server::for_sandbox(&sandbox).start().await;
        // What start-up asked is of no interest to a test of what comes after.
        sandbox.clear_received();
        Self { sandbox, server }
    }

    fn client(&self, era: Era) -> Client {
        self.server.client(era, fixtures::DEMO_TOKEN)
    }

    /// The paths that Validibot was asked for, in order.
    fn asked(&self) -> Vec<String> {
        self.sandbox
            .received()
            .into_iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}
