//! The contract's examples, and what its errors become.

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        html: false,
        retry_after: None,
        replay_of: None,
        _place: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn refused(status: u16, body: &str) -> ApiError {
    answer(status, body).checked(&Reach::default()).err().expect("an error")
}

#[test]
fn the_contracts_catalogue_decodes_with_its_order_and_numbers() {
    let example = r#"[{"workflow_ref":"wf_eyJvcmciOiJhY21lIiwid29ya2Zsb3ciOiJlbmVyZ3kifQ","slug":"energy","name":"Energy","description":"","version":1,"org_slug":"acme","org_name":"Acme","allowed_file_types":["json"],"agent_price_cents":null,"agent_billing_mode":"AUTHOR_PAYS","access_modes":["member_access"],"preferred_access_mode":"member_access"}]"#;
    let decoded = answer(200, example).list(Value::is_object).expect("a list");
    assert_eq!(serde_json::to_string(&decoded).expect("JSON"), example);
    let exact = r#"{"z":1.10,"a":12345678901234567890123}"#;
    let decoded = answer(200, exact).object().expect("an object");
    assert_eq!(serde_json::to_string(&decoded).expect("JSON"), exact);
}

#[test]
fn the_contracts_run_decodes() {
    let example = r#"{"run_ref":"run_eyJraW5k","id":"ea71cf20-ed08-4db4-84e3-5b631a6acf2d","status":"FAILED","state":"COMPLETED","result":"FAIL","source":"MCP","error_category":"VALIDATION_FAILED","org":"acme","user":2,"workflow":1,"workflow_slug":"energy","submission":"caca09c0-b8cf-4186-892d-95502e037886","started_at":"2026-11-22T23:02:50.522795Z","ended_at":"2026-11-22T23:02:50.708859Z","duration_ms":0,"steps":[{"step_id":1,"name":"Schema","status":"FAILED","issues":[{"id":3,"message":"...","path":"","severity":"ERROR","code":"","assertion_id":null,"failed_rows":null}],"error":"","output_values":[],"template_parameters_used":null,"template_warnings":null}],"error":"...","user_friendly_error":"...","output_hash":"2d3c...","output_retention_policy":"DO_NOT_STORE","output_expires_at":"2026-11-22T23:02:50.708859Z","output_purged_at":null}"#;
    let decoded = answer(200, example).object().expect("an object");
    assert_eq!(serde_json::to_string(&decoded).expect("JSON"), example);
}

#[test]
fn shape_1_is_a_detail_alone() {
    let error = refused(403, r#"{"detail":"no"}"#);
    assert_eq!((error.code.as_ref(), error.status), ("FORBIDDEN", Some(403)));
    assert!(error.no_effect && !error.transient);
}

#[test]
fn shape_2_brings_validibots_code_detail_and_fields() {
    let error = refused(
        400,
        r#"{"detail":"Bad reference","code":"INVALID_PARAMS","errors":[{"field":"workflow_ref","message":"malformed"}]}"#,
    );
    assert_eq!((error.code.as_ref(), error.message.as_str()), ("INVALID_PARAMS", "Bad reference"));
    assert_eq!(error.errors, [FieldError { field: "workflow_ref".into(), message: "malformed".into() }]);
    let denied = refused(404, r#"{"detail":"x","code":"PERMISSION_DENIED"}"#);
    assert_eq!(denied.code, "PERMISSION_DENIED");
    let policy = refused(403, r#"{"detail":"The plan's quota is used up","code":"ORG_POLICY_DENIED"}"#);
    assert_eq!(
        (policy.code.as_ref(), policy.message.as_str()),
        ("ORG_POLICY_DENIED", "The plan's quota is used up")
    );
}

#[test]
fn shape_3_is_fields_alone() {
    let error = refused(400, r#"{"content_type":["required"],"non_field_errors":["x","y"]}"#);
    assert_eq!(error.code, "INVALID_PARAMS");
    assert_eq!(error.errors.len(), 3);
    assert_eq!(error.errors[0].field, "content_type");
}

#[test]
fn what_is_not_of_the_contract_leaks_nothing() {
    let html = "<html><body>Traceback: secret stuff</body></html>";
    for status in [200, 302, 400, 401, 403, 404, 409, 418, 500, 502, 503] {
        let error = match answer(status, html).checked(&Reach::default()) {
            Ok(success) => success.object().expect_err("not JSON"),
            Err(error) => error,
        };
        assert!(!format!("{error:?}").contains("secret"), "{status}");
        assert_eq!(error.status, Some(status));
    }
    assert_eq!(refused(404, html).code, "API_ERROR", "an HTML 404 is no missing workflow");
    let debug = r#"{"detail":"x","code":"INTERNAL_SERVER_ERROR","debug":{"exception":"secret"}}"#;
    let error = refused(500, debug);
    assert_eq!(error.code, "UPSTREAM_UNAVAILABLE");
    assert!(!format!("{error:?}").contains("secret"));
}

#[test]
fn a_limit_always_says_how_long_to_wait() {
    let said = Answer { retry_after: Some(7), ..answer(429, r#"{"detail":"x"}"#) };
    assert_eq!(said.checked(&Reach::default()).err().expect("an error").retry_after, Some(7));
    let unsaid = refused(429, "<html>slow down</html>");
    assert_eq!((unsaid.code.as_ref(), unsaid.retry_after), ("RATE_LIMITED", Some(UNSAID_RETRY_AFTER)));
    assert_eq!(refused(403, r#"{"detail":"no"}"#).retry_after, None);
}

#[test]
fn a_401_is_our_trouble_and_its_text_stays_here() {
    let error = refused(401, r#"{"detail":"unknown subject","code":"X"}"#);
    assert_eq!(error.code, "SERVICE_AUTH_FAILED");
    assert!(!error.message.contains("unknown subject"));
}

#[test]
fn a_launch_that_may_have_started_says_so() {
    let unsure =
        ApiError { transient: true, ..unavailable("The connection to Validibot broke") }.for_a_launch();
    assert!(unsure.fate_unknown && !unsure.transient);
    assert_eq!(unsure.data()["run_started"], "unknown");
    let refused = refused(409, r#"{"detail":"x","code":"WORKFLOW_INACTIVE"}"#).for_a_launch();
    assert!(!refused.fate_unknown);
    assert_eq!(refused.code, "WORKFLOW_INACTIVE");
}
