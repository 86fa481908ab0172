//! What a road counts: packets and messages each way, and every drop by its reason.

use std::collections::BTreeMap;

/// Why a datagram was dropped without an answer, or with no more than a nack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drop {
    /// No legal packet.
    Malformed,
    /// Broadcast, or kinds that do not belong together.
    Unsupported,
    /// No estate has this number.
    Unknown,
    /// Not signed where it must be, or the signature is not the estate's.
    Unsigned,
    /// In clear where it must be boxed, or the box does not open.
    Unsealed,
    /// Of an old session, or of a transaction that has ended.
    Stale,
    /// A join that breaks the rules for names, keys or fields.
    BadJoin,
    /// A handshake step whose boxes, keys or cookie are wrong.
    BadAllow,
    /// Too many pending keys, estates, messages or outputs.
    Full,
    /// Came twice.
    Duplicate,
    /// Ours, and nothing a raet 0.6.8 could take: it was not sent.
    Unfit,
}

/// Counters since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams taken in.
    pub datagrams_in: u64,
    /// Datagrams given out.
    pub datagrams_out: u64,
    /// Bytes taken in.
    pub bytes_in: u64,
    /// Bytes given out.
    pub bytes_out: u64,
    /// Messages delivered to us.
    pub messages_in: u64,
    /// Messages confirmed by the far side.
    pub messages_out: u64,
    /// Packets sent again.
    pub redone: u64,
    /// Drops by reason.
    pub drops: BTreeMap<Drop, u64>,
}

impl Stats {
    /// Counts one drop.
    pub(crate) fn drop(&mut self, why: Drop) {
        *self.drops.entry(why).or_default() += 1;
    }
}
