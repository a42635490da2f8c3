//! The printer, with what it would write kept.

use std::time::Duration;

use super::*;

fn kept(style: Style) -> Printer {
    Printer::new(Sinks::Captured { stdout: Vec::new(), stderr: Vec::new() }, style)
}

#[test]
fn what_other_programs_say_cannot_drive_the_terminal() {
    let printer = Printer::captured();
    printer.note("a\u{1b}]52;c;AAAA\u{7}b\u{1b}[2Jc\u{9b}d\u{202e}e\r\n\tf\u{1b}[1;31mg");
    assert_eq!(printer.stderr(), "a\u{fffd}]52;c;AAAA\u{fffd}bc\u{fffd}d\u{fffd}e\n\tfg\n");
}

#[test]
fn each_stream_has_the_colours_and_the_width_that_it_can_show() {
    let printer = kept(Style { stderr: Look { colour: true, width: Some(30) }, ..Style::default() });
    printer.report(&format!("{} and a text that is longer than the terminal is wide", Tone::Good.paint("+")));
    printer.warn("there are more words here than columns");
    assert_eq!(printer.stdout(), "+ and a text that is longer than the terminal is wide\n");
    assert_eq!(
        printer.stderr(),
        "\u{1b}[1m\u{1b}[33mwarning:\u{1b}[0m there are more words\n         here than columns\n"
    );
}

#[test]
fn a_terminal_keeps_what_was_done_and_nothing_of_what_was_no_work() {
    let printer = kept(Style { live: true, ..Style::default() });
    let progress = printer.progress("web: moving the traffic");
    assert_eq!(printer.stderr(), "", "it moves in place meanwhile");
    drop(progress);
    assert_eq!(printer.stderr(), "web: moving the traffic  0 s\n");
    printer.progress("building the server's program").leave_nothing();
    assert_eq!(printer.stderr(), "web: moving the traffic  0 s\n");
}

#[test]
fn where_lines_stay_a_long_step_says_that_it_still_goes_on_and_how_far_it_is() {
    let printer = Printer::captured();
    let progress = Progress::lines(&printer, "compiling", Duration::from_millis(1));
    progress.detail("3 of 5 crates");
    while !printer.stderr().contains("still compiling: 3 of 5 crates") {
        std::thread::yield_now();
    }
    assert!(printer.stderr().starts_with("compiling\n"), "{}", printer.stderr());
    drop(progress);
}

#[test]
fn quiet_leaves_results_warnings_errors_and_questions() {
    let printer = kept(Style { quiet: true, ..Style::default() });
    printer.note("a step");
    drop(printer.progress("waiting"));
    printer.data("result");
    printer.warn("careful");
    printer.question("Apply?");
    printer.error(&Error::failed("broken"));
    assert_eq!(printer.stdout(), "result\n");
    assert_eq!(printer.stderr(), "warning: careful\nApply? error: broken\n");
}

#[test]
fn results_and_remarks_go_their_own_ways_and_plain_text_has_no_escapes() {
    let printer = Printer::captured();
    printer.data("result");
    printer.json(&serde_json::json!({"schema_version": 1}));
    printer.warn("careful");
    printer.error(&Error::failed("broken").hint("mend it"));
    drop(printer.progress("waiting for web"));
    printer.detail(|| "only when verbose".to_owned());
    assert_eq!(printer.stdout(), "result\n{\n  \"schema_version\": 1\n}\n");
    assert_eq!(printer.stderr(), "warning: careful\nerror: broken\nhint: mend it\nwaiting for web\n");
}
