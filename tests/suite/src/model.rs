//! A stand-in for a language model, on loopback: agent products talk to it as to their vendor's, and it makes the calls of a
//! script in place of thinking.
//!
//! It keeps nothing between requests but the last one: a product sends the whole conversation each time, so the number of results
//! in it says which call is next.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::proxy::{listener, url};

/// A product's instructions, its tools' schemas and twelve results fit into a part of this.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A tool, as a product declares it to its model.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The product's name for it, which ends in the server's.
    pub name: String,
    /// What the product groups it under, if it does.
    pub namespace: Option<String>,
    /// The schema of its arguments, after the product's conversion.
    pub schema: Value,
}

impl Declared {
    /// From an object with these members; `None` where it is a tool of another kind.
    fn read(tool: &Value, namespace: Option<&str>, schema: &str) -> Option<Self> {
        Some(Self {
            name: tool["name"].as_str()?.to_owned(),
            namespace: namespace.map(str::to_owned),
            schema: tool[schema].clone(),
        })
    }

    /// Whether its arguments include this one.
    pub fn takes(&self, argument: &str) -> bool {
        self.schema["properties"].get(argument).is_some()
    }
}

/// What a model reads in one request.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// The tools that it may call.
    pub tools: Vec<Declared>,
    /// The results of its calls so far, as it reads them.
    pub results: Vec<String>,
}

impl Conversation {
    /// The tool of this name, whatever the product puts before it.
    pub fn tool(&self, name: &str) -> Option<&Declared> {
        self.tools.iter().find(|tool| tool.name.ends_with(name))
    }
}

/// What the model says next.
#[derive(Debug)]
pub enum Turn {
    /// It calls a tool.
    Call(Declared, Value),
    /// It is done.
    Text(&'static str),
}

/// What decides the next turn.
pub type Script = dyn Fn(&Conversation) -> Turn + Send + Sync;

/// A model that runs until it is dropped.
#[derive(Debug)]
pub struct Model {
    url: String,
    task: JoinHandle<()>,
    seen: Arc<Mutex<Conversation>>,
}

struct Mind {
    script: Box<Script>,
    seen: Arc<Mutex<Conversation>>,
}

impl Model {
    /// Listens on a free port.
    pub async fn start(script: Box<Script>) -> Self {
        let listener = listener().await;
        let url = url(&listener);
        let seen = Arc::<Mutex<Conversation>>::default();
        let mind = Arc::new(Mind { script, seen: seen.clone() });
        let router = Router::new().fallback(answer).with_state(mind);
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { url, task, seen }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The longest conversation so far.
    pub fn conversation(&self) -> Conversation {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The four APIs, by the paths that products call.
#[derive(Debug, Clone, Copy)]
enum Api {
    Anthropic,
    Responses,
    Chat,
    Gemini,
}

impl Api {
    fn of(path: &str) -> Option<Self> {
        let apis = [
            ("/v1/messages", Self::Anthropic),
            ("/v1/responses", Self::Responses),
            ("/v1/chat/completions", Self::Chat),
            (":streamGenerateContent", Self::Gemini),
        ];
        apis.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, api)| api)
    }

    fn read(self, body: &Value) -> Conversation {
        match self {
            Self::Anthropic => anthropic::read(body),
            Self::Responses => responses::read(body),
            Self::Chat => chat::read(body),
            Self::Gemini => gemini::read(body),
        }
    }

    /// The turn as a stream of events; `number` makes its ids differ from those of other turns.
    fn write(self, turn: &Turn, number: usize) -> String {
        match self {
            Self::Anthropic => anthropic::write(turn, number),
            Self::Responses => responses::write(turn, number),
            Self::Chat => chat::write(turn, number),
            Self::Gemini => gemini::write(turn),
        }
    }
}

async fn answer(State(mind): State<Arc<Mind>>, request: Request) -> Response {
    let Some(api) = Api::of(request.uri().path()) else { return plain(StatusCode::NOT_FOUND) };
    let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await.unwrap_or_default();
    let Ok(body) = serde_json::from_slice(&body) else { return plain(StatusCode::BAD_REQUEST) };
    let conversation = api.read(&body);
    let turn = if conversation.tools.is_empty() {
        // Products ask for a title besides, without tools.
        Turn::Text("A conversation")
    } else {
        (mind.script)(&conversation)
    };
    let stream = api.write(&turn, conversation.results.len());
    let mut seen = mind.seen.lock().unwrap_or_else(PoisonError::into_inner);
    if conversation.results.len() >= seen.results.len() && !conversation.tools.is_empty() {
        *seen = conversation;
    }
    let mut response = Response::new(Body::from(stream));
    response.headers_mut().insert(CONTENT_TYPE, "text/event-stream".parse().expect("a header value"));
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from("{}"));
    *response.status_mut() = status;
    response
}

/// A list that may be missing.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// The text of a content that is a text, or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => list(parts).filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
    }
}

/// One event of a stream that is named by its `type`.
fn named(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())
}

/// One event without a name.
fn unnamed(data: &Value) -> String {
    format!("data: {data}\n\n")
}
