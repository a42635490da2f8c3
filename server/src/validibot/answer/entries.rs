//! A catalogue's entries, each read by itself: what one author wrote must not take the list from everybody.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::json::{self, Scan};

/// What an entry may have of structure: names, file types and a price are some dozens.
const MAX_NODES_OF_ONE: usize = 2_000;
/// All of them together, of some thousand workflows.
const MAX_NODES: usize = 100_000;

/// The entries that could be read, and how many could not.
pub(super) struct Entries {
    pub(super) list: Vec<Value>,
    pub(super) left_out: usize,
}

impl Entries {
    /// Keeps what is as it should be.
    pub(super) fn retain(&mut self, good: impl Fn(&Value) -> bool) {
        let before = self.list.len();
        self.list.retain(good);
        self.left_out += before - self.list.len();
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries, A::Error> {
                let (mut list, mut left_out, mut room) = (Vec::new(), 0, MAX_NODES);
                while let Some(raw) = seq.next_element::<&RawValue>()? {
                    match entry(raw.get().as_bytes(), room) {
                        Some((value, nodes)) => {
                            list.push(value);
                            room -= nodes;
                        }
                        None => left_out += 1,
                    }
                }
                Ok(Entries { list, left_out })
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

/// An entry, and how much of the room it takes. Each takes some, so that their number is bounded as well.
fn entry(text: &[u8], room: usize) -> Option<(Value, usize)> {
    let mut scan = Scan::default();
    scan.take(text);
    let nodes = scan.nodes() + 1;
    let value = json::read(text, MAX_NODES_OF_ONE.min(room.checked_sub(1)?)).ok()?;
    Some((value, nodes))
}
