//! Every read in every way of failing: what the real gcloud says, and that nothing is ever written because of it.
