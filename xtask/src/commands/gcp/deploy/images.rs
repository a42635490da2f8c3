//! The images: of this workspace and of the application's checkout, in the registry by digest, or to be built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use envs::Variable;
use envs::deploy::{VALIDIBOT_BUILD_CLOUD, VALIDIBOT_REVISION, VALIDIBOT_VERSION};

use super::place::Place;
use crate::artifact::image::{Order, Program, Purpose, Revision};
use crate::artifact::reference::{self, ImageRef};
use crate::cli::GcpDeployAll;
use crate::commands::gcp::build::{self, PLATFORM};
use crate::commands::gcp::plan::{Item, State};
use crate::config::context::Context;
use crate::config::fleet::resolved::{Container, Image};
use crate::config::fleet::{ImageFacts, Source};
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::tools::docker::{self, Build};

/// An image of a commit.
#[derive(Debug, Clone)]
pub(super) struct Built {
    /// Its name in the registry, without tag.
    repository: String,
    /// The tag that its commit has.
    pub(super) tag: String,
    /// By digest; `None` while it is still to be built.
    image: Option<ImageRef>,
    /// The application's version.
    version: String,
    /// The commit in full.
    pub(super) commit: String,
    /// A checkout of its repository, where there is one.
    pub(super) folder: Option<PathBuf>,
    /// How it is built; `None` where it was given.
    recipe: Option<Recipe>,
}

/// How an image is built.
#[derive(Debug, Clone)]
enum Recipe {
    /// As every image of the server: compiled here, with its bill of materials.
    Server,
    /// By its Dockerfile alone.
    Docker { folder: PathBuf, file: PathBuf, args: Vec<String> },
}

/// All images that the steps need, by their keys.
pub(super) type Images = BTreeMap<String, Built>;

impl Built {
    /// By digest; by tag while there is none.
    pub(super) fn reference(&self) -> String {
        self.image.as_ref().map_or_else(|| self.tagged(&self.tag), ImageRef::to_string)
    }

    fn tagged(&self, tag: &str) -> String {
        format!("{}:{tag}", self.repository)
    }

    /// What revisions of it carry in their names: lower-case letters and digits.
    pub(super) fn mark(&self) -> String {
        let legal = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let tag = self.tag.to_ascii_lowercase();
        tag.split('-').next().unwrap_or_default().chars().filter(legal).take(12).collect()
    }

    /// What a container of it is stamped with.
    pub(super) fn env(&self, container: &Container) -> BTreeMap<String, String> {
        let facts = ImageFacts { version: &self.version, revision: &self.tag, commit: &self.commit };
        let stamps = container.env.iter();
        stamps.filter_map(|(name, value)| Some((name.clone(), value.as_ref()?.fill(&facts)))).collect()
    }

    /// For the plan.
    pub(super) fn item(&self, context: &Context) -> Item {
        let resource = format!("image {}", self.tagged(&self.tag));
        match (&self.image, &self.recipe) {
            (None, Some(recipe)) => {
                let item = Item::step(resource, State::Create, self.build(context, recipe));
                let tags = self.tags();
                tags.iter().fold(item, |item, tag| item.then("once it is built", docker::push(tag)))
            }
            (image, _) => {
                image.iter().fold(Item::unchanged(resource), |item, image| item.note(&image.digest))
            }
        }
    }

    /// Builds and pushes it, where it is not there.
    pub(super) fn make(&mut self, context: &Context) -> Result<()> {
        let (None, Some(recipe)) = (&self.image, self.recipe.clone()) else { return Ok(()) };
        let (tagged, tags) = (self.tagged(&self.tag), self.tags());
        match &recipe {
            Recipe::Server => Self::order(&build::revision(context, &self.commit)?, &tags).build(context)?,
            Recipe::Docker { .. } => {
                let _progress = context.printer.progress(&format!("building {tagged}"));
                context.runner.read(&self.build(context, &recipe))?;
            }
        }
        for tag in &tags {
            context.runner.read(&docker::push(tag))?;
        }
        self.image = build::find(context, &tagged)?;
        if self.image.is_some() {
            return Ok(());
        }
        Err(Error::failed(format!("{tagged} was pushed, but the registry does not have it"))
            .hint("type the same command again"))
    }

    /// The moving tag comes last: it never leads to an image whose own tag is not there.
    fn tags(&self) -> [String; 2] {
        [self.tagged(&self.tag), self.tagged("latest")]
    }

    /// The server's image, as every image of the server is made.
    fn order<'o>(revision: &'o Revision, tags: &'o [String]) -> Order<'o> {
        Order { program: Program::Server, purpose: Purpose::Cloud, revision, tags, args: &[] }
    }

    fn build(&self, context: &Context, recipe: &Recipe) -> Command {
        match recipe {
            Recipe::Server => {
                let revision =
                    Revision { commit: self.commit.clone(), created: "TIME_OF_THE_COMMIT".to_owned() };
                Self::order(&revision, &self.tags()).shown(context)
            }
            Recipe::Docker { folder, file, args } => docker::build(&Build {
                context: folder,
                file,
                platform: PLATFORM,
                tags: &self.tags(),
                labels: &[("org.opencontainers.image.revision", self.commit.clone())],
                args,
            }),
        }
    }
}

/// Finds out what each image is made from, and whether the registry has it.
pub(super) fn resolve(place: &Place<'_>, args: &GcpDeployAll) -> Result<Images> {
    let given = given(place, &args.image)?;
    let mut images = Images::new();
    for container in place.containers() {
        let Some(image) = place.fleet.images.iter().find(|image| image.key == container.image) else {
            continue;
        };
        if !images.contains_key(&image.key) {
            let built = match given.get(&image.key) {
                Some(reference) => ready_made(place, image, reference)?,
                None => from_source(place, image, args.allow_dirty)?,
            };
            images.insert(image.key.clone(), built);
        }
    }
    Ok(images)
}

/// The image of this commit's MCP server alone, which has to be in the registry.
pub(super) fn of_server(place: &Place<'_>, source: build::Source) -> Result<Images> {
    let (context, names, server) = (place.context, place.names(), place.server()?);
    let tagged = format!("{}:{}", names.image(), source.tag);
    let Some(image) = build::find(context, &tagged)? else {
        return Err(Error::failed(format!("there is no image of commit {}", source.tag))
            .cause(format!("the registry does not have {tagged}"))
            .cause("nothing was changed")
            .hint(format!("cargo xtask gcp build {}", names.stage())));
    };
    let built = Built {
        repository: names.image(),
        version: source.tag.clone(),
        tag: source.tag,
        image: Some(image),
        commit: source.commit,
        folder: Some(context.root.clone()),
        recipe: None,
    };
    Ok(Images::from([(server.container.image.clone(), built)]))
}

/// `[NAME=]REFERENCE`; without a name it is the one image that comes from a checkout.
fn given(place: &Place<'_>, given: &[String]) -> Result<BTreeMap<String, String>> {
    let images = &place.fleet.images;
    let mut chosen = BTreeMap::new();
    for text in given {
        let known = |name: &str| images.iter().any(|image| image.key == name);
        let (name, reference) = match text.split_once('=') {
            Some((name, reference)) if known(name) => (name.to_owned(), reference),
            Some((name, _)) => {
                let keys: Vec<_> = images.iter().map(|image| image.key.as_str()).collect();
                return Err(Error::usage(format!("--image: the fleet has no image '{name}'"))
                    .hint(format!("write one of {}", keys.join(", "))));
            }
            None => {
                let checkouts: Vec<_> =
                    images.iter().filter(|image| matches!(image.source, Source::Checkout(_))).collect();
                let [only] = checkouts[..] else {
                    return Err(
                        Error::usage(format!("--image {text}: which image is it?")).hint("write NAME=IMAGE")
                    );
                };
                (only.key.clone(), text.as_str())
            }
        };
        chosen.insert(name, reference.to_owned());
    }
    Ok(chosen)
}

/// An image that somebody else has built.
fn ready_made(place: &Place<'_>, image: &Image, reference: &str) -> Result<Built> {
    let Some(found) = build::find(place.context, reference)? else {
        return Err(
            Error::failed(format!("the registry does not have {reference}")).cause("nothing was changed")
        );
    };
    let short = || found.digest.trim_start_matches("sha256:").chars().take(12).collect();
    let tag = reference::split(reference).1.map_or_else(short, str::to_owned);
    let context = place.context;
    let folder = match &image.source {
        Source::Workspace => Some(context.root.clone()),
        Source::Checkout(variable) => context.environment.get(variable).map(PathBuf::from),
    };
    let folder = folder.filter(|folder| folder.is_dir());
    Ok(Built {
        repository: found.repository.clone(),
        version: tag.clone(),
        commit: tag.clone(),
        tag,
        image: Some(found),
        folder,
        recipe: None,
    })
}

fn from_source(place: &Place<'_>, image: &Image, allow_dirty: bool) -> Result<Built> {
    let context = place.context;
    let folder = match &image.source {
        Source::Workspace => context.root.clone(),
        Source::Checkout(variable) => checkout(context, variable, image)?,
    };
    let mut source = build::source_in(context, &folder, allow_dirty)
        .map_err(|error| error.during(&format!("the sources of {}", image.key)))?;
    let mut version = version(&folder).unwrap_or_else(|| source.tag.clone());
    if matches!(image.source, Source::Checkout(_)) {
        let said = Said::read(context)?;
        version = said.version.unwrap_or(version);
        source.tag = said.revision.unwrap_or(source.tag);
    }
    let names = place.names();
    let repository =
        format!("{}/{}/{}/{}", names.registry(), names.project(), names.repository(), image.name);
    let facts = ImageFacts { version: &version, revision: &source.tag, commit: &source.commit };
    let own =
        matches!(image.source, Source::Workspace) && image.file == Path::new(Program::Server.dockerfile());
    let recipe = if own {
        Recipe::Server
    } else {
        Recipe::Docker {
            file: folder.join(&image.file),
            args: image.args.iter().map(|(name, value)| format!("{name}={}", value.fill(&facts))).collect(),
            folder: folder.clone(),
        }
    };
    // What is in no commit has to be built again: its tag says nothing about it.
    let found =
        if source.dirty { None } else { build::find(context, &format!("{repository}:{}", source.tag))? };
    Ok(Built {
        repository,
        tag: source.tag,
        image: found,
        version,
        commit: source.commit,
        folder: Some(folder),
        recipe: Some(recipe),
    })
}

/// What the command line says of an image of the application, in place of its checkout.
struct Said {
    version: Option<String>,
    revision: Option<String>,
}

impl Said {
    /// Reads it; what would be built as something else than is asked for is refused.
    fn read(context: &Context) -> Result<Self> {
        let read = |variable: &Variable| {
            let value = context.environment.get(variable.name).map(str::trim);
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let commercial = read(&VALIDIBOT_BUILD_CLOUD);
        if commercial.as_deref().is_some_and(|word| envs::parse_switch(word) != Some(false)) {
            let name = VALIDIBOT_BUILD_CLOUD.name;
            return Err(Error::usage(format!("{name} is set, and the commercial layers are not built here"))
                .cause("they come from checkouts beside VALIDIBOT_DIR: what would be built is the edition without them")
                .hint("build that image by the application's own recipe, and give it: --image IMAGE"));
        }
        let revision = read(&VALIDIBOT_REVISION);
        if let Some(tag) = revision.as_deref().filter(|tag| !is_tag(tag)) {
            let form = "1 to 128 letters, digits, '.', '_' and '-', beginning with a letter or a digit";
            return Err(Error::usage(format!("{} is '{tag}', not a tag: {form}", VALIDIBOT_REVISION.name)));
        }
        Ok(Self { version: read(&VALIDIBOT_VERSION), revision })
    }
}

/// A tag of an image (OCI distribution specification, section "Pulling manifests"), but for those that begin with `_`:
/// they would leave nothing for a revision's name.
fn is_tag(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= 128
        && text.bytes().all(legal)
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

fn checkout(context: &Context, variable: &str, image: &Image) -> Result<PathBuf> {
    let given = context.environment.get(variable).filter(|value| !value.is_empty());
    let folder = given.map(PathBuf::from).filter(|folder| folder.join(&image.file).is_file());
    folder.ok_or_else(|| {
        let error = Error::usage(format!("there are no sources of the image {}", image.key));
        let error = match given {
            Some(given) => {
                error.cause(format!("{variable} is {given}, where there is no {}", image.file.display()))
            }
            None => error.cause(format!("{variable} is not set")),
        };
        error.hint(format!("set {variable} to the checkout, or give an image: --image {}=IMAGE", image.key))
    })
}

/// `v` and the version of a Python project, as the application shows it.
fn version(folder: &Path) -> Option<String> {
    let project = std::fs::read_to_string(folder.join("pyproject.toml")).ok()?;
    let line = project.lines().find_map(|line| line.strip_prefix("version = \""))?;
    Some(format!("v{}", line.split('"').next()?))
}
