//! Sealing of the fast road's packets, in place in the caller's buffer, and of the cookies that carry a responder's state.
//!
//! One file, `cipher`, decides which implementation seals. A [`Record`] says which packet it is; a nonce is made of nothing
//! else, so whoever never uses a packet number twice under a key never uses a nonce twice. Nothing here counts packets.

use std::fmt;

use self::cipher::{Gcm, Secretbox};
use super::derive::Secret;

mod cipher;

/// Bytes sealing adds.
pub const TAG: usize = 16;
/// Bytes of a long nonce, which may be random.
pub const LONG_NONCE: usize = 24;

/// How packets are sealed; its number stands in the handshake's head, hence in the transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// XSalsa20-Poly1305, the NaCl secretbox; everybody has it.
    Nacl,
    /// AES-256-GCM, for processors with AES instructions.
    Aes256Gcm,
}

/// Which way a packet goes, by who began the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the initiator.
    ToResponder,
    /// From the responder.
    ToInitiator,
}

/// What a packet's head means, in full: no two packets of a session have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which way.
    pub direction: Direction,
    /// The head's first byte.
    pub first: u8,
    /// The head's epoch.
    pub epoch: u8,
    /// The receiver's session id.
    pub cid: u64,
    /// The whole packet number, of which the head has only the end.
    pub number: u64,
}

/// One epoch's key of one direction. Redacted in `Debug`, wiped on drop.
pub struct RecordKey(Cipher);

enum Cipher {
    Nacl(Secretbox),
    Aes256Gcm(Gcm),
}

/// A packet that is not from the holder of this key, or not as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet does not authenticate")]
pub struct Forged;

impl Suite {
    /// All of them, in no order of preference.
    pub const ALL: [Self; 2] = [Self::Nacl, Self::Aes256Gcm];

    /// Both, the faster on this processor first: AES-256-GCM where it has instructions for AES, else the secretbox.
    ///
    /// What an initiator should offer, and a responder accept; it says nothing about the peer's processor.
    pub fn preferred() -> [Self; 2] {
        if has_aes() { [Self::Aes256Gcm, Self::Nacl] } else { [Self::Nacl, Self::Aes256Gcm] }
    }

    /// Its name in settings and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nacl => "nacl",
            Self::Aes256Gcm => "aes-256-gcm",
        }
    }

    /// Its number on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Nacl => 1,
            Self::Aes256Gcm => 2,
        }
    }

    /// The suite of a number, if it is one.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code() == code)
    }
}

impl RecordKey {
    /// For sealing and opening with `suite`.
    pub fn new(suite: Suite, key: &Secret) -> Self {
        Self(match suite {
            Suite::Nacl => Cipher::Nacl(Secretbox::new(key)),
            Suite::Aes256Gcm => Cipher::Aes256Gcm(Gcm::new(key)),
        })
    }

    /// Gives back the memory that a key takes which is at work; the next packet works it out again.
    pub fn rest(&mut self) {
        match &mut self.0 {
            Cipher::Nacl(_) => {}
            Cipher::Aes256Gcm(key) => key.rest(),
        }
    }

    /// Seals `text` in place and returns its tag. `None` only past the cipher's length limit, 64 GiB.
    pub fn seal(&self, record: &Record, head: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        match &self.0 {
            Cipher::Nacl(key) => key.seal(&record.long_nonce(), text),
            Cipher::Aes256Gcm(key) => key.seal(record.short_nonce(), head, text),
        }
    }

    /// Opens `text` in place; the tag is compared in constant time.
    ///
    /// Of a forgery nothing may be used: [`Suite::Nacl`] leaves `text` as it came, [`Suite::Aes256Gcm`] zeroes it.
    pub fn open(&self, record: &Record, head: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        match &self.0 {
            Cipher::Nacl(key) => key.open(&record.long_nonce(), text, tag),
            Cipher::Aes256Gcm(key) => key.open(record.short_nonce(), head, text, tag),
        }
    }
}

impl Direction {
    /// The other way.
    pub fn back(self) -> Self {
        match self {
            Self::ToResponder => Self::ToInitiator,
            Self::ToInitiator => Self::ToResponder,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::ToResponder => 1,
            Self::ToInitiator => 2,
        }
    }
}

impl Record {
    /// The secretbox knows no associated data: everything the head says is in the nonce, so a changed head does not open.
    fn long_nonce(&self) -> [u8; LONG_NONCE] {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.cid.to_be_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        let way = self.direction.code();
        let start = [way, self.first, self.epoch, 0, 0, 0, 0, 0];
        let [s0, s1, s2, s3, s4, s5, s6, s7] = start;
        [
            s0, s1, s2, s3, s4, s5, s6, s7, //
            c0, c1, c2, c3, c4, c5, c6, c7, //
            n0, n1, n2, n3, n4, n5, n6, n7,
        ]
    }

    /// The head is associated data here; the nonce only has to be unique under the key, which is one direction's and epoch's.
    fn short_nonce(&self) -> [u8; 12] {
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [self.direction.code(), 0, 0, 0, n0, n1, n2, n3, n4, n5, n6, n7]
    }
}

/// Seals `text` in place under a random nonce (XChaCha20-Poly1305): what is given away to be handed back.
pub fn lock(key: &Secret, nonce: &[u8; LONG_NONCE], data: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
    cipher::lock(key, nonce, data, text)
}

/// Opens in place what [`lock`] sealed; a forgery is left as it came.
pub fn unlock(
    key: &Secret,
    nonce: &[u8; LONG_NONCE],
    data: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), Forged> {
    cipher::unlock(key, nonce, data, text, tag)
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

/// Whether AES and the carry-less multiplication of GCM are instructions here.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has_aes = std::is_x86_feature_detected!("aes") && std::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    has_aes
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
