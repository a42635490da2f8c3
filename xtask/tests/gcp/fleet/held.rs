//! A fleet after a rollback: the plan is about what serves, and nothing is brought back unless it is asked for.

use super::Fleet;
use super::inside::{run, tool};

/// The second release serves, and somebody has gone back to the first.
fn went_back() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.quick(&[]);
    fleet.release("two", 'b');
    fleet.quick(&["--skip-migrate", "--only=web"]);
    let (done, said, _) = tool(&fleet, &["rollback", "dev", "--service", "web", "--yes"], None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("one"));
    fleet.writes();
    fleet
}

/// A service of which nothing changes is not asked about, whatever was gone back from.
#[test]
fn a_service_that_stays_as_it_is_holds_up_nothing() {
    let mut fleet = Fleet::new();
    fleet.quick(&[]);
    let first =
        fleet.state()["services"]["validibot-mcp-dev"]["status"]["traffic"][0]["revisionName"].clone();
    let first = first.as_str().unwrap();
    fleet.deployment.stage.emulator.cloud().seed_version("mcp-env-dev", "A=2");
    fleet.quick(&["--only=mcp"]);
    let (back, said, _) = tool(&fleet, &["rollback", "dev", first, "--yes"], None);
    back.unwrap_or_else(|error| panic!("{error}\n{said}"));
    let error = run(&fleet, &["--only=mcp"], None).0.unwrap_err().to_string();
    assert!(error.contains("was gone back from, for settings"), "{error}");

    // What was gone back from cannot be deployed any more, and what serves is what is wanted.
    assert!(fleet.deployment.stage.emulator.cloud().disable_version("mcp-env-dev", "2"));
    fleet.release("two", 'b');
    let said = fleet.quick(&["--skip-migrate"]);
    assert!(!said.contains("wants --yes-older"), "{said}");
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("two"));
    let now = fleet.state()["services"]["validibot-mcp-dev"]["status"]["traffic"][0]["revisionName"].clone();
    assert_eq!(now.as_str(), Some(first));
}

const WEB: [&str; 2] = ["--skip-migrate", "--only=web"];

#[test]
fn what_was_gone_back_from_wants_to_be_asked_for() {
    let fleet = went_back();
    let (planned, said, _) = run(&fleet, &[&WEB[..], &["--dry-run"]].concat(), None);
    planned.unwrap();
    let digests = |fill: char| format!("sha256:{}", fill.to_string().repeat(64));
    for part in [
        "of this commit was gone back from",
        "wants --yes-older",
        "the stage is held: somebody went back from validibot-web-dev-two-",
        "serves; the newest revision is validibot-web-dev-two-",
        &format!("{} -> ", digests('a')),
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let (refused, said, _) = run(&fleet, &WEB, None);
    let error = refused.unwrap_err().to_string();
    for part in ["web: validibot-web-dev-two-", "was gone back from", "nothing was changed", "--yes-older"] {
        assert!(error.contains(part), "{part}\n{error}\n{said}");
    }
    assert_eq!(fleet.writes(), [""; 0]);
    fleet.quick(&[&WEB[..], &["--yes-older"]].concat());
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("two"));
    // What is to be typed next is about the same service.
    let (unknown, ..) = tool(&fleet, &["rollback", "dev", "nothing", "--service", "web", "--yes"], None);
    let error = unknown.unwrap_err().to_string();
    assert!(
        error.contains("such as cargo xtask gcp rollback dev --service web validibot-web-dev-"),
        "{error}"
    );
}

#[test]
fn an_older_commit_wants_to_be_asked_for_where_a_checkout_can_tell() {
    let mut fleet = Fleet::new();
    fleet.release("two", 'b');
    fleet.quick(&[]);
    fleet.release("one", 'a');
    let (unknown, said, _) = run(&fleet, &[&WEB[..], &["--dry-run"]].concat(), None);
    unknown.unwrap();
    assert!(said.contains("is not known: there is no checkout to ask"), "{said}");
    std::fs::create_dir_all(fleet.deployment.path("application")).unwrap();
    // Every commit holds this one.
    fleet.deployment.say("oldest", "one");
    fleet.writes();
    let error = run(&fleet, &WEB, None).0.unwrap_err().to_string();
    assert!(error.contains("web: this commit is older than two, which serves"), "{error}");
    assert_eq!(fleet.writes(), [""; 0]);
    fleet.quick(&[&WEB[..], &["--yes-older"]].concat());
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("one"));
}
