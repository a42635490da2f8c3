//! Why a command that only reads has no answer: of a project that `gcp setup` has not prepared, in one sentence.

use super::state::observe::unreadable;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::Error;
use crate::tools::gcloud::{Trouble, apis};

/// The error for what is unknown to a command that changes nothing.
pub(super) fn unread(context: &Context, names: &Names, troubles: &[Trouble]) -> Error {
    unprepared(context, names, troubles)
        .unwrap_or_else(|| unreadable(troubles, "could not tell what is there"))
}

/// Where all that is wrong is that APIs are off which `gcp setup` turns on; what gcloud said is for `--verbose`.
pub(super) fn unprepared(context: &Context, names: &Names, troubles: &[Trouble]) -> Option<Error> {
    let mut off = Vec::new();
    for trouble in troubles {
        let api = trouble.api().filter(|api| apis::APIS.contains(&api.as_str()))?;
        off.push(api.trim_end_matches(".googleapis.com").to_owned());
        context
            .printer
            .detail(|| format!("{}: {}\n  command: {}", trouble.what, trouble.said, trouble.command));
    }
    off.sort();
    off.dedup();
    let (stage, off) = (names.stage(), off.join(", "));
    (!off.is_empty()).then(|| {
        Error::failed(format!("{stage} is not prepared: these APIs are off: {off}"))
            .hint(format!("cargo xtask gcp setup {stage}"))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::env::Environment;
    use crate::config::stage::Stage;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};
    use crate::tools::gcloud::Advice;

    fn trouble(api: &str) -> Trouble {
        let said =
            format!("ERROR: (gcloud.x) PERMISSION_DENIED: the API is off\n  service: {api}.googleapis.com");
        Trouble { what: api.to_owned(), advice: Advice::EnableApi, said, command: "gcloud x".to_owned() }
    }

    #[test]
    fn a_project_whose_own_apis_are_off_is_not_prepared() {
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), |_| Outcome::success(""));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let context = Context::new(Environment::default(), None, printer.clone(), runner, here).unwrap();
        let text = |text: &str| text.to_owned();
        let names = Names::new(text("acme"), text("us-west1"), text("validibot"), text("r"), Stage::Dev);
        let error = |troubles: &[Trouble]| unread(&context, &names, troubles).to_string();
        let own = [trouble("secretmanager"), trouble("run"), trouble("run")];
        expect_test::expect![[r"
            dev is not prepared: these APIs are off: run, secretmanager
            hint: cargo xtask gcp setup dev"]]
        .assert_eq(&error(&own));
        // What setup does not turn on is told as gcloud tells it, and whoever only reads is not told that nothing was changed.
        let others = error(&[trouble("run"), trouble("sqladmin")]);
        assert!(others.starts_with("could not tell what is there\n"), "{others}");
        assert!(others.contains("gcloud services enable sqladmin.googleapis.com"), "{others}");
    }
}
