//! gcloud, played: each command becomes the calls that the real one was seen to make, without its second of start-up.
//!
//! For what needs dozens of whole deploys. What the real one does with every flag is the other tests' matter.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use xtask::core::command::{Command, Stdin};
use xtask::core::runner::Outcome;

use crate::words::{decoded, words};

const PROJECT: &str = "projects/demo-proj";
const PLACE: &str = "projects/demo-proj/locations/us-west1";
const SERVING: &str = "us-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo-proj";
const RUN: &str = "us-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo-proj";
const SECRETS: &str = "secretmanager.googleapis.com/v1/projects/demo-proj/secrets";

/// Where the emulator listens.
#[derive(Clone, Copy)]
pub(super) struct Played(pub(super) SocketAddr);

/// An answer, or what gcloud says of a refusal.
type Answer = Result<Value, Outcome>;

impl Played {
    /// What the real one would end with.
    pub(super) fn answer(self, command: &Command) -> Outcome {
        let words = words(command);
        let flag = |name: &str| {
            words.iter().find_map(|word| word.strip_prefix(&format!("--{name}="))).map(str::to_owned)
        };
        let bare: Vec<&str> =
            words.iter().map(String::as_str).take_while(|word| !word.starts_with("--")).collect();
        let input = match command.input() {
            Stdin::Text(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            _ => Value::Null,
        };
        self.gcloud(&bare, &words, &flag, &input).unwrap_or_else(|failure| failure)
    }

    fn gcloud(
        self,
        bare: &[&str],
        words: &[String],
        flag: &dyn Fn(&str) -> Option<String>,
        input: &Value,
    ) -> Result<Outcome, Outcome> {
        // The command without what it is about.
        let verb = bare[..bare.len().saturating_sub(1).max(1)].join(".");
        let get = |path: &str| self.ask(&verb, "GET", path, &Value::Null);
        let json = |answer: Value| Ok(Outcome::success(answer.to_string()));
        match bare {
            ["run", "services", "list"] => json(get(&format!("{SERVING}/services"))?["items"].clone()),
            ["run", "revisions", "describe", name] => json(get(&format!("{SERVING}/revisions/{name}"))?),
            ["run", "services", "describe", name] => json(get(&format!("{SERVING}/services/{name}"))?),
            ["run", "revisions", "list"] => {
                let at = words.iter().position(|word| word == "--service").unwrap();
                let path = format!(
                    "{SERVING}/revisions?labelSelector=serving.knative.dev%2Fservice%20%3D%20{}",
                    words[at + 1]
                );
                json(get(&path)?["items"].clone())
            }
            ["run", "services", "replace", "-"] => self.replace(&format!("{SERVING}/services"), input),
            ["run", "services", "update", name] => {
                let mut service = get(&format!("{SERVING}/services/{name}"))?;
                let ingress = flag("ingress").expect("nothing else is played");
                service["metadata"]["annotations"]["run.googleapis.com/ingress"] = json!(ingress);
                self.replace(&format!("{SERVING}/services"), &service)
            }
            ["run", "services", "get-iam-policy", name] => json(get(&policy(name, "getIamPolicy"))?),
            ["run", "services", verb, name] if verb.ends_with("-iam-policy-binding") => {
                self.bind(verb, name, flag, words)
            }
            ["run", "jobs", "describe", name] => match get(&format!("{RUN}/jobs/{name}")) {
                Err(failure) if failure.stderr.contains("NOT_FOUND") => Err(Outcome::failure(
                    1,
                    format!("ERROR: (gcloud.run.jobs.describe) Cannot find job [{name}]."),
                )),
                found => json(found?),
            },
            ["run", "jobs", "replace", "-"] => self.replace(&format!("{RUN}/jobs"), input),
            ["run", "jobs", "execute", name] => {
                let run =
                    self.ask("run.jobs.execute", "POST", &format!("{RUN}/jobs/{name}:run"), &json!({}))?;
                Ok(Outcome::success(run["metadata"]["name"].as_str().unwrap_or_default()))
            }
            ["run", "jobs", "executions", "describe", name] => {
                json(get(&format!("{RUN}/executions/{name}"))?)
            }
            ["run", "jobs", "executions", "list"] => {
                let runs = get(&format!("{RUN}/executions"))?["items"].clone();
                json(
                    runs.as_array().and_then(|runs| runs.first()).map_or(json!([]), |newest| json!([newest])),
                )
            }
            ["secrets", "get-iam-policy", name] => json(get(&format!("{SECRETS}/{name}:getIamPolicy"))?),
            ["secrets", ..] => self.secrets(bare, flag),
            ["sql", "instances", "describe", name] => {
                json(get(&format!("sqladmin.googleapis.com/sql/v1beta4/{PROJECT}/instances/{name}"))?)
            }
            ["tasks", "queues", "describe", name] => {
                json(get(&format!("cloudtasks.googleapis.com/v2/{PLACE}/queues/{name}"))?)
            }
            ["tasks", "queues", verb, name] => {
                let path = format!("cloudtasks.googleapis.com/v2/{PLACE}/queues/{name}:{verb}");
                json(self.ask("tasks.queues", "POST", &path, &Value::Null)?)
            }
            ["scheduler", "jobs", "list"] => {
                let found = get(&format!("cloudscheduler.googleapis.com/v1/{PLACE}/jobs"))?;
                json(if found["jobs"].is_null() { json!([]) } else { found["jobs"].clone() })
            }
            ["scheduler", "jobs", verb, "http", name] => self.schedule(verb, name, flag),
            ["scheduler", "jobs", verb, name] => {
                let path = format!("cloudscheduler.googleapis.com/v1/{PLACE}/jobs/{name}:{verb}");
                json(self.ask("scheduler.jobs", "POST", &path, &Value::Null)?)
            }
            ["compute", ..] => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                Ok(crate::played::balancer(self.0, &words))
            }
            ["iam", "service-accounts", "list"] => {
                Ok(Outcome::success(flag("filter").unwrap_or_default().trim_start_matches("email=")))
            }
            ["projects", "get-iam-policy", ..] => Ok(Outcome::success("{}")),
            ["projects", "describe", ..] => Ok(Outcome::success("123456789012\n")),
            ["logging", "read", filter] => {
                let body = json!({
                    "filter": filter, "orderBy": "timestamp desc", "resourceNames": ["projects/demo-proj"],
                });
                let found =
                    self.ask("logging.read", "POST", "logging.googleapis.com/v2/entries:list", &body)?;
                json(if found["entries"].is_null() { json!([]) } else { found["entries"].clone() })
            }
            unknown => Err(Outcome::failure(2, format!("the played gcloud does not know {unknown:?}"))),
        }
    }

    fn secrets(self, bare: &[&str], flag: &dyn Fn(&str) -> Option<String>) -> Result<Outcome, Outcome> {
        let get = |path: &str| self.ask("secrets.describe", "GET", path, &Value::Null);
        let json = |answer: Value| Ok(Outcome::success(answer.to_string()));
        match bare {
            ["secrets", "versions", "list", name] => {
                json(get(&format!("{SECRETS}/{name}/versions?pageSize=1000"))?["versions"].clone())
            }
            ["secrets", "versions", "access", "latest"] => {
                let name = flag("secret").unwrap_or_default();
                let found = get(&format!("{SECRETS}/{name}/versions/latest:access"))?;
                let content = decoded(found["payload"]["data"].as_str().unwrap_or_default());
                Ok(Outcome::success(format!("{}\n{content}\n", found["name"].as_str().unwrap_or_default())))
            }
            ["secrets", "create", name] => {
                let pairs = flag("set-annotations").unwrap_or_default();
                let pairs =
                    pairs.trim_start_matches("^;;^").split(";;").filter_map(|pair| pair.split_once('='));
                let annotations: Value = pairs
                    .map(|(key, value)| (key.to_owned(), json!(value)))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                let body =
                    json!({"replication": {"automatic": {}}, "ttl": flag("ttl"), "annotations": annotations});
                json(self.ask("secrets.create", "POST", &format!("{SECRETS}?secretId={name}"), &body)?)
            }
            ["secrets", "describe", name] => json(get(&format!("{SECRETS}/{name}"))?),
            ["secrets", "delete", name] => {
                let etag = flag("etag").unwrap_or_default().replace('"', "%22");
                json(self.ask(
                    "secrets.delete",
                    "DELETE",
                    &format!("{SECRETS}/{name}?etag={etag}"),
                    &Value::Null,
                )?)
            }
            unknown => Err(Outcome::failure(2, format!("the played gcloud does not know {unknown:?}"))),
        }
    }

    /// The revision of the MCP server that answers where this probe asks.
    pub(super) fn answering(self, probe: &str) -> Option<String> {
        let path = format!("{SERVING}/services/validibot-mcp-dev");
        let service = self.ask("", "GET", &path, &Value::Null).ok()?;
        let candidate = probe.contains("candidate---");
        let targets = service["status"]["traffic"].as_array()?;
        let target = targets.iter().find(|target| {
            if candidate { target["tag"] == "candidate" } else { target["percent"].as_u64() > Some(0) }
        });
        target?["revisionName"].as_str().map(str::to_owned)
    }

    /// Changes one variable of a service, as a hand in the console would.
    pub(super) fn set_env(self, service: &str, name: &str, value: &str) {
        let path = format!("{SERVING}/services/{service}");
        let mut body = self.ask("", "GET", &path, &Value::Null).map_err(|failure| failure.stderr).unwrap();
        let template = &mut body["spec"]["template"];
        template["metadata"].as_object_mut().unwrap().remove("name");
        let env = template["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.iter_mut().find(|entry| entry["name"] == name).unwrap()["value"] = json!(value);
        body["spec"]["traffic"] = json!([{"latestRevision": true, "percent": 100}]);
        self.ask("", "PUT", &path, &body).map_err(|failure| failure.stderr).unwrap();
    }

    /// GET, then POST or PUT, then a look whether it came up.
    fn replace(self, path: &str, input: &Value) -> Result<Outcome, Outcome> {
        let name = input["metadata"]["name"].as_str().unwrap_or_default();
        let own = format!("{path}/{name}");
        let mut body = input.clone();
        let after = match self.ask("run.services.describe", "GET", &own, &Value::Null) {
            Ok(live) => {
                body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
                self.ask("run.services.replace", "PUT", &own, &body)?
            }
            Err(_) => self.ask("run.services.replace", "POST", path, &body)?,
        };
        let after = self.ask("run.services.replace", "GET", &own, &Value::Null).unwrap_or(after);
        let ready = &after["status"]["conditions"][0];
        if ready["status"] == "False" {
            let message = ready["message"].as_str().unwrap_or_default();
            return Err(Outcome::failure(1, format!("ERROR: (gcloud.run.services.replace) {message}")));
        }
        Ok(Outcome::success(after.to_string()))
    }

    fn bind(
        self,
        verb: &str,
        name: &str,
        flag: &dyn Fn(&str) -> Option<String>,
        words: &[String],
    ) -> Result<Outcome, Outcome> {
        let at = words.iter().position(|word| word == "--role").unwrap();
        let (member, role) = (flag("member").unwrap_or_default(), &words[at + 1]);
        let found =
            self.ask("run.services.get-iam-policy", "GET", &policy(name, "getIamPolicy"), &Value::Null)?;
        let mut bindings: Vec<Value> = found["bindings"].as_array().cloned().unwrap_or_default();
        bindings.retain(|binding| binding["members"] != json!([member]));
        if verb.starts_with("add") {
            bindings.push(json!({"role": role, "members": [member]}));
        }
        let body = json!({"policy": {"bindings": bindings, "etag": found["etag"]}});
        let set = self.ask("run.services.set-iam-policy", "POST", &policy(name, "setIamPolicy"), &body)?;
        Ok(Outcome::success(set.to_string()))
    }

    fn schedule(
        self,
        verb: &str,
        name: &str,
        flag: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Outcome, Outcome> {
        let mut body = json!({"name": format!("{PLACE}/jobs/{name}")});
        let mut mask = Vec::new();
        for (given, pointer) in [
            ("schedule", "schedule"),
            ("time-zone", "timeZone"),
            ("description", "description"),
            ("uri", "httpTarget.uri"),
            ("http-method", "httpTarget.httpMethod"),
            ("oidc-service-account-email", "httpTarget.oidcToken.serviceAccountEmail"),
            ("oidc-token-audience", "httpTarget.oidcToken.audience"),
        ] {
            let Some(value) = flag(given) else { continue };
            mask.push(pointer);
            let place = pointer.split('.').fold(&mut body, |place, part| &mut place[part]);
            *place = json!(value);
        }
        let jobs = format!("cloudscheduler.googleapis.com/v1/{PLACE}/jobs");
        let answer = if verb == "create" {
            self.ask("scheduler.jobs.create", "POST", &jobs, &body)?
        } else {
            let path = format!("{jobs}/{name}?updateMask={}", mask.join("%2C"));
            self.ask("scheduler.jobs.update", "PATCH", &path, &body)?
        };
        Ok(Outcome::success(answer.to_string()))
    }

    /// One call; a refusal in gcloud's words.
    fn ask(self, what: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} http://{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer emu-token\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let answer: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let error = &answer["error"];
        if error.is_null() {
            return Ok(answer);
        }
        let word = |field: &str| error[field].as_str().unwrap_or_default();
        // The words for a conflict, as gcloud has them for secrets.
        let hint = if error["code"] == 409 { " (already exists)" } else { "" };
        let said = format!("ERROR: (gcloud.{what}) {}: {}{hint}", word("status"), word("message"));
        Err(Outcome::failure(1, said))
    }
}

fn policy(service: &str, verb: &str) -> String {
    format!("run.googleapis.com/v1/{PLACE}/services/{service}:{verb}")
}
