//! Randomness, injected: nothing in this crate asks the system's generator anywhere else.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A source that can be handed around.
pub type SharedRandom = Arc<dyn Random>;

/// The system's cryptographic generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

#[expect(clippy::disallowed_methods, reason = "this is the source that is injected")]
impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // It blocks until it is seeded and cannot fail after that; going on without it would be worse than a panic.
        aws_lc_rs::rand::fill(bytes).expect("the system's random generator works");
    }
}

/// `N` random bytes as unpadded base64url: safe in URLs, cookies and forms.
pub(crate) fn token<const N: usize>(random: &dyn Random) -> String {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
