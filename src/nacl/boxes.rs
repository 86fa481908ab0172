//! Curve25519 boxes (NaCl `crypto_box`): long-term and short-term key pairs, and the shared box of two of them.

use std::fmt;

use crypto_box::SalsaBox;
use crypto_box::aead::{Aead, AeadInPlace};

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
        PublicKey(*super::KeyPair::new(self.clone()).public())
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

    /// From 32 bytes that an agreement with one of our keys has just shown not to be of small order
    /// ([`super::derive::agree`]): spares the Diffie–Hellman of [`PublicKey::from_bytes`].
    pub fn from_agreed(bytes: [u8; 32]) -> Self {
        Self(bytes)
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

    /// MAC and cipher text, with room for the nonce that raet puts behind them. `None` only past 256 GiB.
    pub fn seal(&self, nonce: &[u8; NONCE], plain: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(BOX_OVERHEAD + plain.len() + NONCE);
        out.extend_from_slice(&[0; BOX_OVERHEAD]);
        out.extend_from_slice(plain);
        let (mac, text) = out.split_first_chunk_mut::<BOX_OVERHEAD>()?;
        *mac = self.0.encrypt_in_place_detached(nonce.into(), &[], text).ok()?.into();
        Some(out)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn both_sides_share_a_box() {
        let (ours, theirs) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
        let sealed = SharedBox::new(&theirs.public(), &ours).seal(&[3; NONCE], b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + BOX_OVERHEAD);
        let shared = SharedBox::new(&ours.public(), &theirs);
        assert_eq!(shared.open(&[3; NONCE], &sealed), Some(b"plain".to_vec()));
        assert_eq!(shared.open(&[4; NONCE], &sealed), None);
        assert_eq!(shared.open(&[3; NONCE], &sealed[1..]), None);
        assert_eq!(shared.open(&[3; NONCE], b""), None);
    }

    #[test]
    fn rfc_7748_key_pair() {
        // RFC 7748 §6.1, Bob.
        let secret = SecretKey::from_bytes(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        let public = bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        assert_eq!(secret.public().as_bytes(), &public);
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        // Points of orders 2, 4 and 8, and one of the twist (RFC 7748 §7).
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let eight = bytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
        for bad in [[0; 32], one, minus_one, eight] {
            assert_eq!(PublicKey::from_bytes(bad), Err(BadKey), "{bad:x?}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = SecretKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
        assert_eq!(format!("{:?}", SharedBox::new(&key.public(), &key)), "SharedBox(..)");
        assert_eq!(*key.bytes(), [0xab; 32]);
    }
}
