//! Wherever our grammar accepts a line, the real bash, sourcing it in a clean shell, gets the same value.

use std::io::Write as _;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many lines are generated, and how many go into one bash: a start costs more than a line.
const LINES: usize = 10_000;
const LINES_PER_BASH: usize = 500;

fn of(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(choices).prop_map(str::to_owned)
}

/// Lines that look like what people write, with every character that could mean something sprinkled in.
fn lines() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[A-Za-z0-9]{1,6}",
        2 => "[-_./:,@%+=]",
        2 => of(&[" ", "  ", "\t", "#", " #", "'", "\"", "\\", "\\\\", "\\\"", "\\'", "\\n"]),
        1 => of(&["$", "$A", "${A}", "$(", "`", "!", "~", "*", "?", "[a]", "{a,b}", "^", "$'"]),
        1 => of(&[";", "&", "|", "<", ">", "(", ")", "\r", "\u{a0}", "é", "€", "\u{1f980}"]),
    ];
    let text = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    let value = prop_oneof![
        3 => text.clone(),
        3 => text.clone().prop_map(|text| format!("'{}'", text.replace('\'', ""))),
        3 => text.clone().prop_map(|text| format!("\"{}\"", text.replace('"', "\\\""))),
    ];
    let name = prop_oneof![
        8 => "[A-Z_][A-Z0-9_]{0,8}",
        1 => of(&["UID", "PPID", "BASHPID", "RANDOM", "PATH", "HOME", "OPTIND", "1A", "A-B", ""]),
    ];
    let before = of(&["", "", "", "export ", "  ", "\t", "export\t", "export", "#", " # "]);
    let equals = of(&["=", "=", "=", "=", "=", " =", "= ", ""]);
    let after = of(&["", "", "", " ", " # why", "#x", "\t#", " x"]);
    (before, name, equals, value, after).prop_map(|(a, b, c, d, e)| format!("{a}{b}{c}{d}{e}"))
}

#[test]
fn bash_reads_every_line_that_we_accept_as_we_do() {
    if Command::new("bash").arg("--version").output().is_err() {
        skipped("bash is not installed");
        return;
    }
    // The same lines each time: a failure can be looked at again.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = lines();
    let accepted: Vec<(String, String, String)> = (0..LINES)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .filter_map(|line| {
            let assignment = envs::file::parse(&line).ok()?.pop()?;
            Some((line, assignment.key().to_owned(), assignment.value().to_owned()))
        })
        .collect();
    assert!(accepted.len() > LINES / 10, "only {} of {LINES} lines were accepted", accepted.len());
    for batch in accepted.chunks(LINES_PER_BASH) {
        let read = bash(batch);
        assert_eq!(read.len(), batch.len(), "bash stopped early");
        for ((line, key, value), bash) in batch.iter().zip(read) {
            assert_eq!(*value, bash, "{line:?} sets {key}");
        }
    }
}

/// The value that each line sets. The lines are sourced from a file, as operators' recipes do it.
fn bash(lines: &[(String, String, String)]) -> Vec<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (line, key, _) in lines {
        writeln!(file, "{line}\nprintf '%s\\0' \"${{{key}}}\"\nunset {key}").unwrap();
    }
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", "source \"$0\""])
        .arg(file.path())
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Loud: on the terminal and in the list that `cargo xtask test` ends with.
fn skipped(reason: &str) {
    let name = "bash_reads_every_line_that_we_accept_as_we_do";
    if let Some(log) = std::env::var_os(xtask::commands::test::SKIPPED_LOG) {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        writeln!(log, "{name}: {reason}").unwrap();
    }
    let required = std::env::var_os(envs::tests::REQUIRE_ALL_TESTS.name).is_some_and(|v| v == "true");
    assert!(!required, "{name} must not be skipped: {reason}");
}
