//! Stages, the environments that files exist for, and every resource name, derived in one place.

use std::fmt;
use std::str::FromStr;

use envs::Place;

/// The label of a revision that says which commit its image was built from.
pub const COMMIT: &str = "validibot-commit";

/// A stage on Google Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Stage {
    /// For development.
    Dev,
    /// A rehearsal of production.
    Staging,
    /// Production.
    #[value(alias = "production")]
    Prod,
}

/// An environment that has files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// This machine, native or docker.
    Local,
    /// One's own server with docker compose.
    SelfHosted,
    /// A stage on Google Cloud.
    GoogleCloud(Stage),
}

/// The names of a stage's resources on Google Cloud, as an installation that exists already has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    project: String,
    region: String,
    app: String,
    registry: String,
    stage: Stage,
}

impl Stage {
    /// As typed on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }

    /// What a resource's name ends with: production has no suffix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Dev => "-dev",
            Self::Staging => "-staging",
            Self::Prod => "",
        }
    }
}

impl Target {
    /// Every environment, in the order in which documents list them.
    pub const ALL: [Self; 5] = [
        Self::Local,
        Self::SelfHosted,
        Self::GoogleCloud(Stage::Dev),
        Self::GoogleCloud(Stage::Staging),
        Self::GoogleCloud(Stage::Prod),
    ];

    /// What kind of environment it is.
    pub const fn place(self) -> Place {
        match self {
            Self::Local => Place::Local,
            Self::SelfHosted => Place::SelfHosted,
            Self::GoogleCloud(_) => Place::GoogleCloud,
        }
    }

    /// As typed on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::SelfHosted => "self-hosted",
            Self::GoogleCloud(stage) => stage.name(),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            // The names that the folders and the recipes use are accepted too.
            "docker-compose" => Ok(Self::SelfHosted),
            "production" => Ok(Self::GoogleCloud(Stage::Prod)),
            _ => Self::ALL
                .into_iter()
                .find(|target| target.name() == text)
                .ok_or_else(|| "write local, self-hosted, dev, staging or prod".to_owned()),
        }
    }
}

impl Names {
    /// Names under these settings; `registry` is the registry's host.
    pub fn new(
        project: impl Into<String>,
        region: impl Into<String>,
        app: impl Into<String>,
        registry: impl Into<String>,
        stage: Stage,
    ) -> Self {
        Self {
            project: project.into(),
            region: region.into(),
            app: app.into(),
            registry: registry.into(),
            stage,
        }
    }

    /// The project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The registry's host.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The Cloud Run service of the MCP server.
    pub fn service(&self) -> String {
        self.with_suffix("mcp")
    }

    /// The short name of the MCP server's service account; unlike all others it says `-prod` in production.
    pub fn service_account_id(&self) -> String {
        format!("{}-mcp-{}", self.app, self.stage)
    }

    /// The MCP server's service account.
    pub fn service_account(&self) -> String {
        format!("{}@{}.iam.gserviceaccount.com", self.service_account_id(), self.project)
    }

    /// The secret that holds `.mcp`; unlike all others it does not carry the app's name.
    pub fn secret(&self) -> String {
        format!("mcp-env{}", self.stage.suffix())
    }

    /// The secret that serves as the deploy lock.
    pub fn lock(&self) -> String {
        self.with_suffix("mcp-deploy-lock")
    }

    /// The Artifact Registry repository.
    pub fn repository(&self) -> String {
        self.app.clone()
    }

    /// The image, without tag or digest.
    pub fn image(&self) -> String {
        format!("{}/{}/{}/{}-mcp", self.registry, self.project, self.app, self.app)
    }

    /// The Cloud Run service of the web application.
    pub fn web_service(&self) -> String {
        self.with_suffix("web")
    }

    /// The network endpoint group of the MCP server.
    pub fn endpoint_group(&self) -> String {
        self.with_suffix("mcp-neg")
    }

    /// The backend service of the MCP server.
    pub fn backend(&self) -> String {
        self.with_suffix("mcp-backend")
    }

    /// The load balancer's path matcher for the MCP server; without the app's name.
    pub fn path_matcher(&self) -> String {
        format!("mcp-matcher{}", self.stage.suffix())
    }

    /// The load balancer's URL map.
    pub fn url_map(&self) -> String {
        self.with_suffix("url-map")
    }

    /// The first certificate; later ones carry a time behind this name.
    pub fn certificate(&self) -> String {
        self.with_suffix("cert")
    }

    /// The HTTPS proxy.
    pub fn https_proxy(&self) -> String {
        self.with_suffix("https-proxy")
    }

    /// The load balancer's address.
    pub fn address(&self) -> String {
        self.with_suffix("ip")
    }

    fn with_suffix(&self, name: &str) -> String {
        format!("{}-{name}{}", self.app, self.stage.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stage: Stage) -> Names {
        Names::new("acme", "us-central1", "validibot", "us-central1-docker.pkg.dev", stage)
    }

    #[test]
    fn production_has_no_suffix_but_for_its_service_account() {
        let prod = names(Stage::Prod);
        assert_eq!(prod.service(), "validibot-mcp");
        assert_eq!(prod.service_account(), "validibot-mcp-prod@acme.iam.gserviceaccount.com");
        assert_eq!(prod.secret(), "mcp-env");
        assert_eq!(prod.image(), "us-central1-docker.pkg.dev/acme/validibot/validibot-mcp");
        assert_eq!(
            (prod.endpoint_group(), prod.backend()),
            ("validibot-mcp-neg".into(), "validibot-mcp-backend".into())
        );
        assert_eq!(prod.path_matcher(), "mcp-matcher");
    }

    #[test]
    fn other_stages_carry_their_name_at_the_end() {
        let dev = names(Stage::Dev);
        assert_eq!(dev.service(), "validibot-mcp-dev");
        assert_eq!(dev.service_account_id(), "validibot-mcp-dev");
        assert_eq!(dev.secret(), "mcp-env-dev");
        assert_eq!(dev.lock(), "validibot-mcp-deploy-lock-dev");
        assert_eq!(dev.url_map(), "validibot-url-map-dev");
        assert_eq!(dev.web_service(), "validibot-web-dev");
    }
}
