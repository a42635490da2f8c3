//! What this program needs to look at a server from outside, as a client does: HTTP, and MCP over it.
//!
//! Nothing here reads the server's settings: only what anybody can see from the network counts.

mod address;
mod connect;
mod http;
mod mcp;
mod tools;

pub(crate) use self::address::server_address;
pub(crate) use self::connect::{Connection, connect};
pub(crate) use self::http::{Answer, DEADLINE, Http, Trouble};
pub(crate) use self::mcp::{Failure, Mcp};
pub(crate) use self::tools::{File, Tools, explain};
