//! The implementations behind the suites, with nonces as they come: whoever calls answers for using none twice.
//!
//! XSalsa20-Poly1305 and XChaCha20-Poly1305 are `dryoc`'s, AES-256-GCM is AWS-LC's; which and why stands in
//! `manual/defaults`. RustCrypto's are the oracles of the tests. Nothing here is built of primitives by ourselves.

use std::cell::Cell;
use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use dryoc::classic::crypto_aead_xchacha20poly1305_ietf::{
    crypto_aead_xchacha20poly1305_ietf_decrypt_detached_inplace,
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached_inplace,
};
use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};

use super::super::derive::Secret;
use super::{Forged, LONG_NONCE, TAG};

/// NaCl's secretbox. Its key is no larger than the secret: `HSalsa20` makes the working key of each nonce.
pub(super) struct Secretbox(Secret);

/// AES-256-GCM. Its expanded key lies with AWS-LC, about 600 bytes of heap, wiped when freed; made when it is needed, in
/// a fraction of what sealing a packet takes.
pub(super) struct Gcm {
    secret: Secret,
    ready: OnceLock<Option<LessSafeKey>>,
}

impl Secretbox {
    pub(super) fn new(key: &Secret) -> Self {
        Self(key.clone())
    }

    pub(super) fn seal(&self, nonce: &[u8; LONG_NONCE], text: &mut [u8]) -> Option<[u8; TAG]> {
        let (key, mut tag) = (self.0.bytes(), [0; TAG]);
        copied(text, |plain, text| crypto_secretbox_detached(text, &mut tag, plain, nonce, key)).ok()?;
        Some(tag)
    }

    /// Writes nothing before the tag is known to be right.
    pub(super) fn open(&self, nonce: &[u8; LONG_NONCE], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        let key = self.0.bytes();
        copied(text, |sealed, text| crypto_secretbox_open_detached(text, sealed, tag, nonce, key)).map_err(|_| Forged)
    }
}

impl Gcm {
    pub(super) fn new(key: &Secret) -> Self {
        Self { secret: key.clone(), ready: OnceLock::new() }
    }

    fn ready(&self) -> Option<&LessSafeKey> {
        // Fails for no key of 32 bytes; should it, nothing is sealed and nothing opens.
        let make = || UnboundKey::new(&AES_256_GCM, self.secret.bytes()).ok().map(LessSafeKey::new);
        self.ready.get_or_init(make).as_ref()
    }

    /// Forgets the expanded key until it is needed again.
    pub(super) fn rest(&mut self) {
        self.ready.take();
    }

    pub(super) fn seal(&self, nonce: [u8; 12], data: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.ready()?.seal_in_place_separate_tag(nonce, Aad::from(data), text).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts while it authenticates, and zeroes `text` when the tag turns out to be wrong.
    pub(super) fn open(&self, nonce: [u8; 12], data: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        let (key, nonce) = (self.ready().ok_or(Forged)?, Nonce::assume_unique_for_key(nonce));
        key.open_in_place_separate_tag(nonce, Aad::from(data), tag, text).map(drop).map_err(|_| Forged)
    }
}

/// XChaCha20-Poly1305.
pub(super) fn lock(key: &Secret, nonce: &[u8; LONG_NONCE], data: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
    let (key, mut tag) = (key.bytes(), [0; TAG]);
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached_inplace(text, &mut tag, Some(data), nonce, key).ok()?;
    Some(tag)
}

/// Opens what [`lock`] sealed; writes nothing before the tag is known to be right.
pub(super) fn unlock(
    key: &Secret,
    nonce: &[u8; LONG_NONCE],
    data: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), Forged> {
    crypto_aead_xchacha20poly1305_ietf_decrypt_detached_inplace(text, tag, Some(data), nonce, key.bytes())
        .map_err(|_| Forged)
}

/// Works from a copy of `text` into it: the secretbox detaches no tag in place. A copy of a packet costs a hundredth of
/// sealing it; its buffer stays with the thread, so that no packet allocates one.
fn copied<T>(text: &mut [u8], work: impl FnOnce(&[u8], &mut [u8]) -> T) -> T {
    let mut copy = COPY.try_with(Cell::take).unwrap_or_default();
    copy.clear();
    copy.extend_from_slice(text);
    let out = work(&copy, text);
    // At a thread's end there is nowhere to put it, and no need.
    let _ = COPY.try_with(|kept| kept.set(copy));
    out
}

thread_local! {
    static COPY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
