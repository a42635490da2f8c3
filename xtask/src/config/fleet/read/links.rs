//! What refers to what: references to nothing, and names that stand twice.

use super::super::SCHEDULER;
use super::super::document::{At, Mistakes};

/// Every key and every reference of the file.
#[derive(Default)]
pub(super) struct Links {
    pub(super) order: Vec<At<String>>,
    pub(super) known_images: Vec<At<String>>,
    pub(super) known_secrets: Vec<At<String>>,
    pub(super) jobs: Vec<At<String>>,
    pub(super) services: Vec<At<String>>,
    /// References of jobs and services.
    pub(super) images: Vec<At<String>>,
    pub(super) secrets: Vec<At<String>>,
    /// Names in the cloud, jobs and services apart.
    pub(super) names: Vec<(At<String>, String)>,
    pub(super) target: Option<At<String>>,
    /// The ids of the scheduler's jobs.
    pub(super) scheduled: Vec<At<String>>,
}

impl Links {
    /// Reports everything that leads to nothing, and everything that stands twice.
    pub(super) fn follow(&self, mistakes: &Mistakes<'_>) {
        let refer = |at: &At<String>, what: &str, known: &[&At<String>]| {
            let mut known = known.iter().map(|known| known.value.as_str());
            if !known.clone().any(|known| known == at.value) {
                let meant = envs::closest(&at.value, &mut known);
                let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                mistakes.add(at.offset, format!("there is no {what} '{}'{meant}", at.value));
            }
        };
        let twice = |items: &[&At<String>], place: &str| {
            for (index, at) in items.iter().enumerate() {
                if items[..index].iter().any(|before| before.value == at.value) {
                    mistakes.add(at.offset, format!("'{}' stands twice {place}", at.value));
                }
            }
        };
        let (images, secrets) = (all(&self.known_images), all(&self.known_secrets));
        self.images.iter().for_each(|at| refer(at, "image", &images));
        self.secrets.iter().for_each(|at| refer(at, "secret", &secrets));
        for (index, (name, key)) in self.names.iter().enumerate() {
            if let Some((_, other)) = self.names[..index].iter().find(|(other, _)| other.value == name.value)
            {
                mistakes.add(name.offset, format!("{key} has the same name in the cloud as {other}"));
            }
        }

        let steps: Vec<_> = self.jobs.iter().chain(&self.services).collect();
        twice(&steps, "among the jobs and services");
        twice(&all(&self.order), "in order");
        twice(&all(&self.scheduled), "among the scheduler's jobs");
        let scheduler = At { value: SCHEDULER.to_owned(), offset: 0 };
        let mut known = steps.clone();
        known.push(&scheduler);
        self.order.iter().for_each(|at| refer(at, "job or service", &known));
        for step in steps {
            if step.value == SCHEDULER {
                let text = format!("'{SCHEDULER}' is the name of the scheduler's own step");
                mistakes.add(step.offset, text);
            }
            if !self.order.iter().any(|at| at.value == step.value) {
                let text = format!("'{}' does not stand in order, so it would never be deployed", step.value);
                mistakes.add(step.offset, text);
            }
        }
        if let Some(target) = &self.target {
            refer(target, "service", &all(&self.services));
            self.comes_after(&target.value, mistakes);
        }
    }

    fn comes_after(&self, target: &str, mistakes: &Mistakes<'_>) {
        let place = |key: &str| self.order.iter().position(|at| at.value == key);
        if let (Some(target_at), Some(own)) = (place(target), place(SCHEDULER))
            && own < target_at
        {
            let text = format!("the scheduler needs the address of '{target}', so it comes after it");
            mistakes.add(self.order[own].offset, text);
        }
    }
}

fn all(items: &[At<String>]) -> Vec<&At<String>> {
    items.iter().collect()
}
