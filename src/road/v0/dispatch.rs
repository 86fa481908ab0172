//! Which estate and which transaction a classic packet belongs to (wire v0 §3 "Dispatch of a received packet").

use std::net::SocketAddr;

use super::{alive, allowent, allower, joinent, joiner, messengent, messenger, stale};
use crate::base::{Acceptance, wrap};
use crate::road::config::Mutable;
use crate::road::core::Core;
use crate::road::estate::{Peer, Remote};
use crate::road::index::Table;
use crate::road::stats::Drop;
use crate::wire::v0::{self, Head, Packet, PacketKind, TransactKind};

/// Takes one datagram; says which estate it concerned.
pub(crate) fn handle(core: &mut Core, table: &mut Table, from: SocketAddr, datagram: &[u8]) -> Option<u32> {
    let Ok(packet) = v0::read(datagram) else {
        core.stats.drop(Drop::Malformed);
        return None;
    };
    if packet.head.broadcast {
        core.stats.drop(Drop::Unsupported);
        return None;
    }
    match packet.head.transact {
        TransactKind::Join => handle_join(core, table, from, &packet),
        _ => handle_signed(core, table, from, &packet),
    }
}

fn handle_signed(core: &mut Core, table: &mut Table, from: SocketAddr, packet: &Packet<'_>) -> Option<u32> {
    let head = &packet.head;
    if head.si == 0 || head.se == 0 || head.de == 0 {
        core.stats.drop(Drop::Malformed);
        return None;
    }
    let Some(remote) = table.find(head.de) else {
        core.stats.drop(Drop::Unknown);
        return None;
    };
    let is_its = remote.peer.as_ref().is_some_and(|peer| packet.is_signed() && packet.verify(&peer.key.verify));
    if !is_its {
        core.stats.drop(Drop::Unsigned);
        return None;
    }
    let nuid = remote.nuid;
    if !speaks_for(remote, head) {
        core.stats.drop(Drop::Stale);
    } else if head.correspondent {
        on_answer(core, remote, from, packet);
    } else if is_current(remote, head) {
        on_request(core, remote, from, packet);
    } else {
        stale::nack(core, remote, from, head);
    }
    Some(nuid)
}

/// Whether the sender's number for us is the one this estate told us, or is about to be after a move.
fn speaks_for(remote: &Remote, head: &Head) -> bool {
    head.se == remote.fuid
        || (head.transact == TransactKind::Allow
            && (remote.candidate.is_some_and(|(_, fuid)| fuid == head.se) || joinent::is_answered(remote, head.se)))
}

/// Whether the packet's session is not older than the last one seen; a newer one replaces it.
fn is_current(remote: &mut Remote, head: &Head) -> bool {
    // A join has just told that the estate starts anew, and it has not been acknowledged: its count starts anew too.
    if head.packet == PacketKind::Hello && joinent::is_answered(remote, head.se) && remote.rsid != head.si {
        remote.rsid = 0;
    }
    if !wrap::is_current(head.si, remote.rsid) {
        return false;
    }
    if remote.rsid != head.si {
        remote.rsid = head.si;
        remote.inbox.drop_trays();
    }
    true
}

fn on_answer(core: &mut Core, remote: &mut Remote, from: SocketAddr, packet: &Packet<'_>) {
    let Packet { head, coat, .. } = packet;
    let is_ours = match head.transact {
        TransactKind::Allow => allower::on_answer(core, remote, head, coat),
        TransactKind::Alive => alive::on_answer(core, remote, head),
        TransactKind::Message => messenger::on_answer(core, remote, head, coat),
        TransactKind::Join => false,
    };
    if !is_ours {
        stale::nack(core, remote, from, head);
    }
}

fn on_request(core: &mut Core, remote: &mut Remote, from: SocketAddr, packet: &Packet<'_>) {
    let Packet { head, coat, .. } = packet;
    match (head.transact, head.packet) {
        (TransactKind::Allow, PacketKind::Hello) => allowent::on_hello(core, remote, from, head, coat),
        (TransactKind::Allow, _) => {
            if !allowent::on_packet(core, remote, head, coat) {
                core.stats.drop(Drop::Stale);
            }
        }
        (TransactKind::Alive, _) => {
            follow(core, remote, from, head);
            alive::on_request(core, remote, head, coat, remote.ha);
        }
        (TransactKind::Message, PacketKind::Message) => {
            follow(core, remote, from, head);
            messengent::on_message(core, remote, from, head, coat);
        }
        (TransactKind::Message, PacketKind::Nack) => messengent::on_nack(core, remote, head),
        _ => core.stats.drop(Drop::Unsupported),
    }
}

/// A signed packet of a transaction newer than all before, from a new address: the estate has moved (a NAT, a roaming
/// host), and answers follow it. Old packets sent again by somebody else move nothing.
fn follow(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) {
    let is_newer = head.ti != remote.peer_tid && wrap::is_current(head.ti, remote.peer_tid);
    if !is_newer || remote.session.is_none() {
        return;
    }
    remote.peer_tid = head.ti;
    if from != remote.ha && core.config.mutable >= Mutable::Address {
        tracing::debug!(nuid = remote.nuid, %from, "the estate moved");
        remote.ha = from;
        remote.persist(core);
    }
}

fn handle_join(core: &mut Core, table: &mut Table, from: SocketAddr, packet: &Packet<'_>) -> Option<u32> {
    let Packet { head, coat, .. } = packet;
    if head.si != 0 {
        core.stats.drop(Drop::Malformed);
        return None;
    }
    if head.correspondent {
        // An answer: to the number we gave, which for a vacuous join is all it can name.
        let Some(name) = table.find(head.de).map(|remote| remote.nuid) else {
            core.stats.drop(Drop::Unknown);
            return None;
        };
        let is_taken = |taken: &crate::base::Name| table.named(taken).is_some_and(|nuid| nuid != name);
        let taken = joinent::read(head, coat).is_some_and(|peer| is_taken(&peer.name));
        if let Some(remote) = table.find(name) {
            joiner::on_answer(core, remote, from, head, coat, |_| taken);
        }
        return Some(name);
    }
    if head.se == 0 {
        core.stats.drop(Drop::Malformed);
        return None;
    }
    if head.packet == PacketKind::Request {
        return on_join(core, table, from, head, coat);
    }
    let nuid = if head.de == 0 { table.joining(from, head.se) } else { Some(head.de) };
    let Some(remote) = nuid.and_then(|nuid| table.find(nuid)) else {
        core.stats.drop(Drop::Unknown);
        return None;
    };
    joinent::on_packet(core, remote, from, head);
    nuid
}

fn on_join(core: &mut Core, table: &mut Table, from: SocketAddr, head: &Head, coat: &[u8]) -> Option<u32> {
    if head.de != 0 && table.find(head.de).is_none() {
        joinent::answer(core, from, head, PacketKind::Renew);
        return None;
    }
    let Some(peer) = joinent::read(head, coat).filter(|peer| is_named_well(core, peer)) else {
        core.stats.drop(Drop::BadJoin);
        return None;
    };
    if peer.name == core.config.name || (head.de == 0 && !core.config.main) {
        joinent::answer(core, from, head, PacketKind::Reject);
        return None;
    }
    let known = if head.de != 0 { Some(head.de) } else { table.named(&peer.name).or_else(|| table.prospect(from)) };
    if let Some(nuid) = known {
        // A new name must not be another estate's (only where names may change at all).
        if table.named(&peer.name).is_some_and(|other| other != nuid) {
            joinent::answer(core, from, head, PacketKind::Reject);
            return Some(nuid);
        }
        let remote = table.find(nuid)?;
        on_known_join(core, remote, from, head, peer);
        return Some(nuid);
    }
    // A stranger: what is written down for it is bounded by the roll's and the table's limits.
    let acceptance = core.judge(&peer.key);
    let is_accepted = match acceptance {
        Some(Acceptance::Rejected) | None => {
            joinent::answer(core, from, head, PacketKind::Reject);
            return None;
        }
        Some(acceptance) => acceptance == Acceptance::Accepted,
    };
    let Some(remote) = table.create(from) else {
        core.stats.drop(Drop::Full);
        return None;
    };
    joinent::start(core, remote, from, head, peer, is_accepted);
    Some(remote.nuid)
}

fn on_known_join(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, peer: Peer) {
    if remote.joiner.is_some() {
        // Both asked: a join that knows numbers beats one that does not, then the smaller name keeps its own.
        let ours = (remote.fuid == 0, &core.config.name);
        if ours < (head.de == 0, &peer.name) {
            return joinent::answer(core, from, head, PacketKind::Refuse);
        }
        joiner::yield_to(core, remote);
    }
    if joinent::compare(core, remote, &peer, from, head.se) == joinent::Verdict::Reject {
        tracing::info!(estate = %peer.name, %from, "refused a join that differs from what is known");
        return joinent::answer(core, from, head, PacketKind::Reject);
    }
    match core.judge(&peer.key) {
        Some(Acceptance::Rejected) | None => joinent::answer(core, from, head, PacketKind::Reject),
        Some(acceptance) => joinent::start(core, remote, from, head, peer, acceptance == Acceptance::Accepted),
    }
}

/// Salt names an estate by its role and its kind; where that is the custom, anything else is refused, so that nobody
/// can speak under a name that is not its key's.
fn is_named_well(core: &Core, peer: &Peer) -> bool {
    !core.config.salt_names
        || ["master", "minion", "syndic", "caller"].iter().any(|kind| {
            peer.name.as_str().strip_suffix(kind).and_then(|n| n.strip_suffix('_')) == Some(peer.key.role.as_str())
        })
}
