//! A backend that answers from memory, tokens that the server accepts, and the programs that are measured.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::net;

use crate::Args;
use crate::contender::Contender;
use crate::load::Load;
use crate::pinned::{Pinned, Program};

/// The base URL that tokens are made for. Requests come to loopback, which the server answers as well.
const BASE_URL: &str = "http://localhost:8001";
/// Long enough to be a key ring's root as well.
const CLIENT_SECRET: &str = "a-client-secret-of-more-than-32-bytes";
/// Tokens for servers that shall not have seen the one that they get. A server that is measured with them is new.
const FRESH_TOKENS: usize = 5000;
/// How many of them a round may use, with what is sent to warm up.
pub(crate) const MAX_FRESH_CALLS: usize = 4000;
/// 2 KB, of the contract's form: a workflow of two steps.
const WORKFLOW: &str = include_str!("workflow.json");

/// What is the same for everything that is measured.
pub(crate) struct Stack {
    pub(crate) out: PathBuf,
    server: PathBuf,
    other_allocator: PathBuf,
    baseline: PathBuf,
    core: usize,
    other_core: usize,
    stub: Pinned,
    workflow: String,
    tokens: PathBuf,
    jwt: String,
}

/// A server that is measured, and the hop before it where it needs one.
pub(crate) struct Running {
    pub(crate) contender: Contender,
    pub(crate) program: Pinned,
    hop: Option<Pinned>,
}

impl Stack {
    pub(crate) async fn start(args: &Args) -> Result<Self, String> {
        let workflow: Value = serde_json::from_str(WORKFLOW).expect("the answer is JSON");
        let workflow = workflow["workflow_ref"].as_str().expect("it has a reference").to_owned();
        let port = net::free_port();
        let stub_url = format!("http://127.0.0.1:{port}");
        let provider = Sandbox::builder()
            .oauth_client_secret(CLIENT_SECRET)
            .mcp_base_url(BASE_URL)
            .site_url(&stub_url)
            .start()
            .await
            .map_err(|error| error.to_string())?;
        let write = |name: &str, text: String| {
            let path = args.out.join(name);
            std::fs::write(&path, text)
                .map(|()| path.clone())
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        let answers = answers(&provider, &workflow).await?;
        let answers = write("answers.json", answers)?;
        let token =
            |number: usize| provider.mint().claim("jti", format!("{number:08}")).expires_in(24 * 3600).sign();
        let tokens: Vec<String> = (0..FRESH_TOKENS).map(token).collect();
        let (jwt, tokens) = (tokens[0].clone(), write("tokens.txt", tokens.join("\n"))?);
        for contender in Contender::ALL {
            write(&format!("body-{}.json", contender.slug()), contender.body(&workflow).to_string())?;
        }
        let mut stub = Program {
            core: args.other_core,
            under: Vec::new(),
            path: &args.baseline,
            arguments: ["--port", &port.to_string(), "stub", "--answers"]
                .map(OsString::from)
                .into_iter()
                .chain([answers.into()])
                .collect(),
            environment: Vec::new(),
            port,
            log: &args.out.join("stub.log"),
        }
        .start()?;
        stub.listening().await?;
        Ok(Self {
            out: args.out.clone(),
            server: args.server.clone(),
            other_allocator: args.other_allocator.clone(),
            baseline: args.baseline.clone(),
            core: args.core,
            other_core: args.other_core,
            stub,
            workflow,
            tokens,
            jwt,
        })
    }

    pub(crate) fn stub_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.stub.port())
    }

    /// Starts a server on its processor, before the stub, under `under`; waits until it is ready, and checks that it
    /// does what it shall be measured at.
    pub(crate) async fn run(&self, contender: Contender, under: Vec<OsString>) -> Result<Running, String> {
        let mut program = self.program(contender, under, &self.stub_url())?;
        program.ready().await?;
        let hop = match contender {
            Contender::FreshJwt => Some(self.hop(program.port()).await?),
            _ => None,
        };
        let running = Running { contender, program, hop };
        self.works(&running).await?;
        Ok(running)
    }

    /// A server before this backend, as it starts.
    pub(crate) fn before(&self, backend: &str, contender: Contender) -> Result<Pinned, String> {
        self.program(contender, Vec::new(), backend)
    }

    fn program(&self, contender: Contender, under: Vec<OsString>, backend: &str) -> Result<Pinned, String> {
        let port = net::free_port();
        let (path, arguments, environment) = if contender.is_ours() {
            let server = match contender {
                Contender::OtherAllocator => &self.other_allocator,
                _ => &self.server,
            };
            let mut environment = ours(backend, port);
            if contender == Contender::Rest {
                environment.push(("VALIDIBOT_BACKEND", "rest".to_owned()));
            }
            (server, vec!["serve".into(), "--settings".into(), "/dev/null".into()], environment)
        } else {
            let arguments = ["--port", &port.to_string(), contender.slug(), "--backend", backend];
            (&self.baseline, arguments.map(OsString::from).to_vec(), Vec::new())
        };
        let log = self.out.join(format!("{}.log", contender.slug()));
        Program { core: self.core, under, path, arguments, environment, port, log: &log }.start()
    }

    async fn hop(&self, to: u16) -> Result<Pinned, String> {
        let port = net::free_port();
        let arguments = ["--port", &port.to_string(), "fresh", "--to", &to.to_string(), "--tokens"];
        let arguments =
            arguments.map(OsString::from).into_iter().chain([self.tokens.clone().into()]).collect();
        let mut hop = Program {
            core: self.other_core,
            under: Vec::new(),
            path: &self.baseline,
            arguments,
            environment: Vec::new(),
            port,
            log: &self.out.join("fresh.log"),
        }
        .start()?;
        hop.listening().await?;
        Ok(hop)
    }

    /// So many calls over so many connections.
    pub(crate) fn load<'a>(&'a self, running: &'a Running, calls: usize, connections: usize) -> Load<'a> {
        let contender = running.contender;
        Load {
            contender,
            url: running.hop.as_ref().map_or_else(|| running.program.url(), Pinned::url),
            token: self.token(contender),
            body: self.out.join(format!("body-{}.json", contender.slug())),
            calls,
            connections,
            core: self.other_core,
            log: self.out.join("calls.tsv"),
        }
    }

    fn token(&self, contender: Contender) -> &str {
        match contender {
            Contender::Jwt | Contender::FreshJwt => &self.jwt,
            _ => fixtures::DEMO_TOKEN,
        }
    }

    /// Figures of a server that answers with errors would be good, and worth nothing.
    async fn works(&self, running: &Running) -> Result<(), String> {
        let contender = running.contender;
        let mut request = net::http_client().post(running.program.url()).bearer_auth(self.token(contender));
        for (name, value) in contender.headers() {
            request = request.header(name, value);
        }
        let answer = request.body(contender.body(&self.workflow).to_string()).send().await;
        let answer =
            answer.map_err(|error| error.to_string())?.text().await.map_err(|error| error.to_string())?;
        let good = answer.contains("energy-model") && !answer.contains("\"isError\":true");
        good.then_some(()).ok_or_else(|| format!("{} answers {answer}", contender.name()))
    }
}

impl Running {
    pub(crate) async fn stop(self) -> Result<(), String> {
        drop(self.hop);
        self.program.stop().await
    }
}

/// The backend's answers by path, as one JSON text. Numbers stay as they are written.
async fn answers(provider: &Sandbox, workflow: &str) -> Result<String, String> {
    let keys = net::http_client().get(format!("{}/.well-known/jwks.json", provider.url())).send().await;
    let keys: Value =
        keys.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())?;
    let definition: Value = serde_json::from_str(WORKFLOW).expect("it is JSON");
    let mut by_rest = definition.clone();
    if let Value::Object(by_rest) = &mut by_rest {
        // What only the helper API has (contract of 0.16, B6).
        for key in ["workflow_ref", "org_slug", "org_name", "access_modes", "preferred_access_mode"] {
            by_rest.shift_remove(key);
        }
    }
    let (org, slug) = (text(&definition, "org"), text(&definition, "slug"));
    let answers = BTreeMap::from([
        ("/api/v1/license/features/".to_owned(), json!({ "edition": "pro", "features": ["mcp_server"] })),
        ("/api/v1/auth/me/".to_owned(), json!({ "email": fixtures::DEMO_EMAIL, "name": "Demo" })),
        ("/.well-known/jwks.json".to_owned(), keys),
        (format!("/api/v1/orgs/{org}/"), json!({ "slug": org, "name": definition["org_name"] })),
        (format!("/api/v1/orgs/{org}/workflows/{slug}/"), by_rest),
        (format!("/api/v1/mcp/workflows/{workflow}/"), definition),
    ]);
    serde_json::to_string(&answers).map_err(|error| error.to_string())
}

fn text(object: &Value, key: &str) -> String {
    object[key].as_str().expect("a text").to_owned()
}

/// Both ways of chain 1, as a deployment has them.
fn ours(backend: &str, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("VALIDIBOT_API_BASE_URL", backend.to_owned()),
        ("VALIDIBOT_MCP_BASE_URL", BASE_URL.to_owned()),
        ("VALIDIBOT_MCP_BIND", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("VALIDIBOT_MCP_SERVICE_KEY", fixtures::SERVICE_KEY.to_owned()),
        ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", backend.to_owned()),
        ("VALIDIBOT_OAUTH_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
    ]
}
