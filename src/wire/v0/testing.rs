//! Arbitrary heads and a key for the tests of this room.

use proptest::prelude::*;

use super::kinds::{BodyKind, CoatKind, FootKind, HeadKind, PacketKind, TransactKind};
use super::{Head, packet};
use crate::nacl::SigningKey;

/// Any head that may be written.
pub(super) fn any_head() -> impl Strategy<Value = Head> {
    let number = || prop_oneof![Just(0), 1u32..300, any::<u32>()];
    let kinds = (0u32..2, 0u32..5, 0u32..16, 0u32..4, 0u32..2, 0u32..2);
    let numbers = (number(), number(), number(), number(), number(), number(), number());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (kinds, numbers, flags).prop_map(
        |((hk, tk, pk, bk, ck, fk), (se, de, si, ti, sn, sc, ml), (cf, wf, sf, af, bf))| {
            let transact = TransactKind::from_number(tk).unwrap_or(TransactKind::Message);
            let packet = PacketKind::from_number(pk).unwrap();
            let is_message = transact == TransactKind::Message;
            let sc = sc.max(1);
            let sn = if is_message && packet == PacketKind::Message { sn % sc } else { sn };
            Head {
                head_kind: HeadKind::from_number(hk).unwrap(),
                transact,
                packet,
                se,
                de,
                si,
                ti,
                sn,
                sc,
                ml,
                body: BodyKind::from_number(bk).unwrap(),
                coat: CoatKind::from_number(ck).unwrap(),
                foot: if is_message { FootKind::Nacl } else { FootKind::from_number(fk).unwrap() },
                correspondent: cf,
                wait: wf,
                segment: sf,
                again: af,
                broadcast: bf,
            }
        },
    )
}

/// The key the tests sign with.
pub(super) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

/// A packet of this head, signed whatever the head says.
pub(super) fn signed_packet(head: &Head, coat: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    packet::write(&Head { foot: FootKind::Nacl, ..*head }, coat, Some(&key()), &mut out);
    out
}
