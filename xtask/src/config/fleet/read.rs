//! From the document to the fleet: which keys there are, and what each has to look like.

mod container;
mod links;
mod scheduler;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::DeTable;

use super::document::{At, Mistake, Mistakes, Node, Section};
use super::text::BUILT_IN;
use super::{ByStage, Fleet, Image, Secret, Source, Text, Value, check};

/// Reads the whole file, or says everything that is wrong with it.
pub(super) fn fleet(text: &str) -> Result<Fleet, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistakes = Mistakes::new(text);
    for error in &errors {
        mistakes.add(error.span().map_or(0, |span| span.start), error.message());
    }
    // What was recovered from broken syntax is not what was meant; a key that stands twice leaves the rest as it is.
    if errors.iter().any(|error| !error.message().starts_with("duplicate key")) {
        return Err(mistakes.into_sorted());
    }
    let fleet = Reader { mistakes: &mistakes, values: BTreeMap::new(), links: RefCell::default() }
        .fleet(table.get_ref());
    let found = mistakes.into_sorted();
    match fleet {
        Some(fleet) if found.is_empty() => Ok(fleet),
        _ => Err(found),
    }
}

/// Reads one file.
struct Reader<'r, 't> {
    mistakes: &'r Mistakes<'t>,
    values: BTreeMap<String, Value>,
    /// What was seen on the way: references can be followed only when everything is read.
    links: RefCell<links::Links>,
}

impl<'r, 't> Reader<'r, 't> {
    /// Every part is read before the first that is missing ends it: the mistakes of all are wanted.
    fn fleet(mut self, table: &'r DeTable<'t>) -> Option<Fleet> {
        let mut root = Section::root(self.mistakes, table);
        let order = root.need("order").and_then(|node| node.list(Node::text));
        self.values = Self::values(root.may("values"));
        let images = Self::map(root.need("images"), |key, node| self.image(key, node));
        let secrets = Self::map(root.need("secrets"), |key, node| self.secret(key, node));
        let jobs = Self::map(root.may("jobs"), |key, node| self.job(key, node));
        let services = Self::map(root.need("services"), |key, node| self.service(key, node));
        let scheduler = root.need("scheduler").and_then(|node| self.scheduler(&node));
        root.finish();
        let mut links = self.links.into_inner();
        links.order = order.unwrap_or_default();
        let keys = |keys: Vec<&At<String>>| keys.into_iter().cloned().collect();
        links.known_images = keys(images.iter().map(|(key, _)| key).collect());
        links.known_secrets = keys(secrets.iter().map(|(key, _)| key).collect());
        links.jobs = keys(jobs.iter().map(|(key, _)| key).collect());
        links.services = keys(services.iter().map(|(key, _)| key).collect());
        links.follow(self.mistakes);
        Some(Fleet {
            order: links.order.into_iter().map(|key| key.value).collect(),
            values: self.values,
            images: bare(images)?,
            secrets: bare(secrets)?,
            jobs: bare(jobs)?,
            services: bare(services)?,
            scheduler: scheduler?,
        })
    }

    /// A table whose keys are names: each is kept, also when it could not be read, so that others may refer to it.
    fn map<T>(
        node: Option<Node<'r, 't>>,
        read: impl Fn(&str, &Node<'r, 't>) -> Option<T>,
    ) -> Vec<(At<String>, Option<T>)> {
        let section = node.and_then(|node| node.section());
        let entries = section.map(Section::rest).unwrap_or_default();
        entries
            .into_iter()
            .map(|(key, node)| {
                let item = read(&key.value, &node);
                (key, item)
            })
            .collect()
    }

    fn values(node: Option<Node<'r, 't>>) -> BTreeMap<String, Value> {
        let built_in = |name: &str| BUILT_IN.contains(&name);
        let value = |key: &str, node: &Node<'r, 't>| {
            if built_in(key) {
                node.mistake("this name is built in");
            }
            let is_line = node.is_section()
                && node.section().is_some_and(|mut section| {
                    ["build", "default"].into_iter().any(|key| section.may(key).is_some())
                });
            if !is_line {
                return node.staged(|node| text_of(node, &built_in)).map(Value::Text);
            }
            let mut section = node.section()?;
            let variable = section.need("build").and_then(|node| node.text());
            let default = section.may("default").and_then(|node| node.text());
            section.finish();
            let variable = variable?;
            if envs::find(&variable).is_none_or(|known| !known.held_in.contains(&envs::HeldIn::Build)) {
                node.mistake(format!("{} is not a variable of .build", variable.value));
            }
            Some(Value::Build { variable: variable.value, default: default.map(|at| at.value) })
        };
        // A value that could not be read is still known by its name, so that one mistake is not reported twenty times.
        let unread = || Value::Build { variable: String::new(), default: None };
        Self::map(node, value)
            .into_iter()
            .map(|(key, value)| (key.value, value.unwrap_or_else(unread)))
            .collect()
    }

    fn image(&self, key: &str, node: &Node<'r, 't>) -> Option<Image> {
        let mut section = node.section()?;
        let name = section.need("name").and_then(|node| self.text(&node));
        let source = section.need("source").and_then(|node| Self::source(&node));
        let file = section.need("file").and_then(|node| node.text());
        let args = section.may("args");
        section.finish();
        let args = Self::map(args, |name, node| {
            checked(node, check::variable(name));
            self.text(node)
        });
        let args = args.into_iter().map(|(name, value)| Some((name.value, value?))).collect::<Option<_>>();
        Some(Image {
            key: key.to_owned(),
            name: name?,
            source: source?,
            file: PathBuf::from(file?.value),
            args: args?,
        })
    }

    fn source(node: &Node<'r, 't>) -> Option<Source> {
        let text = node.text()?;
        if text.value == "workspace" {
            return Some(Source::Workspace);
        }
        if envs::find(&text).is_none_or(|known| !known.held_in.contains(&envs::HeldIn::Process)) {
            node.mistake(format!(
                "'{}' is neither 'workspace' nor a variable of the process environment",
                text.value
            ));
            return None;
        }
        Some(Source::Checkout(text.value))
    }

    fn secret(&self, key: &str, node: &Node<'r, 't>) -> Option<Secret> {
        let mut section = node.section()?;
        let name = section.need("name").and_then(|node| self.text(&node));
        let wins = section.may("wins").map_or(Some(false), |node| node.flag());
        let address = section.may("address").map_or(Some(Vec::new()), |node| node.list(Node::text));
        section.finish();
        let address = address?.into_iter().map(|at| at.value).collect();
        Some(Secret { key: key.to_owned(), name: name?, wins: wins?, address })
    }

    /// A text whose names are built in or stand in `[values]`.
    fn text(&self, node: &Node<'r, 't>) -> Option<Text> {
        text_of(node, &|name| BUILT_IN.contains(&name) || self.values.contains_key(name))
    }

    /// The name of a resource: a text that keeps within the cloud's limits at every stage.
    fn resource(&self, node: &Node<'r, 't>) -> Option<Text> {
        let text = self.text(node)?;
        checked(node, check::resource(&text.longest()));
        Some(text)
    }

    /// A text for each stage.
    fn staged_text(&self, node: &Node<'r, 't>) -> Option<ByStage<Text>> {
        node.staged(|node| self.text(node))
    }
}

fn text_of(node: &Node<'_, '_>, known: &dyn Fn(&str) -> bool) -> Option<Text> {
    match Text::parse(&node.text()?, known) {
        Ok(text) => Some(text),
        Err(wrong) => {
            for wrong in wrong {
                node.mistake(wrong);
            }
            None
        }
    }
}

/// The items, where each of them could be read.
fn bare<T>(items: Vec<(At<String>, Option<T>)>) -> Option<Vec<T>> {
    items.into_iter().map(|(_, item)| item).collect()
}

/// Reports what a check has found.
fn checked(node: &Node<'_, '_>, found: Result<(), String>) {
    if let Err(wrong) = found {
        node.mistake(wrong);
    }
}
