//! Curve25519 boxes (NaCl `crypto_box`): long-term and short-term key pairs, and the shared box of two of them.

use std::fmt;

use crypto_box::SalsaBox;
use crypto_box::aead::Aead;

use super::sign::BadKey;

/// A Curve25519 secret. Redacted in `Debug`, zeroised on drop.
#[derive(Clone)]
pub struct SecretKey(crypto_box::SecretKey);

/// A Curve25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// What two key pairs share (`beforenm`): seals and opens without another Diffie–Hellman.
pub struct SharedBox(SalsaBox);

/// Bytes a box adds to its plain text.
pub const BOX_OVERHEAD: usize = 16;
/// Bytes of a box's nonce.
pub const NONCE: usize = 24;

impl SecretKey {
    /// From 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(crypto_box::SecretKey::from(bytes))
    }

    /// The bytes, for the key file.
    pub fn bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.public_key().as_bytes())
    }
}

impl PublicKey {
    /// From 32 bytes; refuses those whose shared secret is all zero with anybody.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, BadKey> {
        // RFC 7748 §6.1: a key of small order gives an all-zero secret, whoever's key it meets.
        let probe = x25519_dalek::StaticSecret::from([0x42; 32]);
        let shared = probe.diffie_hellman(&x25519_dalek::PublicKey::from(bytes));
        if shared.was_contributory() { Ok(Self(bytes)) } else { Err(BadKey) }
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SharedBox {
    /// Of a peer's public and our secret key.
    pub fn new(theirs: &PublicKey, ours: &SecretKey) -> Self {
        Self(SalsaBox::new(&crypto_box::PublicKey::from(theirs.0), &ours.0))
    }

    /// MAC and cipher text. `None` only past 256 GiB.
    pub fn seal(&self, nonce: &[u8; NONCE], plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(nonce.into(), plain).ok()
    }

    /// The plain text, or `None` when the box is not from this pair and nonce.
    pub fn open(&self, nonce: &[u8; NONCE], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(nonce.into(), sealed).ok()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0))
    }
}

impl fmt::Debug for SharedBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedBox(..)")
    }
}
