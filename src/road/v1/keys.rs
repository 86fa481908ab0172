//! A session's packet keys: one chain per direction, an epoch at a time (handshake v1 "Keys").
//!
//! `key_n = HKDF(ts_n, "key")`, `ts_{n+1} = HKDF(ts_n, "upd")`. A side moves its own direction on by itself, once the peer
//! has acknowledged a packet of the present epoch; the other side follows when a packet opens under the next key. Packet
//! numbers go on across epochs. A packet that does not open changes nothing but a count of forgeries.
//!
//! A renewal mixes fresh secrets into both chains at the next turn of each. Whoever receives need not know which turn that
//! is: of a new epoch it tries the mixed key before the plain one.

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
    /// Fresh secrets on their way into the chains; absent between renewals.
    fresh: Option<Box<Fresh>>,
}

/// What a renewal brought and has not been mixed in yet.
struct Fresh {
    /// Into ours, at once.
    send: Option<Secret>,
    /// Into ours, once the peer has shown that it has it.
    later: Option<Secret>,
    /// Into the peer's.
    receive: Option<Secret>,
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
            fresh: None,
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
        let is_fresh = self.fresh.as_ref().is_some_and(|fresh| fresh.send.is_some());
        if self.send.is_known && (is_fresh || self.send.is_due(now, self.bounds)) {
            let fresh = self.fresh.as_mut().and_then(|fresh| fresh.send.take());
            self.send.turn(self.suite, now, fresh.as_ref());
            self.settle();
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
        if self.receive.is_next(head.epoch) && self.opens_fresh(now + timeout * PREVIOUS, &record, start, frames, tag) {
            seen.admit(number);
            return Ok(Opened { number, frames });
        }
        let fresh = self.receive.is_next(head.epoch).then(|| record_key(self.suite, &self.receive.next));
        let Some(key) = fresh.as_ref().or_else(|| self.receive.key(head.epoch, now)) else {
            return Err(Refused::Epoch);
        };
        if key.open(&record, start, frames, tag).is_err() {
            self.receive.forgeries += 1;
            return Err(Refused::Forged);
        }
        if let Some(key) = fresh {
            let next = self.receive.next.expand(UPDATE);
            self.receive.turn(key, next, now + timeout * PREVIOUS);
        }
        seen.admit(number);
        Ok(Opened { number, frames })
    }

    /// Fresh secrets for both chains. `is_ready`: the peer has them already; otherwise ours waits until a packet of the
    /// peer's shows it.
    pub fn renew(&mut self, send: Secret, receive: Secret, is_ready: bool) {
        let (send, later) = if is_ready { (Some(send), None) } else { (None, Some(send)) };
        self.fresh = Some(Box::new(Fresh { send, later, receive: Some(receive) }));
    }

    /// Whether a renewal's secrets are not in both chains yet.
    pub fn is_renewing(&self) -> bool {
        self.fresh.is_some()
    }

    /// Tries a packet of the next epoch with the mixed key; it is as it was when that is not the one.
    fn opens_fresh(&mut self, until: Time, record: &Record, head: &[u8], frames: &mut [u8], tag: &[u8; TAG]) -> bool {
        let Some(fresh) = self.fresh.as_mut().and_then(|fresh| fresh.receive.as_ref()) else { return false };
        let mixed = mix(&self.receive.next, fresh);
        let key = record_key(self.suite, &mixed);
        // A failed try spoils what it works on.
        let sealed = frames.to_vec();
        if key.open(record, head, frames, tag).is_err() {
            frames.copy_from_slice(&sealed);
            return false;
        }
        self.receive.turn(key, mixed.expand(UPDATE), until);
        if let Some(fresh) = &mut self.fresh {
            fresh.receive = None;
            fresh.send = fresh.later.take().or_else(|| fresh.send.take());
        }
        self.settle();
        true
    }

    /// Forgets a renewal that is in both chains.
    fn settle(&mut self) {
        let is_over = |fresh: &mut Box<Fresh>| fresh.send.is_none() && fresh.later.is_none() && fresh.receive.is_none();
        self.fresh.take_if(is_over);
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

    fn turn(&mut self, suite: Suite, now: Time, fresh: Option<&Secret>) {
        let secret = fresh.map_or_else(|| self.next.clone(), |fresh| mix(&self.next, fresh));
        self.key = record_key(suite, &secret);
        self.next = secret.expand(UPDATE);
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

    fn turn(&mut self, key: RecordKey, next: Secret, until: Time) {
        let previous = std::mem::replace(&mut self.key, key);
        self.next = next;
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

/// The chain's secret with fresh ones mixed in: neither alone is enough.
fn mix(chain: &Secret, fresh: &Secret) -> Secret {
    Secret::from_bytes(chain.hmac(&[b"mix", fresh.bytes()]))
}

const KEY: &[u8] = b"key";
const UPDATE: &[u8] = b"upd";

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
