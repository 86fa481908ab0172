//! Covers and uncovers a body (wire v0 §1.5): box of the short-term keys, nonce behind it.

use bytes::Bytes;

use crate::nacl::SharedBox;
use crate::nacl::boxes::{BOX_OVERHEAD, NONCE};

/// The coat of `body`: nothing for nothing, else cipher text and nonce. `None` only past 256 GiB.
pub fn seal(body: &[u8], shared: &SharedBox, nonce: [u8; NONCE]) -> Option<Bytes> {
    if body.is_empty() {
        return Some(Bytes::new());
    }
    let mut coat = shared.seal(&nonce, body)?;
    coat.extend_from_slice(&nonce);
    Some(coat.into())
}

/// The body under `coat`, or `None` when the keys did not make it.
pub fn open(coat: &[u8], shared: &SharedBox) -> Option<Vec<u8>> {
    if coat.is_empty() {
        return Some(Vec::new());
    }
    let (sealed, nonce) = coat.split_last_chunk::<NONCE>()?;
    if sealed.len() < BOX_OVERHEAD {
        return None;
    }
    shared.open(nonce, sealed)
}
