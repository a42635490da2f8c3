//! The list of workflows, put together: the REST API has one for each organization (contract of 0.16, B2). It costs the user's
//! budget a request for each of them, so that it is kept for a short while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use moka::future::Cache;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::super::answer::{Answer, Org};
use super::super::error::ApiError;
use super::super::{READ_DEADLINE, WorkflowRef};
use super::Rest;
use super::mapping::Slim;
use super::place::segment;
use crate::caller::Fingerprint;

/// How long a list is good: what a client may keep it for, too.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// Lists that are kept, in bytes.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The largest page that there is (contract of 0.16, B1).
const PAGE_SIZE: &str = "200";
/// Pages of one list: no user has so many organizations, and no organization so many workflows.
const MAX_PAGES: usize = 20;
/// Organizations that are asked for at once.
const AT_ONCE: usize = 4;

/// The lists that were put together a moment ago, as the helper API would have sent them.
pub(super) struct Catalogues(Cache<Fingerprint, Bytes>);

impl Default for Catalogues {
    fn default() -> Self {
        let weight = |_: &Fingerprint, list: &Bytes| u32::try_from(list.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(MAX_BYTES).weigher(weight).time_to_live(GOOD_FOR).build())
    }
}

impl Rest {
    /// The list, from a moment ago or anew. Callers that come while it is put together share it.
    pub(super) async fn list(&self, token: &SecretString) -> Result<Answer, ApiError> {
        let id = Fingerprint::of(token);
        let list = self.catalogues.0.try_get_with(id, self.gather(token, id)).await;
        list.map(Answer::made).map_err(|error: Arc<ApiError>| (*error).clone())
    }

    async fn gather(&self, token: &SecretString, id: Fingerprint) -> Result<Bytes, ApiError> {
        let deadline = Instant::now() + READ_DEADLINE;
        let orgs = self.orgs(token, deadline).await?;
        let lists: Vec<(Org, Vec<Slim>)> = stream::iter(orgs)
            .map(async |org| {
                let workflows = self.workflows_of(token, &org.slug, deadline).await?;
                Ok::<_, ApiError>((org, workflows))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (org, _) in &lists {
            self.names.insert((id, org.slug.clone()), org.name.as_str().into()).await;
        }
        let mut all: Vec<(&str, &Slim)> = lists
            .iter()
            .flat_map(|(org, workflows)| workflows.iter().map(|workflow| (org.name.as_str(), workflow)))
            .collect();
        for (_, workflow) in &all {
            let reference: WorkflowRef = workflow.reference();
            self.for_agents.insert((id, reference.to_string()), workflow.mcp_enabled).await;
        }
        all.retain(|(_, workflow)| workflow.mcp_enabled);
        all.sort_by_key(|(org, workflow)| (*org, workflow.order()));
        let entries: Vec<Value> = all.into_iter().map(|(org, workflow)| workflow.entry(org)).collect();
        Ok(Value::Array(entries).to_string().into())
    }

    /// The user's organizations, and those that the operator named.
    async fn orgs(&self, token: &SecretString, deadline: Instant) -> Result<Vec<Org>, ApiError> {
        let listed = self.pages(token, "/api/v1/orgs/", deadline, Answer::page::<Org>).await;
        let mut orgs = match listed {
            Ok(orgs) => orgs,
            Err(error) => return Err(self.judged(token, error).await),
        };
        for slug in &self.named {
            if !orgs.iter().any(|org| org.slug == *slug) {
                orgs.push(Org { slug: slug.clone(), name: slug.clone() });
            }
        }
        Ok(orgs)
    }

    /// An organization's workflows. One that the user has nothing to do with, though the operator named it, has none.
    async fn workflows_of(
        &self,
        token: &SecretString,
        org: &str,
        deadline: Instant,
    ) -> Result<Vec<Slim>, ApiError> {
        let path = format!("/api/v1/orgs/{}/workflows/", segment(org));
        match self.pages(token, &path, deadline, Answer::page::<Slim>).await {
            Err(error) if matches!(error.status, Some(403 | 404)) && !error.endpoint_gone => Ok(Vec::new()),
            answer => answer,
        }
    }

    /// Every page of a list. Of the link to the next one only the cursor is taken: its host is whatever a request said.
    async fn pages<T>(
        &self,
        token: &SecretString,
        path: &str,
        deadline: Instant,
        read: impl Fn(Answer) -> Result<(Vec<T>, Option<String>), ApiError>,
    ) -> Result<Vec<T>, ApiError> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut query = vec![("page_size", PAGE_SIZE)];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (page, next) = read(self.read(token, path, &query, deadline).await?)?;
            all.extend(page);
            match next {
                None => return Ok(all),
                next => cursor = next,
            }
        }
        tracing::warn!(pages = MAX_PAGES, "a list of Validibot's is longer than this server reads");
        Ok(all)
    }
}
