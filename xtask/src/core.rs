//! What every other module may use: errors and exit codes, secrets, commands as data and their execution, the terminal.

pub mod ask;
pub mod command;
pub mod environment;
pub mod error;
pub mod exit;
pub mod interrupt;
pub mod output;
pub mod process;
pub mod runner;
pub mod secret;
pub mod time;
