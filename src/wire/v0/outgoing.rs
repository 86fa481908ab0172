//! What may leave on the classic wire. raet 0.6.8 raises on much of what is not here, and in Salt that ends the process's
//! work for good (quirks §2), so nothing goes out that was not held against these rules. Reading is elsewhere: what we
//! take is another matter.

use super::kinds::{BodyKind, CoatKind, FootKind, PacketKind, TransactKind};
use super::msgpack::{
    Reader, Token, write_array, write_bin, write_float, write_map, write_raw, write_signed, write_unsigned,
};
use super::segments::PACKET_MAX;
use super::{Head, Malformed, allow, malformed, packet};
use crate::base::limits::BODY_DEPTH;

/// Who reads a body: what stops it is not the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A program on a bare raet road: binary is bytes to it.
    Raet,
    /// A daemon of Salt, or one of ours under such a name. Salt's under Python 2 packs what it has read a second time for its
    /// own processes, binary as text, and those raise where it is none.
    Salt,
}

/// Why a body cannot leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No body of this wire.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It holds bytes that are not UTF-8, where the reader would take them for text.
    #[error("bytes that are no text at byte {0}")]
    NotText(usize),
}

/// One container that is being passed through: what is still to come of it, keys and values counted singly.
#[derive(Clone, Copy, Default)]
struct Open {
    left: u64,
    is_map: bool,
}

/// `map` as 0.6.8 writes and reads it (wire v0 §1.4): one map, text as raw and never str8, numbers in the fewest bytes,
/// no extensions, no containers as keys, nothing behind it, nothing deeper than [`BODY_DEPTH`].
pub fn fit(map: &[u8], audience: Audience) -> Result<Vec<u8>, Unfit> {
    if !matches!(map.first(), Some(0x80..=0x8f | 0xde | 0xdf)) {
        return Err(Malformed { what: "body is no map", at: 0 }.into());
    }
    let mut reader = Reader::new(map);
    let mut out = Vec::with_capacity(map.len() + 16);
    let mut levels = [Open::default(); BODY_DEPTH];
    let mut depth = 0usize;
    loop {
        let at = reader.at();
        let around = depth.checked_sub(1).and_then(|level| levels.get_mut(level));
        let is_key = around.as_ref().is_some_and(|open| open.is_map && open.left % 2 == 0);
        if let Some(open) = around {
            open.left = open.left.saturating_sub(1);
        }
        let inside = match reader.token()? {
            Token::Array(_) | Token::Map(_) if is_key => return malformed_key(at),
            Token::Array(count) => {
                write_array(count as usize, &mut out);
                Some(Open { left: u64::from(count), is_map: false })
            }
            Token::Map(count) => {
                write_map(count as usize, &mut out);
                Some(Open { left: 2 * u64::from(count), is_map: true })
            }
            token => {
                write_scalar(token, audience, at, &mut out)?;
                None
            }
        };
        if let Some(open) = inside {
            match levels.get_mut(depth) {
                Some(level) => *level = open,
                None => return Err(Malformed { what: "body too deep", at }.into()),
            }
            depth += 1;
        }
        while let Some(level) = depth.checked_sub(1).filter(|level| levels.get(*level).is_none_or(|l| l.left == 0)) {
            depth = level;
        }
        if depth == 0 {
            break;
        }
    }
    if !reader.is_empty() {
        return Err(Malformed { what: "bytes behind the body", at: reader.at() }.into());
    }
    Ok(out)
}

fn malformed_key(at: usize) -> Result<Vec<u8>, Unfit> {
    // A dict takes no list and no dict for a key.
    Err(Malformed { what: "key is no plain value", at }.into())
}

fn write_scalar(token: Token<'_>, audience: Audience, at: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match token {
        Token::Nil => out.push(0xc0),
        Token::Bool(yes) => out.push(if yes { 0xc3 } else { 0xc2 }),
        Token::Unsigned(number) => write_unsigned(number, out),
        Token::Negative(number) => write_signed(number, out),
        Token::Float(number) => write_float(number, out),
        Token::Raw(text) if std::str::from_utf8(text).is_ok() => write_raw(text, out),
        Token::Raw(_) => return Err(Unfit::NotText(at)),
        Token::Bin(bytes) => match audience {
            Audience::Raet => write_bin(bytes, out),
            // What is text is sent as text: the second packing would do the same.
            Audience::Salt if std::str::from_utf8(bytes).is_ok() => write_raw(bytes, out),
            Audience::Salt => return Err(Unfit::NotText(at)),
        },
        // raet reads them with whatever application is around, and raises on those below zero.
        Token::Ext => return Err(Malformed { what: "an extension", at }.into()),
        Token::Array(_) | Token::Map(_) => return Err(Malformed { what: "a container", at }.into()),
    }
    Ok(())
}

/// Whether a packet with this head and this coat may leave: the combinations that 0.6.8 takes, and no others.
pub fn check(head: &Head, coat: &[u8]) -> Result<(), Malformed> {
    if packet::len(head, coat.len()) > PACKET_MAX {
        return malformed("packet too long", PACKET_MAX);
    }
    if head.broadcast {
        return malformed("a broadcast", 0);
    }
    if head.sc == 0 || (head.packet == PacketKind::Message && head.sn >= head.sc) {
        return malformed("segment number outside its count", 0);
    }
    if head.transact == TransactKind::Join {
        return check_join(head, coat);
    }
    if head.si == 0 || head.se == 0 || head.de == 0 {
        // 0.6.8 looks such a packet's estate up by nothing, and raises.
        return malformed("a session without its estates", 0);
    }
    if head.foot != FootKind::Nacl {
        return malformed("unsigned", 0);
    }
    let is_map = matches!(head.body, BodyKind::Json | BodyKind::Msgpack);
    match (head.transact, head.packet) {
        (TransactKind::Allow, PacketKind::Hello) => sized(head, coat, allow::HELLO),
        (TransactKind::Allow, PacketKind::Cookie) => sized(head, coat, allow::COOKIE),
        (TransactKind::Allow, PacketKind::Initiate) => sized(head, coat, allow::INITIATE),
        (TransactKind::Message, PacketKind::Message) => match head.coat {
            CoatKind::Nacl if is_map => Ok(()),
            _ => malformed("a message in clear or of no map", 0),
        },
        // Numbers, and in clear: a box under keys that 0.6.8 has thrown away meanwhile raises.
        (TransactKind::Message, PacketKind::Resend) => match head.coat {
            CoatKind::Nada if is_map && !coat.is_empty() => Ok(()),
            _ => malformed("a sealed request for segments, or of none", 0),
        },
        // Everything else says all it has to say in its head; a body here raises (wire v0 §4.4).
        _ if coat.is_empty() => Ok(()),
        _ => malformed("a body where there is none", 0),
    }
}

fn check_join(head: &Head, coat: &[u8]) -> Result<(), Malformed> {
    if head.si != 0 || head.coat != CoatKind::Nada || head.foot != FootKind::Nada {
        return malformed("a join in a session, covered or signed", 0);
    }
    let has_body = matches!(head.packet, PacketKind::Request | PacketKind::Response);
    let is_map = matches!(head.body, BodyKind::Json | BodyKind::Msgpack);
    if has_body == coat.is_empty() || (has_body && !is_map) {
        return malformed("a join without its body, or with one too many", 0);
    }
    Ok(())
}

fn sized(head: &Head, coat: &[u8], size: usize) -> Result<(), Malformed> {
    if coat.len() != size || head.body != BodyKind::Raw || head.coat != CoatKind::Nada {
        return malformed("a handshake step of a wrong size or kind", 0);
    }
    Ok(())
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
