//! Answers to packets of transactions that are over or never were (wire v0 §4.6). Only to signed packets.

use std::net::SocketAddr;

use crate::road::core::Core;
use crate::road::estate::Remote;
use crate::road::stats::Drop;
use crate::wire::v0::{Head, PacketKind};

/// Tells the sender that nothing here waits for this packet, unless the packet is itself such an answer.
pub(crate) fn nack(core: &mut Core, remote: &Remote, from: SocketAddr, head: &Head) {
    core.stats.drop(Drop::Stale);
    let is_final = matches!(
        head.packet,
        PacketKind::Nack
            | PacketKind::Unjoined
            | PacketKind::Unallowed
            | PacketKind::Renew
            | PacketKind::Refuse
            | PacketKind::Reject
    );
    if !is_final {
        reply(core, remote, from, head, PacketKind::Nack);
    }
}

/// An empty answer to `head` within its transaction.
pub(crate) fn reply(core: &mut Core, remote: &Remote, to: SocketAddr, head: &Head, packet: PacketKind) {
    let answer = answer_to(core, remote, head, packet);
    core.send(to, &answer, &[]);
}

/// The head of an answer to `head`: kinds and flags copied as raet does.
pub(super) fn answer_to(core: &Core, remote: &Remote, head: &Head, packet: PacketKind) -> Head {
    Head {
        packet,
        se: remote.nuid,
        de: head.se,
        sn: 0,
        sc: 1,
        ml: 0,
        segment: false,
        again: false,
        head_kind: core.config.head_kind,
        body: core.config.body_kind,
        correspondent: !head.correspondent,
        ..*head
    }
}
