//! Sessions by their ids. The map is only ever asked, never walked.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Places of sessions by session id.
pub(super) type Cids = HashMap<u64, u32, BuildHasherDefault<CidHasher>>;

/// Session ids are random already.
#[derive(Default)]
pub(super) struct CidHasher(u64);

impl Hasher for CidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
