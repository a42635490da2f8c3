//! gcloud killed at each of its writes, before and after the write was carried out: the next run ends in the same state.

use gcp_emulator::Ending;
use serde_json::{Value, json};

use super::Fleet;
use super::inside::{Kill, run};
use crate::blow::Blow;

/// gcloud is killed, the tool is not.
const GCLOUD: [Blow; 2] = [Blow::FailsBefore, Blow::FailsAfter];

/// Everything that a deploy decides, without names and times that are random.
fn essence(fleet: &Fleet) -> Value {
    let state = fleet.state();
    let services: Vec<Value> = state["services"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, service)| {
            let traffic = service["status"]["traffic"].as_array().unwrap();
            let newest = &service["status"]["latestReadyRevisionName"];
            let whole =
                traffic.len() == 1 && traffic[0]["revisionName"] == *newest && traffic[0]["percent"] == 100;
            let template = &service["spec"]["template"];
            json!([
                name,
                template["spec"],
                template["metadata"]["annotations"],
                template["metadata"]["labels"],
                whole
            ])
        })
        .collect();
    let jobs: Vec<Value> = state["scheduler"]
        .as_object()
        .unwrap()
        .values()
        .map(|job| json!([job["name"], job["schedule"], job["httpTarget"], job["state"]]))
        .collect();
    let migration = &state["jobs"]["validibot-migrate-dev"]["spec"];
    let lock = &state["secrets"]["validibot-mcp-deploy-lock-dev"];
    json!([services, state["invokers"], jobs, migration, lock])
}

#[test]
fn whichever_write_is_killed_the_next_run_ends_in_the_same_state() {
    let undisturbed = Fleet::new();
    let (done, said, writes) = run(&undisturbed, &[], None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    let wanted = essence(&undisturbed);
    assert!(writes > 15, "{writes}");
    let (again, said, more) = run(&undisturbed, &[], None);
    again.unwrap();
    assert!(more == 0 && said.contains("nothing to do"), "{said}");

    for kill in (0..writes).flat_map(|write| GCLOUD.map(|blow| Kill { write, blow })) {
        let fleet = Fleet::new();
        let at = format!("write {} of {writes}, {:?}", kill.write, kill.blow);
        let (killed, said, _) = run(&fleet, &[], Some(kill));
        match killed {
            // A lock that could not be given back is no failed deploy, and one that was taken all the same is ours.
            Ok(()) => assert!([0, writes - 1].contains(&kill.write), "{at}\n{said}"),
            Err(error) if kill.write > 0 => {
                let error = error.to_string();
                assert!(error.contains("hint: type the same command again"), "{at}\n{error}");
            }
            Err(_) => {}
        }
        if fleet.deployment.is_locked() {
            fleet.deployment.stage.emulator.cloud().remove_secret("validibot-mcp-deploy-lock-dev");
        }
        let (done, said, _) = run(&fleet, &[], None);
        done.unwrap_or_else(|error| panic!("{at}\n{error}\n{said}"));
        assert_eq!(essence(&fleet), wanted, "{at}");
        // Killed between its start and its name, a migration is found again, not begun a second time.
        assert!(fleet.runs() <= 2, "{at}: {} migrations", fleet.runs());
    }
}

#[test]
fn a_migration_that_is_running_is_waited_for_and_not_begun_again() {
    let fleet = Fleet::new();
    fleet.deployment.stage.emulator.cloud().executions_end(1, Ending::Succeeded);
    // Writes: the lock, the job, the execution.
    let (killed, ..) = run(&fleet, &["--only", "migrate"], Some(Kill { write: 2, blow: Blow::FailsAfter }));
    assert!(killed.unwrap_err().to_string().contains("migrate: "));
    let (done, said, _) = run(&fleet, &["--only", "migrate"], None);
    done.unwrap();
    assert!(said.contains("is running with this image: it is waited for"), "{said}");
    assert_eq!(fleet.runs(), 1);
}
