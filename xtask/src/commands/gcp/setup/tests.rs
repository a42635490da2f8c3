//! Plans from every kind of state, without any program.

use super::*;
use crate::commands::gcp::policy::Policy;
use crate::config::stage::Stage;
use crate::core::output::plain;
use live::Guarded;

fn names() -> Names {
    Names::new("acme", "us-west1", "validibot", "us-west1-docker.pkg.dev", Stage::Dev)
}

fn policy(role: &str) -> Policy {
    let account = names().service_account();
    Policy::parse(&format!(
        r#"{{"bindings": [{{"role": "{role}", "members": ["serviceAccount:{account}"]}}]}}"#
    ))
    .unwrap()
}

fn apis() -> Vec<String> {
    APIS.map(str::to_owned).to_vec()
}

#[test]
fn a_finished_project_needs_nothing() {
    let live = Live {
        apis: apis(),
        account: Part::Present,
        repository: Part::Present,
        secret: Guarded::Present(policy(ACCESSOR)),
        web: Guarded::Present(policy(INVOKER)),
        docker: true,
        ..Live::default()
    };
    expect_test::expect![[r"
        gcp setup dev in project acme, us-west1
            APIs
            service account validibot-mcp-dev@acme.iam.gserviceaccount.com
            image repository validibot
            secret mcp-env-dev
            roles/secretmanager.secretAccessor on secret mcp-env-dev
            roles/run.invoker on validibot-web-dev
            docker login at us-west1-docker.pkg.dev
        nothing to do"]]
    .assert_eq(&plain(&plan(&names(), &live).render()));
}

#[test]
fn the_old_role_goes_only_after_the_exact_one_is_given() {
    let live = Live {
        apis: apis(),
        secret: Guarded::Present(Policy::default()),
        project: policy(ACCESSOR),
        ..Live::default()
    };
    let plan = plan(&names(), &live);
    let steps: Vec<_> = plan.steps().map(|(item, _)| item.resource.as_str()).collect();
    let place = |name: &str| steps.iter().position(|step| *step == name).unwrap();
    assert!(
        place("roles/secretmanager.secretAccessor on secret mcp-env-dev")
            < place("roles/secretmanager.secretAccessor on the whole project")
    );
}

#[test]
fn what_cannot_be_seen_is_announced_and_not_touched() {
    let live =
        Live { repository: Part::Hidden, secret: Guarded::Hidden, web: Guarded::Hidden, ..Live::default() };
    let plan = plan(&names(), &live);
    let steps: Vec<_> = plan.steps().map(|(item, _)| item.resource.as_str()).collect();
    assert_eq!(steps, ["APIs", "docker login at us-west1-docker.pkg.dev"]);
    assert!(plan.items.iter().filter(|item| item.state == State::Pending).count() >= 4);
}

#[test]
fn an_absent_web_application_is_pending() {
    let live = Live { apis: apis(), ..Live::default() };
    let plan = plan(&names(), &live);
    let caller =
        plan.items.iter().find(|item| item.resource == "roles/run.invoker on validibot-web-dev").unwrap();
    assert_eq!(caller.state, State::Pending);
}
