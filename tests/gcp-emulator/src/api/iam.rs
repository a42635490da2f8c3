//! IAM v1: service accounts.

use serde_json::{Value, json};

use super::is_name;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

/// A service account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    display_name: String,
    unique_id: u64,
}

impl Account {
    /// An account; `serial` makes its id.
    pub(crate) fn new(display_name: &str, serial: u64) -> Self {
        // 18 digits at least, as Google's are.
        Self { display_name: display_name.to_owned(), unique_id: 100_000_000_000_000_000 + serial }
    }
}

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), &segments[..], verb.as_deref()) {
        ("GET", ["v1", "projects", project, "serviceAccounts"], None) => {
            cloud.check_project(project)?;
            let accounts: Vec<Value> =
                cloud.accounts.iter().map(|(email, account)| document(cloud, email, account)).collect();
            Ok(if accounts.is_empty() { json!({}) } else { json!({ "accounts": accounts }) })
        }
        ("GET", ["v1", "projects", project, "serviceAccounts", email], None) => {
            match cloud.accounts.get(*email) {
                Some(account) => Ok(document(cloud, email, account)),
                // "Using `-` as a wildcard … will cause a 403 instead of a 404 for a missing account": the API's own text
                // as shipped in gcloud (iam_v1_messages.py). This is why `describe` cannot tell absence.
                None if *project == "-" => Err(ApiError::permission_denied(format!(
                    "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist): {email}"
                ))),
                None => Err(ApiError::not_found(format!("Unknown service account: {email}"))),
            }
        }
        ("POST", ["v1", "projects", project, "serviceAccounts"], None) => {
            cloud.check_project(project)?;
            create(cloud, call)
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

fn create(cloud: &mut Cloud, call: &Call) -> Answer {
    let id = call.text("/accountId").unwrap_or_default();
    if !is_name(id, 6..=30) {
        return Err(ApiError::invalid(format!(
            "Invalid service account ID '{id}': 6 to 30 lower-case letters, digits and hyphens, a letter first."
        )));
    }
    let display_name = call.text("/serviceAccount/displayName").unwrap_or_default();
    // The API's limit, in bytes of UTF-8.
    if display_name.len() > 100 {
        return Err(ApiError::invalid("The display name is longer than 100 bytes."));
    }
    let email = format!("{id}@{}.iam.gserviceaccount.com", cloud.project);
    if cloud.accounts.contains_key(&email) {
        let message =
            format!("Service account {id} already exists within project projects/{}.", cloud.project);
        return Err(ApiError::already_exists(message));
    }
    let account = Account::new(display_name, cloud.next());
    let answer = document(cloud, &email, &account);
    cloud.accounts.insert(email, account);
    Ok(answer)
}

fn document(cloud: &Cloud, email: &str, account: &Account) -> Value {
    json!({
        "name": format!("projects/{}/serviceAccounts/{email}", cloud.project),
        "projectId": cloud.project,
        "uniqueId": account.unique_id.to_string(),
        "email": email,
        "displayName": account.display_name,
        "etag": "MDEwMjE5MjA=",
        "oauth2ClientId": account.unique_id.to_string(),
    })
}
