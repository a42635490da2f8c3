//! A run of any length, made one that fits: everything of it but findings beyond the first of each severity. They are
//! counted, by severity, beside the list that they were left out of.
//!
//! It works on the bytes as they arrive, so that no more of an answer is ever in memory than what is kept of it.

use std::collections::BTreeMap;

use memchr::memchr2;
use serde_json::{Map, Value};

/// What is kept at most: a tenth of it is a large report.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Findings are kept up to here, so that the rest of the run still fits behind them.
const LIST_BYTES: usize = 4 * 1024 * 1024;
/// The same in structure; a finding has some seventeen characters of it.
const LIST_NODES: usize = 80_000;
/// Of each severity: five pages of the largest size, and the worst are not crowded out by what came before them.
const MAX_OF_EACH: usize = 1_000;
/// A finding that is longer is only counted.
const MAX_FINDING_BYTES: usize = 64 * 1024;
/// What `serde_json` reads into a tree.
const MAX_DEPTH: usize = 127;
/// Keys and words that matter are shorter.
const MAX_WORD_BYTES: usize = 32;
/// There are four severities; others are counted together beyond this many.
const MAX_SEVERITIES: usize = 16;
const UNKNOWN: &str = "UNKNOWN";

/// What does not fit even so, or is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

/// See the module.
#[derive(Default)]
pub(super) struct Condenser {
    out: Vec<u8>,
    nodes: usize,
    /// What is open, with the key that was read last in it.
    open: Vec<(u8, Vec<u8>)>,
    key_next: bool,
    text: Option<Text>,
    list: Option<List>,
    /// Findings kept so far, by severity.
    kept: BTreeMap<String, usize>,
    state: Option<String>,
    result: Option<String>,
}

/// A string that is being read.
struct Text {
    is_key: bool,
    escaped: bool,
    /// As much of it as matters; `None` where it has escapes.
    word: Option<Vec<u8>>,
}

/// A list of findings that is being read.
#[derive(Default)]
struct List {
    name: &'static str,
    depth: usize,
    kept: usize,
    left_out: BTreeMap<String, u64>,
    finding: Option<Finding>,
}

/// A finding that is being read, and where what was kept ended before it.
struct Finding {
    bytes: usize,
    nodes: usize,
    severity: Option<String>,
    skipped: bool,
}

impl Condenser {
    /// Takes in the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), TooMuch> {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match self.text.take() {
                None => {
                    self.outside(byte)?;
                    rest
                }
                Some(text) => {
                    let taken = self.inside(text, bytes);
                    &bytes[taken..]
                }
            };
            if self.out.len() > MAX_BYTES || self.open.len() > MAX_DEPTH {
                return Err(TooMuch);
            }
        }
        Ok(())
    }

    /// What was kept, once everything has been taken in.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// State and result as far as they have been read: they stand before the findings (contract, A6).
    pub(super) fn verdict(&self) -> (Option<&str>, Option<&str>) {
        (self.state.as_deref(), self.result.as_deref())
    }

    fn outside(&mut self, byte: u8) -> Result<(), TooMuch> {
        let between = self.list.as_ref().is_some_and(|list| list.depth == self.open.len());
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' if between => {}
            b',' if between => self.end_of_finding(),
            b']' if between => {
                self.end_of_finding();
                self.end_of_list();
            }
            b'"' => {
                self.finding_begins(between);
                self.push(&[byte]);
                let is_key = self.key_next && self.open.last().is_some_and(|(kind, _)| *kind == b'{');
                self.text = Some(Text { is_key, escaped: false, word: Some(Vec::new()) });
            }
            b'{' | b'[' => {
                self.finding_begins(between);
                let list = self.list_that_begins(byte);
                self.push(&[byte]);
                self.nodes += 1;
                self.open.push((byte, Vec::new()));
                self.key_next = byte == b'{';
                if let Some(name) = list {
                    self.list = Some(List { name, depth: self.open.len(), ..List::default() });
                }
            }
            b'}' | b']' => {
                self.push(&[byte]);
                self.open.pop().ok_or(TooMuch)?;
            }
            b',' | b':' => {
                self.push(&[byte]);
                self.nodes += 1;
                self.key_next = byte == b',';
            }
            _ => {
                self.finding_begins(between && !byte.is_ascii_whitespace());
                self.push(&[byte]);
            }
        }
        Ok(())
    }

    /// Reads on in a string; how many bytes it took.
    fn inside(&mut self, mut text: Text, bytes: &[u8]) -> usize {
        if text.escaped {
            text.escaped = false;
            self.push(&bytes[..1]);
            self.text = Some(text);
            return 1;
        }
        let end = memchr2(b'"', b'\\', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        self.push(piece);
        if let Some(word) = &mut text.word {
            word.extend(piece.iter().take(MAX_WORD_BYTES + 1 - word.len().min(MAX_WORD_BYTES)));
        }
        match end.map(|end| bytes[end]) {
            Some(b'"') => {
                self.push(b"\"");
                self.end_of_text(text);
            }
            Some(_) => {
                self.push(b"\\");
                self.text = Some(Text { escaped: true, word: None, ..text });
            }
            None => self.text = Some(text),
        }
        piece.len() + usize::from(end.is_some())
    }

    fn end_of_text(&mut self, Text { is_key, word, .. }: Text) {
        let word = word.filter(|word| word.len() <= MAX_WORD_BYTES).unwrap_or_default();
        let depth = self.open.len();
        let Some((kind, key)) = self.open.last_mut() else { return };
        if is_key {
            *key = word;
        } else if *kind == b'{' {
            let said = String::from_utf8(word).ok().filter(|word| is_word(word));
            match (key.as_slice(), &mut self.list) {
                (b"severity", Some(List { depth: list, finding: Some(finding), .. }))
                    if *list + 1 == depth =>
                {
                    finding.severity = said;
                }
                (b"state", None) if depth == 1 => self.state = said,
                (b"result", None) if depth == 1 => self.result = said,
                _ => {}
            }
        }
    }

    /// The lists of findings: each step's (contract, A6), and a paid run's own (contract, A8).
    fn list_that_begins(&self, byte: u8) -> Option<&'static str> {
        let keys: Vec<&[u8]> = self.open.iter().map(|(_, key)| key.as_slice()).collect();
        match keys.as_slice() {
            _ if byte != b'[' || self.list.is_some() => None,
            [b"findings"] => Some("findings_left_out"),
            [b"steps", b"", b"issues"] => Some("issues_left_out"),
            _ => None,
        }
    }

    fn finding_begins(&mut self, between: bool) {
        let Some(list) = self.list.as_mut().filter(|list| between && list.finding.is_none()) else { return };
        let (bytes, nodes) = (self.out.len(), self.nodes);
        let skipped = bytes > LIST_BYTES || nodes > LIST_NODES;
        list.finding = Some(Finding { bytes, nodes, severity: None, skipped });
        if list.kept > 0 && !skipped {
            self.out.push(b',');
            self.nodes += 1;
        }
    }

    fn end_of_finding(&mut self) {
        let Some(list) = &mut self.list else { return };
        let Some(finding) = list.finding.take() else { return };
        let mut severity = finding.severity.unwrap_or_else(|| UNKNOWN.to_owned());
        if !self.kept.contains_key(&severity) && self.kept.len() >= MAX_SEVERITIES {
            UNKNOWN.clone_into(&mut severity);
        }
        let kept = self.kept.entry(severity.clone()).or_default();
        if finding.skipped || *kept >= MAX_OF_EACH {
            self.out.truncate(finding.bytes);
            self.nodes = finding.nodes;
            *list.left_out.entry(severity).or_default() += 1;
        } else {
            *kept += 1;
            list.kept += 1;
        }
    }

    fn end_of_list(&mut self) {
        let Some(list) = self.list.take() else { return };
        self.push(b"]");
        self.open.pop();
        if !list.left_out.is_empty() {
            let counts: Map<String, Value> =
                list.left_out.into_iter().map(|(severity, count)| (severity, count.into())).collect();
            let member = format!(",\"{}\":{}", list.name, Value::Object(counts));
            self.push(member.as_bytes());
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let finding = self.list.as_mut().and_then(|list| list.finding.as_mut());
        if let Some(finding) = finding {
            if !finding.skipped && self.out.len() + bytes.len() - finding.bytes > MAX_FINDING_BYTES {
                finding.skipped = true;
                self.out.truncate(finding.bytes);
            }
            if finding.skipped {
                return;
            }
        }
        self.out.extend_from_slice(bytes);
    }
}

/// Whether a text is one of the words of the contract, such as `TIMED_OUT`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condensed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut condenser = Condenser::default();
        for piece in pieces {
            condenser.take(piece).expect("it fits");
        }
        condenser.into_bytes()
    }

    fn issue(number: usize, severity: &str) -> Value {
        json!({ "message": format!("{number}: \"]}},[{{\\"), "severity": severity, "at": [1, { "severity": "X" }] })
    }

    #[test]
    fn what_fits_stays_as_it_is_however_it_is_cut() {
        let run = r#"{ "state":"COMPLETED", "z":1.10,"steps":[{"name":"a \" \\","issues":[{"severity":"ERROR","a":[1,2]}, {"severity":"\u0041"},7,"x"],"e":1e5},{"issues":[]}],"findings":[ ],"n":null}"#;
        let expected: Value = serde_json::from_str(run).expect("JSON");
        for cut in 0..run.len() {
            let out = condensed(&[&run.as_bytes()[..cut], &run.as_bytes()[cut..]]);
            let text = std::str::from_utf8(&out).expect("text");
            assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), expected, "cut at {cut}: {text}");
            assert!(text.contains("1.10") && text.contains("\\u0041"), "{text}");
        }
    }

    #[test]
    fn the_first_of_each_severity_stay_and_the_others_are_counted() {
        let issues: Vec<Value> = (0..7_000)
            .map(|number| issue(number, if number < 5_000 { "WARNING" } else { "ERROR" }))
            .collect();
        let run = json!({ "state": "COMPLETED", "result": "FAIL", "steps": [
            { "name": "A", "issues": issues, "error": "" }, { "name": "B", "issues": [issue(1, "ERROR"), issue(2, "INFO")] },
        ], "output_hash": "x" });
        let mut condenser = Condenser::default();
        for piece in run.to_string().as_bytes().chunks(1009) {
            condenser.take(piece).expect("it fits");
        }
        assert_eq!(condenser.verdict(), (Some("COMPLETED"), Some("FAIL")));
        let out: Value = serde_json::from_slice(&condenser.into_bytes()).expect("JSON");
        let first = &out["steps"][0];
        assert_eq!(first["issues_left_out"], json!({ "ERROR": 1_000, "WARNING": 4_000 }));
        let kept = first["issues"].as_array().expect("a list");
        assert_eq!(kept[..1_000], run["steps"][0]["issues"].as_array().expect("a list")[..1_000]);
        assert_eq!(kept[1_000..], run["steps"][0]["issues"].as_array().expect("a list")[5_000..6_000]);
        let second = &out["steps"][1];
        assert_eq!(second["issues"], json!([issue(2, "INFO")]));
        assert_eq!(second["issues_left_out"], json!({ "ERROR": 1 }));
        assert_eq!((&first["error"], &out["output_hash"]), (&json!(""), &json!("x")));
    }

    #[test]
    fn a_finding_that_is_too_long_is_only_counted() {
        let long = json!({ "severity": "ERROR", "message": "x".repeat(MAX_FINDING_BYTES) });
        let run = json!({ "findings": [issue(1, "ERROR"), long, issue(2, "ERROR")] });
        let out: Value = serde_json::from_slice(&condensed(&[run.to_string().as_bytes()])).expect("JSON");
        assert_eq!(out["findings"], json!([issue(1, "ERROR"), issue(2, "ERROR")]));
        assert_eq!(out["findings_left_out"], json!({ "ERROR": 1 }));
    }

    #[test]
    fn what_does_not_fit_even_so_is_refused_and_its_verdict_is_known() {
        let mut condenser = Condenser::default();
        assert_eq!(condenser.take(br#"{"state":"COMPLETED","result":"PASS","log":""#), Ok(()));
        assert_eq!(condenser.take(&vec![b'x'; MAX_BYTES]), Err(TooMuch));
        assert_eq!(condenser.verdict(), (Some("COMPLETED"), Some("PASS")));
        assert_eq!(Condenser::default().take("[".repeat(200).as_bytes()), Err(TooMuch));
        assert_eq!(Condenser::default().take(b"}"), Err(TooMuch));
    }
}
