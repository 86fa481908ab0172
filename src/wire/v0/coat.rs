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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nacl::SecretKey;

    #[test]
    fn only_the_pair_opens() {
        let (ours, theirs, other) =
            (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]), SecretKey::from_bytes([3; 32]));
        let shared = SharedBox::new(&theirs.public(), &ours);
        let coat = seal(b"body", &shared, [9; 24]).unwrap();
        assert_eq!(coat.len(), 4 + BOX_OVERHEAD + NONCE);
        assert!(coat.ends_with(&[9; 24]));
        assert_eq!(open(&coat, &SharedBox::new(&ours.public(), &theirs)), Some(b"body".to_vec()));
        assert_eq!(open(&coat, &SharedBox::new(&ours.public(), &other)), None);
        for i in 0..coat.len() {
            let mut bad = coat.to_vec();
            bad[i] ^= 1;
            assert_eq!(open(&bad, &shared), None, "{i}");
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let shared = SharedBox::new(&SecretKey::from_bytes([1; 32]).public(), &SecretKey::from_bytes([2; 32]));
        assert_eq!(seal(b"", &shared, [0; 24]), Some(Bytes::new()));
        assert_eq!(open(b"", &shared), Some(Vec::new()));
        assert_eq!(open(&[0; 39], &shared), None);
        assert_eq!(open(&[0; 40], &shared), None);
    }
}
