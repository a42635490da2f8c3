//! Between clients and the service: the host name, the load balancer, its certificate.

use std::io;
use std::net::IpAddr;

use envs::{HeldIn, server};
use serde::Deserialize;
use serde_json::Value;

use super::super::finding::Finding;
use super::unknown::{Blind, known};
use super::{CloudChecks, Resolve};
use crate::commands::gcp::setup::live::Live;
use crate::commands::gcp::state::observe::{Read, observe};
use crate::config::env::{Environment, Layers};
use crate::core::error::Result;
use crate::tools::gcloud;

/// Behind this one stand load balancers.
const COMPUTE: &str = "compute.googleapis.com";

/// A certificate of the HTTPS proxy, as `ssl-certificates describe` prints it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Certificate {
    managed: Managed,
    subject_alternative_names: Vec<String>,
}

/// One that Google renews.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Managed {
    domains: Vec<String>,
    /// `ACTIVE`, `PROVISIONING`, `PROVISIONING_FAILED`…
    status: String,
    domain_status: std::collections::BTreeMap<String, String>,
}

/// Checks it in the order in which a client reaches it; returns whether the load balancer routes to the service, `None`
/// where that is unknown.
pub(super) fn examine(
    look: &CloudChecks<'_>,
    project: &Live,
    resolve: Resolve<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Option<bool>> {
    let host = public_host(look);
    if !project.apis.iter().any(|api| api == COMPUTE) {
        // No load balancer can be there, so the name leads elsewhere, and where is not ours to know.
        findings.extend(host.and_then(|host| name(look, &host, None, resolve)));
        return Ok(Some(false));
    }
    let names = &look.names;
    let reads = [
        Read::new("the load balancer's backend for the service", gcloud::describe_endpoint_group(names)),
        Read::new("the load balancer's address", gcloud::describe_address(names)),
        Read::new("the load balancer's certificates", gcloud::describe_https_proxy(names)),
    ];
    let [group, address, proxy] = observe(look.context, look.at_once, &reads)?;
    let leads_here = known(group, findings).ok().map(|group| group.is_some());
    let address = known(address, findings).ok().flatten().map(|address| address.trim().to_owned());
    let proxy = proxy.understand("the load balancer's certificates", |text| serde_json::from_str(text).ok());
    let proxy: Option<Value> = known(proxy, findings).ok().flatten();
    let Some(host) = host else { return Ok(leads_here) };
    // The load balancer is the web application's too: without a way to this service it says nothing of our name.
    let ours = leads_here == Some(true);
    findings.extend(name(look, &host, address.as_deref().filter(|_| ours), resolve));
    if let Some(proxy) = proxy.filter(|_| ours) {
        certificate(look, &host, &proxy, findings)?;
    }
    Ok(leads_here)
}

/// The name that clients use, unless it is Cloud Run's own.
fn public_host(look: &CloudChecks<'_>) -> Option<String> {
    let files = look.checked.files.iter().filter(|(file, _)| matches!(file, HeldIn::Build | HeldIn::Mcp));
    let nothing = Environment::default();
    let base = Layers::new(&nothing, files.map(|(_, file)| file)).get(&server::MCP_BASE_URL)?;
    let rest = base.value.expose().trim().strip_prefix("https://")?;
    let host = rest.split(['/', ':']).next().filter(|host| !host.is_empty())?;
    (!host.ends_with(".run.app")).then(|| host.to_owned())
}

/// Where the name leads.
fn name(look: &CloudChecks<'_>, host: &str, address: Option<&str>, resolve: Resolve<'_>) -> Option<Finding> {
    let place = format!("{host}, from {}", server::MCP_BASE_URL.name);
    let record = address.map_or_else(
        || format!("create a DNS record for {host} that points to the proxy in front of the server"),
        |address| format!("create the DNS record: {host}. A {address}"),
    );
    let wanted: Option<IpAddr> = address.and_then(|address| address.parse().ok());
    match resolve(host) {
        Ok(found) if wanted.is_none_or(|wanted| found.contains(&wanted)) => None,
        Ok(found) => {
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            let finding = Finding::error(
                "dns-elsewhere",
                format!("{host} resolves to {}, not to the load balancer", found.join(", ")),
                "clients do not reach this service, unless it is behind your own proxy",
                place,
                record,
            );
            Some(finding.into_warning())
        }
        Err(error) if is_unknown_name(&error) => Some(Finding::error(
            "dns-missing",
            format!("{host} has no address"),
            "no client can find the server, and a managed certificate does not become active",
            place,
            record,
        )),
        Err(error) => {
            let finding = Finding::error(
                "could-not-tell",
                format!("could not resolve {host}: its DNS record is unknown"),
                error.to_string(),
                place,
                format!("check this machine's network, then run: cargo xtask doctor {}", look.stage),
            );
            Some(finding.into_warning())
        }
    }
}

/// Whether the resolver is certain that there is no such name. The standard library passes on only its words:
/// those of glibc, musl and macOS for `EAI_NONAME`, and for a name without an address.
fn is_unknown_name(error: &io::Error) -> bool {
    let text = error.to_string();
    ["Name or service not known", "Name does not resolve", "nodename nor servname", "No address associated"]
        .iter()
        .any(|words| text.contains(words))
}

/// A certificate for the name, and whether it is in force.
fn certificate(look: &CloudChecks<'_>, host: &str, proxy: &Value, findings: &mut Vec<Finding>) -> Result<()> {
    // With a certificate map, Certificate Manager holds them: nothing is known of it here.
    if proxy["certificateMap"].is_string() {
        return Ok(());
    }
    let links = proxy["sslCertificates"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut for_host = Vec::new();
    for certificate in links.filter_map(|link| link.rsplit('/').next()) {
        let what = format!("certificate {certificate}");
        let read = Read::new(what.clone(), gcloud::describe_certificate(&look.names, certificate));
        let [seen] = observe(look.context, look.at_once, &[read])?;
        let seen = seen.understand(&what, |text| serde_json::from_str::<Certificate>(text).ok());
        match known(seen, findings) {
            Ok(Some(found)) if found.covers(host) => for_host.push((certificate, found)),
            Ok(_) => {}
            // It may be the one.
            Err(Blind) => return Ok(()),
        }
    }
    if for_host.iter().any(|(_, certificate)| certificate.problem(host).is_none()) {
        return Ok(());
    }
    let place = look.place(&format!("HTTPS proxy {}", look.names.https_proxy()));
    let Some((certificate, state)) =
        for_host.first().and_then(|(name, found)| Some((*name, found.problem(host)?)))
    else {
        findings.push(Finding::error(
            "certificate-missing",
            format!("no certificate of the load balancer is for {host}"),
            "clients refuse the connection",
            place,
            format!("{} {host}", look.command("lb-add")),
        ));
        return Ok(());
    };
    findings.push(Finding::error(
        "certificate-not-active",
        format!("certificate {certificate} for {host} is {state}"),
        "clients refuse the connection until it is ACTIVE, which takes up to an hour once the name resolves to it",
        place,
        format!(
            "gcloud compute ssl-certificates describe {certificate} --global --project={}",
            look.names.project()
        ),
    ));
    Ok(())
}

impl Certificate {
    fn covers(&self, host: &str) -> bool {
        let names = self.managed.domains.iter().chain(&self.subject_alternative_names);
        let parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}")).unwrap_or_default();
        names.into_iter().any(|name| name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(&parent))
    }

    /// Why it is not in force, as Google says it; one that was uploaded is.
    fn problem(&self, host: &str) -> Option<String> {
        let Managed { status, domain_status, .. } = &self.managed;
        if status.is_empty() || status == "ACTIVE" {
            return None;
        }
        let of_host = domain_status.get(host).filter(|of_host| *of_host != status);
        Some(of_host.map_or_else(|| status.clone(), |of_host| format!("{status}: {of_host}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(text: &str) -> Certificate {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_certificate_is_for_its_names_and_in_force_when_active() {
        let managed = certificate(
            r#"{"managed": {"domains": ["a.example", "b.example"], "status": "PROVISIONING",
                "domainStatus": {"b.example": "FAILED_NOT_VISIBLE"}}}"#,
        );
        assert!(managed.covers("A.example") && !managed.covers("c.example"));
        assert_eq!(managed.problem("a.example").unwrap(), "PROVISIONING");
        assert_eq!(managed.problem("b.example").unwrap(), "PROVISIONING: FAILED_NOT_VISIBLE");
        let uploaded = certificate(r#"{"subjectAlternativeNames": ["*.example.com"]}"#);
        assert!(uploaded.covers("mcp.example.com") && !uploaded.covers("a.mcp.example.com"));
        assert_eq!(uploaded.problem("mcp.example.com"), None);
    }

    #[test]
    fn only_a_resolver_that_is_certain_is_believed() {
        let said = |text: &str| is_unknown_name(&io::Error::other(text.to_owned()));
        assert!(said("failed to lookup address information: Name or service not known"));
        assert!(!said("failed to lookup address information: Temporary failure in name resolution"));
    }
}
