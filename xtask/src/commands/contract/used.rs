//! What this server uses of Validibot, and where Validibot's sources have it (docs/contract.md, docs/contract-016.md).

mod helper;
mod rest;

/// The versions that have a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// 0.14 and 0.15 alone.
    Old,
    /// Every version.
    Always,
    /// 0.16 and later.
    New,
}

/// What the words of a part are in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Texts in a list.
    Literals,
    /// Keys of a mapping.
    Keys,
    /// Names that are assigned to.
    Names,
    /// Routes.
    Routes,
    /// Code, as it is written but for white space.
    Code,
}

/// Words of the contract that stand in one place of the sources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// What reports call it; a route's begins with the path that it is below.
    pub(super) name: &'static str,
    /// The file, from the checkout's root.
    pub(super) file: &'static str,
    /// The blocks that the words are in, from the outermost.
    pub(super) within: &'static [&'static str],
    pub(super) form: Form,
    /// The words without which this server answers less, or not at all.
    pub(super) used: &'static [&'static str],
    /// Words that are there as well: they are passed on, or are of no use here.
    pub(super) known: &'static [&'static str],
    /// Whether a word that is neither is worth a line.
    pub(super) open: bool,
    /// Whether a word says what it is wherever it stands: one that is found in another file has moved.
    pub(super) telling: bool,
    pub(super) since: Since,
}

impl Part {
    /// Whether the contract has this word in the place of this part, here or in another part.
    pub(super) fn shares_its_place_with(&self, word: &str) -> bool {
        let same = |part: &&Part| (part.file, part.within, part.form) == (self.file, self.within, self.form);
        parts().filter(same).any(|part| part.used.iter().chain(part.known).any(|known| *known == word))
    }
}

const PART: Part = Part {
    name: "",
    file: "",
    within: &[],
    form: Form::Literals,
    used: &[],
    known: &[],
    open: false,
    telling: false,
    since: Since::Always,
};

/// Every part, in the order of the report.
pub(super) fn parts() -> impl Iterator<Item = &'static Part> {
    helper::PARTS.iter().chain(&rest::PARTS)
}
