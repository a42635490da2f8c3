//! What an attack costs the members: their calls and sign-ins on one instance, in quiet and then as long beside all that
//! strangers can hold on to at once.

mod figures;
mod members;
mod strangers;

use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use suite::hostile::Strength;
use suite::memory::Memory;
use suite::skip::say;

use self::members::Members;
use self::strangers::Strangers;

/// All of it at once.
const STRENGTH: Strength = Strength::WHOLE;
/// Descriptors that this process needs beside the strangers' own.
const OTHERS: u64 = 1000;
/// Caches are filled, and connections to the stand-ins open.
const WARM_UP: Duration = Duration::from_secs(5);

/// Whether the members noticed little enough; an error where the attack could not be mounted.
pub(crate) async fn run(length: Duration) -> Result<bool, String> {
    make_room()?;
    let members = Arc::new(Members::arrive().await);
    members.traffic(WARM_UP).await;
    let Strength { forms, uploads, calls, windows, streams, heads } = STRENGTH;
    say(&format!("in quiet for {} s", length.as_secs()));
    let quiet = members.traffic(length).await;
    let before = Memory::of(members.server_pid());
    let attack = Strangers::begin(members.base(), STRENGTH).await?;
    say(&format!(
        "attacked for {} s: {forms} half-sent sign-in bodies, {uploads} made-up uploads, {calls} dripping calls, {windows} \
         connections of {streams} streams without a window, {heads} half heads",
        length.as_secs()
    ));
    let attacked = members.traffic(length).await;
    drop(attack);
    let verdict = figures::compare(&quiet, &attacked);
    let peak = Memory::of(members.server_pid()).peak;
    say(&verdict.text);
    say(&format!(
        "the server's memory at its highest: {:.1} MB in quiet, {:.1} MB attacked",
        megabytes(before.peak),
        megabytes(peak)
    ));
    Ok(verdict.good)
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = bytes as f64;
    bytes / 1e6
}

/// Both ends are processes of this machine, and a connection is a descriptor of each.
fn make_room() -> Result<(), String> {
    let needed = u64::try_from(STRENGTH.connections()).map_err(|error| error.to_string())? + OTHERS;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if hard < needed {
        return Err(format!(
            "the attack needs {needed} open files, and this process may have {hard}: ulimit -Hn"
        ));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|error| error.to_string())
}
