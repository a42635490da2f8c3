//! Steps, validators, rulesets, assertions and constants, as they are on the wire (contract, A4).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::compact;

/// One step; the order of the fields is the order on the wire, here as below.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract names them")]
pub(crate) struct Step {
    id: i64,
    order: i64,
    step_number: i64,
    name: &'static str,
    description: &'static str,
    validator: Option<Validator>,
    action_type: Option<&'static str>,
    config: Box<RawValue>,
    ruleset: Option<Ruleset>,
}

/// What a step validates with.
#[derive(Serialize)]
pub(crate) struct Validator {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) validation_type: &'static str,
    pub(crate) short_description: &'static str,
    pub(crate) default_ruleset: Ruleset,
}

/// A set of rules.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract names them")]
pub(crate) struct Ruleset {
    id: i64,
    name: &'static str,
    ruleset_type: &'static str,
    schema: Option<&'static str>,
    assertions: Vec<Assertion>,
}

/// One rule.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract names them")]
pub(crate) struct Assertion {
    pub(crate) id: i64,
    pub(crate) order: i64,
    pub(crate) assertion_type: &'static str,
    pub(crate) operator: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) target_field: &'static str,
    pub(crate) when_expression: &'static str,
    pub(crate) rhs: Box<RawValue>,
    pub(crate) message_template: &'static str,
    pub(crate) success_message: &'static str,
    pub(crate) notes: &'static str,
}

/// A named value that assertions refer to.
#[derive(Serialize)]
pub(crate) struct Constant {
    pub(crate) name: &'static str,
    pub(crate) data_type: &'static str,
    pub(crate) value: Box<RawValue>,
    pub(crate) description: &'static str,
}

impl Step {
    /// A step that validates.
    pub(crate) fn validating(
        id: i64,
        name: &'static str,
        description: &'static str,
        validator: Validator,
        ruleset: Option<Ruleset>,
    ) -> Self {
        let (config, number) = (compact("{}"), id % 10);
        let validator = Some(validator);
        let (order, action_type) = (number * 10, None);
        Self { id, order, step_number: number, name, description, validator, action_type, config, ruleset }
    }

    /// A step that does something else.
    pub(crate) fn action(
        id: i64,
        name: &'static str,
        description: &'static str,
        action_type: &'static str,
    ) -> Self {
        let (config, number) = (compact("{}"), id % 10);
        let action_type = Some(action_type);
        let (order, validator, ruleset) = (number * 10, None, None);
        Self { id, order, step_number: number, name, description, validator, action_type, config, ruleset }
    }

    /// The same step with this configuration.
    pub(crate) fn configured(mut self, config: &str) -> Self {
        self.config = compact(config);
        self
    }
}

impl Ruleset {
    /// A validator's default: no rules of its own.
    pub(crate) const fn empty(id: i64, ruleset_type: &'static str) -> Self {
        Self { id, name: "Default", ruleset_type, schema: None, assertions: Vec::new() }
    }

    /// A schema's whole text.
    pub(crate) const fn schema(id: i64, name: &'static str, text: &'static str) -> Self {
        Self { id, name, ruleset_type: "JSON_SCHEMA", schema: Some(text), assertions: Vec::new() }
    }

    /// Assertions.
    pub(crate) const fn assertions(id: i64, name: &'static str, assertions: Vec<Assertion>) -> Self {
        Self { id, name, ruleset_type: "BASIC", schema: None, assertions }
    }
}
