//! The texts that are generated from the table: templates, the configuration page.

mod example;
mod markdown;

pub use example::example_file;
pub use markdown::configuration_page;
