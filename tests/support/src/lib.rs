//! What every suite needs: tests that are skipped without a program, and never silently; a toolchain that compiles nothing.

pub mod skip;
pub mod toolchain;
