//! Writes a head of either kind in raet's order (wire v0 §1.1 "emission rule"). No allocation but the caller's buffer.

use super::Head;
use super::fields::{FOOT, HEAD_MAX, flags};
use super::kinds::{FootKind, HeadKind};

/// `ri RAET\npl 0000\nhl 00\nfg 00\n` without its values' digits varying in number.
const LINES_FIXED: usize = 28;
/// `{"ri":"RAET","pl":"0000000","hl":"00","fg":"00"`.
const JSON_FIXED: usize = 47;
/// `\n` after the last line's own, or `}` and two line ends.
const LINES_END: &[u8] = b"\n";
const JSON_END: &[u8] = b"}\r\n\r\n";

/// Bytes the head will have.
pub(super) fn len(head: &Head) -> usize {
    fixed(head.head_kind) + Tail::of(head).len
}

/// Appends the head of a packet with a coat of `coat_len` bytes, which must leave the packet under 64 KiB.
pub(super) fn write(head: &Head, coat_len: usize, out: &mut Vec<u8>) {
    let tail = Tail::of(head);
    let head_len = fixed(head.head_kind) + tail.len;
    let packet_len = head_len + coat_len + if head.foot == FootKind::Nacl { FOOT } else { 0 };
    let (head_len, packet_len) = (head_len as u32, packet_len as u32);
    let mut front = Tail::new();
    match head.head_kind {
        HeadKind::Raet => {
            front.text(b"ri RAET\npl ");
            front.hex_fixed(packet_len, 4);
            front.text(b"\nhl ");
            front.hex_fixed(head_len, 2);
            front.text(b"\nfg ");
            front.hex_fixed(flags(head), 2);
            front.text(b"\n");
        }
        HeadKind::Json => {
            front.text(b"{\"ri\":\"RAET\",\"pl\":\"");
            front.hex_fixed(packet_len, 7);
            front.text(b"\",\"hl\":\"");
            front.hex_fixed(head_len, 2);
            front.text(b"\",\"fg\":\"");
            front.hex_fixed(flags(head), 2);
            front.text(b"\"");
        }
    }
    out.extend_from_slice(front.bytes());
    out.extend_from_slice(tail.bytes());
}

fn fixed(kind: HeadKind) -> usize {
    match kind {
        HeadKind::Raet => LINES_FIXED,
        HeadKind::Json => JSON_FIXED,
    }
}

/// A little text on the stack; the longest legal head fits.
struct Tail {
    room: [u8; HEAD_MAX],
    len: usize,
}

impl Tail {
    fn new() -> Self {
        Self { room: [0; HEAD_MAX], len: 0 }
    }

    /// Everything behind `fg`: fields that differ from their default, in the table's order.
    fn of(head: &Head) -> Self {
        let mut tail = Self::new();
        let json = head.head_kind == HeadKind::Json;
        let foot = if head.foot == FootKind::Nacl { FOOT as u32 } else { 0 };
        let fields = [
            (b"pk", head.packet.number(), 0),
            (b"hk", head.head_kind.number(), 0),
            (b"se", head.se, 0),
            (b"de", head.de, 0),
            (b"si", head.si, 0),
            (b"ti", head.ti, 0),
            (b"tk", head.transact.number(), 0),
            (b"sn", head.sn, 0),
            (b"sc", head.sc, 1),
            (b"ml", head.ml, 0),
            (b"bk", head.body.number(), 0),
            (b"ck", head.coat.number(), 0),
            (b"fk", head.foot.number(), 0),
            (b"fl", foot, 0),
        ];
        for (key, number, default) in fields {
            if number == default {
                continue;
            }
            if json {
                tail.text(b",\"");
                tail.text(key);
                tail.text(b"\":");
                tail.decimal(number);
            } else {
                tail.text(key);
                tail.byte(b' ');
                tail.hex(number);
                tail.byte(b'\n');
            }
        }
        tail.text(if json { JSON_END } else { LINES_END });
        tail
    }

    fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.room.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Some(place) = self.room.get_mut(self.len..self.len + text.len()) {
            place.copy_from_slice(text);
            self.len += text.len();
        }
    }

    fn hex(&mut self, number: u32) {
        self.hex_fixed(number, (u32::BITS - (number | 1).leading_zeros()).div_ceil(4));
    }

    fn hex_fixed(&mut self, number: u32, digits: u32) {
        for place in (0..digits).rev() {
            let digit = (number >> (4 * place) & 0xf) as u8;
            self.byte(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
        }
    }

    fn decimal(&mut self, number: u32) {
        if number >= 10 {
            self.decimal(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }
}
