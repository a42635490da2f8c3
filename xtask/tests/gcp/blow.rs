//! How a command is struck, and how often where moments are random.

/// What happens at one of the commands that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// gcloud fails, and nothing was done.
    FailsBefore,
    /// gcloud fails, though it was done.
    FailsAfter,
    /// The tool is killed before it is done.
    KilledBefore,
    /// The tool is killed once it is done.
    KilledAfter,
    /// Ctrl-C, once it is done.
    Interrupted,
}

impl Blow {
    pub(crate) const ALL: [Self; 5] =
        [Self::FailsBefore, Self::FailsAfter, Self::KilledBefore, Self::KilledAfter, Self::Interrupted];

    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

/// How many kills a test of random moments makes: `VALIDIBOT_KILLS`, where that is set, for those who want to know more
/// (`VALIDIBOT_KILLS=40 cargo test --workspace --locked --test gcp -- kills::`).
pub(crate) fn kills(usual: usize) -> usize {
    let Some(said) = std::env::var_os("VALIDIBOT_KILLS") else { return usual };
    said.to_str().and_then(|said| said.parse().ok()).expect("VALIDIBOT_KILLS is a number")
}

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): the same seed, the same moments.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `sides` - 1.
    pub(crate) fn next(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % sides).unwrap()
    }

    /// Before the command is done, or after.
    pub(crate) fn kill(&mut self) -> Blow {
        if self.next(2) == 0 { Blow::KilledBefore } else { Blow::KilledAfter }
    }
}

/// A seed that nobody has had yet.
pub(crate) fn new_seed() -> u64 {
    u64::from_str_radix(&xtask::core::secret::random_hex(7).unwrap(), 16).unwrap()
}
