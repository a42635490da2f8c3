//! The report for CI: `JUnit`'s XML, as far as its readers agree on it.

use std::fmt::Write as _;

use super::{Outcome, Step};

/// One test suite with a test case for each step.
pub(super) fn report(steps: &[Step]) -> String {
    let count = |is: fn(&Outcome) -> bool| steps.iter().filter(|step| is(&step.outcome)).count();
    let failures = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let time: f64 = steps.iter().map(|step| step.took.as_secs_f64()).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuite name=\"validibot-mcp e2e\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{time:.3}\">",
        steps.len()
    );
    for step in steps {
        let (name, time) = (escape(step.name), step.took.as_secs_f64());
        let _ = write!(xml, "  <testcase classname=\"e2e\" name=\"{name}\" time=\"{time:.3}\">");
        let _ = match &step.outcome {
            Outcome::Passed(seen) => write!(xml, "<system-out>{}</system-out>", escape(seen)),
            Outcome::Failed(problem) => write!(xml, "<failure message=\"{}\"/>", escape(problem)),
            Outcome::Skipped(why) => write!(xml, "<skipped message=\"{}\"/>", escape(why)),
        };
        xml.push_str("</testcase>\n");
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// XML 1.0 knows no way to write most control characters: they are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_outcome_has_its_element() {
        let step = |name, outcome| Step { name, outcome, took: Duration::from_millis(1500) };
        let steps = [
            step("lists tools", Outcome::Passed("6 tools".to_owned())),
            step("starts a run", Outcome::Failed("401 <\"&\u{7}>".to_owned())),
            step("waits", Outcome::Skipped("a step before it failed".to_owned())),
        ];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="validibot-mcp e2e" tests="3" failures="1" errors="0" skipped="1" time="4.500">
              <testcase classname="e2e" name="lists tools" time="1.500"><system-out>6 tools</system-out></testcase>
              <testcase classname="e2e" name="starts a run" time="1.500"><failure message="401 &lt;&quot;&amp; &gt;"/></testcase>
              <testcase classname="e2e" name="waits" time="1.500"><skipped message="a step before it failed"/></testcase>
            </testsuite>
        "#]]
        .assert_eq(&report(&steps));
    }
}
