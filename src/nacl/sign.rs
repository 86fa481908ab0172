//! Ed25519: an estate's long-term signing key, and what verifies it.

use std::fmt;

use ed25519_dalek::{Signer, Verifier as _};

/// A secret signing key. Redacted in `Debug`, zeroised on drop.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// The public half: 32 bytes, of which there are thousands in memory and few at work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyKey([u8; 32]);

/// A public key made ready for many signatures: its point, six times as large.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verifier(ed25519_dalek::VerifyingKey);

/// 32 bytes that are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key")]
pub struct BadKey;

impl SigningKey {
    /// From the 32-byte seed that raet calls `sighex`.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for the key file.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn verify_key(&self) -> VerifyKey {
        VerifyKey(self.0.verifying_key().to_bytes())
    }

    /// A detached signature.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).to_bytes()
    }
}

impl VerifyKey {
    /// From 32 bytes; refuses points that are not on the curve or of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| BadKey)?;
        if key.is_weak() { Err(BadKey) } else { Ok(Self(*bytes)) }
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` over `text` is this key's. Whoever has many of them to check makes a [`VerifyKey::verifier`].
    pub fn verifies(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.verifier().is_some_and(|key| key.verifies(text, signature))
    }

    /// The same key for many signatures; always there, because [`VerifyKey::from_bytes`] has looked.
    pub fn verifier(&self) -> Option<Verifier> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).ok().map(Verifier)
    }
}

impl Verifier {
    /// The key.
    pub fn key(&self) -> VerifyKey {
        VerifyKey(self.0.to_bytes())
    }

    /// Whether `signature` over `text` is this key's.
    pub fn verifies(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        // The key is not of small order, which is what a stricter check would add; the cofactor stays the signer's own.
        self.0.verify(text, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

/// Whether every signature is its key's, checked together: half the work of one by one. `false` does not say which.
pub fn all_verify(texts: &[&[u8]], signatures: &[[u8; 64]], keys: &[Verifier]) -> bool {
    let signatures: Vec<_> = signatures.iter().map(ed25519_dalek::Signature::from_bytes).collect();
    let keys: Vec<_> = keys.iter().map(|key| key.0).collect();
    ed25519_dalek::verify_batch(texts, &signatures, &keys).is_ok()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyKey({})", hex::encode(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn rfc_8032_test_1() {
        let key = SigningKey::from_seed(&bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
        let verify = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.verify_key().as_bytes(), &verify);
        let signature = bytes(concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ));
        assert_eq!(key.sign(b""), signature);
        assert!(key.verify_key().verifies(b"", &signature));
    }

    #[test]
    fn nothing_else_verifies() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(b"text");
        assert!(key.verify_key().verifies(b"text", &signature));
        assert!(!key.verify_key().verifies(b"texT", &signature));
        assert!(!SigningKey::from_seed(&[2; 32]).verify_key().verifies(b"text", &signature));
        for i in 0..64 {
            let mut bad = signature;
            bad[i] ^= 1;
            assert!(!key.verify_key().verifies(b"text", &bad), "{i}");
        }
    }

    #[test]
    fn weak_and_impossible_keys_are_refused() {
        // The neutral point, a point of order 2, a y that no point has.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut two = [0xff; 32];
        (two[0], two[31]) = (0xec, 0x7f);
        let mut none = [0; 32];
        none[0] = 2;
        for bad in [neutral, two, none, [0; 32]] {
            assert_eq!(VerifyKey::from_bytes(&bad), Err(BadKey), "{bad:x?}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = SigningKey::from_seed(&[0xab; 32]);
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
        assert_eq!(*key.seed(), [0xab; 32]);
    }
}
