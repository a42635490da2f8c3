//! The table itself, one module for each area.

pub mod deploy;
pub mod oauth;
pub mod sandbox;
pub mod server;
pub mod tests;
pub mod x402;

use crate::Variable;

/// Every variable, in the order in which documents list them.
pub const VARIABLES: &[&[&Variable]] =
    &[deploy::ALL, server::ALL, oauth::ALL, x402::ALL, sandbox::ALL, tests::ALL];

/// The variable of this name.
pub fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().flat_map(|area| area.iter()).copied().find(|variable| variable.name == name)
}

#[cfg(test)]
mod checks {
    use super::*;
    use crate::{Fallback, Required};

    #[test]
    fn every_declaration_is_complete_and_consistent() {
        let mut seen = std::collections::BTreeSet::new();
        for variable in VARIABLES.iter().flat_map(|area| area.iter()) {
            let name = variable.name;
            assert!(seen.insert(name), "{name} is declared twice");
            assert!(!variable.doc.is_empty() && !variable.doc.contains('\n'), "{name}: the doc is one line");
            assert!(
                !variable.held_in.is_empty() && !variable.readers.is_empty(),
                "{name}: nobody holds or reads it"
            );
            assert!(
                !(variable.required == Required::Always && variable.fallback != Fallback::Nothing),
                "{name}: required, and has a default"
            );
            assert!(
                !variable.secret || Variable::is_placeholder(variable.example) || variable.example.is_empty(),
                "{name}: the example of a secret is a <placeholder>"
            );
            if let Required::With(other) | Required::WithShort(other, _) = variable.required {
                assert!(find(other).is_some(), "{name}: required with {other}, which is not declared");
            }
            if let Fallback::Value(value) = variable.fallback {
                assert_eq!(variable.problem(value), None, "{name}: default");
            }
            if !variable.secret && !variable.example.is_empty() {
                assert_eq!(variable.problem(variable.example), None, "{name}: example");
            }
        }
    }
}
