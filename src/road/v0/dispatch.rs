//! Which estate and which transaction a classic packet belongs to (wire v0 §3 "Dispatch of a received packet").

use std::net::SocketAddr;

use super::{alive, allowent, allower, joinent, joiner, messengent, messenger, stale};
use crate::base::wrap;
use crate::keep::journal::Kind;
use crate::nacl::VerifyKey;
use crate::road::config::Mutable;
use crate::road::core::{Core, Judgement};
use crate::road::estate::{Peer, Remote};
use crate::road::index::Table;
use crate::road::stats::Drop;
use crate::transport::Departure;
use crate::wire::v0::{self, Head, JoinBody, Packet, PacketKind, TransactKind};

/// Takes one datagram; says which estate it concerned. `proven` is the key that is known to have signed it.
pub(crate) fn handle(
    core: &mut Core,
    table: &mut Table,
    from: SocketAddr,
    datagram: &[u8],
    proven: Option<VerifyKey>,
) -> Option<u32> {
    let Ok(packet) = v0::read(datagram) else {
        core.stats.drop(Drop::Malformed);
        complain(core, from, datagram);
        return None;
    };
    if packet.head.broadcast {
        core.stats.drop(Drop::Unsupported);
        return None;
    }
    match packet.head.transact {
        TransactKind::Join => handle_join(core, table, from, &packet),
        _ => handle_signed(core, table, from, &packet, proven),
    }
}

/// Says what is wrong with a datagram that is no packet, if somebody should look into it.
fn complain(core: &mut Core, from: SocketAddr, datagram: &[u8]) {
    if !v0::is_raet(datagram) {
        let what = format!(
            "{} bytes that begin with '{}'",
            datagram.len(),
            datagram.get(..8).unwrap_or(datagram).escape_ascii()
        );
        return core.trouble(Kind::NotRaet { what }, None, from);
    }
    match v0::claims(datagram) {
        Some((found @ 1.., _)) => core.trouble(Kind::Version { found }, None, from),
        Some((_, found @ 2..)) => core.trouble(Kind::HeadKind { found }, None, from),
        _ => {}
    }
}

/// Says that a join came on the classic wire where none is spoken.
pub(crate) fn turn_away(core: &mut Core, from: SocketAddr, datagram: &[u8]) {
    match v0::read(datagram) {
        Ok(Packet { head, coat, .. }) if head.transact == TransactKind::Join => {
            let role = joinent::read(&head, coat).map(|peer| peer.key.role);
            core.trouble(Kind::Classic, role.as_ref(), from);
        }
        Ok(_) => core.trouble(Kind::Classic, None, from),
        Err(_) => complain(core, from, datagram),
    }
}

fn handle_signed(
    core: &mut Core,
    table: &mut Table,
    from: SocketAddr,
    packet: &Packet<'_>,
    proven: Option<VerifyKey>,
) -> Option<u32> {
    let head = &packet.head;
    if head.si == 0 || head.se == 0 || head.de == 0 {
        core.stats.drop(Drop::Malformed);
        return None;
    }
    let Some(remote) = table.find(head.de) else {
        core.stats.drop(Drop::Unknown);
        if !head.correspondent {
            core.trouble(Kind::Stale, None, from);
        }
        return None;
    };
    let key = remote.verifier();
    let is_its = key.is_some_and(|key| packet.is_signed() && (proven == Some(key.key()) || packet.is_signed_by(&key)));
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
            && (remote.candidate.as_ref().is_some_and(|c| c.fuid == head.se) || joinent::is_answered(remote, head.se)))
}

/// Whether the packet's session is not older than the last one that was proven: by a handshake, or by a message that
/// opens. A signature proves who, not when.
fn is_current(remote: &Remote, head: &Head) -> bool {
    if head.transact == TransactKind::Allow {
        // A handshake changes nothing before it has proved everything; and after a first join, acknowledged or not, the
        // estate's sessions count from the start again.
        return head.packet != PacketKind::Hello
            || remote.renewed
            || joinent::is_answered(remote, head.se)
            || wrap::is_current(head.si, remote.rsid);
    }
    wrap::is_current(head.si, remote.rsid)
}

fn on_answer(core: &mut Core, remote: &mut Remote, from: SocketAddr, packet: &Packet<'_>) {
    let Packet { head, coat, .. } = packet;
    let is_ours = match head.transact {
        TransactKind::Allow => allower::on_answer(core, remote, head, coat),
        TransactKind::Alive => alive::on_answer(core, remote, from, head),
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
            if !allowent::on_packet(core, remote, from, head, coat) {
                match head.packet {
                    PacketKind::Initiate => allowent::on_late_initiate(core, remote, from, head),
                    _ => core.stats.drop(Drop::Stale),
                }
            }
        }
        (TransactKind::Alive, _) => {
            let is_newer = note(core, remote, from, head);
            alive::on_request(core, remote, from, head, coat, is_newer);
        }
        (TransactKind::Message, PacketKind::Message) => {
            note(core, remote, from, head);
            messengent::on_message(core, remote, from, head, coat);
        }
        (TransactKind::Message, PacketKind::Nack) => messengent::on_nack(core, remote, head),
        _ => core.stats.drop(Drop::Unsupported),
    }
}

/// Says whether a signed packet is of a transaction newer than all before. From a new address it may mean that the estate
/// has moved (a NAT, a roaming host), or that somebody sends an old packet again: a question to that address will tell.
fn note(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) -> bool {
    if remote.session.is_none() {
        return false;
    }
    if from != remote.ha && core.config.mutable >= Mutable::Address {
        alive::probe(core, remote, from);
    }
    let is_newer = head.ti != remote.peer_tid && wrap::is_current(head.ti, remote.peer_tid);
    if is_newer {
        remote.peer_tid = head.ti;
    }
    is_newer
}

fn handle_join(core: &mut Core, table: &mut Table, from: SocketAddr, packet: &Packet<'_>) -> Option<u32> {
    let Packet { head, coat, .. } = packet;
    if head.si != 0 {
        core.stats.drop(Drop::Malformed);
        return None;
    }
    if head.correspondent {
        return on_join_answer(core, table, from, head, coat);
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

/// An answer to a join of ours: to the number we gave, which for a vacuous join is all it can name.
fn on_join_answer(core: &mut Core, table: &mut Table, from: SocketAddr, head: &Head, coat: &[u8]) -> Option<u32> {
    let Some(remote) = table.find(head.de) else {
        core.stats.drop(Drop::Unknown);
        return None;
    };
    if !joiner::is_answered(remote, from, head) {
        if head.packet == PacketKind::Response && from == remote.ha {
            joiner::on_late_response(core, remote, head, coat);
        } else {
            core.stats.drop(Drop::Stale);
        }
        return None;
    }
    let (nuid, is_new) = (remote.nuid, remote.peer.is_none());
    let peer = joinent::read(head, coat);
    let other = peer.as_ref().and_then(|peer| table.named(&peer.name)).filter(|other| *other != nuid);
    let mut is_taken = other.is_some();
    if let Some(old) = other.and_then(|other| table.find(other)) {
        // We know it from elsewhere, from before it moved to where we dial it.
        let is_it = is_new && old.home.is_none() && old.peer.as_ref().map(|p| &p.key) == peer.as_ref().map(|p| &p.key);
        if is_it {
            old.end_session(core, Departure::Renewed);
            let old = old.nuid;
            table.remove(old);
            is_taken = false;
        }
    }
    if let Some(remote) = table.find(nuid) {
        joiner::on_answer(core, remote, from, head, coat, is_taken);
    }
    Some(nuid)
}

fn on_join(core: &mut Core, table: &mut Table, from: SocketAddr, head: &Head, coat: &[u8]) -> Option<u32> {
    if head.de != 0 && table.find(head.de).is_none() {
        let role = joinent::read(head, coat).map(|peer| peer.key.role);
        core.trouble(Kind::Stale, role.as_ref(), from);
        joinent::answer(core, from, head, PacketKind::Renew);
        return None;
    }
    let peer = introduce(core, from, head, coat)?;
    if core.config.wires.fast && core.is_fast_only(&peer.key.role) {
        // Silence: whoever dropped its fast packets to lead it here learns nothing.
        tracing::debug!(estate = %peer.name, %from, "not taken in on the classic wire: it was seen on the fast one");
        core.trouble(Kind::WasFast, Some(&peer.key.role), from);
        core.stats.drop(Drop::Unsupported);
        return None;
    }
    let is_known_as = |known: &Peer| known.name == peer.name || known.key == peer.key;
    if head.de != 0 && table.find(head.de).and_then(|r| r.peer.as_ref()).is_some_and(|known| !is_known_as(known)) {
        // A number from before we lost our table; it is another estate's now.
        joinent::answer(core, from, head, PacketKind::Renew);
        return None;
    }
    if peer.name == core.config.name || (head.de == 0 && !core.config.main) {
        let kind = if core.config.main { Kind::Taken { name: peer.name } } else { Kind::NoMaster };
        core.trouble(kind, Some(&peer.key.role), from);
        joinent::answer(core, from, head, PacketKind::Reject);
        return None;
    }
    let known = if head.de != 0 { Some(head.de) } else { table.named(&peer.name).or_else(|| table.prospect(from)) };
    if let Some(nuid) = known {
        // A new name must not be another estate's (only where names may change at all).
        if table.named(&peer.name).is_some_and(|other| other != nuid) {
            core.trouble(Kind::Taken { name: peer.name }, Some(&peer.key.role), from);
            joinent::answer(core, from, head, PacketKind::Reject);
            return Some(nuid);
        }
        let remote = table.find(nuid)?;
        on_known_join(core, remote, from, head, peer);
        return Some(nuid);
    }
    // A stranger: what is written down for it is bounded by the roll's and the table's limits.
    if table.is_full() {
        core.trouble(Kind::Full, Some(&peer.key.role), from);
        core.stats.drop(Drop::Full);
        return None;
    }
    let is_accepted = match core.judge(&peer.key) {
        Judgement::Accepted => true,
        Judgement::Pending => false,
        Judgement::Rejected | Judgement::Clash => {
            joinent::answer(core, from, head, PacketKind::Reject);
            return None;
        }
        Judgement::Full => {
            core.trouble(Kind::Full, Some(&peer.key.role), from);
            return None;
        }
    };
    let remote = table.create(from)?;
    joinent::start(core, remote, from, head, peer, is_accepted);
    Some(remote.nuid)
}

/// Who asks to join; whoever does not say it properly is told of and not heard.
fn introduce(core: &mut Core, from: SocketAddr, head: &Head, coat: &[u8]) -> Option<Peer> {
    let peer = match JoinBody::read(coat, head.body) {
        Ok(body) => Peer::from(body),
        Err(why) => {
            let claim = JoinBody::claim(coat, head.body);
            let kind = claim.map_or(Kind::Join { what: why.what.to_owned() }, |shown| Kind::Id { shown });
            core.trouble(kind, None, from);
            core.stats.drop(Drop::BadJoin);
            return None;
        }
    };
    if is_named_well(core, &peer) {
        return Some(peer);
    }
    core.trouble(Kind::Misnamed { name: peer.name }, Some(&peer.key.role), from);
    core.stats.drop(Drop::BadJoin);
    None
}

fn on_known_join(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, peer: Peer) {
    if !remote.joined && remote.home.is_some_and(|home| home != from) {
        // Who we dial answers from there; anybody can say to be it. Where it really is, it will answer our own join.
        core.stats.drop(Drop::BadJoin);
        return joinent::answer(core, from, head, PacketKind::Refuse);
    }
    if remote.joiner.is_some() {
        // Both asked: a join that knows numbers beats one that does not, then the smaller name keeps its own.
        let ours = (remote.fuid == 0, &core.config.name);
        if ours < (head.de == 0, &peer.name) {
            return joinent::answer(core, from, head, PacketKind::Refuse);
        }
        joiner::yield_to(core, remote);
    }
    match joinent::compare(core, remote, &peer, from, head.se) {
        joinent::Verdict::Reject => {
            tracing::debug!(estate = %peer.name, %from, "refused a join that differs from what is known");
            return joinent::answer(core, from, head, PacketKind::Reject);
        }
        joinent::Verdict::Replace => {
            remote.end_session(core, Departure::Renewed);
            remote.joined = false;
        }
        joinent::Verdict::Go => {}
    }
    match core.judge(&peer.key) {
        Judgement::Accepted => joinent::start(core, remote, from, head, peer, true),
        Judgement::Pending => joinent::start(core, remote, from, head, peer, false),
        Judgement::Rejected | Judgement::Clash => joinent::answer(core, from, head, PacketKind::Reject),
        Judgement::Full => {}
    }
}

/// Salt names an estate by its role and its kind; where that is the custom, anything else is refused, so that nobody
/// can speak under a name that is not its key's.
pub(super) fn is_named_well(core: &Core, peer: &Peer) -> bool {
    !core.config.salt_names
        || ["master", "minion", "syndic", "caller"].iter().any(|kind| {
            peer.name.as_str().strip_suffix(kind).and_then(|n| n.strip_suffix('_')) == Some(peer.key.role.as_str())
        })
}
