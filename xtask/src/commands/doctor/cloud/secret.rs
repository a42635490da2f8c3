//! The secret with `.mcp`: it has a readable version with the file's values.

use std::path::Path;

use envs::{HeldIn, oauth};

use super::super::finding::Finding;
use super::CloudChecks;
use super::unknown::known;
use crate::commands::gcp::secrets::difference::Difference;
use crate::commands::gcp::secrets::version::Version;
use crate::commands::gcp::setup::live::{Live, Part};
use crate::commands::gcp::state::observe::{Read, observe};
use crate::config::env::{EnvFile, Location};
use crate::core::error::Result;
use crate::core::secret::Secret;
use crate::tools::gcloud;

/// Checks the versions; `used` is the one that the service reads: a number, `latest`, or none yet.
pub(super) fn examine(
    look: &CloudChecks<'_>,
    project: &Live,
    used: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    if project.secret.part() != Part::Present {
        return Ok(());
    }
    let what = "the secret's versions";
    let [versions] =
        observe(look.context, look.at_once, &[Read::new(what, gcloud::list_versions(&look.names))])?;
    let versions = versions.understand(what, Version::parse_list);
    // A secret whose policy was just read is there: absent can only mean that there is no version.
    let Ok(versions) = known(versions, findings) else { return Ok(()) };
    let versions = versions.unwrap_or_default();
    let newest = versions.iter().filter(|version| version.enabled).map(|version| version.number).max();
    let Some(newest) = newest else {
        findings.push(none_enabled(look, &versions));
        return Ok(());
    };
    let closed = used.and_then(|used| closed(look, &versions, used));
    let in_use = closed.is_none();
    findings.extend(closed);
    let behind = behind(look, newest, findings)?;
    let uploaded = behind.is_none();
    findings.extend(behind);
    if in_use && uploaded {
        findings.extend(used.and_then(|used| old_in_use(look, used, newest)));
    }
    Ok(())
}

fn place(look: &CloudChecks<'_>) -> String {
    look.place(&format!("secret {}", look.names.secret()))
}

fn none_enabled(look: &CloudChecks<'_>, versions: &[Version]) -> Finding {
    let secret = look.names.secret();
    let kept = versions.iter().filter(|version| !version.destroyed).map(|version| version.number).max();
    let why = "no instance starts: its settings are mounted from there";
    match kept {
        Some(number) => Finding::error(
            "secret-disabled",
            format!("every version of secret {secret} is disabled"),
            why,
            place(look),
            enable(look, number),
        ),
        None => Finding::error(
            "secret-empty",
            format!("secret {secret} has no version"),
            why,
            place(look),
            look.command("secrets"),
        ),
    }
}

/// The version in use, if it cannot be read.
fn closed(look: &CloudChecks<'_>, versions: &[Version], used: &str) -> Option<Finding> {
    let kept = versions.iter().filter(|version| !version.destroyed);
    let number = match used {
        // What `latest` means to Cloud Run: the newest that is not destroyed, readable or not.
        "latest" => kept.clone().map(|version| version.number).max()?,
        number => number.parse().ok()?,
    };
    let version = versions.iter().find(|version| version.number == number);
    if version.is_some_and(|version| version.enabled) {
        return None;
    }
    let disabled = version.is_some_and(|version| !version.destroyed);
    let (code, state, fix) = if disabled {
        ("secret-disabled", "disabled", enable(look, number))
    } else {
        ("secret-gone", "gone", look.command("deploy"))
    };
    Some(Finding::error(
        code,
        format!("version {number} of secret {}, which the service reads, is {state}", look.names.secret()),
        "running instances continue; no new one starts",
        place(look),
        fix,
    ))
}

fn enable(look: &CloudChecks<'_>, version: u64) -> String {
    let (secret, project) = (look.names.secret(), look.names.project());
    format!("gcloud secrets versions enable {version} --secret={secret} --project={project}")
}

/// Values of the file that were not uploaded, by name.
fn behind(look: &CloudChecks<'_>, newest: u64, findings: &mut Vec<Finding>) -> Result<Option<Finding>> {
    let Some(file) = local(look) else { return Ok(None) };
    let what = format!("version {newest} of the secret");
    let read = Read::new(what, gcloud::access_version(&look.names, newest));
    let [content] = observe(look.context, look.at_once, &[read])?;
    let Ok(Some(content)) = known(content, findings) else { return Ok(None) };
    let content = Secret::new(content);
    let difference = Difference::between(Some(&content), file)?;
    if difference.is_empty() {
        return Ok(None);
    }
    if let Some(line) = replaced_keys(&content, file) {
        let name = oauth::SEAL_KEYS.name;
        let finding = Finding::error(
            "key-ring-replaced",
            format!("{name} does not hold the key that seals now, in version {newest} of the secret"),
            "with this file deployed, everybody has to sign in again, and apps have to register again",
            Location::line(file.path(), line),
            format!(
                "write the new key before the old one: {name}=<new>,<old>; remove the old one after 90 days"
            ),
        );
        return Ok(Some(finding.into_warning()));
    }
    let finding = Finding::error(
        "secret-differs",
        format!("{} differs from version {newest} of the secret", file.path().display()),
        format!("the server does not have these values: {}", difference.lines().join(", ")),
        Location::file(file.path()),
        look.command("secrets"),
    );
    Ok(Some(finding.into_warning()))
}

/// The line of a ring that cannot open what the uploaded ring seals. A ring that is new altogether takes nothing away.
fn replaced_keys(uploaded: &Secret, file: &EnvFile) -> Option<usize> {
    let old = EnvFile::parse(Path::new("the secret"), uploaded.expose()).ok()?;
    let sealing = old.get(oauth::SEAL_KEYS.name)?.value.expose().split(',').next()?.trim().to_owned();
    let ring = file.get(oauth::SEAL_KEYS.name)?;
    let kept = ring.value.expose().split(',').any(|key| key.trim() == sealing);
    (!sealing.is_empty() && !kept).then_some(ring.line)
}

fn local<'a>(look: &'a CloudChecks<'_>) -> Option<&'a EnvFile> {
    look.checked.files.iter().find(|(held_in, _)| *held_in == HeldIn::Mcp).map(|(_, file)| file)
}

/// Uploaded, and not yet deployed.
fn old_in_use(look: &CloudChecks<'_>, used: &str, newest: u64) -> Option<Finding> {
    let used: u64 = used.parse().ok().filter(|used| *used < newest)?;
    let finding = Finding::error(
        "secret-not-in-use",
        format!("the service reads version {used} of the secret, and {newest} is the newest"),
        "later uploads are not in use",
        place(look),
        look.command("deploy"),
    );
    Some(finding.into_warning())
}
