//! The environment files of the local stack: written on first use, read after that.

use std::path::PathBuf;

use envs::{HeldIn, Variable, oauth, server, tests};

use crate::commands::env::init;
use crate::config::context::Context;
use crate::config::env::{EnvFile, Layers};
use crate::config::stage::Target;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// What the programs of the stack are told.
pub(super) struct Settings {
    /// The server's runtime file.
    pub(super) mcp_file: PathBuf,
    /// The public base URL that the file gives the server, if it gives one.
    pub(super) mcp_base_url: Option<String>,
    /// Proves the server to Validibot.
    pub(super) service_key: Secret,
    /// Of the server's OAuth client; none where OAuth is off.
    pub(super) client_secret: Option<Secret>,
    /// The demo user's.
    pub(super) api_token: Secret,
}

/// Writes the files that are not there yet and says so.
pub(super) fn ensure(context: &Context) -> Result<()> {
    for file in [HeldIn::Mcp, HeldIn::Test] {
        if let Some(path) = init::write_file(context, Target::Local, file)? {
            context.printer.note(&format!(
                "wrote {} with fresh random secrets; edit it as you like: it is never overwritten",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Reads what the programs need.
pub(super) fn read(context: &Context) -> Result<Settings> {
    let mcp = required_file(context, HeldIn::Mcp)?;
    let test = required_file(context, HeldIn::Test)?;
    let from = |file, variable: &Variable| {
        Layers::new(&context.environment, [file]).require(variable).map(|found| found.value)
    };
    let set = |variable: &Variable| {
        let found = Layers::new(&context.environment, [&mcp]).get(variable);
        found.map(|found| found.value).filter(|value| !value.expose().is_empty())
    };
    Ok(Settings {
        mcp_file: mcp.path().to_owned(),
        mcp_base_url: set(&server::MCP_BASE_URL).map(|url| url.expose().to_owned()),
        service_key: from(&mcp, &server::SERVICE_KEY)?,
        client_secret: set(&oauth::CLIENT_SECRET),
        api_token: from(&test, &tests::E2E_TOKEN)?,
    })
}

/// The demo token, if there is one already.
pub(super) fn api_token(context: &Context) -> Result<Option<Secret>> {
    let test = context.tree.read(Target::Local, HeldIn::Test)?;
    Ok(Layers::new(&context.environment, &test).get(&tests::E2E_TOKEN).map(|found| found.value))
}

fn required_file(context: &Context, file: HeldIn) -> Result<EnvFile> {
    context.tree.read(Target::Local, file)?.ok_or_else(|| {
        let path = context.tree.path(Target::Local, file).unwrap_or_default();
        Error::usage(format!("{} does not exist", path.display())).hint("cargo xtask env init local")
    })
}
