//! What an operator did before: changes by hand, without going through gcloud.

use serde_json::{Value, json};

use crate::api::artifacts;
use crate::api::iam::Account;
use crate::api::secrets::Secret;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::policy::Policy;

impl Cloud {
    /// Turns APIs on, for example `run.googleapis.com`.
    pub fn enable(&mut self, apis: &[&str]) {
        self.enabled.extend(apis.iter().map(|api| (*api).to_owned()));
    }

    /// Gives `member` a role on the project.
    pub fn bind_project(&mut self, role: &str, member: &str) {
        self.policy.bind(role, member);
    }

    /// Makes a service account; returns its e-mail address.
    pub fn seed_account(&mut self, id: &str) -> String {
        let email = format!("{id}@{}.iam.gserviceaccount.com", self.project);
        let account = Account::new("", self.next());
        self.accounts.insert(email.clone(), account);
        email
    }

    /// Takes a service account away; returns whether it was there.
    pub fn remove_account(&mut self, email: &str) -> bool {
        self.accounts.remove(email).is_some()
    }

    /// Makes an image repository.
    pub fn seed_repository(&mut self, region: &str, name: &str) {
        let repository = artifacts::repository(self, region, name, "");
        self.repositories.insert((region.to_owned(), name.to_owned()), repository);
    }

    /// Makes a secret without versions.
    pub fn seed_secret(&mut self, name: &str) {
        let secret = Secret::new(self.now(), self.next(), json!({"automatic": {}}));
        self.secrets.insert(name.to_owned(), secret);
    }

    /// Adds a version to a secret that is there; returns whether it is.
    pub fn seed_version(&mut self, name: &str, content: &str) -> bool {
        let (now, next) = (self.now(), self.next());
        self.secrets.get_mut(name).map(|secret| secret.push(content.as_bytes(), now, next)).is_some()
    }

    /// Takes a secret away, with all its versions; returns whether it was there.
    pub fn remove_secret(&mut self, name: &str) -> bool {
        self.secrets.remove(name).is_some()
    }

    /// Gives `member` a role on a secret that is there; returns whether it is.
    pub fn bind_secret(&mut self, name: &str, role: &str, member: &str) -> bool {
        self.secrets.get_mut(name).map(|secret| secret.policy.bind(role, member)).is_some()
    }

    /// Takes every role on a secret away; returns whether the secret is there.
    pub fn unbind_secret(&mut self, name: &str) -> bool {
        self.secrets.get_mut(name).map(|secret| secret.policy = Policy::default()).is_some()
    }

    /// Disables a version of a secret that is there; returns whether it is.
    pub fn disable_version(&mut self, name: &str, version: &str) -> bool {
        self.secrets.get_mut(name).is_some_and(|secret| secret.disable(version))
    }

    /// Versions of a secret are destroyed only after this delay from now on, and disabled until then; returns whether the secret
    /// is there.
    pub fn delay_destruction(&mut self, name: &str, delay: std::time::Duration) -> bool {
        self.secrets.get_mut(name).map(|secret| secret.destroy_delay = Some(delay)).is_some()
    }

    /// Lists of all regions are without this one from now on, and say so.
    pub fn lose_region(&mut self, region: &str) {
        self.unreachable.insert(region.to_owned());
    }

    /// The region answers again.
    pub fn find_region(&mut self, region: &str) {
        self.unreachable.remove(region);
    }

    /// Gives `member` a role on a service that is there; returns whether it is.
    pub fn bind_service(&mut self, region: &str, name: &str, role: &str, member: &str) -> bool {
        let key = (region.to_owned(), name.to_owned());
        self.services.get_mut(&key).map(|service| service.policy.bind(role, member)).is_some()
    }

    /// Makes the serverless network endpoint group that leads a load balancer to a Cloud Run service.
    ///
    /// # Panics
    ///
    /// When a name is not one that Google would take: the test is wrong then.
    pub fn seed_endpoint_group(&mut self, region: &str, name: &str, service: &str) {
        self.enable(&["compute.googleapis.com"]);
        let call = Call {
            method: "POST".into(),
            host: "compute.googleapis.com".into(),
            path: format!("/compute/v1/projects/{}/regions/{region}/networkEndpointGroups", self.project),
            query: Vec::new(),
            body: json!({"name": name, "networkEndpointType": "SERVERLESS", "cloudRun": {"service": service}}),
        };
        let reply = self.answer(&call);
        assert!(matches!(reply, crate::cloud::Reply::Now(Ok(_))), "the seed {name} in {region} is not valid");
    }

    /// Makes a Cloud Run service with one ready revision, as an earlier deploy would have left it.
    ///
    /// # Panics
    ///
    /// When the region, the name or the image is not one that Cloud Run would take: the test is wrong then.
    pub fn seed_service(&mut self, region: &str, name: &str, image: &str) {
        let container = json!({"image": image, "ports": [{"containerPort": 8000}]});
        let template = json!({"spec": {"containers": [container]}});
        self.seed_service_as(region, &json!({"name": name}), &template, Ok(()));
    }

    /// Makes a Cloud Run service from its `metadata` and its `spec.template`, with one revision that became ready or
    /// says why not.
    ///
    /// # Panics
    ///
    /// When it is not one that Cloud Run would take: the test is wrong then.
    pub fn seed_service_as(
        &mut self,
        region: &str,
        metadata: &Value,
        template: &Value,
        ready: Result<(), &str>,
    ) {
        self.enable(&["run.googleapis.com"]);
        let name = metadata["name"].as_str().unwrap_or_default();
        let body = json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"template": template},
        });
        let call = Call {
            method: "POST".into(),
            host: format!("{region}-run.googleapis.com"),
            path: format!("/apis/serving.knative.dev/v1/namespaces/{}/services", self.project),
            query: Vec::new(),
            body,
        };
        let reply = self.answer(&call);
        assert!(
            matches!(reply, crate::cloud::Reply::Service { .. }),
            "the seed {name} in {region} is not valid"
        );
        for launch in std::mem::take(&mut self.launches) {
            self.settle(region, name, &launch.revision, ready.map_err(str::to_owned));
        }
    }

    /// Makes what the application of a stage needs before its first deploy: APIs, a database, a queue, its service account,
    /// and the secret with its environment file. `suffix` is what the stage's resources end with, such as `-dev`.
    pub fn seed_application(&mut self, region: &str, stage: &str, suffix: &str) {
        self.enable(&[
            "run.googleapis.com",
            "secretmanager.googleapis.com",
            "cloudscheduler.googleapis.com",
            "cloudtasks.googleapis.com",
            "sqladmin.googleapis.com",
        ]);
        let account = format!("serviceAccount:{}", self.seed_account(&format!("validibot-cloudrun-{stage}")));
        self.seed_database(region, &format!("validibot-db{suffix}"), true);
        let production = "validibot-tasks".to_owned();
        let queue =
            if suffix.is_empty() { production } else { format!("validibot-validation-queue-{stage}") };
        self.seed_queue(region, &queue);
        let secret = format!("django-env{suffix}");
        self.seed_secret(&secret);
        self.bind_secret(&secret, "roles/secretmanager.secretAccessor", &account);
        let worker = format!("validibot-worker{suffix}");
        let foreseen = || format!("https://{worker}-{}.{region}.run.app", self.number);
        let worker = self.engine().address(&worker, None).unwrap_or_else(foreseen);
        self.seed_version(&secret, &format!("DJANGO_SECRET_KEY=not-a-secret\nWORKER_URL={worker}\n"));
    }
}
