//! `.django`, the application's own file beside ours: what both sides must agree on.

use envs::{HeldIn, Variable, deploy, oauth, server};

use crate::context::Context;
use crate::env::{EnvFile, Found};
use crate::stage::Target;

/// Ours and theirs.
const PAIRS: [(&Variable, &str); 6] = [
    (&server::SERVICE_KEY, "VALIDIBOT_MCP_SERVICE_KEY"),
    // The name of Django's setting, which some of its documents give for the variable's.
    (&server::SERVICE_KEY, "MCP_SERVICE_KEY"),
    (&oauth::CLIENT_ID, "IDP_OIDC_MCP_SERVER_CLIENT_ID"),
    (&oauth::CLIENT_SECRET, "IDP_OIDC_MCP_SERVER_CLIENT_SECRET"),
    (&deploy::MCP_API_BASE_URL, "MCP_OIDC_AUDIENCE"),
    (&server::MCP_BASE_URL, "VALIDIBOT_MCP_BASE_URL"),
];

/// Every pair that both sides set, and set differently. Byte for byte: Validibot compares so.
pub(super) fn disagreements(
    context: &Context,
    target: Target,
    ours: &dyn Fn(&Variable) -> Option<Found>,
) -> Vec<String> {
    let Some(theirs) = read(context, target) else { return Vec::new() };
    let mut problems = Vec::new();
    for (variable, name) in PAIRS {
        if let (Some(our), Some(their)) = (ours(variable), theirs.get(name))
            && !our.value.expose().is_empty()
            && our.value != their.value
        {
            problems.push(format!(
                "{}: {} differs from {name} in {}:{}; they must be equal byte for byte",
                our.origin,
                variable.name,
                theirs.path().display(),
                their.line
            ));
        }
    }
    problems
}

/// The names under which the application keeps a value of ours, for a message.
pub(super) fn name_at_validibot(variable: &Variable) -> Option<&'static str> {
    PAIRS.iter().find(|(ours, _)| ours.name == variable.name).map(|(_, theirs)| *theirs)
}

/// The application's file, where it stands beside ours. It is another program's: lines that we would refuse are left out, not complained about.
pub(crate) fn read(context: &Context, target: Target) -> Option<EnvFile> {
    let path = context.tree.path(target, HeldIn::Mcp)?.with_file_name(".django");
    let text = std::fs::read_to_string(&path).ok()?;
    let readable = text.split('\n').map(|line| if envs::file::parse(line).is_ok() { line } else { "" });
    EnvFile::parse(&path, &readable.collect::<Vec<_>>().join("\n")).ok()
}
