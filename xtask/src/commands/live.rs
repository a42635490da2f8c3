//! Which running server a command means, and the credentials for it.

use envs::{HeldIn, Variable, deploy, server, tests};

use crate::commands::local;
use crate::config::context::Context;
use crate::config::env::{EnvFile, Found, Layers};
use crate::config::stage::Target;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// A server that should be running.
#[derive(Debug)]
pub struct Live {
    /// Its public address, with or without `/mcp`.
    pub url: String,
    /// Validibot's own address, where it is known and can be reached from here.
    pub api: Option<String>,
    /// A test user's API token, where there is one.
    pub token: Option<Secret>,
    /// The organisation whose workflows are used, where it matters.
    pub organisation: Option<String>,
}

/// The stage's server.
///
/// The address: what was typed, then `VALIDIBOT_E2E_URL`, then the running local stack's or the one that the stage's
/// files give the server. An address of the command line may be any server's: then no address of Validibot is assumed.
pub fn find(context: &Context, stage: Target, typed: Option<&str>) -> Result<Live> {
    let test = context.tree.read(stage, HeldIn::Test)?;
    let layers = Layers::new(&context.environment, test.as_ref());
    let token = written(&layers, &tests::E2E_TOKEN).map(|found| found.value);
    let organisation = written(&layers, &tests::E2E_ORG_SLUG).map(|found| found.value.expose().to_owned());
    if let Some(url) = typed {
        return Ok(Live { url: url.to_owned(), api: None, token, organisation });
    }
    let stack = if stage == Target::Local { local::running(context)? } else { None };
    let named = written(&layers, &tests::E2E_URL).map(|found| found.value.expose().to_owned());
    // A stack of ours that runs on another port is meant all the same where the file has only the usual one.
    let usual = named.as_deref() == Some(tests::E2E_URL.example);
    let url = match (&stack, named) {
        (Some(stack), None) => stack.mcp_url.clone(),
        (Some(stack), Some(_)) if usual => stack.mcp_url.clone(),
        (_, Some(named)) => named,
        (None, None) => configured(context, stage)?,
    };
    let ours = stack.filter(|stack| stack.mcp_url == url);
    let api = match ours {
        Some(stack) => Some(stack.api_url),
        None => public_api(context, stage)?,
    };
    Ok(Live { url, api, token, organisation })
}

/// What the stage's files say that clients use.
fn configured(context: &Context, stage: Target) -> Result<String> {
    let files = files(context, stage)?;
    let found = written(&Layers::new(&context.environment, &files), &server::MCP_BASE_URL);
    if let Some(found) = found {
        return Ok(found.value.expose().to_owned());
    }
    let test = context.tree.path(stage, HeldIn::Test).unwrap_or_default();
    let error = Error::usage("the server's address is unknown").hint(format!(
        "write {}=<the server's address> into {}",
        tests::E2E_URL.name,
        test.display()
    ));
    Err(if stage == Target::Local {
        error.hint("or start the local stack: ENABLE_MCP_SERVER=true cargo xtask local up --pro")
    } else {
        error
    })
}

/// Validibot's address of a stage on Google Cloud; elsewhere it is one inside the machine.
fn public_api(context: &Context, stage: Target) -> Result<Option<String>> {
    if !matches!(stage, Target::GoogleCloud(_)) {
        return Ok(None);
    }
    let files = files(context, stage)?;
    let found = written(&Layers::new(&context.environment, &files), &deploy::MCP_API_BASE_URL);
    Ok(found.map(|found| found.value.expose().to_owned()))
}

fn files(context: &Context, stage: Target) -> Result<Vec<EnvFile>> {
    let read = |file| context.tree.read(stage, file).transpose();
    [HeldIn::Build, HeldIn::Mcp].into_iter().filter_map(read).collect()
}

/// A value that is set: neither empty nor the template's placeholder.
pub(crate) fn written(layers: &Layers<'_>, variable: &Variable) -> Option<Found> {
    let found = layers.get(variable)?;
    let text = found.value.expose().trim();
    let real = !text.is_empty() && !Variable::is_placeholder(text);
    real.then_some(found)
}
