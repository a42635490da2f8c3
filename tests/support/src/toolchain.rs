//! A stand-in for cargo and rustc: "compiles" a program in no time, for tests of what is done with it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Puts a program of this name where cargo would, and knows one package.
const CARGO: &str = r#"#!/bin/sh
case "$1" in
build)
    while [ $# -gt 0 ]; do
        case "$1" in
        --target) target=$2 ;;
        --target-dir) folder=$2 ;;
        --profile) profile=$2 ;;
        --bin) program=$2 ;;
        esac
        shift
    done
    mkdir -p "$folder/$target/$profile" && echo "$VALIDIBOT_MCP_COMMIT" > "$folder/$target/$profile/$program" ;;
metadata)
    echo '{"packages": [{"id": "a", "name": "validibot-mcp", "version": "0.1.0"}], "resolve": {"nodes": [{"id": "a", "deps": []}]}}' ;;
*)
    echo "cargo $* is not played" >&2; exit 101 ;;
esac
"#;

const RUSTC: &str =
    "#!/bin/sh\ncase \"$1\" in\n--print) echo /toolchain ;;\n*) echo 'commit-hash: 0123456' ;;\nesac\n";

/// Writes both into a folder, which is to stand first on PATH, and the lock file that they belong to into a checkout.
///
/// # Errors
///
/// A file that cannot be written.
pub fn stand_in(folder: &Path, checkout: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in [("cargo", CARGO), ("rustc", RUSTC)] {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    std::fs::write(checkout.join("Cargo.lock"), "version = 4\npackage = []\n")
}
