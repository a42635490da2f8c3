//! The scheduler and its jobs.

use super::super::document::Node;
use super::super::text::BUILT_IN;
use super::super::{Scheduled, Scheduler, Text, check, cron};
use super::{Reader, checked, text_of};

impl<'r, 't> Reader<'r, 't> {
    pub(super) fn scheduler(&self, node: &Node<'r, 't>) -> Option<Scheduler> {
        let mut section = node.section()?;
        let target = section.need("target").and_then(|node| node.text());
        self.links.borrow_mut().target.clone_from(&target);
        let with_id = |node: Node<'r, 't>| -> Option<Text> {
            let known =
                |name: &str| name == "id" || BUILT_IN.contains(&name) || self.values.contains_key(name);
            let text = text_of(&node, &known)?;
            if !text.names().any(|name| name == "id") {
                node.mistake("{id} does not stand in it, so all jobs would have the same one");
            }
            Some(text)
        };
        let name = section.need("name").and_then(with_id);
        let path = section.need("path").and_then(|node| {
            checked(&node, check::path(&node.text()?));
            with_id(node)
        });
        let account = section.need("account").and_then(|node| self.text(&node));
        let time_zone = section.need("time_zone").and_then(|node| {
            node.staged(|node| {
                let zone = node.text()?;
                checked(node, check::time_zone(&zone));
                Some(zone.value)
            })
        });
        let jobs = section.need("jobs").and_then(|node| node.list(|node| Some(self.scheduled(node))));
        section.finish();
        let jobs = jobs?.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Scheduler {
            target: target?.value,
            name: name?,
            path: path?,
            account: account?,
            time_zone: time_zone?,
            jobs,
        })
    }

    fn scheduled(&self, node: &Node<'r, 't>) -> Option<Scheduled> {
        let mut section = node.section()?;
        let form = |node: Option<Node<'r, 't>>, check: fn(&str) -> Result<(), String>| {
            let node = node?;
            let text = node.text()?;
            checked(&node, check(&text));
            Some(text)
        };
        let id = form(section.need("id"), check::resource);
        let cron = form(section.need("cron"), cron::check);
        let does = form(section.need("does"), check::description);
        section.finish();
        self.links.borrow_mut().scheduled.extend(id.clone());
        Some(Scheduled { id: id?.value, cron: cron?.value, does: does?.value })
    }
}
