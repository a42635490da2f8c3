//! What `cargo xtask bench` measures the server against, and the two helpers that it measures with. One program, so
//! that it is linked once; each of its servers runs on one thread, as the product does.

mod bare;
mod fresh;
mod plain;
mod stub;

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tokio::net::{TcpListener, TcpStream};

/// What the server is measured against, and with. Everything listens on loopback.
#[derive(Parser)]
struct Cli {
    /// Port to listen on
    #[arg(long, global = true, default_value_t = 0)]
    port: u16,

    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// The bare proxy: parses a body, asks the backend, answers with what that said
    Bare {
        /// Base URL of the backend
        #[arg(long)]
        backend: String,
    },
    /// An MCP server as rmcp's documentation has it: one tool, no authentication
    Plain {
        /// Base URL of the backend
        #[arg(long)]
        backend: String,
    },
    /// A backend that answers from memory
    Stub {
        /// A JSON object: each path's answer
        #[arg(long)]
        answers: PathBuf,
    },
    /// A hop that gives each request a bearer token of its own
    Fresh {
        /// Port that it passes everything on to
        #[arg(long)]
        to: u16,
        /// The tokens, one a line, all as long as the one that requests come with: the first
        #[arg(long)]
        tokens: PathBuf,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, cli.port)).await?;
        match cli.role {
            Role::Bare { backend } => bare::serve(listener, &backend).await,
            Role::Plain { backend } => plain::serve(listener, &backend).await,
            Role::Stub { answers } => stub::serve(listener, &answers).await,
            Role::Fresh { to, tokens } => fresh::serve(listener, to, &tokens).await,
        }
    })
}

/// Where all of them get the workflow from.
fn workflow_url(backend: &str, reference: &str) -> String {
    format!("{backend}/api/v1/mcp/workflows/{reference}/")
}

/// As the product's: no delay before a second packet, no proxy, no redirects.
#[expect(clippy::disallowed_methods, reason = "apart from the product's client")]
fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .build()
}

/// axum leaves Nagle's algorithm on.
fn no_delay(stream: &mut TcpStream) {
    // A connection that is gone already is noticed when it is used.
    let _ = stream.set_nodelay(true);
}
