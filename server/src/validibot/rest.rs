//! Chain 2 by the public REST API, with the user's own API key (contract of 0.16, section B). Every version has it, and from 0.16
//! on there is no other for this server.

mod catalogue;
mod key;
mod launch;
mod mapping;
mod place;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::time::Instant;

use self::catalogue::Catalogues;
use self::launch::Launches;
use self::place::{Place, RunPlace};
use super::answer::Answer;
use super::api::{Api, Upload};
use super::error::{ApiError, code};
use super::wire::Wire;
use super::{Catalogue, Definition, Media, Members, READ_DEADLINE, RunRef, WorkflowRef, sensitive};
use crate::base::random::SharedRandom;
use crate::caller::{ApiTokens, Caller, Fingerprint};

/// How long the name of an organization, and whether a workflow is for agents, are believed: people change them by hand.
const GOOD_FOR: Duration = Duration::from_mins(5);
/// At some 100 bytes each.
const MAX_REMEMBERED: u64 = 10_000;

/// A client of Validibot's public REST API.
pub(super) struct Rest {
    wire: Wire,
    api_tokens: Arc<ApiTokens>,
    /// Organizations that the operator names, because the API lists none that is open to the user by guest access alone.
    named: Vec<String>,
    catalogues: Catalogues,
    /// The names of organizations, for each user.
    names: Cache<(Fingerprint, String), Arc<str>>,
    /// Whether a workflow is for agents, for each user and workflow: the API shows and starts those that are not, too.
    for_agents: Cache<(Fingerprint, String), bool>,
    launches: Launches,
}

impl Rest {
    /// Remembers where to call; calls nothing.
    pub(super) fn new(
        wire: Wire,
        api_tokens: Arc<ApiTokens>,
        named: Vec<String>,
        random: SharedRandom,
    ) -> Self {
        Self {
            wire,
            api_tokens,
            named,
            catalogues: Catalogues::default(),
            names: remembered(),
            for_agents: remembered(),
            launches: Launches::new(random),
        }
    }

    /// A request as this user. Only API keys are taken here.
    fn request(&self, method: Method, path: &str, token: &SecretString) -> Result<RequestBuilder, ApiError> {
        let bearer = sensitive(&format!("Bearer {}", token.expose_secret()))?;
        Ok(self.wire.request(method, path).header("Authorization", bearer))
    }

    /// A read, with its retries.
    async fn read(
        &self,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let mut attempts = self.wire.retries.until(deadline);
        loop {
            let request = self.request(Method::GET, path, token)?.query(query);
            match self.wire.exchange(Method::GET, request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    /// Validibot says 403 alike for a key that is not good any more and for an organization that the user has nothing to do
    /// with (contract of 0.16, B1 and B2); the helper API says 404 to the second.
    async fn judged(&self, token: &SecretString, error: ApiError) -> ApiError {
        if error.status != Some(403) || error.code != code::FORBIDDEN {
            return error;
        }
        match self.api_tokens.ask_again(token).await {
            Some(false) => ApiError::unauthorized(),
            Some(true) => ApiError::not_found(),
            None => error,
        }
    }

    /// A workflow's answer, if it is for agents.
    async fn asked(&self, token: &SecretString, place: &Place) -> Result<Answer, ApiError> {
        let deadline = Instant::now() + READ_DEADLINE;
        match self.read(token, &place.path(), &[], deadline).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.judged(token, error).await),
        }
    }

    /// What the API leaves out of a definition, once it is known that the workflow is for agents.
    async fn completed(
        &self,
        token: &SecretString,
        place: &Place,
        reference: &WorkflowRef,
        object: &mut Members,
    ) -> Result<(), ApiError> {
        let id = Fingerprint::of(token);
        let for_agents = mapping::is_for_agents(object);
        self.for_agents.insert((id, reference.to_string()), for_agents).await;
        if !for_agents {
            return Err(ApiError::not_found());
        }
        let name = self.name_of(token, &place.org).await;
        mapping::complete_definition(object, reference, place, &name);
        Ok(())
    }

    /// An organization's name. One that is open to the user by guest access alone has none here: its slug is what is left
    /// (contract of 0.16, B6).
    async fn name_of(&self, token: &SecretString, org: &str) -> Arc<str> {
        let key = (Fingerprint::of(token), org.to_owned());
        if let Some(name) = self.names.get(&key).await {
            return name;
        }
        let path = format!("/api/v1/orgs/{}/", place::segment(org));
        let answer = self.read(token, &path, &[], Instant::now() + READ_DEADLINE).await;
        let Ok(org) = answer.and_then(Answer::org) else { return org.into() };
        let name: Arc<str> = org.name.into();
        self.names.insert(key, Arc::clone(&name)).await;
        name
    }

    /// Whether a workflow may be started from here.
    async fn is_for_agents(
        &self,
        token: &SecretString,
        place: &Place,
        reference: &WorkflowRef,
    ) -> Result<(), ApiError> {
        let key = (Fingerprint::of(token), reference.to_string());
        let known = if let Some(known) = self.for_agents.get(&key).await {
            known
        } else {
            let for_agents = mapping::is_for_agents(&self.asked(token, place).await?.workflow()?.into());
            self.for_agents.insert(key, for_agents).await;
            for_agents
        };
        if known { Ok(()) } else { Err(ApiError::not_found()) }
    }

    async fn run_at(
        &self,
        token: &SecretString,
        place: &RunPlace,
        deadline: Instant,
    ) -> Result<Map<String, Value>, ApiError> {
        match self.read(token, &place.path(), &[], deadline).await {
            Ok(answer) => answer.run(),
            Err(error) => Err(self.judged(token, error).await),
        }
    }
}

impl Api for Rest {
    async fn catalogue(&self, caller: &Caller) -> Result<Catalogue, ApiError> {
        self.list(key_of(caller)?).await?.catalogue_to_pass()
    }

    async fn workflows(&self, caller: &Caller) -> Result<Vec<Value>, ApiError> {
        self.list(key_of(caller)?).await?.catalogue()
    }

    async fn definition(&self, caller: &Caller, workflow: &WorkflowRef) -> Result<Definition, ApiError> {
        let (token, place) = (key_of(caller)?, Place::of(workflow)?);
        let mut definition = self.asked(token, &place).await?.definition_to_pass()?;
        self.completed(token, &place, workflow, &mut definition.object).await?;
        Ok(definition)
    }

    async fn workflow(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Map<String, Value>, ApiError> {
        let (token, place) = (key_of(caller)?, Place::of(workflow)?);
        let mut object = Members::from(self.asked(token, &place).await?.workflow()?);
        self.completed(token, &place, workflow, &mut object).await?;
        Ok(object.into_tree())
    }

    async fn run(
        &self,
        caller: &Caller,
        run: &RunRef,
        deadline: Option<Instant>,
    ) -> Result<Map<String, Value>, ApiError> {
        let (token, place) = (key_of(caller)?, RunPlace::of(run)?);
        let latest = Instant::now() + READ_DEADLINE;
        let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
        let mut object = self.run_at(token, &place, deadline).await?;
        mapping::complete_reading(&mut object, run);
        Ok(object)
    }

    async fn launch(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
        upload: Upload,
        media: Media,
    ) -> Result<Map<String, Value>, ApiError> {
        let (token, place) = (key_of(caller)?, Place::of(workflow)?);
        self.is_for_agents(token, &place, workflow).await?;
        self.start(token, &place, upload, media).await
    }
}

/// Nobody else is known here: who signed in has no API key (contract of 0.16, C1).
fn key_of(caller: &Caller) -> Result<&SecretString, ApiError> {
    match caller {
        Caller::ApiToken(token) => Ok(token),
        Caller::Subject(_) | Caller::Public | Caller::Unchecked => Err(ApiError::internal()),
    }
}

fn remembered<K, V>() -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(GOOD_FOR).build()
}
