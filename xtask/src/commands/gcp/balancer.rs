//! `gcp lb-add`: a name of the server's own, through the load balancer of the web application.
//!
//! Each part is read, planned and made; whatever interrupts it, the same command goes on from what is there.
//!
//! First the certificate, which Google issues once the name leads to the load balancer. Only when it is active and the name
//! leads there, the way to the service is made, and everything else closed: before, users would reach nothing at all.

mod certificates;
mod dns;
mod live;

use envs::{HeldIn, server};

use super::plan::{Item, Plan, State};
use super::scope::Scope;
use super::service::Ingress;
use super::{apply, lock, settings};
use crate::cli::GcpLbAdd;
use crate::config::context::Context;
use crate::config::env::Layers;
use crate::config::stage::{Names, Target};
use crate::core::error::{Error, Result};
use crate::tools::gcloud;
use certificates::Change;
use dns::Leads;
use live::Live;

/// Leads the name to the service.
pub(super) fn lb_add(context: &Context, args: &GcpLbAdd) -> Result<()> {
    let common = &args.common;
    let names = settings::load(context, common.stage)?.names;
    let live = Live::read(context, &names, common.at_once)?;
    let change = change(&names, &live, &args.domain)?;
    // Nobody can be served before there is a certificate: where the name leads to is asked after that.
    let leads = if change.waits_for.is_some() || args.dns_elsewhere {
        None
    } else {
        Some(dns::leads(context, &args.domain, &live.address)?)
    };
    let name = Name { domain: &args.domain, change, leads };
    let mut plan = plan(&names, &live, &name);
    plan.items.extend(base_url(context, &names, &args.domain)?);
    let waits = name.waits(&live);
    if common.dry_run || plan.is_empty() {
        apply::carry_out(context, &plan, common)?;
        if let (Some(waits), false) = (&waits, common.json) {
            context.printer.note(&format!("waiting for: {waits}. Type the same command again then"));
        }
        return Ok(());
    }
    if !common.json {
        context.printer.report(&plan.render());
    }
    apply::confirm(context, common)?;
    let work = || apply::apply(context, &plan, common.at_once);
    if waits.is_none() {
        // A deploy writes ingress, too, and proves the way: not both at once.
        let command = format!("gcp lb-add {} {}", common.stage, args.domain);
        lock::under(context, &names, &command, args.lock_wait, |_| work())?;
    } else {
        work()?;
    }
    if common.json {
        context.printer.json(&plan.json(true));
    } else if let Some((certificate, _)) = &name.change.waits_for {
        context.printer.note(&format!(
            "Google issues the certificate {certificate} once every one of its names leads to {}: an hour at most, as a \
             rule. Type the same command again then",
            live.address
        ));
    } else if let Some(waits) = waits {
        context.printer.note(&format!("{waits}. Type the same command again then"));
    } else {
        context.printer.data(&format!(
            "{} leads to {}; how it serves: cargo xtask gcp status {}",
            args.domain,
            names.service(),
            common.stage
        ));
    }
    Ok(())
}

/// The name that is added, and how far it is.
struct Name<'a> {
    domain: &'a str,
    change: Change,
    /// `None` where it was not asked.
    leads: Option<Leads>,
}

impl Name<'_> {
    /// What the way to the service waits for; `None` where users can be led there.
    fn waits(&self, live: &Live) -> Option<String> {
        let (domain, address) = (self.domain, &live.address);
        if let Some((certificate, status)) = &self.change.waits_for {
            return Some(format!("the certificate {certificate} is not active ({status})"));
        }
        match &self.leads {
            None | Some(Leads::There) => None,
            // Google issues a certificate only for a name that leads to the load balancer.
            Some(Leads::Unknown) if self.change.vouched => None,
            Some(Leads::Unknown) => Some(format!("where {domain} leads to could not be asked from here")),
            Some(Leads::Elsewhere(found)) if found.is_empty() => {
                Some(format!("{domain} is not known to DNS here; it has to lead to {address}"))
            }
            Some(Leads::Elsewhere(found)) => {
                Some(format!("{domain} leads to {}, not to {address}", found.join(", ")))
            }
        }
    }
}

/// What becomes of the certificates. It is an error where something is in the way of the name.
fn change(names: &Names, live: &Live, domain: &str) -> Result<Change> {
    let mut wrong = conflicts(names, live, domain);
    let links = live.proxy.certificates();
    let change = certificates::change(domain, links, &live.certificates, &names.certificate());
    let change = change.unwrap_or_else(|problems| {
        wrong.extend(problems);
        Change::default()
    });
    if wrong.is_empty() {
        return Ok(change);
    }
    Err(Error::failed(format!("{domain} cannot be led to {}", names.service()))
        .causes(wrong)
        .cause("nothing was changed"))
}

/// The difference between what is there and a name that leads to the service.
fn plan(names: &Names, live: &Live, name: &Name<'_>) -> Plan {
    let (domain, change, waits) = (name.domain, &name.change, name.waits(live));
    let mut items = certificate_items(names, change);
    let rest = way(names, live).into_iter().chain([host_rule(names, live, domain), ingress(names, live)]);
    items.extend(rest.map(|item| match &waits {
        Some(waits) if item.step.is_some() => Item::pending(item.resource, format!("later: {waits}")),
        _ => item,
    }));
    let record = format!("DNS record {domain}");
    items.push(if let Some((certificate, status)) = &change.waits_for {
        let make = format!("make it, where you have not yet: {domain}. A {}", live.address);
        let item = Item::pending(record, make)
            .note(format!("the certificate {certificate} waits for it ({status})"));
        change.unseen.iter().fold(item, |item, (name, status)| {
            item.note(format!(
                "{name}: {status}; a name that does not lead here keeps the certificate waiting"
            ))
        })
    } else if let Some(waits) = waits {
        Item::pending(record, waits)
            .note("where something of your own stands before the load balancer: add --dns-elsewhere")
    } else {
        Item::unchanged(record).note(format!("{domain}. A {}", live.address))
    });
    Plan { command: "gcp lb-add", place: Scope::of(names), items }
}

/// What somebody else has made of the same names, and must not be changed under their hands.
fn conflicts(names: &Names, live: &Live, domain: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if live.address.is_empty() {
        wrong
            .push(format!("the address {} has no address yet: Google has not given it one", names.address()));
    }
    let (service, backend, matcher) = (names.service(), names.backend(), names.path_matcher());
    if let Some(group) = live.group.as_ref().filter(|group| group.service() != service) {
        wrong.push(format!("{} leads to '{}', not to {service}", names.endpoint_group(), group.service()));
    }
    if let Some(map) = &live.proxy.certificate_map {
        wrong.push(format!("the HTTPS proxy takes its certificates from {}: add {domain} there", last(map)));
    }
    if let Some(found) = live.map.matcher_of(domain).filter(|found| *found != matcher) {
        wrong.push(format!("{domain} leads to the path matcher {found} already"));
    }
    if let Some(found) = live.map.backend_of(&matcher).filter(|found| *found != backend) {
        wrong.push(format!("the path matcher {matcher} leads to {found}, not to {backend}"));
    }
    wrong
}

/// From the load balancer to the service.
fn way(names: &Names, live: &Live) -> Vec<Item> {
    let group = format!("endpoint group {}", names.endpoint_group());
    let group = match live.group {
        Some(_) => Item::unchanged(group),
        None => Item::step(group, State::Create, gcloud::create_endpoint_group(names)),
    };
    let backend = format!("backend {}", names.backend());
    let backend = match live.backend {
        Some(_) => Item::unchanged(backend),
        None => Item::step(backend, State::Create, gcloud::create_backend(names, &live.scheme)),
    };
    let leads = format!("{} leads to {}", names.backend(), names.endpoint_group());
    let leads = match &live.backend {
        Some(backend) if backend.leads_to(&names.endpoint_group()) => Item::unchanged(leads),
        _ => Item::step(leads, State::Change, gcloud::add_endpoint_group(names)).wave(1),
    };
    vec![group, backend, leads]
}

fn certificate_items(names: &Names, change: &Change) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some((name, domains)) = &change.order {
        let order = gcloud::create_certificate(names, name, domains);
        items.push(
            Item::step(format!("certificate {name}"), State::Create, order)
                .note(format!("for {}", domains.join(", "))),
        );
    }
    let proxy = format!("certificates of {}", names.https_proxy());
    if change.attach.is_none() && change.detach.is_empty() {
        items.push(Item::unchanged(proxy));
        return items;
    }
    let mut item = Item::step(proxy, State::Change, gcloud::set_certificates(names, &change.all)).wave(1);
    if let Some(name) = &change.attach {
        item = item.note(format!("{name} beside the ones that serve"));
    }
    for name in &change.detach {
        item = item.note(format!("{name} goes off: another is active for all of its names"));
    }
    if !change.detach.is_empty() {
        item = item
            .note("Google may need 30 minutes after 'active' until each of its front ends has the new one")
            .note("they are kept; delete them by hand: gcloud compute ssl-certificates delete");
    }
    items.push(item);
    items
}

/// In a later wave than the way: before, the name would lead nowhere.
fn host_rule(names: &Names, live: &Live, domain: &str) -> Item {
    let rule = format!("{domain} leads to {}", names.path_matcher());
    let matcher = names.path_matcher();
    if live.map.matcher_of(domain).is_some() {
        Item::unchanged(rule)
    } else if live.map.backend_of(&matcher).is_some() {
        Item::step(rule, State::Change, gcloud::add_host_rule(names, domain)).wave(2)
    } else {
        Item::step(rule, State::Create, gcloud::add_path_matcher(names, domain)).wave(2)
    }
}

/// Last: as long as the load balancer's way is not whole, the service's own address is the only one.
fn ingress(names: &Names, live: &Live) -> Item {
    let resource = format!("ingress of {}", names.service());
    match live.service.spec.ingress {
        Ingress::InternalAndCloudLoadBalancing => Item::unchanged(resource),
        Ingress::Internal => {
            Item::pending(resource, "closed for maintenance: cargo xtask gcp maintenance off opens it")
        }
        Ingress::All => Item::step(resource, State::Change, gcloud::lock_ingress(names))
            .wave(3)
            .note("all -> internal-and-cloud-load-balancing: from outside by the load balancer only"),
    }
}

/// What clients are told is another matter: the stage's own file says it, and a deploy.
fn base_url(context: &Context, names: &Names, domain: &str) -> Result<Option<Item>> {
    let build = context.tree.read(Target::GoogleCloud(names.stage()), HeldIn::Build)?;
    let found = Layers::new(&context.environment, build.as_ref()).get(&server::MCP_BASE_URL);
    let base = found.map(|found| found.value.expose().trim().to_owned()).unwrap_or_default();
    let host = base.strip_prefix("https://").and_then(|rest| rest.split(['/', ':']).next());
    let name = server::MCP_BASE_URL.name;
    Ok((host != Some(domain)).then(|| {
        let now = if base.is_empty() { "not set".to_owned() } else { base.clone() };
        Item::pending(name, format!("it is {now}: write https://{domain} into .build, then deploy"))
    }))
}

/// The last part of a resource's link, which is its name.
fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}
