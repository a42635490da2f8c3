//! Wherever our grammar of environment files accepts a line, python-dotenv, which reads the same file for the
//! application, gets the same value. (That bash does, too, is a test of xtask.)

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use suite::process::run;
use suite::python::Python;
use suite::require;

/// What people write, and every character that could mean something, a blank text for 'nothing here'.
const PIECES: [&str; 40] = [
    "a",
    "Z9",
    "abc",
    "x-y",
    "_",
    ".",
    "/",
    ":",
    ",",
    "@",
    "%",
    "+",
    "=",
    " ",
    "  ",
    "\t",
    "#",
    " #",
    "'",
    "\"",
    "\\",
    "\\\\",
    "\\\"",
    "\\'",
    "\\n",
    "$",
    "$A",
    "${A}",
    "$(",
    "`",
    "!",
    "~",
    "*",
    "[a]",
    "{a,b}",
    ";",
    "&",
    "\u{a0}",
    "é",
    "\u{1f980}",
];

/// Pieces in an order that is always the same: a linear congruential generator (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The low bits of such a generator repeat quickly.
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }

    fn line(&mut self) -> String {
        let before = ["", "", "export ", " ", "export\t"][self.below(5)];
        let text: String = (0..self.below(6)).map(|_| PIECES[self.below(PIECES.len())]).collect();
        let quote = ["", "'", "\""][self.below(3)];
        let after = ["", "", " # why", "#x", " ", "\t#"][self.below(6)];
        format!("{before}A={quote}{text}{quote}{after}")
    }
}

#[tokio::test]
async fn python_dotenv_reads_every_line_that_we_accept_as_we_do() {
    let python = require!(Python::with_clients().await);
    let mut dice = Dice(1);
    let accepted: Vec<(String, String)> = (0..10_000)
        .map(|_| dice.line())
        .filter_map(|line| {
            let value = envs::file::parse(&line).ok()?.pop()?.value().to_owned();
            Some((line, value))
        })
        .collect();
    assert!(accepted.len() > 1000, "only {} lines were accepted", accepted.len());

    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for (line, _) in &accepted {
        writeln!(file, "{}", serde_json::to_string(line).expect("JSON")).expect("written");
    }
    let mut script = python.script("dotenv_values.py");
    let output = run(script.arg(file.path()), Duration::from_mins(2)).await.expect("it ends");
    let output = output.expect_success("dotenv_values.py");
    let read: Vec<BTreeMap<String, String>> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(read.len(), accepted.len());
    for ((line, value), read) in accepted.iter().zip(read) {
        assert_eq!(read, BTreeMap::from([("A".to_owned(), value.clone())]), "{line:?}");
    }
}
