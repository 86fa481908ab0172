//! A session's packet keys: one chain per direction, an epoch at a time (handshake v1 "Keys").
//!
//! `key_n = HKDF(ts_n, "key")`, `ts_{n+1} = HKDF(ts_n, "upd")`. A side moves its own direction on by itself, once the peer
//! has acknowledged a packet of the present epoch; the other side follows when a packet opens under the next key. Packet
//! numbers go on across epochs. A packet that does not open changes nothing but a count of forgeries.

use std::fmt;
use std::time::Duration;

use super::Seen;
use crate::base::Time;
use crate::nacl::seal::TAG;
use crate::nacl::{Direction, Record, RecordKey, Secret, Suite};
use crate::wire::v1::number::LAST;
use crate::wire::v1::{DataHead, Malformed, Truncated};

/// Both directions' keys of one session. Redacted in `Debug`, wiped on drop.
pub struct Keys {
    suite: Suite,
    direction: Direction,
    bounds: Bounds,
    send: Sending,
    receive: Receiving,
}

/// When a sender moves to the next epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// After so many packets.
    pub packets: u64,
    /// After so many bytes.
    pub bytes: u64,
    /// After so long.
    pub age: Duration,
}

/// An opened packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Its whole number.
    pub number: u64,
    /// Its frames, in the datagram's own bytes.
    pub frames: &'a [u8],
}

/// Why a packet was not opened. The session goes on, except after [`Refused::Spent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No data packet.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Taken before, or too old to know.
    #[error("the packet was taken before")]
    Replayed,
    /// Neither this epoch, nor the next, nor the one that just ended.
    #[error("the packet is of another epoch")]
    Epoch,
    /// Does not authenticate.
    #[error("the packet does not authenticate")]
    Forged,
    /// Too many forgeries under one key, or no packet numbers left: the session has to end.
    #[error("the session's keys are spent")]
    Spent,
}

/// No packet may be sealed any more, or the buffer has no room for head, frames and tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet cannot be sealed")]
pub struct Unsealed;

struct Sending {
    epoch: u64,
    key: RecordKey,
    /// The chain's secret of the next epoch.
    next: Secret,
    packets: u64,
    bytes: u64,
    since: Time,
    /// The first packet number of this epoch, once it has one.
    first: Option<u64>,
    /// The peer has acknowledged a packet of this epoch: it has these keys.
    is_known: bool,
}

struct Receiving {
    epoch: u64,
    key: RecordKey,
    /// The chain's secret of the next epoch. Its key is made when a packet asks for it: the epoch stands in clear, so there
    /// is nothing to hide in timing (unlike RFC 9001 §6.3), and expanded keys are most of an idle session's memory.
    next: Secret,
    previous: Option<Box<(RecordKey, Time)>>,
    forgeries: u64,
}

/// Handshake v1 "Keys": 2^24 packets, 16 GiB or 10 minutes.
pub const BOUNDS: Bounds = Bounds { packets: 1 << 24, bytes: 16 << 30, age: Duration::from_secs(600) };
/// Failed openings under one key after which it is given up.
pub const FORGERIES: u64 = 1 << 36;
/// The previous epoch's packets are taken for so many probe timeouts.
const PREVIOUS: u32 = 3;

impl Keys {
    /// From the traffic secrets of a finished handshake; `direction` is the way we send.
    pub fn new(suite: Suite, direction: Direction, send: &Secret, receive: &Secret, now: Time) -> Self {
        Self {
            suite,
            direction,
            bounds: BOUNDS,
            send: Sending {
                epoch: 0,
                key: record_key(suite, send),
                next: send.expand(UPDATE),
                packets: 0,
                bytes: 0,
                since: now,
                first: None,
                is_known: false,
            },
            receive: Receiving {
                epoch: 0,
                key: record_key(suite, receive),
                next: receive.expand(UPDATE),
                previous: None,
                forgeries: 0,
            },
        }
    }

    /// The same keys with other bounds of an epoch.
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The suite both sides use.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The epochs we send in and receive in.
    pub fn epochs(&self) -> (u64, u64) {
        (self.send.epoch, self.receive.epoch)
    }

    /// The head of the next packet to the session `cid`; moves on to the next epoch when it is time.
    pub fn head(&mut self, now: Time, cid: u64, number: u64, acked: Option<u64>) -> DataHead {
        if self.send.is_known && self.send.is_due(now, self.bounds) {
            self.send.turn(self.suite, now);
        }
        DataHead { epoch: self.send.epoch as u8, cid, number: Truncated::new(number, acked) }
    }

    /// Seals a packet in place: `head | frames | room for the tag`. The caller never gives a number twice.
    pub fn seal(&mut self, head: &DataHead, number: u64, packet: &mut [u8]) -> Result<(), Unsealed> {
        if number >= LAST || head.epoch != self.send.epoch as u8 {
            return Err(Unsealed);
        }
        let size = packet.len();
        let (start, rest) = packet.split_at_mut_checked(head.size()).ok_or(Unsealed)?;
        let (frames, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Unsealed)?;
        let record = record(self.direction, head, number);
        *tag = self.send.key.seal(&record, start, frames).ok_or(Unsealed)?;
        self.send.packets += 1;
        self.send.bytes = self.send.bytes.saturating_add(size as u64);
        self.send.first.get_or_insert(number);
        Ok(())
    }

    /// Opens a datagram in place and takes its number. `timeout` is the session's probe timeout (PTO).
    pub fn open<'a>(
        &mut self,
        now: Time,
        timeout: Duration,
        seen: &mut Seen,
        datagram: &'a mut [u8],
    ) -> Result<Opened<'a>, Refused> {
        let head = DataHead::read(datagram)?;
        let number = head.number.expand(seen.largest());
        if number >= LAST || self.receive.forgeries >= FORGERIES {
            return Err(Refused::Spent);
        }
        if !seen.is_new(number) {
            return Err(Refused::Replayed);
        }
        let at = datagram.len();
        let short = Malformed { what: "length of a data packet", at };
        let (start, rest) = datagram.split_at_mut_checked(head.size()).ok_or(short)?;
        let (frames, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(short)?;
        let record = record(self.direction.back(), &head, number);
        let fresh = self.receive.is_next(head.epoch).then(|| record_key(self.suite, &self.receive.next));
        let Some(key) = fresh.as_ref().or_else(|| self.receive.key(head.epoch, now)) else {
            return Err(Refused::Epoch);
        };
        if key.open(&record, start, frames, tag).is_err() {
            self.receive.forgeries += 1;
            return Err(Refused::Forged);
        }
        if let Some(key) = fresh {
            self.receive.turn(key, now + timeout * PREVIOUS);
        }
        seen.admit(number);
        Ok(Opened { number, frames })
    }

    /// The peer has acknowledged `number`.
    pub fn on_acked(&mut self, number: u64) {
        if self.send.first.is_some_and(|first| number >= first) {
            self.send.is_known = true;
        }
    }

    /// Wipes the previous epoch's key when its time is over; says when that will be.
    pub fn on_timeout(&mut self, now: Time) -> Option<Time> {
        self.receive.previous.take_if(|previous| previous.1 <= now);
        self.receive.previous.as_ref().map(|previous| previous.1)
    }

    /// Gives back what keys at work take; what is left is what they are made of.
    pub fn rest(&mut self) {
        self.send.key.rest();
        self.receive.key.rest();
    }

    /// Packets that did not open under the present key.
    pub fn forgeries(&self) -> u64 {
        self.receive.forgeries
    }
}

impl Sending {
    fn is_due(&self, now: Time, bounds: Bounds) -> bool {
        self.packets >= bounds.packets || self.bytes >= bounds.bytes || now.since(self.since) >= bounds.age
    }

    fn turn(&mut self, suite: Suite, now: Time) {
        self.key = record_key(suite, &self.next);
        self.next = self.next.expand(UPDATE);
        (self.epoch, self.packets, self.bytes, self.since) = (self.epoch + 1, 0, 0, now);
        (self.first, self.is_known) = (None, false);
    }
}

impl Receiving {
    fn is_next(&self, octet: u8) -> bool {
        octet.wrapping_sub(self.epoch as u8) == 1
    }

    /// The key of an epoch octet, of this epoch and the one before.
    fn key(&self, octet: u8, now: Time) -> Option<&RecordKey> {
        match octet.wrapping_sub(self.epoch as u8) {
            0 => Some(&self.key),
            u8::MAX => self.previous.as_ref().filter(|previous| now < previous.1).map(|previous| &previous.0),
            _ => None,
        }
    }

    fn turn(&mut self, key: RecordKey, until: Time) {
        let previous = std::mem::replace(&mut self.key, key);
        self.next = self.next.expand(UPDATE);
        self.previous = Some(Box::new((previous, until)));
        (self.epoch, self.forgeries) = (self.epoch + 1, 0);
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?}, epochs {:?})", self.suite, self.epochs())
    }
}

fn record(direction: Direction, head: &DataHead, number: u64) -> Record {
    Record { direction, first: head.first(), epoch: head.epoch, cid: head.cid, number }
}

fn record_key(suite: Suite, secret: &Secret) -> RecordKey {
    RecordKey::new(suite, &secret.expand(KEY))
}

const KEY: &[u8] = b"key";
const UPDATE: &[u8] = b"upd";

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
