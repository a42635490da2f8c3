//! Reads a stream line by line while its program runs.

use std::io::Read;

/// A line that does not end is handed on in pieces of this many bytes.
const LONGEST: usize = 1 << 20;

/// Calls `each` for every line up to the stream's end, without its end. `\r` ends a line where `overwrites`: that is how
/// programs draw over what they drew.
pub(super) fn each_line(mut stream: impl Read, overwrites: bool, mut each: impl FnMut(String)) {
    let mut pending = Vec::new();
    let mut chunk = [0; 8192];
    while let Ok(read) = stream.read(&mut chunk) {
        if read == 0 {
            break;
        }
        for byte in &chunk[..read] {
            let ends = *byte == b'\n' || (overwrites && *byte == b'\r');
            if !ends {
                pending.push(*byte);
            }
            if ends || pending.len() >= LONGEST {
                each(String::from_utf8_lossy(&pending).into_owned());
                pending.clear();
            }
        }
    }
    if !pending.is_empty() {
        each(String::from_utf8_lossy(&pending).into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, overwrites: bool) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(text.as_bytes(), overwrites, |line| lines.push(line));
        lines
    }

    #[test]
    fn a_line_ends_where_its_program_draws_over_it_and_the_last_needs_no_end() {
        assert_eq!(lines("a\n\nb\rc", true), ["a", "", "b", "c"]);
        assert_eq!(lines("a\rb\n", false), ["a\rb"]);
        assert_eq!(lines(&"x".repeat(LONGEST + 1), false).len(), 2);
    }
}
