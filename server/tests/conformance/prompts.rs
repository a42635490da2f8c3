//! The suite's prompts.

use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult, Prompt,
    PromptArgument,
};
use serde_json::{Value, json};

use crate::tools::PIXEL;

/// Names and arguments.
const PROMPTS: [(&str, &[&str]); 5] = [
    ("test_simple_prompt", &[]),
    ("test_prompt_with_arguments", &["arg1", "arg2"]),
    ("test_prompt_with_embedded_resource", &["resourceUri"]),
    ("test_prompt_with_image", &[]),
    ("test_input_required_result_prompt", &[]),
];

pub(crate) fn list() -> ListPromptsResult {
    let prompts = PROMPTS.map(|(name, arguments)| {
        let arguments = arguments.iter().map(|name| PromptArgument::new(*name).with_required(true));
        Prompt::new(name, Some("A fixture of the conformance suite"), Some(arguments.collect()))
    });
    let mut list = ListPromptsResult::with_all_items(prompts.into());
    list.ttl_ms = Some(60_000);
    list.cache_scope = Some(CacheScope::Private);
    list
}

pub(crate) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| -> Result<String, ErrorData> {
        let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name)?.as_str());
        let missing = || ErrorData::invalid_params(format!("the argument {name} is missing"), None);
        value.map(str::to_owned).ok_or_else(missing)
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let contents: Vec<Value> = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1")?, argument("arg2")?);
            vec![text(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        "test_prompt_with_embedded_resource" => vec![
            json!({ "type": "resource", "resource": {
                "uri": argument("resourceUri")?,
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            } }),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => vec![
            json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" }),
            text("Please analyze the image above."),
        ],
        other => return Err(ErrorData::invalid_params(format!("there is no prompt {other}"), None)),
    };
    let messages: Vec<Value> =
        contents.into_iter().map(|content| json!({ "role": "user", "content": content })).collect();
    let result: GetPromptResult =
        serde_json::from_value(json!({ "resultType": "complete", "messages": messages }))
            .expect("a prompt's result");
    Ok(result.into())
}
