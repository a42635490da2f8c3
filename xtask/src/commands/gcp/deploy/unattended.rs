//! A deploy that nobody looks at and that is certain to write: the lock is acquired beside the rest of the reads.

use std::time::UNIX_EPOCH;

use super::images::Images;
use super::place::Place;
use super::{DEPLOY, Deploy, typed, wanted};
use crate::cli::GcpDeploy;
use crate::commands::gcp::lock::{self, Lock};
use crate::commands::gcp::rollout::{Way, way};
use crate::commands::gcp::state::{Answers, State};
use crate::core::error::Result;

/// Whether a service that is there will get a new revision, or another one the traffic: no answer that is still to come
/// changes that, for it is about who reaches the service.
pub(super) fn is_sure_to_write(place: &Place<'_>, images: &Images, first: &Answers) -> bool {
    let writes = |state: State| {
        let service = place.server().ok()?;
        let live = state.services.get(&service.container.name)?;
        let spec = wanted::spec(place, service, images.get(&service.container.image)?, &state);
        Some(matches!(way(&spec, Some(live)), Way::NewRevision | Way::Newest))
    };
    State::foreseen(place, first).and_then(writes).unwrap_or(false)
}

/// Whether the server's file was changed after the newest version of its secret was made: only then it is worth a gcloud to see
/// what differs, for nobody looks. Where one of the times is not known, it is.
fn is_edited(place: &Place<'_>, first: &Answers) -> bool {
    let made = || {
        let secret = &place.server().ok()?.container.secret.name;
        State::foreseen(place, first)?.secrets.get(secret)?.created
    };
    let changed = || {
        let file = std::fs::metadata(place.server_file()?.path()).ok()?;
        file.modified().ok()?.duration_since(UNIX_EPOCH).ok()
    };
    made().zip(changed()).is_none_or(|(made, changed)| changed > made)
}

/// What another deploy changes (the services) is read once more under the lock, and the plan is made of that.
///
/// Everything is known before the first write, as ever; where it is not, the lock is given back.
pub(super) fn deploy(place: Place<'_>, images: Images, first: Answers, args: &GcpDeploy) -> Result<()> {
    let (context, at_once, json) = (place.context, args.common.at_once, args.common.json);
    let place = Place { compares: is_edited(&place, &first), ..place };
    let names = place.names().clone();
    let asked = place.clone();
    std::thread::scope(|scope| {
        let rest = scope.spawn(|| Answers::rest(&asked, at_once - 1));
        let work = |lock: &Lock<'_>| {
            let first = first.again(&place);
            lock.ahead.start_write();
            let rest = rest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Who had to wait for the lock may have waited for an hour.
            let state = if lock.was_waited_for() {
                State::read(&place, at_once)
            } else {
                State::of(&place, first?.and(rest?))
            };
            let mut deploy = Deploy::new(place, images, state?, true, at_once)?;
            let plan = deploy.plan(DEPLOY);
            if !json {
                context.printer.report(&plan.render());
            }
            // Whoever had the lock before has done it.
            if plan.is_empty() {
                deploy.prove_what_serves()?;
                return Ok((deploy, plan, None));
            }
            deploy.check_ages(args.yes_older)?;
            let after = deploy.bring(lock)?;
            Ok((deploy, plan, Some(after)))
        };
        let command = typed(DEPLOY, args.common.stage);
        let (deploy, plan, after) = lock::under(context, &names, &command, args.lock_wait, work)?;
        deploy.done(&plan, after.as_ref(), json);
        Ok(())
    })
}
