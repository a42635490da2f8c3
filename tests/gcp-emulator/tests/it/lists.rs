//! What one answer does not say: lists by the page, lists without a region, and versions that are not destroyed yet.

use std::time::Duration;

use gcp_emulator::Emulator;
use serde_json::{Value, json};

use crate::client::send;

const SECRETS: &str = "http://secretmanager.googleapis.com/v1/projects/demo-proj/secrets";
const COMPUTE: &str = "http://compute.googleapis.com/compute/v1/projects/demo-proj";

fn get(emulator: &Emulator, url: &str) -> Value {
    let (status, answer) = send(emulator, "GET", url, &Value::Null).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn versions_come_by_the_page_newest_first() {
    let emulator = Emulator::start().unwrap();
    emulator.cloud().enable(&["secretmanager.googleapis.com"]);
    emulator.cloud().seed_secret("env");
    for _ in 0..12 {
        emulator.cloud().seed_version("env", "A=1");
    }
    let url = format!("{SECRETS}/env/versions?pageSize=0");
    let first = get(&emulator, &url);
    let second = get(&emulator, &format!("{url}&pageToken={}", first["nextPageToken"].as_str().unwrap()));
    let numbers = |page: &Value| -> Vec<String> {
        let name = |version: &Value| version["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        page["versions"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(numbers(&first), ["12", "11", "10", "9", "8", "7", "6", "5", "4", "3"]);
    assert_eq!(numbers(&second), ["2", "1"]);
    assert_eq!((&first["totalSize"], &second["nextPageToken"]), (&json!(12), &Value::Null));
    assert_eq!(get(&emulator, &format!("{SECRETS}/env/versions?pageSize=99"))["nextPageToken"], Value::Null);
}

#[test]
fn a_version_that_is_destroyed_later_is_disabled_until_then() {
    let emulator = Emulator::start().unwrap();
    emulator.cloud().enable(&["secretmanager.googleapis.com"]);
    emulator.cloud().seed_secret("env");
    emulator.cloud().seed_version("env", "A=1");
    assert!(emulator.cloud().delay_destruction("env", Duration::from_hours(24)));
    let act = |verb: &str| {
        send(&emulator, "POST", &format!("{SECRETS}/env/versions/1:{verb}"), &json!({})).unwrap().1
    };
    let doomed = act("destroy");
    assert_eq!(doomed["state"], "DISABLED");
    assert!(doomed["scheduledDestroyTime"].is_string() && doomed["destroyTime"].is_null(), "{doomed}");
    let saved = act("enable");
    assert_eq!((&saved["state"], &saved["scheduledDestroyTime"]), (&json!("ENABLED"), &Value::Null));
    assert_eq!(get(&emulator, &format!("{SECRETS}/env"))["versionDestroyTtl"], "86400s");
}

#[test]
fn a_load_balancer_s_part_says_its_kind_its_address_and_its_region() {
    let emulator = Emulator::start().unwrap();
    emulator.cloud().enable(&["compute.googleapis.com"]);
    let make = |place: &str, name: &str| {
        send(&emulator, "POST", &format!("{COMPUTE}/{place}"), &json!({"name": name})).unwrap().1
    };
    for (place, kind) in [
        ("global/addresses", "address"),
        ("global/urlMaps", "urlMap"),
        ("global/sslCertificates", "sslCertificate"),
        ("global/targetHttpsProxies", "targetHttpsProxy"),
        ("global/backendServices", "backendService"),
        ("regions/us-west1/networkEndpointGroups", "networkEndpointGroup"),
    ] {
        let operation = make(place, "it");
        let region = place.strip_prefix("regions/us-west1/").map(|_| format!("{COMPUTE}/regions/us-west1"));
        let region =
            region.map(|link| link.replace("http://compute.googleapis.com", "https://www.googleapis.com"));
        assert_eq!(operation["region"].as_str(), region.as_deref(), "{place}: {operation}");
        let found = get(&emulator, &format!("{COMPUTE}/{place}/it"));
        assert_eq!(found["kind"], format!("compute#{kind}"), "{place}");
    }
    let address = get(&emulator, &format!("{COMPUTE}/global/addresses/it"));
    assert!(address["address"].as_str().unwrap().parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
}
