//! A migration job's script, played: nothing is migrated, but its steps have to be ones that a Validibot knows.

use std::io;

use super::say;

/// What `manage.py` is asked for by a deploy.
const KNOWN: [&str; 5] =
    ["check_migration_history", "migrate", "createcachetable", "ensure_oidc_clients", "initialize_validibot"];

/// Plays the steps one after another; the first one that fails ends it, as `&&` does.
pub(super) fn play(script: &str) -> io::Result<()> {
    script.split("&&").map(str::trim).try_for_each(step)
}

fn step(step: &str) -> io::Result<()> {
    let words: Vec<&str> = step.split_whitespace().collect();
    match words[..] {
        ["set", "-a" | "+a"] => Ok(()),
        [".", file] => std::fs::read(file)
            .map(|_| ())
            .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}"))),
        ["python", "manage.py", command, ..] if KNOWN.contains(&command) => say(&format!("{command}: done")),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("unknown step: {step}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::play;

    #[test]
    fn the_first_step_that_fails_ends_it() {
        let good = "set -a && . /dev/null && set +a && python manage.py migrate --noinput";
        play(good).expect("every step is known");
        for (script, sentence) in [
            ("set -a && . /no/such/file && python manage.py migrate", "/no/such/file: "),
            ("python manage.py mirgate", "unknown step: python manage.py mirgate"),
            ("rm -r x", "unknown step: rm -r x"),
        ] {
            assert!(play(script).expect_err(script).to_string().contains(sentence), "{script}");
        }
    }
}
