//! Counts a JSON text's structure while it streams by, without reading it.

/// A body of `[1],[1],…` takes 150 times its size in the JSON layer: 3.7 MB became 575 MB. No request of ours has more
/// than some dozens of these characters.
const MAX: usize = 20_000;

/// The characters that make structure, outside strings: each may cost an allocation.
#[derive(Default)]
pub(super) struct Structure {
    count: usize,
    in_string: bool,
    escaped: bool,
}

impl Structure {
    /// Takes in the next bytes; `false` when there is too much structure by now.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                match byte {
                    b'"' => self.in_string = false,
                    b'\\' => self.escaped = true,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'[' | b'{' | b',' | b':' => self.count += 1,
                    _ => {}
                }
            }
        }
        self.count <= MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pieces: &[&str]) -> usize {
        let mut structure = Structure::default();
        for piece in pieces {
            structure.take(piece.as_bytes());
        }
        structure.count
    }

    #[test]
    fn only_what_stands_outside_strings_counts_however_the_text_is_cut() {
        let text = r#"{"a,[":[1,2,{"b\"":":,\\"}],"c":"\\"}"#;
        assert_eq!(count(&[text]), 9);
        for cut in 1..text.len() {
            assert_eq!(count(&[&text[..cut], &text[cut..]]), 9, "cut at {cut}");
        }
    }

    #[test]
    fn twenty_thousand_is_enough() {
        assert!(Structure::default().take("[".repeat(MAX).as_bytes()));
        assert!(!Structure::default().take("[".repeat(MAX + 1).as_bytes()));
    }
}
