//! What Cloud Run and gcloud write on services and revisions of their own accord: it says nothing about what they are to be.

/// Annotations of either.
const ANNOTATIONS: [&str; 6] = [
    "run.googleapis.com/client-name",
    "run.googleapis.com/client-version",
    "run.googleapis.com/operation-id",
    "run.googleapis.com/ingress-status",
    "run.googleapis.com/urls",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// Labels of either. The first makes a template differ for gcloud's sake.
const LABELS: [&str; 4] = [
    "client.knative.dev/nonce",
    "cloud.googleapis.com/location",
    "run.googleapis.com/startupProbeType",
    "run.googleapis.com/satisfiesPzs",
];

/// What the server writes about who made a thing and what belongs to it.
const SERVERS: &str = "serving.knative.dev/";

/// Whether an annotation is theirs. One about the last change has its time in its name on some services.
pub(super) fn is_noise(annotation: &str) -> bool {
    ANNOTATIONS.contains(&annotation)
        || annotation.starts_with(SERVERS)
        || annotation.starts_with("run.googleapis.com/lastUpdatedTime")
}

/// Whether a label is theirs.
pub(super) fn is_noisy_label(label: &str) -> bool {
    LABELS.contains(&label) || label.starts_with(SERVERS)
}
