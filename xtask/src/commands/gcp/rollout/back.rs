//! Going back to a revision that is there.

use super::{Phase, Rollout};
use crate::commands::gcp::service::{CANDIDATE, History, Live, Manifest, Target, Template};
use crate::core::error::{Error, Result};

/// Where to go back to.
pub(crate) struct Back<'a> {
    /// The revision.
    pub(crate) revision: &'a str,
    /// Whether it has served, after a proof. Another one is proven before it gets traffic.
    pub(crate) has_served: bool,
    /// What the service is to remember of what is gone back from.
    pub(crate) blame: History,
    /// The same, and that this one serves.
    pub(crate) served: History,
    /// Whether the traffic stays there whatever the proof of the public address says.
    pub(crate) stay: bool,
}

impl Rollout<'_> {
    /// All traffic to the revision; the service as it is then.
    pub(crate) fn back(&self, live: &Live, to: &Back<'_>) -> Result<Live> {
        let there = live.serving() == Some(to.revision) && !live.floating;
        let after = if there { live.clone() } else { self.move_back(live, to)? };
        if let Err(error) = self.public_proof(&after) {
            let moved = if there { None } else { Some(live) };
            return Err(self.not_there(moved, &after, to, error));
        }
        if after.history == to.served {
            Ok(after)
        } else {
            self.note_down(&after, to.revision, to.served.clone())
        }
    }

    fn move_back(&self, live: &Live, to: &Back<'_>) -> Result<Live> {
        let start = if to.has_served { live.clone() } else { self.proven(live, to.revision)? };
        let history = if to.has_served { &to.served } else { &to.blame };
        self.write(
            Phase::Traffic,
            &moving(self.service, &start, vec![Target::whole(to.revision)], history),
            None,
        )
    }

    /// The revision at an address of its own, where it has passed its proof.
    fn proven(&self, live: &Live, revision: &str) -> Result<Live> {
        let tagged = live.candidate().is_some_and(|target| target.revision == revision);
        let candidate = if tagged {
            live.clone()
        } else {
            let mut traffic = live.shares();
            traffic.push(Target::tagged(revision, CANDIDATE));
            self.write(Phase::Candidate, &moving(self.service, live, traffic, &live.history), Some(revision))?
        };
        self.prove(live, &candidate).map_err(|error| self.unfit(error, revision))?;
        Ok(candidate)
    }

    /// The public address does not pass its proof: the traffic goes back to where it was, unless somebody wants it here.
    fn not_there(&self, before: Option<&Live>, after: &Live, to: &Back<'_>, error: Error) -> Error {
        let stage = self.names.stage();
        let stays = format!("the traffic is at {}", to.revision);
        let Some(before) = before.filter(|_| !to.stay) else {
            return error.cause(stays).hint(format!("other revisions: cargo xtask gcp releases {stage}"));
        };
        self.context.printer.warn("the public address does not pass its proof: the traffic goes back");
        let back = moving(self.service, after, before.shares(), &before.history);
        match self.write(Phase::Return, &back, None) {
            Ok(_) => self
                .explained(error, Some(to.revision), "the traffic is back where it was")
                .hint("to go there whatever the proof says: add --stay"),
            Err(back) => error
                .causes([format!("and the traffic could not be sent back: {back}")])
                .cause(stays)
                .hint(format!("what is there: cargo xtask gcp releases {stage}")),
        }
    }
}

fn moving<'a>(service: &'a str, live: &'a Live, traffic: Vec<Target>, history: &History) -> Manifest<'a> {
    Manifest {
        name: service,
        live: Some(live),
        template: Template::Kept,
        service: None,
        traffic,
        history: Some(history.clone()),
    }
}
