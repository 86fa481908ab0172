//! The key schedule of the fast road: secrets that are wiped, Noise's symmetric state on BLAKE2s and ChaCha20-Poly1305
//! (Noise revision 34 §5), the Diffie–Hellman that feeds it, and keyed hashes. Knows no packet and no protocol order.

use std::fmt;

use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac, Digest};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::AeadInPlace;
use hmac::SimpleHmac;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::boxes::SecretKey;
use super::pair::KeyPair;
use super::seal::TAG;
use crate::base::Random;

/// 32 secret bytes. Redacted in `Debug`, compared in constant time, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

/// Noise's symmetric state: transcript hash, chaining key, and the key and counter of the next sealed field.
#[derive(Clone)]
pub struct Symmetric {
    hash: [u8; 32],
    chain: Secret,
    key: Option<Secret>,
    counter: u64,
}

impl Secret {
    /// From bytes that are already secret and uniform.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh one.
    pub fn generate(random: &mut Random) -> Self {
        Self(random.bytes())
    }

    /// The bytes, for a cipher or a sealed field.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// One key derived under `label`: the first output of Noise's HKDF.
    pub fn expand(&self, label: &[u8]) -> Self {
        let fresh = Self(hmac(self, &[label]));
        Self(hmac(&fresh, &[&[1]]))
    }

    /// A 16-byte keyed hash (BLAKE2s) of `parts`, which the caller keeps of fixed length each.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        let mut mac = <Blake2sMac<U16> as KeyInit>::new(&self.0.into());
        for part in parts {
            mac.update(part);
        }
        mac.finalize_fixed().into()
    }

    /// HMAC-BLAKE2s of `parts`.
    pub fn hmac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac(self, parts)
    }
}

impl Symmetric {
    /// For a named protocol; `prologue` is what both sides must have seen alike.
    pub fn new(protocol: &str, prologue: &[u8]) -> Self {
        let mut hash = [0; 32];
        match hash.get_mut(..protocol.len()) {
            Some(start) => start.copy_from_slice(protocol.as_bytes()),
            None => hash = digest(&[protocol.as_bytes()]),
        }
        let mut state = Self { hash, chain: Secret(hash), key: None, counter: 0 };
        state.mix_hash(prologue);
        state
    }

    /// A state put aside with [`Symmetric::park`], its counter at zero.
    pub fn resume(hash: [u8; 32], chain: Secret, key: Secret) -> Self {
        Self { hash, chain, key: Some(key), counter: 0 }
    }

    /// Hash, chaining key and key, for [`Symmetric::resume`]; `None` unless a key was mixed and not used yet.
    pub fn park(&self) -> Option<([u8; 32], &Secret, &Secret)> {
        let key = self.key.as_ref().filter(|_| self.counter == 0)?;
        Some((self.hash, &self.chain, key))
    }

    /// Binds public bytes into the transcript.
    pub fn mix_hash(&mut self, data: &[u8]) {
        self.hash = digest(&[&self.hash, data]);
    }

    /// Binds a shared secret into the chaining key; the next sealed field is under a new key.
    pub fn mix_key(&mut self, input: &Secret) {
        let (chain, key) = pair(&self.chain, input.bytes());
        (self.chain, self.key, self.counter) = (chain, Some(key), 0);
    }

    /// Seals a field and binds it into the transcript. `None` only without a key.
    pub fn seal(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(plain.len() + TAG);
        out.extend_from_slice(plain);
        let tag = self.cipher()?.encrypt_in_place_detached(&self.nonce().into(), &self.hash, &mut out).ok()?;
        out.extend_from_slice(&tag);
        self.counter += 1;
        self.mix_hash(&out);
        Some(out)
    }

    /// Opens a field and binds it into the transcript; one that does not open changes nothing.
    pub fn open(&mut self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (text, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut out = Zeroizing::new(text.to_vec());
        self.cipher()?.decrypt_in_place_detached(&self.nonce().into(), &self.hash, &mut out, tag.into()).ok()?;
        self.counter += 1;
        self.mix_hash(sealed);
        Some(out)
    }

    /// The transcript hash so far.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The traffic secrets: initiator to responder, responder to initiator.
    pub fn split(self) -> (Secret, Secret) {
        pair(&self.chain, &[])
    }

    fn cipher(&self) -> Option<ChaCha20Poly1305> {
        Some(ChaCha20Poly1305::new(self.key.as_ref()?.bytes().into()))
    }

    fn nonce(&self) -> [u8; 12] {
        // Noise §12.3: 32 zero bits, then the counter, little-endian.
        let mut nonce = [0; 12];
        if let Some(end) = nonce.last_chunk_mut::<8>() {
            *end = self.counter.to_le_bytes();
        }
        nonce
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Symmetric(..)")
    }
}

/// One agreement of a secret key that has no more of them to do; see [`KeyPair::agree`].
pub fn agree(ours: &SecretKey, theirs: &[u8; 32]) -> Option<Secret> {
    KeyPair::new(ours.clone()).agree(theirs)
}

/// BLAKE2s of `parts`, one after the other.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Blake2s256::new();
    for part in parts {
        Digest::update(&mut hash, part);
    }
    hash.finalize().into()
}

/// Whether two tags are equal, in constant time.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Noise's HKDF with two outputs (revision 34 §4.3).
fn pair(chain: &Secret, input: &[u8]) -> (Secret, Secret) {
    let fresh = Secret(hmac(chain, &[input]));
    let first = Secret(hmac(&fresh, &[&[1]]));
    let second = Secret(hmac(&fresh, &[first.bytes(), &[2]]));
    (first, second)
}

fn hmac(key: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a key to the block with zeros (RFC 2104 §2): done here, so that nothing can fail.
    let mut block = Zeroizing::new([0; 64]);
    if let Some(start) = block.first_chunk_mut::<32>() {
        *start = key.0;
    }
    let mut mac = <SimpleHmac<Blake2s256> as KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize_fixed().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn rfc_7748_shared_secret() {
        // RFC 7748 §6.1: Bob's secret and Alice's public key.
        let bob = SecretKey::from_bytes(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        let alice = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let shared = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(agree(&bob, &alice), Some(Secret::from_bytes(shared)));
    }

    #[test]
    fn blake2s_of_abc() {
        // RFC 7693 appendix B.
        let hash = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
        assert_eq!(digest(&[b"a", b"bc"]), bytes(hash));
    }

    #[test]
    fn fields_open_in_order_and_once() {
        let shared = Secret::from_bytes([3; 32]);
        let mut ours = Symmetric::new("a protocol", b"prologue");
        let mut theirs = ours.clone();
        assert_eq!(ours.seal(b"too early"), None);
        ours.mix_key(&shared);
        theirs.mix_key(&shared);
        let (one, two) = (ours.seal(b"one").unwrap(), ours.seal(b"two").unwrap());
        let before = *theirs.hash();
        assert!(theirs.open(&two).is_none());
        assert!(theirs.open(&one[..one.len() - 1]).is_none());
        assert!(theirs.open(b"").is_none());
        assert_eq!(*theirs.hash(), before, "what does not open changes nothing");
        assert_eq!(**theirs.open(&one).unwrap(), *b"one");
        assert_eq!(**theirs.open(&two).unwrap(), *b"two");
        assert_eq!(ours.hash(), theirs.hash());
        assert_eq!(ours.split(), theirs.split());
    }

    #[test]
    fn parked_states_resume() {
        let mut state = Symmetric::new("a protocol", b"");
        assert!(state.park().is_none(), "no key yet");
        state.mix_key(&Secret::from_bytes([1; 32]));
        let (hash, chain, key) = state.park().unwrap();
        let mut twin = Symmetric::resume(hash, chain.clone(), key.clone());
        assert_eq!(state.seal(b"x"), twin.seal(b"x"));
        assert!(state.park().is_none(), "the key was used");
        assert_eq!(state.split(), twin.split());
    }

    #[test]
    fn labels_separate() {
        let secret = Secret::from_bytes([9; 32]);
        assert_ne!(secret.expand(b"key"), secret.expand(b"upd"));
        assert_ne!(secret.tag(&[b"a"]), secret.tag(&[b"b"]));
        assert_eq!(secret.tag(&[b"ab"]), secret.tag(&[b"a", b"b"]));
        assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = Secret::from_bytes([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(format!("{:?}", Symmetric::new("a", b"")), "Symmetric(..)");
    }
}
