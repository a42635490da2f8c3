//! What tools ask of Validibot, whichever of its APIs answers.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::error::ApiError;
use super::{Catalogue, Definition, MAX_FILE_BYTES, Media, RunRef, WorkflowRef};
use crate::caller::Caller;

/// One of Validibot's APIs. The answers of all are the same objects: what one of them leaves out, its implementation adds.
pub(super) trait Api {
    /// The workflows that the caller can see, to be passed on as they are (contract, A3).
    fn catalogue(&self, caller: &Caller) -> impl Future<Output = Result<Catalogue, ApiError>> + Send;

    /// The same, one by one.
    fn workflows(&self, caller: &Caller) -> impl Future<Output = Result<Vec<Value>, ApiError>> + Send;

    /// One workflow's definition (contract, A4), to be passed on as it is.
    fn definition(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> impl Future<Output = Result<Definition, ApiError>> + Send;

    /// The same, as a tree.
    fn workflow(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send;

    /// One run's state (contract, A6), asked until `deadline` at the latest.
    fn run(
        &self,
        caller: &Caller,
        run: &RunRef,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send;

    /// Starts a run (contract, A5). Where nobody can know whether it was started, the error says so.
    fn launch(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
        upload: Upload,
        media: Media,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send;
}

/// A file on its way to Validibot.
pub struct Upload {
    /// Its name; Validibot derives the format from the content type and the name.
    pub name: String,
    /// Its bytes.
    pub content: Content,
    /// How many bytes, at most [`MAX_FILE_BYTES`].
    pub length: u64,
    /// Which launch it is, where the client has said it.
    pub intent: Intent,
}

/// A file's bytes, or a stream of them.
pub enum Content {
    /// All of them.
    Whole(Bytes),
    /// As they arrive.
    Stream(reqwest::Body),
}

/// What makes two calls one launch: a client whose answer was lost repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// The client has not said it.
    Unsaid,
    /// A name that the caller gave it.
    Named(String),
    /// The id that the client's host gives each use of a tool: the same where the host repeats a call, another one where the
    /// model does.
    ToolUse(String),
    /// The ticket of an upload, which is for one run, whatever the file's bytes are.
    Ticket(String),
}

impl Upload {
    /// The same upload again, where all of its bytes are here.
    pub(super) fn again(&self) -> Option<Self> {
        let content = self.content.again()?;
        Some(Self { name: self.name.clone(), content, length: self.length, intent: self.intent.clone() })
    }
}

impl Content {
    fn again(&self) -> Option<Self> {
        match self {
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// All of the bytes, `length` of them as announced: in one piece from the start, so that there is no second copy.
    pub(super) async fn whole(self, length: u64) -> Result<Bytes, ApiError> {
        let body = match self {
            Self::Whole(bytes) => return Ok(bytes),
            Self::Stream(body) => body,
        };
        let announced = usize::try_from(length).unwrap_or(MAX_FILE_BYTES).min(MAX_FILE_BYTES);
        let (mut whole, mut body) = (BytesMut::with_capacity(announced), Limited::new(body, MAX_FILE_BYTES));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::upload_broken())?;
            if let Ok(piece) = frame.into_data() {
                whole.extend_from_slice(&piece);
            }
        }
        Ok(whole.freeze())
    }

    /// As a request sends them.
    pub(super) fn into_body(self) -> reqwest::Body {
        match self {
            Self::Whole(bytes) => bytes.into(),
            Self::Stream(body) => body,
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<reqwest::Body> for Content {
    fn from(body: reqwest::Body) -> Self {
        Self::Stream(body)
    }
}
