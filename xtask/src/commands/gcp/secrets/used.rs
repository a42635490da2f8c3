//! Which versions of the secret are in use, anywhere in the project: by revisions of whatever region, and by jobs.
//!
//! A service of another region may mount the same secret, and a job may read it once a month.

use serde_json::Value;

use super::version::{OF_JOBS, OF_REVISIONS, OF_SERVICES, in_use};
use crate::commands::gcp::state::observe::{Read, cannot_tell, observe, observe_all};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, Seen};

const HERE: &str = "the secrets that revisions use";

/// The label that says where a service is.
const LOCATION: &str = "/metadata/labels/cloud.googleapis.com~1location";

/// The question about the stage's own region.
pub(super) fn here(names: &Names) -> Read {
    Read::new(HERE, gcloud::list_revision_secrets(names, names.region()))
}

/// Its answer. A list cannot be absent; nothing may be destroyed on such an answer.
pub(super) fn by_revisions(names: &Names, answer: Seen<String>) -> Seen<Vec<String>> {
    answer.understand(HERE, |text| in_use(text, &names.secret(), OF_REVISIONS)).is_there(HERE)
}

/// What services of other regions and jobs of any region use.
pub(super) fn elsewhere(context: &Context, at_once: usize, names: &Names) -> Result<Vec<String>> {
    let (secret, own) = (names.secret(), names.region());
    let (services, jobs) = ("the secrets that services use", "the secrets that jobs use");
    let reads = [
        Read::new(services, gcloud::list_service_secrets(names)),
        Read::new(jobs, gcloud::list_job_secrets(names)),
    ];
    let [listed, by_jobs] = observe(context, at_once, &reads)?;
    let mut troubles = Vec::new();
    let listed = listed
        .understand(services, |text| Some((in_use(text, &secret, OF_SERVICES)?, regions(text, own)?)))
        .is_there(services);
    let by_jobs = by_jobs.understand(jobs, |text| in_use(text, &secret, OF_JOBS)).is_there(jobs);
    let (mut used, regions) = listed.take(&mut troubles).unwrap_or_default();
    used.extend(by_jobs.take(&mut troubles).unwrap_or_default());
    // Earlier revisions count, too: somebody may go back to one.
    let reads: Vec<Read> = regions
        .iter()
        .map(|region| Read::new(format!("{HERE} in {region}"), gcloud::list_revision_secrets(names, region)))
        .collect();
    if troubles.is_empty() && !reads.is_empty() {
        for answer in observe_all(context, at_once, &reads)? {
            used.extend(by_revisions(names, answer).take(&mut troubles).unwrap_or_default());
        }
    }
    if troubles.is_empty() { Ok(used) } else { Err(cannot_tell(&troubles)) }
}

/// The regions of these services, but for one; `None` where a service does not say where it is.
fn regions(text: &str, own: &str) -> Option<Vec<String>> {
    let services: Vec<Value> = serde_json::from_str(text).ok()?;
    let regions: Option<Vec<String>> = services
        .iter()
        .map(|service| service.pointer(LOCATION).and_then(Value::as_str).map(str::to_owned))
        .collect();
    let mut regions = regions?;
    regions.sort();
    regions.dedup();
    regions.retain(|region| region != own);
    Some(regions)
}

/// Looks again, now that no deploy is at it: an error where another version is in use than when the plan was made.
pub(super) fn no_others(context: &Context, at_once: usize, names: &Names, before: &[String]) -> Result<()> {
    let [answer] = observe(context, 1, &[here(names)])?;
    let mut troubles = Vec::new();
    let mut now = by_revisions(names, answer).take(&mut troubles).unwrap_or_default();
    if !troubles.is_empty() {
        return Err(cannot_tell(&troubles));
    }
    now.extend(elsewhere(context, at_once, names)?);
    if now.iter().all(|version| before.contains(version)) {
        return Ok(());
    }
    Err(Error::failed("another version is in use than when the plan was made")
        .cause("nothing was changed")
        .hint("type the same command again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_other_region_is_asked_once_and_a_service_of_nowhere_is_not_understood() {
        let service = |region: &str| serde_json::json!({"metadata": {"labels": {"cloud.googleapis.com/location": region}}});
        let listed = Value::from(vec![service("us-west1"), service("us-east1"), service("us-east1")]);
        assert_eq!(regions(&listed.to_string(), "us-west1").unwrap(), ["us-east1"]);
        assert_eq!(regions("[]", "us-west1").unwrap(), [""; 0]);
        assert!(regions(r#"[{"metadata": {}}]"#, "us-west1").is_none());
    }
}
