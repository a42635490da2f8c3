//! What a pipeline is told: exit codes that say how a stage is, and a server that could not be who it is.

use std::sync::Arc;

use gcp_emulator::{Fault, FaultKind};

use crate::played::World;
use crate::stage::mcp;

const CHECK: [&str; 3] = ["status", "dev", "--check"];
const ACCOUNT: &str = "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";

fn code(world: &Arc<World>, args: &[&str]) -> Option<u8> {
    world.run(args, None).code
}

#[test]
fn a_checked_status_ends_by_what_it_finds() {
    let bare = World::bare();
    assert_eq!((code(&bare, &CHECK), code(&bare, &["status", "dev"])), (Some(5), Some(0)));
    let world = World::new();
    assert_eq!(code(&world, &CHECK), Some(0));
    assert_eq!(code(&world, &["maintenance", "on", "dev", "--yes"]), Some(0));
    assert_eq!((code(&world, &CHECK), code(&world, &["status", "dev"])), (Some(3), Some(0)));
    assert_eq!(code(&world, &["maintenance", "off", "dev", "--yes"]), Some(0));
    crate::played::by_hand(&world.stage.emulator, |service| {
        service["metadata"]["annotations"]["run.googleapis.com/ingress"] = "internal".into();
    });
    assert_eq!((code(&world, &CHECK), code(&world, &["status", "dev"])), (Some(4), Some(0)));
    *world.blind.lock().unwrap() = Some("run services describe validibot-mcp-dev");
    assert_eq!(code(&world, &CHECK), Some(1));
}

#[test]
fn an_account_that_is_gone_or_may_not_read_its_secret_is_no_stage_with_nothing_to_do() {
    type Hand = fn(&World);
    let deleted: Hand = |world| assert!(world.stage.emulator.cloud().remove_account(ACCOUNT));
    let unbound: Hand = |world| assert!(world.stage.emulator.cloud().unbind_secret("mcp-env-dev"));
    for (hand, words) in [
        (deleted, format!("the service account {ACCOUNT} is not there")),
        (unbound, format!("{ACCOUNT} may not read the secret mcp-env-dev")),
    ] {
        let world = World::new();
        assert_eq!(code(&world, &["plan", "dev"]), Some(0));
        hand(&world);
        let plan = world.run(&["plan", "dev"], None);
        assert_eq!(plan.code, Some(2), "{}", plan.out);
        let deploy = world.run(&["deploy", "dev", "--yes"], None);
        assert_eq!(deploy.code, Some(1), "{}", deploy.out);
        let status = world.run(&CHECK, None);
        assert_eq!(status.code, Some(4), "{}", status.out);
        for text in [&plan.out, &deploy.err, &status.out] {
            assert!(text.contains(&words), "{words}\n{text}");
        }
        assert!(deploy.err.contains("hint: cargo xtask gcp setup dev"), "{}", deploy.err);
    }
    // The role on the whole project is enough, as an older set-up gave it.
    let world = World::new();
    unbound(&world);
    let member = format!("serviceAccount:{ACCOUNT}");
    world.stage.emulator.cloud().bind_project("roles/secretmanager.secretAccessor", &member);
    assert_eq!((code(&world, &CHECK), code(&world, &["plan", "dev"])), (Some(0), Some(0)));
    // Who may not look deploys all the same, and is told.
    unbound(&world);
    *world.blind.lock().unwrap() = Some("iam service-accounts list");
    let plan = world.run(&["plan", "dev"], None);
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    assert!(plan.out.contains("could not be read: the service account"), "{}", plan.out);
}

/// A deploy may be about to use what nothing uses now.
#[test]
fn versions_are_destroyed_only_while_no_deploy_is_at_it() {
    let world = World::new();
    for content in ["one", "two", "three"] {
        world.stage.emulator.cloud().seed_version("mcp-env-dev", &mcp(content));
    }
    world.stage.write(".mcp", &mcp("three"));
    world
        .stage
        .write(".gcp", "GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_SECRET_VERSIONS_TO_KEEP=1\n");
    world.lock_by(
        "validibot-mcp-deploy-lock-dev",
        &serde_json::json!({"id": "7", "holder": "eve on build-2"}),
    );
    let states = || world.stage.emulator.snapshot()["secrets"]["mcp-env-dev"]["versions"].to_string();
    let before = states();
    let locked = world.run(&["secrets", "dev", "--yes"], None);
    assert_eq!(locked.code, Some(75), "{}{}", locked.out, locked.err);
    assert!(locked.err.contains("eve on build-2"), "{}", locked.err);
    assert_eq!(states(), before);
    assert_eq!(code(&world, &["lock", "break", "dev", "--yes"]), Some(0));
    let done = world.run(&["secrets", "dev", "--yes"], None);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    assert!(states().contains("DESTROYED") && !world.is_locked(), "{}", states());
}

/// Google tells its parts of a new role within minutes, and a first deploy mostly follows `gcp setup` at once.
#[test]
fn roles_that_were_just_given_are_waited_for_by_a_first_deploy() {
    const ACCESSOR: &str = "roles/secretmanager.secretAccessor";
    let member = format!("serviceAccount:{ACCOUNT}");
    let deploy = ["deploy", "dev", "--yes"];
    let refusal = || Fault::new("*/namespaces/demo-proj/services*", FaultKind::NoActAs).method("POST");
    let bare = || {
        let world = World::bare();
        *world.hurries.lock().unwrap() = true;
        world
    };
    let world = bare();
    world.stage.emulator.fail(refusal().times(3));
    let done = world.run(&deploy, None);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(done.err.matches("not known everywhere yet; trying again").count(), 3, "{}", done.err);

    // Its own secret, which its instances can read by the third try. What the policy says already is not played.
    let world = bare();
    world.stage.emulator.cloud().unbind_secret("mcp-env-dev");
    let give: crate::played::Hand = Box::new(move |world| {
        assert!(world.stage.emulator.cloud().bind_secret("mcp-env-dev", ACCESSOR, &member));
    });
    // Commands that count: the lock, then one for each try.
    *world.meanwhile.lock().unwrap() = Some((3, give));
    *world.blind.lock().unwrap() = Some("secrets get-iam-policy mcp-env-dev");
    let done = world.run(&deploy, None);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.err.contains("not known everywhere yet; trying again"), "{}", done.err);
    assert_eq!(world.traffic(), [("1".to_owned(), 100, String::new())]);

    // A role that nobody has given, and a deploy that is not the first.
    let world = bare();
    world.stage.emulator.fail(refusal());
    let stopped = world.run(&deploy, None);
    assert_eq!(stopped.code, Some(1), "{}", stopped.out);
    for part in ["first revision: ", "iam.serviceaccounts.actAs", "type the same command again", "doctor dev"]
    {
        assert!(stopped.err.contains(part), "{part}\n{}", stopped.err);
    }
    assert!(!world.is_locked());
    let world = World::new();
    *world.commit.lock().unwrap() = "2".repeat(40);
    world.stage.emulator.fail(
        Fault::new("*/namespaces/demo-proj/services/validibot-mcp-dev", FaultKind::NoActAs).method("PUT"),
    );
    let stopped = world.run(&deploy, None);
    assert_eq!(stopped.code, Some(1), "{}", stopped.out);
    assert!(!stopped.err.contains("trying again"), "{}", stopped.err);
    assert!(stopped.err.contains("candidate: ") && stopped.err.contains("doctor dev"), "{}", stopped.err);
}
