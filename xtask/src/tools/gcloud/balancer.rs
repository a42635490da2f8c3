//! The load balancer's parts: what leads a name to the service.
//!
//! Existence is never asked of a list: gcloud ends with 0 and an empty one where it could not ask. A list is read here
//! for what its items say; what it should hold and does not is then no answer.

use super::{gcloud, read};
use crate::config::stage::Names;
use crate::core::command::Command;

/// What a name and a path lead to.
pub fn describe_url_map(names: &Names) -> Command {
    read(names, ["compute", "url-maps", "describe", &names.url_map(), "--global"], "json")
}

/// A backend service, by its name: the server's own, or another of the URL map.
pub fn describe_backend(names: &Names, backend: &str) -> Command {
    read(names, ["compute", "backend-services", "describe", backend, "--global"], "json")
}

/// The certificates of the project, those of regions left out.
pub fn list_certificates(names: &Names) -> Command {
    read(names, ["compute", "ssl-certificates", "list", "--global"], "json")
}

/// Makes what leads a load balancer to the service.
pub fn create_endpoint_group(names: &Names) -> Command {
    let (group, service) = (names.endpoint_group(), format!("--cloud-run-service={}", names.service()));
    let args = ["compute", "network-endpoint-groups", "create", &group, "--region", names.region()];
    gcloud(names, args.into_iter().chain(["--network-endpoint-type=serverless", &service]))
}

/// Makes the server's backend. Behind one URL map all have the same scheme.
pub fn create_backend(names: &Names, scheme: &str) -> Command {
    let (backend, scheme) = (names.backend(), format!("--load-balancing-scheme={scheme}"));
    gcloud(names, ["compute", "backend-services", "create", &backend, "--global", "--protocol=HTTP", &scheme])
}

/// Leads the backend to the service.
pub fn add_endpoint_group(names: &Names) -> Command {
    let (backend, group) = (names.backend(), format!("--network-endpoint-group={}", names.endpoint_group()));
    let region = format!("--network-endpoint-group-region={}", names.region());
    gcloud(names, ["compute", "backend-services", "add-backend", &backend, "--global", &group, &region])
}

/// Orders a certificate that Google issues and renews, once every one of its names leads to the load balancer.
pub fn create_certificate(names: &Names, certificate: &str, domains: &[String]) -> Command {
    let domains = format!("--domains={}", domains.join(","));
    gcloud(names, ["compute", "ssl-certificates", "create", certificate, &domains, "--global"])
}

/// Makes these the HTTPS proxy's certificates, all of them: what is left out is taken off.
pub fn set_certificates(names: &Names, certificates: &[String]) -> Command {
    let proxy = names.https_proxy();
    let certificates = format!("--ssl-certificates={}", certificates.join(","));
    let args = ["compute", "target-https-proxies", "update", &proxy, "--global", &certificates];
    gcloud(names, args.into_iter().chain(["--global-ssl-certificates"]))
}

/// Routes the first host name to the server: a separate path matcher.
pub fn add_path_matcher(names: &Names, domain: &str) -> Command {
    let (matcher, backend) = (
        format!("--path-matcher-name={}", names.path_matcher()),
        format!("--default-service={}", names.backend()),
    );
    let host = format!("--new-hosts={domain}");
    let map = names.url_map();
    gcloud(names, ["compute", "url-maps", "add-path-matcher", &map, "--global", &matcher, &backend, &host])
}

/// Leads one name more to the server, by the path matcher that is there.
pub fn add_host_rule(names: &Names, domain: &str) -> Command {
    let (matcher, host) =
        (format!("--path-matcher-name={}", names.path_matcher()), format!("--hosts={domain}"));
    gcloud(names, ["compute", "url-maps", "add-host-rule", &names.url_map(), "--global", &matcher, &host])
}

/// Lets only the load balancer in. Changes the service itself; no revision comes of it.
pub fn lock_ingress(names: &Names) -> Command {
    let ingress = "--ingress=internal-and-cloud-load-balancing";
    let service = names.service();
    gcloud(names, ["run", "services", "update", &service, "--region", names.region(), ingress])
}
