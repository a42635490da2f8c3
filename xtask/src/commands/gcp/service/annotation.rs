//! The annotations by which Cloud Run keeps what a service and its template have.

/// What a template may be annotated with and has a field in [`Spec`].
pub(super) const MIN_SCALE: &str = "autoscaling.knative.dev/minScale";
pub(super) const MAX_SCALE: &str = "autoscaling.knative.dev/maxScale";
pub(super) const EXECUTION: &str = "run.googleapis.com/execution-environment";
pub(super) const CPU_BOOST: &str = "run.googleapis.com/startup-cpu-boost";
pub(super) const CLOUD_SQL: &str = "run.googleapis.com/cloudsql-instances";
pub(super) const NETWORK: &str = "run.googleapis.com/network-interfaces";
pub(super) const EGRESS: &str = "run.googleapis.com/vpc-access-egress";
/// On the service itself.
pub(super) const INGRESS: &str = "run.googleapis.com/ingress";
pub(super) const SERVICE_MIN: &str = "run.googleapis.com/minScale";
pub(super) const SERVICE_MAX: &str = "run.googleapis.com/maxScale";
/// How many instances there are, by hand and not by load (gcloud's `--scaling`).
pub(super) const BY_HAND: [&str; 2] =
    ["run.googleapis.com/scalingMode", "run.googleapis.com/manualInstanceCount"];
/// That Cloud Run checks no caller (gcloud's `--no-invoker-iam-check`).
pub(super) const CHECKS_NOBODY: &str = "run.googleapis.com/invoker-iam-disabled";
/// How new the features may be that the service uses.
pub(super) const LAUNCH_STAGE: &str = "run.googleapis.com/launch-stage";
