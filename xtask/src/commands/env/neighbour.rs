//! `.django`, the application's own file beside ours: what both sides must agree on.

use envs::{HeldIn, Variable, deploy, oauth, server};

use super::problem::{Fault, Problem};
use crate::config::context::Context;
use crate::config::env::{Entry, EnvFile, Found, Location};
use crate::config::stage::Target;

/// A value that both sides have to have.
struct Pair {
    ours: &'static Variable,
    /// The names under which the application reads it, the usual one first.
    theirs: &'static [&'static str],
    /// What the application takes where it is not told (contract, sections c and d).
    default: Option<&'static str>,
    needed: Needed,
}

/// When a value that we have has to be in the application's file, too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    /// Wherever we have it.
    Always,
    /// Where users sign in; on Google Cloud a deploy of the web application writes it into the service instead.
    ForSignIn,
    /// A deploy writes it into the web application's service.
    Never,
}

const PAIRS: [Pair; 5] = [
    Pair {
        ours: &server::SERVICE_KEY,
        // The second is Django's setting, which some of the application's documents give for the variable.
        theirs: &["VALIDIBOT_MCP_SERVICE_KEY", "MCP_SERVICE_KEY"],
        default: None,
        needed: Needed::Always,
    },
    Pair {
        ours: &oauth::CLIENT_ID,
        theirs: &["IDP_OIDC_MCP_SERVER_CLIENT_ID"],
        default: Some("validibot-mcp-server"),
        needed: Needed::Always,
    },
    Pair {
        ours: &oauth::CLIENT_SECRET,
        theirs: &["IDP_OIDC_MCP_SERVER_CLIENT_SECRET"],
        default: None,
        needed: Needed::Always,
    },
    Pair {
        ours: &deploy::MCP_API_BASE_URL,
        theirs: &["MCP_OIDC_AUDIENCE"],
        default: None,
        needed: Needed::Never,
    },
    Pair {
        ours: &server::MCP_BASE_URL,
        theirs: &["VALIDIBOT_MCP_BASE_URL"],
        default: Some("http://localhost:8001"),
        needed: Needed::ForSignIn,
    },
];

/// Every pair that the two sides do not have alike. Byte for byte: Validibot compares so.
pub(super) fn disagreements(
    context: &Context,
    target: Target,
    ours: &dyn Fn(&Variable) -> Option<Found>,
) -> Vec<Problem> {
    let Some(theirs) = read(context, target) else { return Vec::new() };
    let set = |variable: &Variable| ours(variable).filter(|found| !found.value.expose().trim().is_empty());
    let sign_in = set(&oauth::CLIENT_SECRET).is_some();
    let mut problems = placeholders(&theirs);
    for pair in &PAIRS {
        let their: Vec<_> = pair.theirs.iter().filter_map(|name| entry(&theirs, name)).collect();
        let our = set(pair.ours);
        match (&our, their.is_empty()) {
            (Some(our), false) => {
                let different = their.into_iter().filter(|their| their.value != our.value);
                problems.extend(different.map(|their| differs(pair, our, &theirs, their)));
            }
            (Some(our), true) => problems.extend(only_ours(pair, our, &theirs, target, sign_in)),
            (None, _) => {
                problems.extend(their.first().and_then(|their| only_theirs(pair, &theirs, their)));
            }
        }
    }
    problems
}

fn differs(pair: &Pair, our: &Found, theirs: &EnvFile, their: &Entry) -> Problem {
    Problem::of(Fault::Differs(their.name.clone(), theirs.at(their)), our.origin.clone(), pair.ours.name)
}

/// We have a value of which the application knows nothing.
fn only_ours(pair: &Pair, our: &Found, theirs: &EnvFile, target: Target, sign_in: bool) -> Option<Problem> {
    let needed = match pair.needed {
        Needed::Always => true,
        Needed::ForSignIn => sign_in && !matches!(target, Target::GoogleCloud(_)),
        Needed::Never => false,
    };
    if !needed || pair.default == Some(our.value.expose()) {
        return None;
    }
    let file = Location::file(theirs.path());
    let fault = Fault::OnlyHere { theirs: pair.theirs[0], file, default: pair.default };
    Some(Problem::of(fault, our.origin.clone(), pair.ours.name))
}

/// The application has a value of which we know nothing. What we cannot do without is reported as missing already.
fn only_theirs(pair: &Pair, theirs: &EnvFile, their: &Entry) -> Option<Problem> {
    if pair.ours.name != oauth::CLIENT_SECRET.name {
        return None;
    }
    Some(Problem::of(Fault::OnlyThere(pair.ours.name), theirs.at(their), &their.name))
}

/// Values of pairs that are still a template's text.
fn placeholders(theirs: &EnvFile) -> Vec<Problem> {
    let names = PAIRS.iter().flat_map(|pair| pair.theirs);
    names
        .filter_map(|name| entry(theirs, name))
        .filter(|entry| Variable::is_placeholder(entry.value.expose()))
        .map(|entry| Problem::of(Fault::Placeholder, theirs.at(entry), &entry.name))
        .collect()
}

fn entry<'a>(file: &'a EnvFile, name: &str) -> Option<&'a Entry> {
    file.get(name).filter(|entry| !entry.value.expose().trim().is_empty())
}

/// The name under which the application keeps a value of ours, for a message.
pub(super) fn name_at_validibot(variable: &Variable) -> Option<&'static str> {
    PAIRS.iter().find(|pair| pair.ours.name == variable.name).map(|pair| pair.theirs[0])
}

/// The application's file, where it stands beside ours. It is another program's: lines that we would refuse are left out, not
/// complained about.
pub(crate) fn read(context: &Context, target: Target) -> Option<EnvFile> {
    let path = context.tree.path(target, HeldIn::Mcp)?.with_file_name(".django");
    let text = std::fs::read_to_string(&path).ok()?;
    let readable = text.split('\n').map(|line| if envs::file::parse(line).is_ok() { line } else { "" });
    EnvFile::parse(&path, &readable.collect::<Vec<_>>().join("\n")).ok()
}
