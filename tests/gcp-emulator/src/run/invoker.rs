//! Who may call a service: its IAM policy, asked at the global Run host.

use serde_json::json;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project, "locations", region, "services", name] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    let accounts = cloud.accounts.clone();
    let engine = cloud.engine();
    let own = format!("@{}.iam.gserviceaccount.com", cloud.project);
    let exists = |email: &str| !email.ends_with(&own) || accounts.contains_key(email);
    let Some(service) = cloud.services.get_mut(&(region.to_owned(), name.to_owned())) else {
        let resource = format!("Resource '{name}' of kind 'SERVICE' in region '{region}'");
        return Err(ApiError::not_found(format!("{resource} does not exist")));
    };
    match (call.method.as_str(), verb.as_deref()) {
        ("GET", Some("getIamPolicy")) => Ok(service.policy.json()),
        ("POST", Some("setIamPolicy")) => {
            let policy = service.policy.set(&call.body, exists)?;
            service.admit(&*engine);
            Ok(policy)
        }
        ("POST", Some("testIamPermissions")) => Ok(json!({"permissions": call.body["permissions"]})),
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}
