//! What is remembered of a packet that was sent, and what one may carry: plain values, no rules.

use crate::base::Time;

/// What a packet carried that must arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carried {
    /// A piece of a message.
    Chunk {
        /// Its message.
        message: u64,
        /// Where it begins, bytes.
        offset: u64,
        /// Bytes.
        len: u32,
        /// Whether it ends its message.
        fin: bool,
    },
    /// Complete messages of one chunk each, with consecutive ids.
    Wholes {
        /// The lowest id.
        first: u64,
        /// How many.
        count: u32,
    },
    /// Our grant of bytes; the newest value is sent again.
    Credit,
    /// Our grant of messages; the newest value is sent again.
    Open,
    /// We gave a message up.
    Drop(u64),
    /// We refuse a message.
    Refuse(u64),
    /// Our grant of a stream's bytes; the newest value is sent again.
    More(u64),
    /// A message of a renewal of keys.
    Renewal,
    /// Session ids of ours with numbers below this.
    Ids(u64),
    /// The responder's welcome.
    Welcome,
    /// A challenge to a path.
    Probe,
    /// Nothing but a wish for an answer.
    Ping,
    /// Our acknowledgement; once it has arrived, what lies at or below `largest` need not be said again.
    Ack {
        /// The frame's largest number.
        largest: u64,
    },
}

/// What the session knows of a packet it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// Bytes of the datagram.
    pub size: u32,
    /// The peer will acknowledge it.
    pub is_eliciting: bool,
    /// It counts against the window (RFC 9002 §2: eliciting or padded).
    pub is_in_flight: bool,
    /// It only tries a size; its loss is no sign of congestion.
    pub is_mtu_probe: bool,
    /// It goes out as ECT(0).
    pub is_ect: bool,
    /// The sender had nothing more to send though the window had room, just before this packet.
    pub is_app_limited: bool,
}

/// A packet's place in life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Sent, counted, not heard of.
    Flight,
    /// Sent, but neither counted nor ever lost: acknowledgements alone.
    Idle,
    /// Declared lost; remembered for a while, should it be acknowledged after all.
    Lost,
    /// Acknowledged.
    Acked,
}

/// One packet: one cache line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) sent: Time,
    pub(super) stamp: Stamp,
    /// Once acknowledged: every number from here up to this packet is acknowledged too.
    pub(super) below: u64,
    /// Index of the first thing it carried; the next packet's is the end.
    pub(super) carried: u32,
    /// Bytes in flight with this packet; more than 4 GB are told as 4 GB.
    pub(super) in_flight: u32,
    pub(super) size: u16,
    pub(super) state: State,
    pub(super) is_eliciting: bool,
    pub(super) is_mtu_probe: bool,
    pub(super) is_ect: bool,
    pub(super) is_app_limited: bool,
}

/// The delivery-rate sampler's state when a packet left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    pub(super) delivered: u64,
    pub(super) delivered_at: Time,
    pub(super) first_sent: Time,
    pub(super) lost: u64,
}

impl Packet {
    /// As it leaves; the ring knows what it carries.
    pub(super) fn new(number: u64, now: Time, meta: Meta, stamp: Stamp) -> Self {
        Self {
            sent: now,
            stamp,
            below: number,
            carried: 0,
            in_flight: 0,
            // No datagram is larger.
            size: u16::try_from(meta.size).unwrap_or(u16::MAX),
            state: if meta.is_in_flight { State::Flight } else { State::Idle },
            is_eliciting: meta.is_eliciting,
            is_mtu_probe: meta.is_mtu_probe,
            is_ect: meta.is_ect,
            is_app_limited: false,
        }
    }
}
