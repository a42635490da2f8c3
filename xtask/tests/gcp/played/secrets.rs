//! Secrets, accounts and the project, of a played gcloud.

use std::net::SocketAddr;

use serde_json::{Value, json};
use xtask::core::runner::Outcome;

use super::wire::{request, said};
use crate::words::decoded;

pub(super) const SECRETS: &str = "http://secretmanager.googleapis.com/v1/projects/demo-proj/secrets";

/// What gcloud would print.
pub(super) fn answer(to: SocketAddr, words: &[&str]) -> Outcome {
    let get = |url: &str| request(to, "GET", url, &Value::Null);
    let flag =
        |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned();
    match words {
        ["secrets", "versions", "access", version, ..] => {
            let secret = flag("--secret=");
            let (status, found) = get(&format!("{SECRETS}/{secret}/versions/{version}:access"));
            let data = found["payload"]["data"].as_str().unwrap_or_default();
            match status {
                // With its name in the first line.
                200 if *version == "latest" => {
                    let name = found["name"].as_str().unwrap_or_default();
                    Outcome::success(format!("{name}\n{}\n", decoded(data)))
                }
                200 => Outcome::success(decoded(data)),
                _ => said("secrets.versions.access", (status, found)),
            }
        }
        ["secrets", "versions", "destroy", version, ..] => {
            let url = format!("{SECRETS}/{}/versions/{version}:destroy", flag("--secret="));
            said("secrets.versions.destroy", request(to, "POST", &url, &json!({})))
        }
        ["secrets", "versions", "list", secret, ..] => {
            let (status, list) = get(&format!("{SECRETS}/{secret}/versions?pageSize=1000"));
            said("secrets.versions.list", (status, list["versions"].clone()))
        }
        ["secrets", "create", secret, ..] => {
            let pairs = flag("--set-annotations=^;;^");
            let pairs = pairs.split(";;").filter_map(|pair| pair.split_once('='));
            let annotations: Value = pairs
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let replicas = json!([{"location": flag("--locations=")}]);
            let replication = match flag("--replication-policy=").as_str() {
                "user-managed" => json!({"userManaged": {"replicas": replicas}}),
                _ => json!({"automatic": {}}),
            };
            let body = json!({"ttl": flag("--ttl="), "replication": replication, "annotations": annotations});
            said("secrets.create", request(to, "POST", &format!("{SECRETS}?secretId={secret}"), &body))
        }
        ["secrets", "describe", secret, ..] => said("secrets.describe", get(&format!("{SECRETS}/{secret}"))),
        ["secrets", "delete", secret, ..] => {
            let etag = flag("--etag=").replace('"', "%22");
            said(
                "secrets.delete",
                request(to, "DELETE", &format!("{SECRETS}/{secret}?etag={etag}"), &Value::Null),
            )
        }
        ["iam", "service-accounts", "list", ..] => {
            let accounts = get("http://iam.googleapis.com/v1/projects/demo-proj/serviceAccounts").1;
            let wanted = flag("--filter=email=");
            let accounts = accounts["accounts"].as_array().cloned().unwrap_or_default();
            let found = accounts.iter().filter(|account| account["email"] == wanted.as_str()).count();
            Outcome::success(if found > 0 { wanted } else { String::new() })
        }
        ["secrets", "get-iam-policy", secret, ..] => {
            said("secrets.get-iam-policy", get(&format!("{SECRETS}/{secret}:getIamPolicy")))
        }
        ["projects", "get-iam-policy", ..] => {
            let url = "http://cloudresourcemanager.googleapis.com/v1/projects/demo-proj:getIamPolicy";
            said("projects.get-iam-policy", request(to, "POST", url, &json!({})))
        }
        ["projects", "describe", ..] => Outcome::success("123456789012\n"),
        _ => panic!("not played: {words:?}"),
    }
}
