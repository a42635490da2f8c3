//! What is to be deployed, as far as the files, git and the registry say.

use super::facts::{Facts, First};
use crate::commands::gcp::build::{self, Source};
use crate::commands::gcp::fleet::place::Place as Fleet;
use crate::commands::gcp::mcp::{Config, Place};
use crate::commands::gcp::rollout::{Way, way};
use crate::commands::gcp::service::{Hands, Spec};
use crate::commands::gcp::settings::{self, Settings};
use crate::commands::gcp::side_by_side::both;
use crate::config::context::Context;
use crate::config::fleet::resolved::Service;
use crate::config::stage::Stage;
use crate::core::error::{Error, Result};

/// This commit's image, for this stage.
pub(super) struct Order<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: Settings,
    /// The service's name.
    pub(super) service: String,
    pub(super) config: Config,
    /// What the fleet's file says about the server.
    wanted: Service,
    pub(super) source: Source,
    /// By digest.
    pub(super) image: String,
    /// What becomes of settings of other hands.
    pub(super) hands: Hands,
    /// How many questions are asked at a time.
    pub(super) at_once: usize,
}

impl<'a> Order<'a> {
    /// Reads the files, asks git and the registry, and begins to look at what is there. Changes nothing.
    pub(super) fn read(
        context: &'a Context,
        stage: Stage,
        allow_dirty: bool,
        hands: Hands,
        at_once: usize,
    ) -> Result<(Self, First)> {
        let settings = settings::load(context, stage)?;
        let config = Config::load(context, stage)?;
        let wanted = Fleet::whole(context, stage)?.server()?.clone();
        let source = build::source(context, allow_dirty)?;
        let names = &settings.names;
        let tagged = format!("{}:{}", names.image(), source.tag);
        let (first, digest) =
            both(|| First::read(context, names, at_once), || build::digest(context, &tagged));
        let Some(digest) = digest? else {
            return Err(Error::failed(format!("there is no image of commit {}", source.tag))
                .cause(format!("the registry does not have {tagged}"))
                .cause("nothing was changed")
                .hint(format!("cargo xtask gcp build {stage}")));
        };
        let (image, service) = (format!("{}@{digest}", names.image()), names.service());
        Ok((Self { context, settings, service, config, wanted, source, image, hands, at_once }, first?))
    }

    /// The service that is wanted where this is there.
    pub(super) fn spec(&self, facts: &Facts) -> Spec {
        let wanted = self.config.spec(
            &self.settings.names,
            &Place {
                wanted: &self.wanted,
                image: &self.image,
                commit: &self.source.commit,
                version: facts.version,
                project_number: &facts.project_number,
                balanced: facts.balanced,
                maintenance: facts.in_maintenance(),
            },
        );
        self.hands.apply(wanted, facts.service.as_ref())
    }

    /// Whether a service that is there will get a new revision, or another one the traffic: no answer that is still to
    /// come changes that, for it is about who reaches the service.
    pub(super) fn is_sure_to_write(&self, first: &First) -> bool {
        let facts = first.facts(&self.settings.names);
        facts.is_some_and(|facts| {
            matches!(way(&self.spec(&facts), facts.service.as_ref()), Way::NewRevision | Way::Newest)
        })
    }
}
