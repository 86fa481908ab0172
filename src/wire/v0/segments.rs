//! How a finished coat is cut into packets (wire v0 §2). Knows bytes only: when to send which is the messenger's.

use bytes::Bytes;

use super::kinds::{FootKind, HeadKind};
use super::{Head, fields, head_text, packet};
use crate::nacl::SigningKey;

/// Largest packet we send (wire v0 §1).
pub const PACKET_MAX: usize = 1024;
/// Bytes raet reserves for `sn`, `sc` and `ml` in a raet head, and in a json head (wire v0 §2).
const RESERVE_RAET: usize = 27;
const RESERVE_JSON: usize = 36;

/// A coat and where it is cut.
#[derive(Debug, Clone)]
pub struct Segments {
    head: Head,
    coat: Bytes,
    room: usize,
    count: u32,
}

impl Segments {
    /// Cuts `coat`: one packet when that fits 1024 bytes, else equal pieces and a rest.
    pub fn new(head: &Head, coat: Bytes) -> Self {
        let head = Head { sn: 0, sc: 1, ml: 0, segment: false, ..*head };
        if packet::len(&head, coat.len()) <= PACKET_MAX {
            let room = coat.len();
            return Self { head, coat, room, count: 1 };
        }
        let reserve = match head.head_kind {
            HeadKind::Raet => RESERVE_RAET,
            HeadKind::Json => RESERVE_JSON,
        };
        let foot = if head.foot == FootKind::Nacl { fields::FOOT } else { 0 };
        // The longest head has about 220 bytes, so there is always room.
        let room = PACKET_MAX.saturating_sub(head_text::len(&head) + reserve + foot).max(1);
        let count = coat.len().div_ceil(room) as u32;
        let head = Head { sc: count, ml: coat.len() as u32, segment: true, ..head };
        Self { head, coat, room, count }
    }

    /// How many packets it takes, at least 1.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the whole coat.
    pub fn coat_len(&self) -> usize {
        self.coat.len()
    }

    /// Head (without the flags [`write`](Self::write) sets) and slice of segment `i`; `None` past the last.
    pub fn head_and_slice(&self, i: u32) -> Option<(Head, &[u8])> {
        if i >= self.count {
            return None;
        }
        let start = i as usize * self.room;
        let end = self.coat.len().min(start + self.room);
        Some((Head { sn: i, ..self.head }, self.coat.get(start..end)?))
    }

    /// Appends segment `i` with the flags `(wait, again)`, signed anew; nothing, and false, past the last.
    pub fn write(&self, i: u32, (wait, again): (bool, bool), sign: Option<&SigningKey>, out: &mut Vec<u8>) -> bool {
        let Some((head, slice)) = self.head_and_slice(i) else { return false };
        packet::write(&Head { wait, again, ..head }, slice, sign, out);
        true
    }
}
