//! A datagram taken apart and put together: `head | coat | foot` (wire v0 §1). Keys are the caller's business.

use super::fields::FOOT;
use super::kinds::{FootKind, HeadKind};
use super::{Head, Malformed, head_json, head_lines, head_text, malformed};
use crate::base::limits::DATAGRAM_MAX;
use crate::nacl::{SigningKey, Verifier, VerifyKey};

/// A datagram whose outside is legal. Its signature is not checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// What it says.
    pub head: Head,
    /// The covered body, or a slice of one.
    pub coat: &'a [u8],
    /// Head and coat: what a signature is about.
    signed: &'a [u8],
    foot: Option<&'a [u8; FOOT]>,
}

/// Takes a datagram apart; makes every check that needs neither keys nor state (wire v0 §1.2).
pub fn read(datagram: &[u8]) -> Result<Packet<'_>, Malformed> {
    if datagram.len() > DATAGRAM_MAX {
        return malformed("datagram too long", DATAGRAM_MAX);
    }
    let (head, head_len) = if datagram.starts_with(head_lines::PREFIX) {
        let (fields, len) = head_lines::read(datagram)?;
        (fields.check(HeadKind::Raet, len, datagram.len())?, len)
    } else if datagram.starts_with(head_json::PREFIX) {
        let (fields, len) = head_json::read(datagram)?;
        (fields.check(HeadKind::Json, len, datagram.len())?, len)
    } else {
        return malformed("no RAET head", 0);
    };
    let (signed, foot) = match head.foot {
        FootKind::Nada => (datagram, None),
        FootKind::Nacl => match datagram.split_last_chunk::<FOOT>() {
            Some((signed, foot)) => (signed, Some(foot)),
            None => return malformed("no foot", head_len),
        },
    };
    let Some(coat) = signed.get(head_len..) else { return malformed("no coat", head_len) };
    Ok(Packet { head, coat, signed, foot })
}

/// Version and head kind a datagram claims, if it has a head at all: for people, when it is none that is read.
pub fn claims(datagram: &[u8]) -> Option<(u32, u32)> {
    let head = datagram.get(..DATAGRAM_MAX).unwrap_or(datagram);
    if head.starts_with(head_lines::PREFIX) {
        head_lines::read(head).ok().map(|(fields, _)| fields.claims())
    } else if head.starts_with(head_json::PREFIX) {
        head_json::read(head).ok().map(|(fields, _)| fields.claims())
    } else {
        None
    }
}

/// Whether a datagram begins as RAET packets do.
pub fn is_raet(datagram: &[u8]) -> bool {
    datagram.starts_with(head_lines::PREFIX) || datagram.starts_with(head_json::PREFIX)
}

impl Packet<'_> {
    /// Whether it has a signature, good or bad.
    pub fn is_signed(&self) -> bool {
        self.foot.is_some()
    }

    /// Appends what is signed to `out`, and gives the signature; `None` without one.
    pub fn signed_text(&self, out: &mut Vec<u8>) -> Option<[u8; FOOT]> {
        let foot = self.foot?;
        out.extend_from_slice(self.signed);
        out.extend_from_slice(&[0; FOOT]);
        Some(*foot)
    }

    /// Whether it has a signature and `key` made it. Signed is head, coat and 64 zero bytes (wire v0 §1.6).
    pub fn verify(&self, key: &VerifyKey) -> bool {
        key.verifier().is_some_and(|key| self.is_signed_by(&key))
    }

    /// As [`Packet::verify`], with a key made ready for many packets.
    pub fn is_signed_by(&self, key: &Verifier) -> bool {
        let Some(foot) = self.foot else { return false };
        let mut text = [0; DATAGRAM_MAX];
        let Some(place) = text.get_mut(..self.signed.len()) else { return false };
        place.copy_from_slice(self.signed);
        text.get(..self.signed.len() + FOOT).is_some_and(|text| key.verifies(text, foot))
    }
}

/// Appends one packet to `out`. A head with a nacl foot needs `sign`; without it the foot is zeros, which nobody accepts.
pub fn write(head: &Head, coat: &[u8], sign: Option<&SigningKey>, out: &mut Vec<u8>) {
    let start = out.len();
    head_text::write(head, coat.len(), out);
    out.extend_from_slice(coat);
    if head.foot == FootKind::Nacl {
        out.extend_from_slice(&[0; FOOT]);
        let signature = match (sign, out.get(start..)) {
            (Some(key), Some(text)) => key.sign(text),
            _ => return,
        };
        if let Some(foot) = out.last_chunk_mut::<FOOT>() {
            *foot = signature;
        }
    }
}

/// Bytes of the packet [`write()`] would append.
pub fn len(head: &Head, coat_len: usize) -> usize {
    head_text::len(head) + coat_len + if head.foot == FootKind::Nacl { FOOT } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{any_head, key, signed_packet};
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(head in any_head(), coat in proptest::collection::vec(any::<u8>(), 0..1400)) {
            let mut out = Vec::new();
            write(&head, &coat, Some(&key()), &mut out);
            prop_assert_eq!(out.len(), len(&head, coat.len()));
            let packet = read(&out).unwrap();
            prop_assert_eq!(packet.head, head);
            prop_assert_eq!(packet.coat, &coat);
            prop_assert_eq!(packet.is_signed(), head.foot == FootKind::Nacl);
            prop_assert_eq!(packet.verify(&key().verify_key()), packet.is_signed());
        }

        #[test]
        fn no_byte_of_a_signed_packet_can_change(head in any_head(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut out = signed_packet(&head, b"some coat");
            let at = at.index(out.len());
            out[at] ^= 1 << bit;
            if let Ok(packet) = read(&out) {
                prop_assert!(!packet.verify(&key().verify_key()));
            }
        }

        #[test]
        fn nothing_panics(
            head in any_head(),
            edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8),
        ) {
            let mut out = signed_packet(&head, b"some coat");
            for (at, byte, what) in edits {
                let at = at.index(out.len());
                match what {
                    0 => out[at] = byte,
                    1 => out.insert(at, byte),
                    _ => drop(out.remove(at)),
                }
            }
            if let Ok(packet) = read(&out) {
                packet.verify(&key().verify_key());
            }
        }

        #[test]
        fn cut_or_longer_is_refused(head in any_head(), cut in any::<prop::sample::Index>()) {
            let mut out = signed_packet(&head, b"some coat");
            prop_assert!(read(&out[..cut.index(out.len())]).is_err());
            out.push(0);
            prop_assert!(read(&out).is_err());
        }
    }

    #[test]
    fn the_longest_heads_fit() {
        for head_kind in [HeadKind::Raet, HeadKind::Json] {
            let max = u32::MAX;
            let head = Head {
                head_kind,
                packet: super::super::PacketKind::Done,
                transact: super::super::TransactKind::Alive,
                se: max,
                de: max,
                si: max,
                ti: max,
                sn: max,
                sc: max,
                ml: max,
                body: super::super::BodyKind::Msgpack,
                coat: super::super::CoatKind::Nacl,
                foot: FootKind::Nacl,
                ..Head::default()
            };
            let out = signed_packet(&head, b"");
            assert_eq!(read(&out).unwrap().head, head);
        }
    }

    #[test]
    fn longer_than_a_datagram() {
        let head = Head { transact: super::super::TransactKind::Join, ..Head::default() };
        let mut out = Vec::new();
        write(&head, &[0; DATAGRAM_MAX], None, &mut out);
        assert_eq!(read(&out).unwrap_err().what, "datagram too long");
    }

    #[test]
    fn without_a_key_the_foot_is_nobodys() {
        let head = Head { foot: FootKind::Nacl, ..Head::default() };
        let mut out = Vec::new();
        write(&head, b"coat", None, &mut out);
        assert!(!read(&out).unwrap().verify(&key().verify_key()));
    }
}
