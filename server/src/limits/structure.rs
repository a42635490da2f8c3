//! A request's JSON, judged while it streams by: how much structure it has, and whether it hides more of it in strings.

use super::refusal::Refusal;
use crate::base::json::{NODE_BYTES, Scan};

/// A body of `[1],[1],…` takes 150 times its size in the JSON layer: 3.7 MB became 575 MB. No request of ours has more
/// than some dozens of these characters.
const MAX: usize = 20_000;

/// The characters that make structure, outside strings: each may cost an allocation.
#[derive(Default)]
pub(super) struct Structure(Scan);

impl Structure {
    /// Takes in the next bytes, as long as there is not too much structure by now, nor a key behind which a string would be
    /// parsed as JSON.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.0.take(bytes);
        if self.0.is_private() {
            Err(Refusal::ReservedKey)
        } else if self.0.nodes() > MAX {
            Err(Refusal::TooComplex)
        } else {
            Ok(())
        }
    }

    /// What the tree of what was taken in adds to its bytes.
    pub(super) fn cost(&self) -> usize {
        self.0.nodes() * NODE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_thousand_is_enough() {
        assert_eq!(Structure::default().take("[".repeat(20_000).as_bytes()), Ok(()));
        assert_eq!(Structure::default().take("[".repeat(20_001).as_bytes()), Err(Refusal::TooComplex));
    }

    #[test]
    fn a_key_that_hides_structure_is_refused() {
        let mut structure = Structure::default();
        assert_eq!(structure.take(br#"{"a":{"\u0024serde_json::private::Raw"#), Ok(()));
        assert_eq!(structure.take(br#"Value":"[[1]]"}}"#), Err(Refusal::ReservedKey));
    }
}
