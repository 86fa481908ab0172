//! Sealing of the fast road's packets, in place in the caller's buffer, and of the cookies that carry a responder's state.
//!
//! One file decides which implementation seals. A [`Record`] says which packet it is; a nonce is made of nothing else, so
//! whoever never uses a packet number twice under a key never uses a nonce twice. Nothing here counts packets.

use std::fmt;

use aes_gcm::Aes256Gcm;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use crypto_secretbox::XSalsa20Poly1305;

use super::derive::Secret;

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
    Nacl(XSalsa20Poly1305),
    // Boxed: expanded round keys, in every idle session otherwise.
    Aes256Gcm(Box<Aes256Gcm>),
}

/// A packet that is not from the holder of this key, or not as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet does not authenticate")]
pub struct Forged;

impl Suite {
    /// All of them, in no order of preference.
    pub const ALL: [Self; 2] = [Self::Nacl, Self::Aes256Gcm];

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
            Suite::Nacl => Cipher::Nacl(XSalsa20Poly1305::new(key.bytes().into())),
            Suite::Aes256Gcm => Cipher::Aes256Gcm(Box::new(Aes256Gcm::new(key.bytes().into()))),
        })
    }

    /// Seals `text` in place and returns its tag. `None` only past the cipher's length limit, 64 GiB.
    pub fn seal(&self, record: &Record, head: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        match &self.0 {
            Cipher::Nacl(key) => key.encrypt_in_place_detached(&record.long_nonce().into(), &[], text).ok(),
            Cipher::Aes256Gcm(key) => key.encrypt_in_place_detached(&record.short_nonce().into(), head, text).ok(),
        }
        .map(Into::into)
    }

    /// Opens `text` in place; the tag is compared in constant time, before anything is decrypted.
    pub fn open(&self, record: &Record, head: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        match &self.0 {
            Cipher::Nacl(key) => key.decrypt_in_place_detached(&record.long_nonce().into(), &[], text, tag.into()),
            Cipher::Aes256Gcm(key) => {
                key.decrypt_in_place_detached(&record.short_nonce().into(), head, text, tag.into())
            }
        }
        .map_err(|_| Forged)
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
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    cipher.encrypt_in_place_detached(nonce.into(), data, text).ok().map(Into::into)
}

/// Opens in place what [`lock`] sealed.
pub fn unlock(
    key: &Secret,
    nonce: &[u8; LONG_NONCE],
    data: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), Forged> {
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    cipher.decrypt_in_place_detached(nonce.into(), data, text, tag.into()).map_err(|_| Forged)
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: Record =
        Record { direction: Direction::ToResponder, first: 0xc1, epoch: 7, cid: 0x0102_0304_0506_0708, number: 9 };
    const HEAD: [u8; 12] = [0xc1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9];

    fn key(suite: Suite) -> RecordKey {
        RecordKey::new(suite, &Secret::from_bytes([4; 32]))
    }

    #[test]
    fn nothing_else_opens() {
        for suite in Suite::ALL {
            let mut sealed = b"some frames".to_vec();
            let tag = key(suite).seal(&RECORD, &HEAD, &mut sealed).unwrap();
            let records = [
                Record { direction: Direction::ToInitiator, ..RECORD },
                Record { number: RECORD.number + (1 << 32), ..RECORD },
            ];
            for record in records {
                assert_eq!(key(suite).open(&record, &HEAD, &mut sealed.clone(), &tag), Err(Forged));
            }
            let other = RecordKey::new(suite, &Secret::from_bytes([5; 32]));
            assert_eq!(other.open(&RECORD, &HEAD, &mut sealed.clone(), &tag), Err(Forged));
            for bit in 0..TAG * 8 {
                let mut bad = tag;
                bad[bit / 8] ^= 1 << (bit % 8);
                let mut text = sealed.clone();
                assert_eq!(key(suite).open(&RECORD, &HEAD, &mut text, &bad), Err(Forged));
                assert_eq!(text, sealed, "refused before it is touched");
            }
            assert_eq!(key(suite).open(&RECORD, &HEAD, &mut sealed, &tag), Ok(()));
            assert_eq!(sealed, b"some frames");
        }
    }

    #[test]
    fn the_head_is_authentic() {
        // The secretbox through its nonce, GCM through its associated data.
        for suite in Suite::ALL {
            let mut sealed = b"some frames".to_vec();
            let tag = key(suite).seal(&RECORD, &HEAD, &mut sealed).unwrap();
            for bit in 0..8 {
                let flip = 1 << bit;
                for (at, record) in [
                    (0, Record { first: RECORD.first ^ flip, ..RECORD }),
                    (1, Record { epoch: RECORD.epoch ^ flip, ..RECORD }),
                    (9, Record { cid: RECORD.cid ^ u64::from(flip), ..RECORD }),
                    (11, Record { number: RECORD.number ^ u64::from(flip), ..RECORD }),
                ] {
                    let mut head = HEAD;
                    head[at] ^= flip;
                    assert_eq!(key(suite).open(&record, &head, &mut sealed.clone(), &tag), Err(Forged), "{at}");
                }
            }
        }
    }

    #[test]
    fn the_secretbox_is_nacl_s() {
        // NaCl's own secretbox test (Bernstein, "Cryptography in NaCl" §10): firstkey, nonce, the first bytes of the text.
        let key: [u8; 32] = hex::decode("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
            .unwrap()
            .try_into()
            .unwrap();
        let nonce: [u8; 24] =
            hex::decode("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37").unwrap().try_into().unwrap();
        let mut text = hex::decode(concat!(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01",
            "233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd",
            "4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
        ))
        .unwrap();
        let RecordKey(Cipher::Nacl(key)) = RecordKey::new(Suite::Nacl, &Secret::from_bytes(key)) else { panic!() };
        let tag = key.encrypt_in_place_detached(&nonce.into(), &[], &mut text).unwrap();
        assert_eq!(hex::encode(tag), "f3ffc7703f9400e52a7dfb4b3d3305d9");
        assert_eq!(hex::encode(&text[..16]), "8e993b9f48681273c29650ba32fc76ce");
    }

    #[test]
    fn suites_have_numbers() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_code(suite.code()), Some(suite));
        }
        assert_eq!(Suite::from_code(0), None);
        assert_eq!(Direction::ToInitiator.back().back(), Direction::ToInitiator);
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", key(Suite::Nacl)), "RecordKey(..)");
    }

    proptest! {
        #[test]
        fn round_trips(
            aes: bool, first: u8, epoch: u8, cid: u64, number: u64, key: [u8; 32],
            plain in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let suite = if aes { Suite::Aes256Gcm } else { Suite::Nacl };
            let key = RecordKey::new(suite, &Secret::from_bytes(key));
            let record = Record { direction: Direction::ToInitiator, first, epoch, cid, number };
            let mut text = plain.clone();
            let tag = key.seal(&record, b"head", &mut text).unwrap();
            prop_assert_eq!(key.open(&record, b"head", &mut text, &tag), Ok(()));
            prop_assert_eq!(text, plain);
        }

        #[test]
        fn cookies_round_trip(key: [u8; 32], nonce: [u8; 24], plain: [u8; 136], flip in 0usize..136 * 8) {
            let key = Secret::from_bytes(key);
            let mut text = plain;
            let tag = lock(&key, &nonce, b"data", &mut text).unwrap();
            let mut bad = text;
            bad[flip / 8] ^= 1 << (flip % 8);
            prop_assert_eq!(unlock(&key, &nonce, b"data", &mut bad, &tag), Err(Forged));
            prop_assert_eq!(unlock(&key, &nonce, b"else", &mut text.clone(), &tag), Err(Forged));
            prop_assert_eq!(unlock(&key, &nonce, b"data", &mut text, &tag), Ok(()));
            prop_assert_eq!(text, plain);
        }
    }
}
