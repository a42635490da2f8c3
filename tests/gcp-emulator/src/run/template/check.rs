//! The limits of <https://cloud.google.com/run/docs/reference/rest/v1/RevisionSpec>, for what gcloud passes through.

use std::collections::BTreeSet;

use serde_json::Value;

use super::image;
use crate::cloud::Cloud;
use crate::error::ApiError;

/// Checks what belongs to the service and not to its revisions.
pub(crate) fn check_service(body: &Value) -> Result<(), ApiError> {
    if body["kind"] != "Service" || body["apiVersion"] != "serving.knative.dev/v1" {
        return Err(ApiError::invalid("kind and apiVersion must be Service and serving.knative.dev/v1."));
    }
    let ingress = &body["metadata"]["annotations"]["run.googleapis.com/ingress"];
    let known = ["all", "internal", "internal-and-cloud-load-balancing"];
    if !ingress.is_null() && !ingress.as_str().is_some_and(|value| known.contains(&value)) {
        return Err(ApiError::invalid(format!(
            "metadata.annotations[run.googleapis.com/ingress]: {ingress}"
        )));
    }
    Ok(())
}

/// Checks a job; the answer is why it could not run, where it is one that Cloud Run takes all the same.
pub(crate) fn check_job(cloud: &Cloud, body: &Value, task: &Value) -> Result<Option<String>, ApiError> {
    if body["kind"] != "Job" || body["apiVersion"] != "run.googleapis.com/v1" {
        return Err(ApiError::invalid("kind and apiVersion must be Job and run.googleapis.com/v1."));
    }
    let [container] = task["containers"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(invalid("template.spec.containers", "exactly one container is emulated."));
    };
    let given = container["image"].as_str().unwrap_or_default();
    image::check(given).map_err(|why| invalid("containers[0].image", &format!("'{given}': {why}")))?;
    check_limits(container)?;
    check_env(container)?;
    check_mounts(task, container)?;
    check_range(task, "maxRetries", 0..=10)?;
    if let Some(timeout) = task.get("timeoutSeconds") {
        // A 64-bit number, which the API writes as a text.
        let seconds = timeout.as_str().and_then(|text| text.parse::<u64>().ok()).or_else(|| timeout.as_u64());
        if !seconds.is_some_and(|seconds| (1..=7 * 24 * 3600).contains(&seconds)) {
            return Err(invalid("template.spec.timeoutSeconds", &format!("{timeout} is not valid.")));
        }
    }
    check_account(cloud, task)?;
    let account = task["serviceAccountName"].as_str().unwrap_or_default();
    Ok(super::files(cloud, task, account).err())
}

/// Checks a template; every field is named in the refusal as Cloud Run names it.
pub(super) fn check_template(cloud: &Cloud, template: &Value) -> Result<(), ApiError> {
    let spec = &template["spec"];
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let with_ports = containers.iter().filter(|container| container["ports"].is_array()).count();
    // Of several, one takes the requests; the others are its sidecars
    // (<https://cloud.google.com/run/docs/deploying#sidecars>).
    if containers.is_empty() || containers.len() > 1 && with_ports != 1 {
        return Err(invalid("containers", "exactly one container must have a port."));
    }
    for container in containers {
        let given = container["image"].as_str().unwrap_or_default();
        image::check(given).map_err(|why| invalid("containers[0].image", &format!("'{given}': {why}")))?;
        check_limits(container)?;
        check_env(container)?;
        check_mounts(spec, container)?;
        for port in container["ports"].as_array().into_iter().flatten() {
            check_range(port, "containerPort", 1..=65_535)?;
        }
    }
    check_range(spec, "timeoutSeconds", 1..=3600)?;
    check_range(spec, "containerConcurrency", 0..=1000)?;
    check_annotations(&template["metadata"]["annotations"])?;
    check_account(cloud, spec)
}

fn check_account(cloud: &Cloud, spec: &Value) -> Result<(), ApiError> {
    let Some(account) = spec["serviceAccountName"].as_str() else { return Ok(()) };
    let (name, domain) = account.split_once('@').unwrap_or_default();
    if name.is_empty() || !domain.ends_with(".gserviceaccount.com") {
        return Err(invalid("serviceAccountName", &format!("'{account}' is not a service account.")));
    }
    if !cloud.account_exists(account) {
        // Google does not say which of the two it is.
        return Err(ApiError::permission_denied(format!(
            "Permission 'iam.serviceaccounts.actAs' denied on service account {account} (or it may not exist)."
        )));
    }
    Ok(())
}

fn check_limits(container: &Value) -> Result<(), ApiError> {
    let limits = &container["resources"]["limits"];
    if let Some(cpu) = limits["cpu"].as_str() {
        let whole = ["1", "2", "4", "6", "8"].contains(&cpu);
        let milli = cpu.strip_suffix('m').and_then(|text| text.parse::<u32>().ok());
        let milli = milli.or_else(|| cpu.parse::<f64>().ok().and_then(thousandths));
        // Below one CPU any value from 0.08; above, whole CPUs only.
        if !whole
            && !milli.is_some_and(|milli| {
                (80..=1000).contains(&milli) || [2000, 4000, 6000, 8000].contains(&milli)
            })
        {
            return Err(invalid("containers[0].resources.limits.cpu", &format!("Invalid value '{cpu}'.")));
        }
    }
    if let Some(memory) = limits["memory"].as_str() {
        let bytes = quantity(memory).ok_or_else(|| {
            invalid("containers[0].resources.limits.memory", &format!("'{memory}' is not a quantity."))
        })?;
        if !((128 << 20)..=(32 << 30)).contains(&bytes) {
            let what = format!("'{memory}': between 128Mi and 32Gi.");
            return Err(invalid("containers[0].resources.limits.memory", &what));
        }
    }
    Ok(())
}

fn check_env(container: &Value) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for entry in container["env"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default();
        // Set by Cloud Run itself (its container contract).
        let reserved = ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"].contains(&name);
        if name.is_empty() || name.contains('=') || reserved || !seen.insert(name) {
            let what = format!("'{name}' is empty, reserved or given twice.");
            return Err(invalid("containers[0].env", &what));
        }
    }
    Ok(())
}

fn check_mounts(spec: &Value, container: &Value) -> Result<(), ApiError> {
    let mut paths = BTreeSet::new();
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        if !path.starts_with('/') || !paths.insert(path) {
            let what = format!("mountPath '{path}' must be absolute and used once.");
            return Err(invalid("containers[0].volumeMounts", &what));
        }
        let known = |volume: &&Value| volume["name"] == mount["name"];
        if spec["volumes"].as_array().into_iter().flatten().find(known).is_none() {
            return Err(invalid("containers[0].volumeMounts", &format!("{} is no volume.", mount["name"])));
        }
    }
    Ok(())
}

fn check_annotations(annotations: &Value) -> Result<(), ApiError> {
    let scale = |name: &str| {
        let text = annotations[format!("autoscaling.knative.dev/{name}")].as_str();
        let wrong =
            || ApiError::invalid(format!("autoscaling.knative.dev/{name}: not a number from 0 to 1000."));
        text.map(|text| text.parse::<u32>().ok().filter(|count| *count <= 1000).ok_or_else(wrong)).transpose()
    };
    if let (Some(min), Some(max)) = (scale("minScale")?, scale("maxScale")?)
        && min > max
    {
        return Err(ApiError::invalid(format!(
            "autoscaling.knative.dev/minScale: {min} is above maxScale {max}."
        )));
    }
    let environment = &annotations["run.googleapis.com/execution-environment"];
    if !environment.is_null() && environment != "gen1" && environment != "gen2" {
        return Err(ApiError::invalid(format!("run.googleapis.com/execution-environment: {environment}")));
    }
    Ok(())
}

fn check_range(parent: &Value, field: &str, range: std::ops::RangeInclusive<u64>) -> Result<(), ApiError> {
    match parent.get(field) {
        Some(value) if !value.as_u64().is_some_and(|value| range.contains(&value)) => {
            Err(invalid(field, &format!("{value} is not between {} and {}.", range.start(), range.end())))
        }
        _ => Ok(()),
    }
}

fn invalid(field: &str, what: &str) -> ApiError {
    ApiError::invalid(format!("spec.template.spec.{field}: {what}"))
}

/// Bytes of a Kubernetes memory quantity.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// A CPU count in thousandths, where it has no finer part.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded to 0..=8000 just before"
)]
fn thousandths(cpu: f64) -> Option<u32> {
    let milli = (cpu * 1000.0).round();
    ((0.0..=8000.0).contains(&milli) && (cpu * 1000.0 - milli).abs() < 1e-6).then_some(milli as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_gcloud_lets_through_is_refused_here() {
        let limits = |cpu: &str, memory: &str| {
            check_limits(&json!({"resources": {"limits": {"cpu": cpu, "memory": memory}}}))
        };
        assert!(limits("1", "512Mi").is_ok());
        assert!(limits("0.5", "1Gi").is_ok());
        assert!(limits("500m", "134217728").is_ok());
        for (cpu, memory) in [("0.3x", "512Mi"), ("3", "512Mi"), ("1", "512MB"), ("1", "64Mi"), ("1", "lots")]
        {
            assert_eq!(limits(cpu, memory).unwrap_err().code, 400, "{cpu} {memory}");
        }
    }

    #[test]
    fn more_floor_than_ceiling_is_refused() {
        let annotations = |min: &str, max: &str| json!({"autoscaling.knative.dev/minScale": min, "autoscaling.knative.dev/maxScale": max});
        assert!(check_annotations(&annotations("0", "2")).is_ok());
        assert!(check_annotations(&annotations("3", "2")).is_err());
        assert!(check_annotations(&annotations("one", "2")).is_err());
    }
}
