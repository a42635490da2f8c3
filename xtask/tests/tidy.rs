//! The workspace's invariants, as tests. Each failure says what to do.

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn generated_files_are_fresh() {
    let stale = xtask::generate::stale(root()).unwrap();
    let names: Vec<_> = stale.iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(names.is_empty(), "stale: {names:?}; type: cargo xtask generate");
}
