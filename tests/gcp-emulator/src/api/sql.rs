//! Cloud SQL Admin v1beta4: one instance, to look at.

use serde_json::json;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), &segments[..], verb) {
        ("GET", ["sql", "v1beta4", "projects", project, "instances", name], None) => {
            cloud.check_project(project)?;
            let missing = || ApiError::not_found("The Cloud SQL instance does not exist.");
            cloud.databases.get(*name).cloned().ok_or_else(missing)
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

impl Cloud {
    /// Makes a Cloud SQL instance that runs, with a public address and perhaps a private one.
    pub fn seed_database(&mut self, region: &str, name: &str, private: bool) {
        let mut addresses = vec![json!({"type": "PRIMARY", "ipAddress": "203.0.113.7"})];
        if private {
            addresses.push(json!({"type": "PRIVATE", "ipAddress": "10.20.0.3"}));
        }
        let instance = json!({
            "kind": "sql#instance",
            "name": name,
            "project": self.project,
            "region": region,
            "connectionName": format!("{}:{region}:{name}", self.project),
            "databaseVersion": "POSTGRES_17",
            "backendType": "SECOND_GEN",
            "instanceType": "CLOUD_SQL_INSTANCE",
            "state": "RUNNABLE",
            "settings": {"kind": "sql#settings", "activationPolicy": "ALWAYS", "tier": "db-g1-small"},
            "ipAddresses": addresses,
        });
        self.databases.insert(name.to_owned(), instance);
    }
}
