//! The fast road's wire (v1): handshake packets with fixed layouts, data packets with a short head and sealed frames.
//! Integers are big-endian. Every first byte has its top bit set, which no classic head has.
//!
//! # Packets
//!
//! | first byte | packet | bytes |
//! |---|---|---|
//! | `0x81` | INTRO: `head, nonce 16, zeros to 512 [, site mac 16]` | 512 or 528 |
//! | `0x82` | INTRO-RPY: `head, nonce 16, S 32, Ed 32, epoch u32, not_after u64, role, signature 64` | 170 to 233 |
//! | `0x83` | HELLO: `head, e 32, features 24, tlen u8, token 0 or 16, zeros to 304, mac1 16` | 320 |
//! | `0x84` | RETRY: `head, token 16, tag 16` | 44 |
//! | `0x85` | COOKIE: `head, e 32, sealed cookie 192` | 236 |
//! | `0x86` | INITIATE: `head, cookie 176, sealed key 48, sealed payload` | 316 to 1,148 |
//! | `0x87` | RESET: `head, random 4 to 32, token 16`, shorter than what provoked it | 32 to 60 |
//! | `0x88` | VERSIONS: `head, count u8, (version u8, suite u16) each, tag 16` | 29 to 77 |
//! | `0xc0` to `0xc3` | DATA: `0b110000ll, epoch u8, cid u64, packet number ll + 1, sealed frames, tag 16` | 28 and more |
//!
//! A handshake head is `kind u8, version u8 = 1, suite u16, cid u64`. The suite is 1 (`nacl`) or 2 (`aes-256-gcm`). RETRY
//! and VERSIONS end in a tag under the responder's public key and the Hello's mac: nobody who did not see the Hello can make
//! one. A role is `length u8, bytes`. The `nacl` nonce is `way u8 (1 to the responder, 2 to the initiator), first byte,
//! epoch, 5 zeros, cid u64, packet number u64`; GCM's is `way u8, 3 zeros, packet number u64` with the head as associated data.
//!
//! # Frames (numbers are varints)
//!
//! | type | frame |
//! |---|---|
//! | `0x00` `0x01` | PAD; PING |
//! | `0x02` `0x03` | ACK: `largest, delay us, runs, first run, (gap, run) each`; `0x03` ends in `ECT(0), ECT(1), CE` |
//! | `0x08` to `0x0f` | CHUNK: `message`; bit 1 (first) `kind, route, priority u8, total + 1`, else `offset`; bit 2 `length`; data; bit 0: the last |
//! | `0x1a` | MESSAGES: `first message, kind, route, priority u8, count u8`, at least one; `length, data` each: whole, ids rising by one |
//! | `0x10` `0x11` `0x12` | CREDIT: `bytes`; OPEN: `messages`; DROP: `message, bytes sent` |
//! | `0x13` `0x14` | REFUSE: `message, reason`; CLOSE: `code, text` |
//! | `0x15` `0x16` | PROBE and PROBED: 8 bytes |
//! | `0x17` | IDS: `first, retire, (cid u64, token 16) each` |
//! | `0x18` | DATAGRAM: bytes |
//! | `0x19` | WELCOME: `status u8, retry_after ms u32, cid u64, reset token 16, wall us i64, offers, parameters, role, Ed 32, epoch u32, binding 64, extras u8 [, successor 132] [, enrolment 32]` |
//! | `0x1b` | MORE: `message, bytes` |
//!
//! Kinds, routes, texts and lists are preceded by their length in bytes. Offers are `count u8, versions; count u8, suites u16`;
//! parameters `length, (id, value) each`, ids rising: 1 acknowledgement delay us, 2 keep-alive ms, 3 credit, 4 open, 5 largest
//! datagram.

pub mod ack;
pub mod cursor;
pub mod frame;
pub mod handshake;
#[cfg(test)]
mod handshake_tests;
pub mod head;
pub mod intro;
pub mod messages;
pub mod number;
pub mod packet;
pub mod payload;
pub mod varint;
pub mod welcome;

pub use ack::{Ack, Ecn};
pub use cursor::{Full, Reader, Writer};
pub use frame::{Chunk, Frame, Frames, Ids, Opening};
pub use handshake::{Cookie, Head, Hello, Initiate, Kind, Reset, Retry, Versions};
pub use head::DataHead;
pub use intro::{Intro, IntroReply};
pub use number::Truncated;
pub use packet::{Packet, is_fast};
pub use payload::{Enrolment, Initiation, Offers, Parameters};
pub use welcome::{Status, Successor, Welcome};

/// Why bytes are no packet or no frame: the guilty part, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, as a few words.
    pub what: &'static str,
    /// Offset in what was read.
    pub at: usize,
}

/// This wire's version, as handshake heads say it.
pub const VERSION: u8 = 1;

/// Shorthand for the many places that refuse something.
fn malformed<T>(what: &'static str, at: usize) -> Result<T, Malformed> {
    Err(Malformed { what, at })
}
