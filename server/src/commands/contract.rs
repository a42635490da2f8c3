//! `validibot-mcp contract URL`: whether a running Validibot still has what this server uses of it. It only reads.

mod parts;
mod report;

use std::io::Write as _;
use std::process::ExitCode;

use http::header::LOCATION;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use self::parts::{FIELDS, Fields, PROBES, Since};
use self::report::{Row, State};
use super::client::{Answer, Http};
use crate::base::clean::Clean;
use crate::base::env::Env;
use crate::base::http_client::http_client;
use crate::cli::{ContractArgs, EXIT_USAGE};
use crate::config::{BaseUrl, Reach};
use crate::telemetry;

/// A difference breaks this server.
const EXIT_BROKEN: u8 = 2;

/// Organizations in which a workflow and a run are looked for: each costs the user two requests of a thousand an hour.
const MAX_ORGS: usize = 10;

/// A site, and what its contract should be.
struct Site {
    http: Http,
    base: BaseUrl,
    reach: Reach,
    /// Whether it should be one of 0.16 or later.
    new: bool,
    token: Option<SecretString>,
}

/// Exit 0 where nothing breaks this server, 2 where a difference does, 1 where it could not be told, 64 when the question cannot be
/// understood.
pub fn run(args: &ContractArgs, env: &dyn Env) -> ExitCode {
    let site = match prepare(args, env) {
        Ok(site) => site,
        Err(sentence) => {
            telemetry::report(&sentence);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        telemetry::report(&"the system gives this process no event queue");
        return ExitCode::FAILURE;
    };
    let rows = runtime.block_on(site.rows());
    let text = if args.json { report::json(&rows) } else { report::text(&rows) };
    // Whoever closes the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{}", Clean(text));
    if rows.iter().any(|row| row.breaking) {
        ExitCode::from(EXIT_BROKEN)
    } else if rows.iter().any(|row| row.state == State::CouldNotTell) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn prepare(args: &ContractArgs, env: &dyn Env) -> Result<Site, String> {
    let base = BaseUrl::parse(args.url.trim())
        .map_err(|reason| format!("'{}' {reason}: give the address of a running Validibot", args.url))?;
    let reach = Reach::from_env(&base, env)?;
    let token = match env.get(envs::tests::E2E_TOKEN.name).filter(|token| !token.trim().is_empty()) {
        _ if !args.token => None,
        Some(token) => Some(SecretString::from(token.trim())),
        None => return Err(format!("--token needs {}", envs::tests::E2E_TOKEN.name)),
    };
    let http = http_client().map_err(|error| format!("an HTTP client could not be made: {error}"))?;
    Ok(Site { http: Http::new(http), base, reach, new: args.version == "0.16", token })
}

impl Site {
    async fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for probe in &PROBES {
            let foreign = match probe.since {
                Since::Always => false,
                Since::Old => self.new,
                Since::New => !self.new,
            };
            let answer = self.get(probe.path, None).await;
            let (state, saw) = match &answer {
                Err(reason) => (State::CouldNotTell, reason.clone()),
                Ok(answer) => (judged(answer, probe.status, probe.has), answer.describe()),
            };
            let (state, breaking) = match (state, foreign) {
                (State::AsExpected, true) => (State::New, false),
                (State::Gone, true) => (State::AsExpected, false),
                (state, _) => (state, matches!(state, State::Gone | State::Moved)),
            };
            rows.push(Row { name: format!("endpoint {}", probe.path), state, breaking, saw });
        }
        if let Some(token) = &self.token {
            self.read(token, &mut rows).await;
        }
        rows
    }

    /// What a user can read: each list's and object's fields.
    async fn read(&self, token: &SecretString, rows: &mut Vec<Row>) {
        // Each is found by what was read before it.
        let (mut orgs, mut workflow) = (Vec::new(), None);
        for part in &FIELDS {
            let mut read = Err("there is none to read".to_owned());
            for path in paths(part.path, &orgs, workflow.as_ref()) {
                read = self.one(token, part, &path, rows).await;
                if read.as_ref().is_ok_and(|(object, _)| !object.is_null()) {
                    break;
                }
            }
            let (object, page) = match read {
                Ok((object, page)) if !object.is_null() => (object, page),
                other => {
                    let saw = other.err().unwrap_or_else(|| "there is none to read".to_owned());
                    let name = format!("{}, its fields", part.name);
                    rows.push(Row { name, state: State::CouldNotTell, breaking: false, saw });
                    continue;
                }
            };
            match part.name {
                parts::ORGANIZATION => {
                    orgs = page.iter().filter_map(|org| text(org, "slug")).take(MAX_ORGS).collect();
                }
                parts::LISTED => workflow = text(&object, "org").zip(text(&object, "slug")),
                _ => {}
            }
            for field in part.used {
                let name = format!("{}: {field}", part.name);
                rows.push(if object.get(*field).is_some() { Row::expected(name) } else { Row::gone(name) });
            }
            let keys = object.as_object().into_iter().flat_map(serde_json::Map::keys);
            let known = |key: &&String| part.used.iter().chain(part.known).any(|field| key == field);
            rows.extend(keys.filter(|key| !known(key)).map(|key| Row::new(format!("{}: {key}", part.name))));
        }
    }

    /// An object, null where a page has none, and all that are on its page.
    async fn one(
        &self,
        token: &SecretString,
        part: &Fields,
        path: &str,
        rows: &mut Vec<Row>,
    ) -> Result<(Value, Vec<Value>), String> {
        let answer = self.get(path, Some(token)).await?;
        let mut json = answer.json().filter(|_| answer.status == 200).ok_or_else(|| answer.describe())?;
        if !part.paged {
            return Ok((json, Vec::new()));
        }
        if let Some(Value::Array(page)) = json.get_mut("results").map(Value::take) {
            return Ok((page.first().cloned().unwrap_or_default(), page));
        }
        rows.push(Row::gone(format!("{}: results", part.name)));
        Err("it is no page".to_owned())
    }

    async fn get(&self, path: &str, token: Option<&SecretString>) -> Result<Answer, String> {
        let url = self.base.join(path);
        let mut request = self.reach.say(&url, self.http.get(&url)).header("Accept", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        self.http.send(request).await.map_err(|trouble| trouble.to_string())
    }
}

/// Where a part can be read: in each organization, or of the workflow that was found; nowhere where none was.
fn paths(path: &str, orgs: &[String], workflow: Option<&(String, String)>) -> Vec<String> {
    if path.contains("{workflow}") {
        let of = |(org, slug): &(String, String)| path.replace("{org}", org).replace("{workflow}", slug);
        return workflow.map(of).into_iter().collect();
    }
    if path.contains("{org}") {
        return orgs.iter().map(|org| path.replace("{org}", org)).collect();
    }
    vec![path.to_owned()]
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// What an answer says of an endpoint that should answer with `status` and JSON, with these keys in it.
fn judged(answer: &Answer, status: u16, has: &[&str]) -> State {
    let json = answer.json();
    match answer.status {
        got if got == status
            && json.as_ref().is_some_and(|json| has.iter().all(|key| json.get(*key).is_some())) =>
        {
            State::AsExpected
        }
        // A page: there is no such address. Or it is there, and is another one.
        404 | 410 if json.is_none() => State::Gone,
        got if got == status => State::Gone,
        301 | 302 | 307 | 308 if answer.header(&LOCATION).is_some() => State::Moved,
        _ => State::CouldNotTell,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn only_a_page_that_says_404_is_gone_and_what_passes_is_unknown() {
        let answer = |status, body: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static("/accounts/login/"));
            Answer { status, headers, body: Bytes::from_static(body.as_bytes()) }
        };
        for (status, body, state) in [
            (200, r#"{"features":[]}"#, State::AsExpected),
            (200, r#"{"other":[]}"#, State::Gone),
            (200, "<html>", State::Gone),
            (404, "<html>", State::Gone),
            (404, r#"{"detail":"no"}"#, State::CouldNotTell),
            (302, "", State::Moved),
            (429, "", State::CouldNotTell),
            (503, "<html>", State::CouldNotTell),
            (400, "<html>", State::CouldNotTell),
        ] {
            assert_eq!(judged(&answer(status, body), 200, &["features"]), state, "{status} {body}");
        }
    }
}
