//! The deploy lock: a secret without versions. Google makes it once only, and removes it when its time is over.

use serde_json::json;

use super::{gcloud, last_flags, read};
use crate::config::stage::Names;
use crate::core::command::Command;

/// Parts annotations where a comma may stand in a value (`gcloud topic escaping`).
const BETWEEN: &str = ";;";

/// Acquires the lock for `seconds`; fails if it is held. Prints the secret.
///
/// In the stage's region, as its other secret: organizations may forbid others (`constraints/gcp.resourceLocations`), and
/// automatic replication with them.
pub fn take(names: &Names, seconds: u64, annotations: &[(&str, &str)]) -> Command {
    let pairs: Vec<_> =
        annotations.iter().map(|(name, value)| format!("{name}={}", annotation(value))).collect();
    let (lock, locations) = (names.lock(), format!("--locations={}", names.region()));
    let create = ["secrets", "create", &lock, "--replication-policy=user-managed", &locations];
    gcloud(names, create)
        .arg("--format=json")
        .arg(format!("--ttl={seconds}s"))
        .arg(format!("--set-annotations=^{BETWEEN}^{}", pairs.join(BETWEEN)))
}

/// Who holds the lock.
pub fn describe(names: &Names) -> Command {
    read(names, ["secrets", "describe", &names.lock()], "json")
}

/// Who holds the lock; for a pre-spawned gcloud. The flag that it is told is one that it has: an empty text would be
/// refused.
pub fn look(names: &Names) -> Command {
    last_flags(describe(names), &json!({"--quiet": null}))
}

/// Extends the lock by `seconds`, if its etag is unchanged. Prints the secret.
pub fn renew(names: &Names, seconds: u64, etag: &str) -> Command {
    gcloud(names, ["secrets", "update", &names.lock(), "--format=json"])
        .arg(format!("--ttl={seconds}s"))
        .arg(format!("--etag={etag}"))
}

/// Releases the lock, if its etag is unchanged; for a pre-spawned gcloud.
pub fn release(names: &Names, etag: &str) -> Command {
    last_flags(gcloud(names, ["secrets", "delete", &names.lock()]), &json!({ "--etag": etag }))
}

/// A value on one line, without what parts the annotations.
fn annotation(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace(BETWEEN, ";").trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::Stage;

    #[test]
    fn a_holder_with_commas_stays_in_one_piece() {
        let names = Names::new("acme", "us-west1", "validibot", "r", Stage::Dev);
        let command = take(&names, 900, &[("holder", "ada, on m;;1;\n"), ("id", "7")]);
        let words: Vec<_> =
            command.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        for word in ["--replication-policy=user-managed", "--locations=us-west1"] {
            assert!(words.iter().any(|known| known == word), "{words:?}");
        }
        let last = command.arguments().last().unwrap().to_string_lossy().into_owned();
        assert_eq!(last, "--set-annotations=^;;^holder=ada, on m;1; ;;id=7");
    }
}
