//! What cannot be done before the client has answered some questions: a result that says which, and a second request
//! with the answers (SEP-2322). Between the two the server remembers nothing; where the suite wants a state, it is
//! sealed, as everything is that a client keeps for this server.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, InputRequest, InputRequiredResult, InputResponses, PromptMessage,
    Role,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use validibot_mcp::app::App;
use validibot_mcp::seal::Artifact;

/// A question: the key of its answer, and what it asks of the client.
type Question = (&'static str, Ask);

#[derive(Clone, Copy)]
enum Ask {
    /// The user, for one field of this type.
    User(&'static str, &'static str),
    /// The client's model.
    Model(&'static str),
    /// The client, for its roots.
    Roots,
}

/// Rounds of questions.
struct Interview {
    rounds: &'static [&'static [Question]],
    /// Whether the client carries a state from one round to the next.
    sealed: bool,
}

const NAME: Question = ("user_name", Ask::User("name", "string"));
const GREETING: Question = ("greeting", Ask::Model("Generate a greeting"));
const ROOTS: Question = ("client_roots", Ask::Roots);
const CONFIRM: Question = ("confirm", Ask::User("ok", "boolean"));

const TOOLS: [(&str, Interview); 9] = [
    ("test_input_required_result_elicitation", Interview { rounds: &[&[NAME]], sealed: false }),
    (
        "test_input_required_result_sampling",
        Interview {
            rounds: &[&[("capital_question", Ask::Model("What is the capital of France?"))]],
            sealed: false,
        },
    ),
    ("test_input_required_result_list_roots", Interview { rounds: &[&[ROOTS]], sealed: false }),
    ("test_input_required_result_request_state", Interview { rounds: &[&[CONFIRM]], sealed: true }),
    ("test_input_required_result_tampered_state", Interview { rounds: &[&[CONFIRM]], sealed: true }),
    (
        "test_input_required_result_multiple_inputs",
        Interview { rounds: &[&[NAME, GREETING, ROOTS]], sealed: true },
    ),
    (
        "test_input_required_result_multi_round",
        Interview {
            rounds: &[&[("step1", Ask::User("name", "string"))], &[("step2", Ask::User("color", "string"))]],
            sealed: true,
        },
    ),
    (
        "test_input_required_result_capabilities",
        Interview { rounds: &[&[NAME, GREETING, ROOTS]], sealed: false },
    ),
    (
        "test_streaming_elicitation",
        Interview { rounds: &[&[("streaming_elicitation", Ask::User("value", "string"))]], sealed: false },
    ),
];

/// The one that is no tool.
const PROMPT: (&str, Interview) = (
    "test_input_required_result_prompt",
    Interview { rounds: &[&[("user_context", Ask::User("context", "string"))]], sealed: false },
);

/// How far an interview has come.
#[derive(Serialize, Deserialize)]
struct Progress {
    round: usize,
}

impl Artifact for Progress {
    const PURPOSE: &'static str = "conformance interview";
}

/// The names of the tools that ask.
pub(crate) fn tools() -> impl Iterator<Item = &'static str> {
    TOOLS.into_iter().map(|(name, _)| name)
}

/// Calls one of them; `None` where it is none.
pub(crate) fn tool(
    app: &App,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let (name, interview) = TOOLS.into_iter().find(|(name, _)| *name == request.name)?;
    let answers = request.input_responses.clone().unwrap_or_default();
    Some(match interview.round(app, request.request_state.as_deref(), &answers) {
        Err(error) => Err(error),
        Ok(round) => match interview.rounds.get(round) {
            Some(questions) => {
                let able = |question: &&Question| {
                    name != "test_input_required_result_capabilities" || is_able(context, question.1)
                };
                let questions =
                    questions.iter().filter(able).map(|(key, ask)| ((*key).to_owned(), ask.request()));
                let state = interview.sealed.then(|| seal(app, round));
                Ok(InputRequiredResult::new(Some(questions.collect()), state).into())
            }
            // The suite looks for what it answered, and for the word of the interviews with a state.
            None => {
                Ok(CallToolResult::success(vec![ContentBlock::text(format!("state-ok: {}", json!(answers)))])
                    .into())
            }
        },
    })
}

/// The prompt that asks; `None` where it is another one.
pub(crate) fn prompt(request: &GetPromptRequestParams) -> Option<Result<GetPromptResponse, ErrorData>> {
    let (name, Interview { rounds, .. }) = PROMPT;
    (name == request.name).then(|| {
        let answers = request.input_responses.clone().unwrap_or_default();
        if answered(rounds[0], &answers) {
            let text = format!("This is what was said: {}", json!(answers));
            return Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into());
        }
        let questions = rounds[0].iter().map(|(key, ask)| ((*key).to_owned(), ask.request()));
        Ok(InputRequiredResult::from_input_requests(questions.collect()).into())
    })
}

impl Interview {
    /// The round that comes next; past the last one it is over.
    fn round(&self, app: &App, state: Option<&str>, answers: &InputResponses) -> Result<usize, ErrorData> {
        let round = match state {
            Some(state) if self.sealed => opened(app, state)?,
            // A client that forgot the state begins anew.
            None if self.sealed => return Ok(0),
            _ => 0,
        };
        let questions = self.rounds.get(round).copied().unwrap_or_default();
        Ok(if answered(questions, answers) { round + 1 } else { round })
    }
}

/// Whether each question has an answer of the right form. What is missing or no object is asked for again.
fn answered(questions: &[Question], answers: &InputResponses) -> bool {
    questions.iter().all(|(key, _)| answers.get(*key).is_some_and(Value::is_object))
}

fn seal(app: &App, round: usize) -> String {
    let seal = app.seal.as_ref().expect("the test has a key ring");
    seal.seal_until(&Progress { round }, app.clock.unix() + 60)
}

fn opened(app: &App, state: &str) -> Result<usize, ErrorData> {
    let seal = app.seal.as_ref().expect("the test has a key ring");
    let opened = seal.open::<Progress>(state, app.clock.unix());
    opened
        .map(|progress| progress.round)
        .map_err(|_| ErrorData::invalid_params("requestState is not one that this server made", None))
}

/// Whether the client has said that it can be asked this.
fn is_able(context: &RequestContext<RoleServer>, ask: Ask) -> bool {
    context.meta.client_capabilities().is_some_and(|can| match ask {
        Ask::User(..) => can.elicitation.is_some(),
        Ask::Model(_) => can.sampling.is_some(),
        Ask::Roots => can.roots.is_some(),
    })
}

impl Ask {
    fn request(self) -> InputRequest {
        let request = match self {
            Self::User(field, kind) => json!({
                "method": "elicitation/create",
                "params": {
                    "mode": "form",
                    "message": format!("What is the {field}?"),
                    "requestedSchema": {
                        "type": "object",
                        "properties": { field: { "type": kind } },
                        "required": [field],
                    },
                },
            }),
            Self::Model(prompt) => json!({
                "method": "sampling/createMessage",
                "params": {
                    "messages": [{ "role": "user", "content": { "type": "text", "text": prompt } }],
                    "maxTokens": 100,
                },
            }),
            Self::Roots => json!({ "method": "roots/list", "params": {} }),
        };
        serde_json::from_value(request).expect("a request to the client")
    }
}
