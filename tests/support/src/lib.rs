//! What every suite needs: tests that are skipped without a program, and never silently.

pub mod skip;
