//! Reads of gcloud's own configuration and of the load balancer in front of the service.

use super::read;
use crate::config::stage::Names;
use crate::core::command::Command;

/// gcloud's own account and project, without any secret of its configuration.
pub fn configuration() -> Command {
    Command::new("gcloud").args(["config", "list", "--format=json(core.account,core.project)"]).reads()
}

/// The endpoint group that connects the load balancer to the service.
pub fn describe_endpoint_group(names: &Names) -> Command {
    endpoint_group(names, &names.endpoint_group())
}

/// The endpoint group of any service, by its name.
pub fn endpoint_group(names: &Names, group: &str) -> Command {
    let args = ["compute", "network-endpoint-groups", "describe", group, "--region", names.region()];
    read(names, args, "json(name,cloudRun)")
}

/// The load balancer's HTTPS proxy, which names its certificates.
pub fn describe_https_proxy(names: &Names) -> Command {
    let proxy = names.https_proxy();
    let format = "json(sslCertificates,certificateMap)";
    read(names, ["compute", "target-https-proxies", "describe", &proxy, "--global"], format)
}

/// The load balancer's address.
pub fn describe_address(names: &Names) -> Command {
    read(names, ["compute", "addresses", "describe", &names.address(), "--global"], "value(address)")
}

/// One certificate: the names that it is for, and how far it is.
pub fn describe_certificate(names: &Names, certificate: &str) -> Command {
    let format = "json(managed,subjectAlternativeNames)";
    read(names, ["compute", "ssl-certificates", "describe", certificate, "--global"], format)
}
