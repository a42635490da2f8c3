//! Starts a run exactly once: by a key under which Validibot answers a repeat with the first answer (contract of 0.16, B4).

use std::time::Duration;

use moka::future::Cache;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::super::answer::Answer;
use super::super::api::{Intent, Upload};
use super::super::error::ApiError;
use super::super::{LAUNCH_DEADLINE, Media, READ_DEADLINE};
use super::key::{Asked, Key};
use super::place::{Place, RunPlace};
use super::{Rest, mapping};
use crate::base::random::{self, SharedRandom};
use crate::caller::Fingerprint;

/// How long a launch whose answer was lost is remembered: long enough for an agent that tries again.
const LOST_FOR: Duration = Duration::from_mins(10);
/// At some 100 bytes each.
const MAX_LOST: u64 = 10_000;
/// How long a first request that is still at work is waited for. One whose process died stays so for a day.
const AT_WORK: Duration = Duration::from_secs(30);
/// The first pause of that; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Refusals under one intent that are remembered there for a day, one after the other.
const MAX_REFUSALS: u32 = 8;

/// What a repeat is told besides: the agent may think that it has started two.
const THE_SAME: &str =
    "This launch was made before: it is the run that was started then, and no other was started";

/// The launches whose fate is not known.
pub(super) struct Launches {
    random: SharedRandom,
    /// Their names, by what launches that are alike have in common.
    lost: Cache<[u8; 32], String>,
}

/// What a request of a launch came to.
enum Came {
    /// This run; a replay's is as it was at first.
    Started { run: Map<String, Value>, replayed: bool },
    /// A refusal that was kept under the key.
    RefusedBefore { request: String, error: ApiError },
    /// The first request with the key is still at work.
    AtWork,
    /// The key was used with other bytes.
    Reused,
}

impl Launches {
    pub(super) fn new(random: SharedRandom) -> Self {
        Self { random, lost: Cache::builder().max_capacity(MAX_LOST).time_to_live(LOST_FOR).build() }
    }

    /// The name of a launch. One that the caller has not named is the one like it whose answer was lost, where there is one: a
    /// model that calls again says nothing, and its host has another id for that.
    async fn name(&self, alike: &[u8; 32], intent: Intent) -> String {
        let given = match intent {
            Intent::Named(name) => return name,
            Intent::ToolUse(id) | Intent::Ticket(id) => Some(id),
            Intent::Unsaid => None,
        };
        let lost = self.lost.get(alike).await;
        lost.or(given).unwrap_or_else(|| format!("launch-{}", random::token::<12>(self.random.as_ref())))
    }

    /// Remembers the launch for as long as its fate is unknown.
    async fn note(&self, alike: [u8; 32], name: &str, fate_unknown: bool) {
        if fate_unknown {
            self.lost.insert(alike, name.to_owned()).await;
        } else if self.lost.get(&alike).await.is_some_and(|lost| lost == name) {
            self.lost.invalidate(&alike).await;
        }
    }
}

impl Rest {
    /// Starts a run, or finds the one that this launch has started before.
    pub(super) async fn start(
        &self,
        token: &SecretString,
        place: &Place,
        upload: Upload,
        media: Media,
    ) -> Result<Map<String, Value>, ApiError> {
        let Upload { name, content, length, intent } = upload;
        let content = content.whole(length).await?;
        let asked = Asked { caller: Fingerprint::of(token), place, name: &name, media, content: &content };
        if let Intent::Ticket(id) = intent {
            let started = self.once(token, &asked, asked.of_ticket(&id)).await;
            return started.map_err(|error| error.for_a_keyed_launch(None));
        }
        let alike = asked.digest();
        let launch = self.launches.name(&alike, intent).await;
        let started = self.once(token, &asked, asked.named(&launch)).await;
        let started = started.map_err(|error| error.for_a_keyed_launch(Some(&launch)));
        self.launches.note(alike, &launch, started.as_ref().is_err_and(|error| error.fate_unknown)).await;
        started
    }

    /// One launch, by as many requests as it takes: all of them carry one key, or one that follows from a refusal.
    async fn once(
        &self,
        token: &SecretString,
        asked: &Asked<'_>,
        mut key: Key,
    ) -> Result<Map<String, Value>, ApiError> {
        let deadline = Instant::now() + LAUNCH_DEADLINE;
        let at_work_until = Instant::now() + AT_WORK;
        let mut attempts = self.wire.retries.until(deadline);
        let (mut pause, mut refusals, mut lost) = (FIRST_PAUSE, 0, false);
        loop {
            // One attempt gets half of the time, so that there is a second one.
            let latest = deadline.min(Instant::now() + LAUNCH_DEADLINE / 2);
            match self.post(token, asked, &key, latest).await {
                Ok(Came::Started { run, replayed }) => {
                    let mut run = if replayed { self.read_now(token, asked.place, run).await } else { run };
                    mapping::complete_launch(&mut run, &asked.place.org);
                    // What was lost here may be this call's own.
                    if replayed && !lost {
                        run.insert("message".to_owned(), THE_SAME.into());
                    }
                    return Ok(run);
                }
                Ok(Came::RefusedBefore { request, error }) => {
                    refusals += 1;
                    if refusals > MAX_REFUSALS {
                        return Err(error);
                    }
                    key = key.after(&request);
                    // Then that is what became of it.
                    lost = false;
                }
                Ok(Came::AtWork) => {
                    if Instant::now() + pause > at_work_until {
                        return Err(ApiError::launch_at_work());
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Ok(Came::Reused) => return Err(ApiError::launch_reused()),
                Err(error) => {
                    lost |= !error.no_effect;
                    // Whatever the last one says, an earlier one may have had an effect.
                    let known = |error: ApiError| ApiError { no_effect: error.no_effect && !lost, ..error };
                    attempts.after(error).await.map_err(known)?;
                }
            }
        }
    }

    async fn post(
        &self,
        token: &SecretString,
        asked: &Asked<'_>,
        key: &Key,
        deadline: Instant,
    ) -> Result<Came, ApiError> {
        let Asked { place, name, media, content, .. } = asked;
        let request = self.request(Method::POST, &place.runs(), token)?;
        let request = key.add(request, name, *media, content);
        let answer = self.wire.send(Method::POST, request, deadline).await?;
        if answer.says("idempotency_key_in_progress") {
            return Ok(Came::AtWork);
        }
        if answer.says("idempotency_key_reused") {
            return Ok(Came::Reused);
        }
        let original = answer.replay_of().map(str::to_owned);
        match (answer.checked(self.wire.reach()).and_then(Answer::run), original) {
            (Ok(run), original) => Ok(Came::Started { run, replayed: original.is_some() }),
            (Err(error), Some(request)) => Ok(Came::RefusedBefore { request, error }),
            (Err(error), None) => Err(self.judged(token, error).await),
        }
    }

    /// A replay's run is as it was when it was started, for a whole day: it only says which run to read.
    async fn read_now(
        &self,
        token: &SecretString,
        place: &Place,
        was: Map<String, Value>,
    ) -> Map<String, Value> {
        let Some(id) = was.get("id").and_then(Value::as_str) else { return was };
        let place = RunPlace { org: place.org.clone(), id: id.to_owned() };
        self.run_at(token, &place, Instant::now() + READ_DEADLINE).await.unwrap_or(was)
    }
}
