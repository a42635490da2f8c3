//! `cargo xtask doctor` on set-ups with one fault each: its first finding names it. On healthy ones it finds nothing.

mod cloud;
mod files;
mod stage;
