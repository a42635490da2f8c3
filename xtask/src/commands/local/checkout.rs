//! A Validibot checkout (`VALIDIBOT_DIR`) as the base of a local stack: what its own files say, so that ours agrees with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use envs::sandbox;
use serde::Deserialize;

use crate::cli::Up;
use crate::config::context::Context;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::tools::compose::Project;
use crate::tools::engine::Compose;

/// A checkout's folder.
pub(super) struct Checkout(PathBuf);

/// What the checkout's web application is told by its own compose and environment files. Its values win: its database may
/// hold what was made from them.
pub(super) struct Own {
    /// `SITE_URL`, which its access tokens carry as their issuer.
    pub(super) site_url: Option<String>,
    /// The key by which it knows this server.
    pub(super) service_key: Option<Secret>,
    /// The secret of this server's OAuth client.
    pub(super) client_secret: Option<Secret>,
}

/// The compose file of a Validibot checkout.
const BASE: &str = "docker-compose.local.yml";

/// The compose project of the application's own recipes. Another name would be another database, and another volume than
/// the one that its validators are told to read files from.
pub(super) const PROJECT: &str = "validibot";

/// Whether a checkout is named at all.
pub(super) fn is_named(context: &Context) -> bool {
    named(context).is_some()
}

fn named(context: &Context) -> Option<PathBuf> {
    let folder = context.environment.get(envs::deploy::VALIDIBOT_DIR.name)?;
    (!folder.trim().is_empty()).then(|| PathBuf::from(folder))
}

impl Checkout {
    /// The checkout to run instead of the sandbox, where one is named.
    ///
    /// # Errors
    /// The named folder holds no checkout.
    pub(super) fn find(context: &Context) -> Result<Option<Self>> {
        let Some(folder) = named(context) else { return Ok(None) };
        if folder.join(BASE).is_file() {
            return Ok(Some(Self(folder)));
        }
        Err(Error::usage(format!("{} does not name a Validibot checkout", envs::deploy::VALIDIBOT_DIR.name))
            .cause(format!("there is no {BASE} in {}", folder.display()))
            .hint("name the folder of a clone of Validibot, or unset it to run the stand-in"))
    }

    /// Its compose files, the base first.
    pub(super) fn files(&self, args: &Up) -> Vec<PathBuf> {
        let mut files = vec![self.0.join(BASE)];
        if args.pro || args.cloud {
            files.push(self.0.join("docker-compose.local-pro.yml"));
        }
        if args.cloud {
            files.push(self.0.join("../validibot-cloud/docker-compose.cloud.yml"));
        }
        files
    }

    /// Asks compose what these files, and the environment files that they name, tell the web application.
    ///
    /// # Errors
    /// Compose refuses the files, or a file that they name is missing.
    pub(super) fn own(&self, context: &Context, compose: Compose, args: &Up) -> Result<Own> {
        let project =
            Project { compose, name: PROJECT.to_owned(), files: self.files(args), variables: Vec::new() };
        let outcome = context.runner.read(&project.config()).map_err(|error| {
            error.hint(format!(
                "complete the checkout as described in its documentation: {} may lack its environment files",
                self.0.display()
            ))
        })?;
        Own::parse(&outcome.stdout).ok_or_else(|| {
            Error::failed("docker compose's description of the checkout's stack cannot be read")
                .cause(format!("the answer of '{}' has no service 'web'", project.config().render()))
        })
    }

    /// The folder, for messages.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Own {
    fn parse(config: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Config {
            services: BTreeMap<String, Service>,
        }
        #[derive(Deserialize)]
        struct Service {
            #[serde(default)]
            environment: BTreeMap<String, Option<String>>,
        }
        let config: Config = serde_json::from_str(config).ok()?;
        let web = config.services.get("web")?;
        let set = |name: &str| web.environment.get(name).cloned().flatten().filter(|text| !text.is_empty());
        Some(Self {
            site_url: set("SITE_URL").map(|url| url.trim_end_matches('/').to_owned()),
            service_key: set(envs::server::SERVICE_KEY.name).map(Secret::new),
            client_secret: set(sandbox::CLIENT_SECRET.name).map(Secret::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_web_application_is_told_is_read_and_what_is_empty_is_not_set() {
        let own = Own::parse(
            r#"{"name": "validibot", "services": {"db": {}, "web": {"environment": {
                "SITE_URL": "http://web:8000/", "VALIDIBOT_MCP_SERVICE_KEY": "a-key", "OTHER": null,
                "IDP_OIDC_MCP_SERVER_CLIENT_SECRET": ""}}}}"#,
        )
        .unwrap();
        assert_eq!(own.site_url.as_deref(), Some("http://web:8000"));
        assert_eq!(own.service_key.as_ref().map(Secret::expose), Some("a-key"));
        assert!(own.client_secret.is_none());
        assert!(Own::parse(r#"{"services": {"db": {}}}"#).is_none());
        assert!(Own::parse("name: validibot").is_none());
    }
}
