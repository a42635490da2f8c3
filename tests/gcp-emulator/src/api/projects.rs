//! Resource Manager v1: the project and its IAM policy.

use serde_json::json;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    match (call.method.as_str(), verb.as_deref()) {
        ("GET", None) => Ok(json!({
            "projectNumber": cloud.number,
            "projectId": cloud.project,
            "lifecycleState": "ACTIVE",
            "name": cloud.project,
        })),
        ("POST", Some("getIamPolicy")) => Ok(cloud.policy.json()),
        ("POST", Some("setIamPolicy")) => {
            let mut policy = cloud.policy.clone();
            let answer = policy.set(&call.body, |email| cloud.account_exists(email))?;
            cloud.policy = policy;
            Ok(answer)
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}
