//! The one source of randomness of an engine: a stream cipher from a seed, so that a run can be repeated.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Random bytes from a 32-byte seed. Seeded from the operating system in daemons, from a printed number in tests.
pub struct Random(ChaCha20Rng);

impl Random {
    /// A stream that is the same for the same seed.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A stream for tests and simulations, from a number small enough to print.
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// `N` fresh bytes: keys, nonces, cookies.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// A number from the whole range.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound` (0 when `bound` is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a 64-bit remainder is far below anything a simulation or a jitter could see.
        if bound == 0 { 0 } else { self.number() % bound }
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(..)")
    }
}
