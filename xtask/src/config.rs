//! What an operator has written: stages, environment files, the gate, the fleet; and what a command is given.

pub mod context;
pub mod env;
pub mod fleet;
pub mod gate;
pub mod stage;
