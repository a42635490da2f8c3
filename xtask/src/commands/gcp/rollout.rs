//! Bringing a revision into service: a candidate without traffic, its proof, the traffic, the public address.
//!
//! For any service. Each step begins by looking at what is there, so that the same command goes on after an
//! interruption. Whatever fails: the traffic stays where it was, or returns, and the error says in which phase.

mod absence;
mod access;
mod back;
mod logs;
mod phase;
mod record;
mod spreading;

pub(crate) use absence::{contradiction, is_not_there};
pub(crate) use access::{Access, access};
pub(crate) use back::Back;
pub(crate) use phase::Phase;
pub(crate) use record::{history, unrecorded};

use super::lock::Lock;
use super::service::{Ingress, Live, Manifest, Spec, Target, Template, difference};
use super::side_by_side::both;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::core::secret::random_hex;
use crate::tools::gcloud::{self, run};

/// Asks what answers at an address whether it is fit for traffic; an error says what is wrong.
pub(crate) type Proof<'a> = &'a dyn Fn(&str) -> Result<()>;

/// Everything needed to bring one service where it is wanted.
pub(crate) struct Rollout<'a> {
    /// The surroundings.
    pub(crate) context: &'a Context,
    /// The stage.
    pub(crate) names: &'a Names,
    /// Verified before every write.
    pub(crate) lock: &'a Lock<'a>,
    /// The service's name.
    pub(crate) service: &'a str,
    /// What is wanted.
    pub(crate) spec: &'a Spec,
    /// Whether everybody may call it.
    pub(crate) access: Access,
    /// Who may call it now, where that has been read; what is as wanted is not read again.
    pub(crate) found: Option<Access>,
    /// What every new revision's name says of its image, such as a short commit; lower-case letters and digits.
    pub(crate) mark: &'a str,
    /// How it is proven over HTTP; `None` where the startup probe is all there is.
    pub(crate) proof: Option<Proof<'a>>,
    /// Whether the revision is one to go back to later: one that is closed for maintenance is not.
    pub(crate) remembered: bool,
    /// Where users reach it where its own address does not answer them (a load balancer's ingress).
    pub(crate) public_url: Option<&'a str>,
}

/// What a rollout has to do, worked out from what is wanted and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everything is as wanted.
    Nothing,
    /// There is nothing that could serve meanwhile: the new revision gets everything at once.
    First,
    /// A new revision, proven before it gets traffic.
    NewRevision,
    /// The newest revision is the wanted one and is not what serves: it is proven, then it gets the traffic.
    Newest,
    /// Only the service's own settings or a left-over tag.
    Settings,
}

/// Which way leads from `live` to `spec`.
pub(crate) fn way(spec: &Spec, live: Option<&Live>) -> Way {
    let Some(live) = live.filter(|live| !live.shares().is_empty()) else { return Way::First };
    let other = |from: &Spec| difference(from, spec).iter().any(|field| field.revision);
    let (serving, newest) = (live.serving(), live.newest.as_deref());
    let known = live.compares_what_serves() && !live.floating;
    let up = serving != newest || live.newest_is_ready();
    if known && up && !other(live.serving_spec()) {
        let settled = difference(live.serving_spec(), spec).is_empty() && live.candidate().is_none();
        return if settled { Way::Nothing } else { Way::Settings };
    }
    if other(&live.spec) || !live.newest_is_ready() {
        return Way::NewRevision;
    }
    // A revision that somebody made by hand is proven as one of ours, and does not get the traffic as it is.
    if live.newest_is_ours() || serving == newest { Way::Newest } else { Way::NewRevision }
}

impl Rollout<'_> {
    /// Does what is to do; the service as it is then.
    pub(crate) fn run(&self, live: Option<&Live>) -> Result<Live> {
        match (way(self.spec, live), live) {
            (Way::First, _) | (_, None) => self.first(live),
            (Way::NewRevision, Some(live)) => {
                let revision = self.new_name()?;
                let candidate = self.tag(live, Template::New(self.spec, &revision), &revision)?;
                self.promote(live, &candidate, &revision)
            }
            (Way::Newest, Some(live)) => {
                let newest = live.newest.clone().unwrap_or_default();
                let tagged = live.candidate().is_some_and(|target| target.revision == newest);
                let candidate = if tagged { live.clone() } else { self.tag(live, Template::Kept, &newest)? };
                self.promote(live, &candidate, &newest)
            }
            (Way::Settings, Some(live)) => {
                let granted = self.grant(live)?;
                let serving = live.serving().unwrap_or_default().to_owned();
                let after = granted.as_ref().unwrap_or(live);
                let after = self.shift(live, after, &serving, live.history.served.contains(&serving))?;
                let after = self.public(live, after)?;
                self.record(Some(live), after)
            }
            // Nothing but, perhaps, who may call it.
            (Way::Nothing, Some(live)) => {
                let granted = self.grant(live)?;
                let after = granted.unwrap_or_else(|| live.clone());
                self.public_proof(&after)?;
                self.record(Some(live), after)
            }
        }
    }

    /// A service that serves nothing yet: its first revision gets everything.
    fn first(&self, live: Option<&Live>) -> Result<Live> {
        if live.is_none() {
            is_not_there(self.context, self.names, self.service)
                .map_err(|error| error.during(Phase::FirstRevision.name()))?;
        }
        let after = self.begin(live)?;
        let after = self.grant(&after)?.unwrap_or(after);
        self.public_proof(&after)?;
        self.record(live, after)
    }

    /// The first revision, tried for a while where roles may have been given only now.
    fn begin(&self, live: Option<&Live>) -> Result<Live> {
        for _ in 1..spreading::TRIES {
            match self.begin_once(live) {
                Err(error) if spreading::may_be_spreading(&error.to_string()) => {
                    self.context.printer.note(
                        "  a role is missing, or was given a moment ago and is not known everywhere yet; trying again",
                    );
                    self.context.runner.interrupts().pause(spreading::EVERY)?;
                }
                begun => return begun,
            }
        }
        self.begin_once(live)
    }

    fn begin_once(&self, live: Option<&Live>) -> Result<Live> {
        // Cloud Run keeps a revision that did not come up: each has a name of its own.
        let revision = self.new_name()?;
        let manifest = Manifest {
            name: self.service,
            live,
            template: Template::New(self.spec, &revision),
            service: Some(self.spec),
            traffic: vec![Target::whole(&revision)],
            // That it came up is the proof where there is no other.
            history: self.proof.is_none().then(|| self.history(live, &revision)),
        };
        self.write(Phase::FirstRevision, &manifest, Some(&revision))
    }

    /// Gives the revision an address of its own, without traffic; the service as it is then.
    fn tag(&self, live: &Live, template: Template<'_>, revision: &str) -> Result<Live> {
        let mut traffic = live.shares();
        traffic.push(Target::tagged(revision, super::service::CANDIDATE));
        let manifest = Manifest {
            name: self.service,
            live: Some(live),
            template,
            service: None,
            traffic,
            history: None,
        };
        self.write(Phase::Candidate, &manifest, Some(revision))
    }

    /// Proves the candidate, and gives it the traffic.
    fn promote(&self, before: &Live, candidate: &Live, revision: &str) -> Result<Live> {
        let granted = self.grant(candidate)?;
        let candidate = granted.as_ref().unwrap_or(candidate);
        // Both take about a second, and neither has to do with the other.
        let (looked, proven) = both(|| self.lock.look_ahead(), || self.prove(before, candidate));
        let proven = proven.map_err(|error| self.unfit(error, revision))?;
        looked.map_err(|error| error.during(Phase::Traffic.name()))?;
        let after = self.shift(before, candidate, revision, proven)?;
        let after = self.public(before, after)?;
        self.record(Some(before), after)
    }

    /// The error of a candidate that has failed its proof.
    fn unfit(&self, error: Error, revision: &str) -> Error {
        let stage = self.names.stage();
        self.failed(Phase::Proof, error, Some(revision), "the traffic stays where it was").hint(format!(
            "its address stays, for looking into it; to take that away: cargo xtask gcp release drop {stage}"
        ))
    }

    /// Proves the candidate at its own address; whether that can be reached, or there is no more to prove.
    fn prove(&self, before: &Live, candidate: &Live) -> Result<bool> {
        let Some(proof) = self.proof else { return Ok(true) };
        let hidden = candidate.url.is_empty();
        if hidden || before.spec.ingress != Ingress::All || self.access != Access::Everybody {
            self.context.printer.note(
                "  the candidate's own address does not answer from here: its startup probe is its proof",
            );
            return Ok(false);
        }
        let Some(url) = candidate.candidate_url() else {
            return Err(Error::failed("Cloud Run gave the candidate no address"));
        };
        let _progress = self.context.printer.progress(&format!("proving the candidate at {url}"));
        proof(&url).map(|()| true)
    }

    /// All traffic to this revision, the candidate's tag gone, the service's own settings as wanted. That it serves is
    /// written down with it where it is proven.
    fn shift(&self, before: &Live, live: &Live, revision: &str, proven: bool) -> Result<Live> {
        let manifest = Manifest {
            name: self.service,
            live: Some(live),
            template: Template::Kept,
            service: Some(self.spec),
            traffic: vec![Target::whole(revision)],
            history: (self.remembered && proven).then(|| self.history(Some(before), revision)),
        };
        self.write(Phase::Traffic, &manifest, None)
    }

    /// Proves the public address; where that fails, the traffic goes back to where it was.
    fn public(&self, before: &Live, after: Live) -> Result<Live> {
        let Err(error) = self.public_proof(&after) else { return Ok(after) };
        let revision = after.serving().map(str::to_owned);
        let same = before.serving().is_some() && before.serving() == after.serving();
        if same && before.spec.ingress == after.spec.ingress {
            return Err(error.cause(
                "nothing but the service's own settings was changed: there is nothing to go back to",
            ));
        }
        self.context.printer.warn("the public address does not pass its proof: the traffic goes back");
        let back = Manifest {
            name: self.service,
            live: Some(&after),
            template: Template::Kept,
            service: Some(&before.spec),
            traffic: before.shares(),
            history: Some(before.history.clone()),
        };
        let returned = self.write(Phase::Return, &back, None);
        Err(match returned {
            Ok(_) => self.explained(error, revision.as_deref(), "the traffic is back where it was"),
            Err(back) => {
                let to = before.serving().map(|to| format!(" {to}")).unwrap_or_default();
                error
                    .causes([format!("and the traffic could not be sent back: {back}")])
                    .hint(format!("send it back: cargo xtask gcp rollback {}{to}", self.names.stage()))
            }
        })
    }

    fn public_proof(&self, after: &Live) -> Result<()> {
        public_proof(self.context, after, self.proof, self.public_url)
    }

    /// Sees to it who may call it; the service as it is then, where it was written for that.
    fn grant(&self, live: &Live) -> Result<Option<Live>> {
        if self.found == Some(self.access) {
            return Ok(None);
        }
        access::grant(self.context, self.names, self.lock, live, (self.service, self.access))
            .map_err(|error| error.during(Phase::Access.name()))
    }

    /// One write, after a look at the lock.
    fn write(&self, phase: Phase, manifest: &Manifest<'_>, starts: Option<&str>) -> Result<Live> {
        self.lock.verify().map_err(|error| error.during(phase.name()))?;
        let command = run::replace(self.names, &manifest.text());
        let _progress = self.context.printer.progress(&format!("{}: {}", self.service, phase.doing()));
        // While this one is at it, what comes next starts.
        let ahead = &self.lock.ahead;
        let next = || if phase == Phase::Candidate { ahead.start_another() } else { ahead.start_release() };
        let outcome = ahead.write(&command, next);
        let outcome = outcome.map_err(|error| error.during(phase.name()))?;
        if outcome.code != 0 {
            let error = failure(&outcome.stderr, outcome.code);
            let error = self.failed(phase, error, starts, phase.traffic());
            let waits = spreading::may_be_spreading(&outcome.stderr);
            let advice = waits.then(|| spreading::advice(self.names.stage().name()));
            return Err(advice.into_iter().flatten().fold(error, Error::hint));
        }
        Live::parse(&outcome.stdout)
            .ok_or_else(|| Error::failed("gcloud's answer is not a service's document").during(phase.name()))
    }

    /// The error with its phase, with what the revision wrote last, and with where the traffic is.
    fn failed(&self, phase: Phase, error: Error, revision: Option<&str>, traffic: &str) -> Error {
        self.explained(error.during(phase.name()), revision, traffic)
    }

    /// The same, of an error that says its phase.
    fn explained(&self, error: Error, revision: Option<&str>, traffic: &str) -> Error {
        let mut error = error.cause(traffic);
        if let Some(revision) = revision {
            error = error.causes(logs::last(self.context, self.names, revision));
        }
        error
    }

    fn new_name(&self) -> Result<String> {
        // Two deploys of one commit are two revisions, so that each has its own log and its own fate.
        Ok(format!("{}-{}-{}", self.service, self.mark, random_hex(3)?))
    }
}

/// Proves the address that users have, where one can be reached: the service's own, or the load balancer's.
pub(crate) fn public_proof(
    context: &Context,
    live: &Live,
    proof: Option<Proof<'_>>,
    balancer: Option<&str>,
) -> Result<()> {
    let url = match live.spec.ingress {
        // Without an address of its own (`default-url-disabled`) there is another way to it, or none.
        Ingress::All => Some(live.url.as_str()).filter(|url| !url.is_empty()).or(balancer),
        Ingress::InternalAndCloudLoadBalancing => balancer,
        Ingress::Internal => None,
    };
    let (Some(proof), Some(url)) = (proof, url) else { return Ok(()) };
    let _progress = context.printer.progress(&format!("proving {url}"));
    proof(url).map_err(|error| error.during(Phase::Public.name()))
}

/// gcloud's own sentence, without its progress.
fn failure(stderr: &str, code: i32) -> Error {
    let stderr = &gcloud::plainly(stderr);
    let sentences: Vec<_> = stderr.lines().skip_while(|line| !line.starts_with("ERROR: ")).collect();
    let said = sentences.join("\n");
    let sentence = said.split_once(") ").map_or(said.as_str(), |(_, sentence)| sentence);
    if sentence.is_empty() {
        return Error::failed(format!("gcloud ended with exit code {code}"))
            .cause(crate::core::runner::last_lines(stderr, 12));
    }
    Error::failed(sentence.trim_end())
}
