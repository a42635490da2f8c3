//! What differs by stage.

use crate::config::stage::Stage;

/// One value for each stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ByStage<T> {
    /// For development.
    pub(super) dev: T,
    /// For the rehearsal of production.
    pub(super) staging: T,
    /// For production.
    pub(super) prod: T,
}

impl<T> ByStage<T> {
    /// The value of a stage.
    pub(super) fn of(&self, stage: Stage) -> &T {
        match stage {
            Stage::Dev => &self.dev,
            Stage::Staging => &self.staging,
            Stage::Prod => &self.prod,
        }
    }

    /// All three values, with their stages.
    pub(super) fn each(&self) -> [(Stage, &T); 3] {
        [(Stage::Dev, &self.dev), (Stage::Staging, &self.staging), (Stage::Prod, &self.prod)]
    }
}

impl<T: Clone> ByStage<T> {
    /// The same value for every stage.
    pub(super) fn same(value: T) -> Self {
        Self { dev: value.clone(), staging: value.clone(), prod: value }
    }
}
