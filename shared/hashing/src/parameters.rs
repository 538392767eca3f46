//! What a hash costs.

use thiserror::Error;

/// OWASP's Password Storage Cheat Sheet: memory in KiB and iterations, each as strong as the other.
const WEAKEST: [(u32, u32); 4] = [(19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// 64 MiB, RFC 9106's own recommendation where memory is scarce. Bounds what a log-in can take,
/// also by a stored hash that somebody has tampered with.
const MAX_MEMORY_KIB: u32 = 65_536;
const MAX_ITERATIONS: u32 = 10;

/// Argon2id's parameters; one lane, since a function has one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
}

/// "The parameters of Argon2id …"
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be at least as strong as m=19456 KiB, t=2 (or m=12288, t=3; m=9216, t=4; m=7168, t=5) \
     and at most m=65536 KiB, t=10"
)]
pub struct InvalidParameters;

impl Parameters {
    /// Parameters for new hashes.
    ///
    /// # Errors
    /// [`InvalidParameters`] if they are weaker than OWASP asks for, or beyond all measure.
    pub fn new(memory_kib: u32, iterations: u32) -> Result<Self, InvalidParameters> {
        let strong = WEAKEST.iter().any(|&(memory, times)| memory_kib >= memory && iterations >= times);
        let parameters = Self::bounded(memory_kib, iterations).filter(|_| strong);
        parameters.ok_or(InvalidParameters)
    }

    /// Parameters of an old hash: as weak as they may be, but never beyond all measure.
    pub(crate) fn bounded(memory_kib: u32, iterations: u32) -> Option<Self> {
        let within = (8..=MAX_MEMORY_KIB).contains(&memory_kib) && (1..=MAX_ITERATIONS).contains(&iterations);
        within.then_some(Self { memory_kib, iterations })
    }

    /// How many blocks of 1 KiB a hash fills.
    pub(crate) const fn blocks(self) -> usize {
        self.memory_kib as usize
    }
}
