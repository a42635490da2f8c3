//! Jobs and services.

use super::super::document::{At, Node, Section};
use super::super::{Container, Ingress, Job, Network, Proof, Service, Stamp, check};
use super::{Reader, checked};

/// Cloud Run's limits in seconds: a request may take an hour, a task a day.
const LONGEST_REQUEST: u32 = 60 * 60;
const LONGEST_TASK: u32 = 24 * 60 * 60;

/// Cloud Run's limit for a service without a raised quota.
const MOST_INSTANCES: u32 = 1000;

impl<'r, 't> Reader<'r, 't> {
    pub(super) fn job(&self, key: &str, node: &Node<'r, 't>) -> Option<Job> {
        let mut section = node.section()?;
        let container = self.container(key, "job", &mut section, LONGEST_TASK);
        let texts = |node: Option<Node<'r, 't>>| {
            let list = node?.list(Node::text)?;
            Some(list.into_iter().map(|at| at.value).collect::<Vec<_>>())
        };
        let command = texts(section.need("command"));
        let script = texts(section.need("script"));
        section.finish();
        Some(Job { container: container?, command: command?, script: script? })
    }

    pub(super) fn service(&self, key: &str, node: &Node<'r, 't>) -> Option<Service> {
        let mut section = node.section()?;
        let container = self.container(key, "service", &mut section, LONGEST_REQUEST);
        let gated = section.may("gated").map_or(Some(false), |node| node.flag());
        let port = section.need("port").and_then(|node| node.whole(&(1..=u32::from(u16::MAX))));
        let instances = |node: Node<'r, 't>| node.staged(|node| node.whole(&(0..=MOST_INSTANCES)));
        let min = section.need("min").and_then(instances);
        let max_node = section.need("max");
        let max = max_node.as_ref().and_then(|node| node.staged(|node| node.whole(&(1..=MOST_INSTANCES))));
        if let (Some(min), Some(max), Some(node)) = (&min, &max, &max_node) {
            for ((stage, min), (_, max)) in min.each().into_iter().zip(max.each()) {
                if min > max {
                    node.mistake(format!("{stage}: at most {max} instances, but at least {min}"));
                }
            }
        }
        let together = section.may("scaling").map_or(Some(false), |node| {
            let text = node.text()?;
            checked(&node, check::one_of(&text, &["service", "revision"]));
            Some(text.value == "service")
        });
        let ingress = section.need("ingress").and_then(|node| self.ingress(&node));
        let public = section.need("public").and_then(|node| node.flag());
        let proof = section.need("proof").and_then(|node| proof(&node));
        let labels = Self::map(section.may("labels"), |name, node| {
            checked(node, check::label(name));
            let text = node.text()?;
            checked(node, check::label_value(&text));
            Some((name.to_owned(), text.value))
        });
        let queue = section.may("queue").map(|node| self.staged_text(&node));
        section.finish();
        Some(Service {
            container: container?,
            gated: gated?,
            port: u16::try_from(port?).ok()?,
            min: min?,
            max: max?,
            together: together?,
            ingress: ingress?,
            public: public?,
            proof: proof?,
            labels: labels.into_iter().map(|(_, label)| label).collect::<Option<_>>()?,
            queue: queue.map_or(Some(None), |queue| queue.map(Some))?,
        })
    }

    fn container(
        &self,
        key: &str,
        kind: &str,
        section: &mut Section<'r, 't>,
        longest: u32,
    ) -> Option<Container> {
        let name = section.need("name").and_then(|node| {
            let text = self.resource(&node)?;
            let name = At { value: format!("{kind} {}", node.text()?.value), offset: node.offset };
            self.links.borrow_mut().names.push((name, key.to_owned()));
            Some(text)
        });
        let image = section.need("image").and_then(|node| node.text());
        self.links.borrow_mut().images.extend(image.clone());
        let form = |node: Option<Node<'r, 't>>, check: fn(&str) -> Result<(), String>| {
            let node = node?;
            let text = node.text()?;
            checked(&node, check(&text));
            Some(text.value)
        };
        let memory = form(section.need("memory"), check::memory);
        let cpu = form(section.may("cpu"), check::cpu);
        let timeout = section.need("timeout").and_then(|node| node.whole(&(1..=longest)));
        let account = section.need("account").and_then(|node| self.text(&node));
        let secret = section.need("secret").and_then(|node| node.text());
        self.links.borrow_mut().secrets.extend(secret.clone());
        let database = section.may("database").map(|node| self.text(&node));
        let network = section.may("network").map(|node| {
            if database.is_none() && kind == "job" {
                node.mistake(
                    "a job's network is used where the database has a private address, but there is no database",
                );
            }
            network(&node)
        });
        let env = Self::map(section.may("env"), |name, node| {
            checked(node, check::variable(name));
            self.stamp(name, node)
        });
        Some(Container {
            key: key.to_owned(),
            name: name?,
            image: image?.value,
            memory: memory?,
            cpu,
            timeout: timeout?,
            account: account?,
            secret: secret?.value,
            database: database.map_or(Some(None), |database| database.map(Some))?,
            network: network.map_or(Some(None), |network| network.map(Some))?,
            env: env.into_iter().map(|(_, stamp)| stamp).collect::<Option<_>>()?,
        })
    }

    fn stamp(&self, name: &str, node: &Node<'r, 't>) -> Option<Stamp> {
        if !node.is_section() {
            return Some(Stamp { name: name.to_owned(), value: self.text(node)?, optional: false });
        }
        let mut section = node.section()?;
        let value = section.need("value").and_then(|node| self.text(&node));
        let optional = section.may("optional").map_or(Some(false), |node| node.flag());
        section.finish();
        Some(Stamp { name: name.to_owned(), value: value?, optional: optional? })
    }

    fn ingress(&self, node: &Node<'r, 't>) -> Option<Ingress> {
        if !node.is_section() {
            let text = node.text()?;
            checked(node, check::one_of(&text, &["all", "internal", "internal-and-cloud-load-balancing"]));
            return Some(Ingress::Fixed(text.value));
        }
        let mut section = node.section()?;
        let group = section.need("endpoint_group").and_then(|node| self.text(&node));
        section.finish();
        Some(Ingress::Balanced(group?))
    }
}

/// gcloud takes an egress without a network, and does nothing with it.
fn network(node: &Node<'_, '_>) -> Option<Network> {
    let mut section = node.section()?;
    let name = section.may("name").and_then(|node| node.text());
    let subnet = section.may("subnet").and_then(|node| node.text());
    let egress = section.may("egress");
    section.finish();
    if name.is_none() {
        node.mistake("an egress without a network has no effect; write the network's name");
    }
    if let Some(node) = &egress {
        let text = node.text()?;
        checked(node, check::one_of(&text, &["private-ranges-only", "all-traffic"]));
    }
    let name = name?.value;
    Some(Network {
        subnet: subnet.map_or_else(|| name.clone(), |at| at.value),
        egress: egress
            .and_then(|node| node.text())
            .map_or_else(|| "private-ranges-only".into(), |at| at.value),
        name,
    })
}

fn proof(node: &Node<'_, '_>) -> Option<Proof> {
    let mut section = node.section()?;
    let startup_node = section.need("startup");
    let startup = startup_node.as_ref().and_then(Node::text);
    let probe = section.may("probe").map_or(Some(false), |node| node.flag());
    section.finish();
    let startup = startup?.value;
    if startup != "tcp"
        && let Some(node) = &startup_node
    {
        checked(node, check::path(&startup).map_err(|wrong| format!("{wrong}, or write 'tcp'")));
    }
    Some(Proof { startup: Some(startup).filter(|startup| startup != "tcp"), probe: probe? })
}
