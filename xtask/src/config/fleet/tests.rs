//! The file that is shipped, and every kind of mistake.

use std::path::Path;

use super::*;
use crate::config::env::{EnvFile, Environment, Layers};
use crate::config::stage::{Names, Stage};

const SHIPPED: &str = include_str!("../../../../envs/fleet.toml");

fn parse(text: &str) -> Result<Fleet> {
    Fleet::parse(Path::new("envs/fleet.toml"), text)
}

/// What is wrong with the shipped file after one replacement.
fn broken(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from}");
    let text = SHIPPED.replacen(from, to, 1);
    let error = parse(&text).expect_err(to);
    let causes = error.causes_of();
    assert_eq!(error.exit().code(), 64);
    // Without the place: it is another one after each edit of the file. The test of many mistakes holds it.
    let bare = causes.iter().map(|cause| cause.splitn(4, ':').nth(3).unwrap().trim().to_owned());
    bare.collect::<Vec<_>>().join("\n")
}

fn service<'f>(fleet: &'f Fleet, key: &str) -> &'f Service {
    fleet.services.iter().find(|service| service.container.key == key).unwrap()
}

#[test]
fn the_shipped_file_is_the_fleet() {
    let fleet = parse(SHIPPED).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fleet.order, ["migrate", "web", "worker", "scheduler", "mcp"]);
    let web = service(&fleet, "web");
    assert_eq!((web.min.of(Stage::Prod), web.min.of(Stage::Staging)), (&1, &0));
    assert_eq!((web.max.of(Stage::Prod), web.max.of(Stage::Dev)), (&4, &2));
    assert!(web.public && !service(&fleet, "worker").public);
    assert_eq!(fleet.server(), Some("mcp"));
    assert!(fleet.is_job("migrate") && !fleet.is_job("web"));
    assert_eq!(fleet.jobs[0].container.timeout, 300);
}

/// The file at a stage with this `.build`; everything in it is about to be deployed, or nothing.
fn resolved(
    text: &str,
    stage: Stage,
    build: &str,
    deployed: bool,
) -> std::result::Result<Resolved, Vec<String>> {
    let (environment, path) = (Environment::default(), Path::new("envs/dev/.build"));
    let build = EnvFile::parse(path, build).unwrap();
    let names = Names::new("demo", "us-west1", "acme", "r", stage);
    let layers = Layers::new(&environment, Some(&build));
    parse(text).unwrap_or_else(|error| panic!("{error}")).resolve(&names, &layers, path, &|_| deployed)
}

const BUILD: &str =
    "VALIDIBOT_MCP_API_BASE_URL=https://app.example.com\nVALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n";

/// The MCP server's names in it are those that every other command derives from the stage.
#[test]
fn the_shipped_file_is_plain_at_every_stage() {
    for stage in [Stage::Dev, Stage::Staging, Stage::Prod] {
        let fleet = resolved(SHIPPED, stage, BUILD, true).unwrap();
        let worker = fleet.service("worker").unwrap();
        let queue = if stage == Stage::Prod {
            "acme-tasks".to_owned()
        } else {
            format!("acme-validation-queue-{stage}")
        };
        assert_eq!(worker.queue.as_deref(), Some(queue.as_str()));
        assert_eq!(worker.container.secret.name, format!("django-env{}", stage.suffix()));
        let web = fleet.service("web").unwrap();
        assert_eq!(web.min, u32::from(stage == Stage::Prod));
        let image = ImageFacts { version: "v1.2", revision: "abc", commit: "abcdef" };
        let value = |name: &str| {
            let found = web.container.env.iter().find(|(known, _)| known == name);
            found.unwrap().1.as_ref().map(|text| text.fill(&image))
        };
        assert_eq!(value("VALIDIBOT_VERSION").as_deref(), Some("v1.2"));
        assert_eq!(value("MCP_OIDC_AUDIENCE").as_deref(), Some("https://app.example.com"));
        let job = &fleet.scheduler.jobs[0];
        let name = format!("acme-clear-sessions{}", stage.suffix());
        assert_eq!((&job.name, job.path.as_str()), (&name, "/api/v1/scheduled/clear-sessions/"));
    }
}

#[test]
fn a_value_that_is_missing_is_named_wherever_it_is_needed_and_never_left_out() {
    let none = "VALIDIBOT_MCP_API_BASE_URL";
    let mut text = SHIPPED.to_owned();
    for (from, to) in [
        ("[values]\n", "[values]\nnone = { build = \"VALIDIBOT_MCP_API_BASE_URL\" }\n"),
        ("name = \"django-env{suffix}\"", "name = \"{none}\""),
        ("name = \"{app}-worker{suffix}\"", "name = \"{app}-w-{version}\""),
        ("database = \"{database}\"\nnetwork", "database = \"{none}\"\nnetwork"),
        ("EXTRA_UV_EXTRAS = \"\"", "EXTRA_UV_EXTRAS = \"{none}\""),
        ("\"{app}-neg{suffix}\"", "\"{none}-neg\""),
        (
            "prod = \"{app}-tasks\", other = \"{app}-validation-queue-{stage}\"",
            "prod = \"a\", other = \"{none}\"",
        ),
        ("\"/api/v1/scheduled/{id}/\"", "\"/{none}/{id}/\""),
        ("\"{app}-{id}{suffix}\"", "\"{none}-{id}\""),
        (
            "value = \"{mcp_base}\", optional = true } }\n# The command",
            "value = \"{mcp_base}\" } }\n# The command",
        ),
        ("name = \"{app}-mcp{suffix}\"", "name = \"{app}-other{suffix}\""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let problems = resolved(&text, Stage::Dev, "", true).unwrap_err();
    let needs = |what: &str| format!("{none} is not set, and {what} needs it; write it into envs/dev/.build");
    for problem in [
        needs("migrate.secret"),
        needs("migrate.database"),
        needs("images.django.args.EXTRA_UV_EXTRAS"),
        needs("web.ingress.endpoint_group"),
        needs("worker.queue"),
        needs("scheduler.path"),
        needs("scheduler.name"),
        "VALIDIBOT_MCP_BASE_URL is not set, and migrate.env.VALIDIBOT_MCP_BASE_URL needs it; write it into envs/dev/.build"
            .to_owned(),
        "worker.name: {version} is known only once there is an image, which is too late for a name".to_owned(),
        "mcp.name is 'acme-other-dev' in fleet.toml, and the other commands know it as 'acme-mcp-dev'".to_owned(),
    ] {
        assert!(problems.contains(&problem), "{problem}\n{}", problems.join("\n"));
    }
    // What is only looked at needs the names of its parts, and no more.
    let problems = resolved(&text, Stage::Dev, "", false).unwrap_err();
    assert!(!problems.contains(&needs("migrate.secret")) && problems.contains(&needs("worker.queue")));
    assert!(resolved(SHIPPED, Stage::Dev, "", false).is_ok());
}

/// The application's own registry of scheduled tasks, as of its commit dd69a97; its eleventh task is for Docker alone.
#[test]
fn the_schedule_is_that_of_the_application() {
    let registry = [
        ("clear-sessions", "0 2 * * *"),
        ("cleanup-idempotency-keys", "0 3 * * *"),
        ("cleanup-callback-receipts", "0 4 * * 0"),
        ("purge-expired-submissions", "0 * * * *"),
        ("purge-expired-outputs", "*/5 * * * *"),
        ("process-purge-retries", "*/5 * * * *"),
        ("cleanup-stuck-runs", "*/10 * * * *"),
        ("verify-validator-deployments", "17 * * * *"),
        ("send-periodic-emails", "0 */6 * * *"),
        ("enforce-audit-retention", "30 2 * * *"),
    ];
    let jobs = parse(SHIPPED).unwrap().scheduler.jobs;
    let jobs: Vec<_> = jobs.iter().map(|job| (job.id.as_str(), job.cron.as_str())).collect();
    assert_eq!(jobs, registry);
}

#[test]
fn many_mistakes_are_named_at_once_with_their_places() {
    let text = r#"
order = ["web", "mail", "web"]
[values]
app = "mine"
url = { build = "NOT_A_VARIABLE" }
[images.django]
name = "{app}-web"
source = "SOMEWHERE"
file = "Dockerfile"
[secrets.django]
name = "django-env{sufix}"
[services.web]
name = "{app}-web{suffix}"
image = "djnago"
port = "8000"
memroy = "1Gi"
memory = "1 GB"
timeout = 9000
account = "{url}"
secret = "mail"
network = { egress = "everything" }
min = { prod = 5, other = 0 }
max = { prod = 4 }
ingress = "open"
public = "yes"
proof = { startup = "ready" }
[services.web.env]
PORT = "1"
A = { value = "a", optinal = true }
[services.web]
[services.worker]
[scheduler]
target = "wroker"
name = "{app}-job"
path = "tasks/{id}"
account = "x"
time_zone = "Europe/Berlni"
jobs = [
    { id = "a", cron = "61 * * * *", does = "x" },
    { id = "a", cron = "* * * *", does = "" },
]
"#;
    let error = parse(text).unwrap_err().to_string();
    expect_test::expect![[r"
        envs/fleet.toml has mistakes, so nothing was touched
          envs/fleet.toml:2:17: there is no job or service 'mail'
          envs/fleet.toml:2:25: 'web' stands twice in order
          envs/fleet.toml:4:1: values.app: this name is built in
          envs/fleet.toml:5:1: values.url: NOT_A_VARIABLE is not a variable of .build
          envs/fleet.toml:8:1: images.django.source: 'SOMEWHERE' is neither 'workspace' nor a variable of the process environment
          envs/fleet.toml:11:1: secrets.django.name: {sufix} is neither built in (app, project, region, stage, suffix, version, revision, commit) nor in [values]
          envs/fleet.toml:14:1: there is no image 'djnago'; did you mean django?
          envs/fleet.toml:15:1: services.web.port: write a whole number, not string
          envs/fleet.toml:16:1: services.web.memroy: unknown key; did you mean memory?
          envs/fleet.toml:17:1: services.web.memory: '1 GB' is not memory; write such as 512Mi or 1Gi
          envs/fleet.toml:18:1: services.web.timeout: write a whole number from 1 to 3600
          envs/fleet.toml:20:1: there is no secret 'mail'
          envs/fleet.toml:21:1: services.web.network: an egress without a network has no effect; write the network's name
          envs/fleet.toml:21:13: services.web.network.egress: 'everything' is not one of private-ranges-only, all-traffic
          envs/fleet.toml:23:1: services.web.max: a stage has no value; name all three, or add 'other'
          envs/fleet.toml:24:1: services.web.ingress: 'open' is not one of all, internal, internal-and-cloud-load-balancing
          envs/fleet.toml:25:1: services.web.public: write true or false, not string
          envs/fleet.toml:26:11: services.web.proof.startup: 'ready' is not a path; begin it with '/', or write 'tcp'
          envs/fleet.toml:28:1: services.web.env.PORT: Cloud Run sets PORT itself
          envs/fleet.toml:29:20: services.web.env.A.optinal: unknown key; did you mean optional?
          envs/fleet.toml:30:11: duplicate key
          envs/fleet.toml:31:11: 'worker' does not stand in order, so it would never be deployed
          envs/fleet.toml:31:11: services.worker.account is missing
          envs/fleet.toml:31:11: services.worker.image is missing
          envs/fleet.toml:31:11: services.worker.ingress is missing
          envs/fleet.toml:31:11: services.worker.max is missing
          envs/fleet.toml:31:11: services.worker.memory is missing
          envs/fleet.toml:31:11: services.worker.min is missing
          envs/fleet.toml:31:11: services.worker.name is missing
          envs/fleet.toml:31:11: services.worker.port is missing
          envs/fleet.toml:31:11: services.worker.proof is missing
          envs/fleet.toml:31:11: services.worker.public is missing
          envs/fleet.toml:31:11: services.worker.secret is missing
          envs/fleet.toml:31:11: services.worker.timeout is missing
          envs/fleet.toml:33:1: there is no service 'wroker'; did you mean worker?
          envs/fleet.toml:34:1: scheduler.name: {id} does not stand in it, so all jobs would have the same one
          envs/fleet.toml:35:1: scheduler.path: 'tasks/{id}' is not a path; begin it with '/'
          envs/fleet.toml:37:1: scheduler.time_zone: 'Europe/Berlni' is not a time zone; did you mean Europe/Berlin?
          envs/fleet.toml:39:17: scheduler.jobs[0].cron: minute: '61' is not from 0 to 59
          envs/fleet.toml:40:7: 'a' stands twice among the scheduler's jobs
          envs/fleet.toml:40:17: scheduler.jobs[1].cron: '* * * *' has 4 fields; a cron line has five: minute, hour, day of the month, month, day of the week
          envs/fleet.toml:40:35: scheduler.jobs[1].does: write one line that says what it is for
        hint: correct them all, then type the same command again"]].assert_eq(&error);
}

#[test]
fn what_is_no_toml_is_said_with_its_place_and_nothing_else() {
    let error = parse("order = [\n[services.web\nname = 1").unwrap_err().to_string();
    expect_test::expect![[r"
        envs/fleet.toml has mistakes, so nothing was touched
          envs/fleet.toml:2:2: string values must be quoted, expected literal string
          envs/fleet.toml:3:1: invalid float, expected `nan`
          envs/fleet.toml:3:1: missing comma between array elements, expected `,`
          envs/fleet.toml:3:6: unexpected `=` in array, expected value, `]`
          envs/fleet.toml:3:8: missing comma between array elements, expected `,`
          envs/fleet.toml:3:9: unclosed array, expected `]`
        hint: correct them all, then type the same command again"]]
    .assert_eq(&error);
}

#[test]
fn each_reference_limit_and_form_is_checked() {
    for (from, to, says) in [
        ("secret = \"mcp\"\n", "", "services.mcp.secret is missing"),
        ("secret = \"mcp\"\n", "secret = \"mpc\"\n", "there is no secret 'mpc'"),
        ("image = \"mcp\"", "image = \"djnago\"", "there is no image 'djnago'; did you mean django?"),
        ("target = \"worker\"", "target = \"migrate\"", "there is no service 'migrate'"),
        (
            "\"worker\", \"scheduler\"",
            "\"scheduler\", \"worker\"",
            "the scheduler needs the address of 'worker', so it comes after it",
        ),
        (", \"mcp\"]", "]", "'mcp' does not stand in order, so it would never be deployed"),
        (
            "name = \"{app}-worker{suffix}\"",
            "name = \"{app}-web{suffix}\"",
            "worker has the same name in the cloud as web",
        ),
        (
            "[jobs.migrate]",
            "[jobs.web]",
            "there is no job or service 'migrate'\n'web' stands twice among the jobs and services",
        ),
        (
            "\"{app}-{id}{suffix}\"",
            "\"{app}-x{suffix}\"",
            "scheduler.name: {id} does not stand in it, so all jobs would have the same one",
        ),
        ("port = 8080", "port = 70000", "services.mcp.port: write a whole number from 1 to 65535"),
        (
            "cpu = \"1\"",
            "cpu = \"3\"",
            "jobs.migrate.cpu: '3' is not a number of processors; write 1, 2, 4, 6 or 8",
        ),
        (
            "time_zone = \"Etc/UTC\"",
            "time_zone = \"etc/utc\"",
            "scheduler.time_zone: 'etc/utc' is written Etc/UTC",
        ),
        (
            "name = \"{app}-migrate{suffix}\"",
            "name = \"{app}-migrate-the-whole-database-now{suffix}\"",
            "jobs.migrate.name: the name can become 57 characters long ('aaaaaaaaaaaaaaaaaa-migrate-the-whole-database-now-staging'); at most 49 are allowed",
        ),
        (
            "name = \"{app}-migrate{suffix}\"",
            "name = \"{app}_M\"",
            "jobs.migrate.name: a name is of a-z, 0-9 and '-', and begins with a letter",
        ),
    ] {
        assert_eq!(broken(from, to), says);
    }
    let long = format!("does = \"{}\"", "x".repeat(501));
    assert_eq!(
        broken("does = \"deletes expired sessions\"", &long),
        "scheduler.jobs[0].does: 501 characters; at most 500 are allowed"
    );
}
