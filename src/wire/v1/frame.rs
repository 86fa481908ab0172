//! What is inside a data packet: frames, one after the other. Reading borrows from the packet and allocates nothing;
//! an unknown frame type ends the reading, for its length is not known.

use std::fmt;

use super::ack::Ack;
use super::{Full, Malformed, Reader, Writer, malformed};

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// So many bytes of nothing.
    Pad(usize),
    /// Asks for an acknowledgement.
    Ping,
    /// What arrived.
    Ack(Ack<'a>),
    /// A piece of a message.
    Chunk(Chunk<'a>),
    /// Bytes the peer may have sent in this session, in all.
    Credit(u64),
    /// Message ids below this may be opened.
    Open(u64),
    /// The sender gives a message up.
    Drop {
        /// Which.
        message: u64,
        /// Bytes of its body that were sent, received or not: both sides count the same credit.
        end: u64,
    },
    /// The receiver will not take a message.
    Refuse {
        /// Which.
        message: u64,
        /// Why.
        reason: u64,
    },
    /// The session ends.
    Close {
        /// Why, as a number.
        code: u64,
        /// Why, in words; at most [`REASON_MAX`] bytes.
        reason: &'a str,
    },
    /// Is this path there?
    Probe([u8; 8]),
    /// It is.
    Probed([u8; 8]),
    /// Fresh session ids.
    Ids(Ids<'a>),
    /// Unreliable: presence and metrics.
    Datagram(&'a [u8]),
    /// The responder's answer to an Initiate; its body is [`super::Welcome`].
    Welcome(&'a [u8]),
    /// Bytes of a stream the peer may have sent, in all.
    More {
        /// Which.
        message: u64,
        /// Its offsets below this.
        below: u64,
    },
    /// A question for fresh keys.
    Renew {
        /// The number of this renewal.
        turn: u64,
        /// A message of the renewal's handshake.
        body: [u8; 48],
    },
    /// The answer to [`Frame::Renew`].
    Renewed {
        /// The number of this renewal.
        turn: u64,
        /// A message of the renewal's handshake.
        body: [u8; 48],
    },
}

/// A piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The message's id, of its sender.
    pub message: u64,
    /// Where the piece lies in the body.
    pub offset: u64,
    /// Whether the body ends with it.
    pub fin: bool,
    /// What the message is; at offset 0 and only there.
    pub opening: Option<Opening<'a>>,
    /// The piece.
    pub data: &'a [u8],
}

/// What a message is, said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The message's kind; at most [`KIND_MAX`] bytes.
    pub kind: &'a str,
    /// Its route, for the application; at most [`ROUTE_MAX`] bytes.
    pub route: &'a [u8],
    /// 0 goes first.
    pub priority: u8,
    /// Bytes of the whole body, if known.
    pub total: Option<u64>,
}

/// Session ids the sender will answer to, numbered from `first`. Its `Debug` leaves the ids and tokens out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ids<'a> {
    /// The number of the first of them.
    pub first: u64,
    /// Ids with lower numbers are to be used no more.
    pub retire: u64,
    list: &'a [u8],
}

/// The frames of a packet; ends after the first one that is malformed.
#[derive(Debug, Clone)]
pub struct Frames<'a>(Reader<'a>);

/// Longest kind of a message.
pub const KIND_MAX: usize = 255;
/// Longest route: six names and their lengths.
pub const ROUTE_MAX: usize = 512;
/// Longest reason of a close.
pub const REASON_MAX: usize = 255;
/// Most session ids in one frame.
pub const IDS_MAX: usize = 8;
/// Longest body of a WELCOME.
pub const WELCOME_MAX: usize = 1024;
/// The largest offset a body may reach: what a varint holds.
const END_MAX: u64 = super::varint::MAX;
const ID: usize = 24;

const PAD: u8 = 0x00;
const PING: u8 = 0x01;
pub(super) const ACK: u8 = 0x02;
pub(super) const ACK_ECN: u8 = 0x03;
const CHUNK: u8 = 0x08;
const CHUNK_END: u8 = 0x0f;
/// The body ends here.
const FIN: u8 = 1;
/// Offset 0, and the opening follows.
const FIRST: u8 = 2;
/// A length follows; without it the piece fills the packet.
const SIZED: u8 = 4;
const CREDIT: u8 = 0x10;
const OPEN: u8 = 0x11;
const DROP: u8 = 0x12;
const REFUSE: u8 = 0x13;
const CLOSE: u8 = 0x14;
const PROBE: u8 = 0x15;
const PROBED: u8 = 0x16;
const IDS: u8 = 0x17;
const DATAGRAM: u8 = 0x18;
const WELCOME: u8 = 0x19;
const MORE: u8 = 0x1b;
const RENEW: u8 = 0x1c;
const RENEWED: u8 = 0x1d;

impl<'a> Frame<'a> {
    /// Whether a packet with this frame is to be acknowledged (RFC 9000 §13.2.1).
    pub fn is_eliciting(&self) -> bool {
        !matches!(self, Self::Pad(_) | Self::Ack(_) | Self::Close { .. })
    }

    /// Whether an Initiate may carry it: heard twice, it does no harm.
    pub fn is_idempotent(&self) -> bool {
        matches!(self, Self::Pad(_) | Self::Ping | Self::Datagram(_))
    }

    /// Writes the frame; a chunk with its length.
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        out.whole(|out| match *self {
            Self::Pad(n) => out.zeros(n),
            Self::Ping => out.u8(PING),
            Self::Ack(ack) => ack.write(out),
            Self::Chunk(chunk) => chunk.put(out, true),
            Self::Credit(n) => numbers(out, CREDIT, &[n]),
            Self::Open(n) => numbers(out, OPEN, &[n]),
            Self::Drop { message, end } => numbers(out, DROP, &[message, end]),
            Self::Refuse { message, reason } => numbers(out, REFUSE, &[message, reason]),
            Self::Close { code, reason } => {
                numbers(out, CLOSE, &[code])?;
                bounded(out, reason.as_bytes(), REASON_MAX)
            }
            Self::Probe(token) => token8(out, PROBE, &token),
            Self::Probed(token) => token8(out, PROBED, &token),
            Self::Ids(ids) => {
                numbers(out, IDS, &[ids.first, ids.retire])?;
                bounded(out, ids.list, IDS_MAX * ID)
            }
            Self::Datagram(data) => {
                out.u8(DATAGRAM)?;
                out.sized(data)
            }
            Self::Welcome(body) => {
                out.u8(WELCOME)?;
                bounded(out, body, WELCOME_MAX)
            }
            Self::More { message, below } => numbers(out, MORE, &[message, below]),
            Self::Renew { turn, body } => numbers(out, RENEW, &[turn]).and_then(|()| out.put(&body)),
            Self::Renewed { turn, body } => numbers(out, RENEWED, &[turn]).and_then(|()| out.put(&body)),
        })
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let at = reader.at();
        Ok(match reader.u8("frame")? {
            PAD => {
                let zeros = reader.rest().iter().take_while(|byte| **byte == PAD).count();
                reader.take(zeros, "padding")?;
                Self::Pad(zeros + 1)
            }
            PING => Self::Ping,
            ACK => Self::Ack(Ack::read(reader, false)?),
            ACK_ECN => Self::Ack(Ack::read(reader, true)?),
            kind @ CHUNK..=CHUNK_END => Self::Chunk(Chunk::read(reader, kind)?),
            CREDIT => Self::Credit(reader.varint("credit")?),
            OPEN => Self::Open(reader.varint("open")?),
            DROP => Self::Drop { message: reader.varint("message id")?, end: reader.varint("end")? },
            REFUSE => Self::Refuse { message: reader.varint("message id")?, reason: reader.varint("reason")? },
            CLOSE => {
                let code = reader.varint("close code")?;
                Self::Close { code, reason: text(reader, REASON_MAX, "close reason")? }
            }
            PROBE => Self::Probe(reader.array("probe")?),
            PROBED => Self::Probed(reader.array("probe")?),
            IDS => Self::Ids(Ids::read(reader)?),
            DATAGRAM => {
                let all = reader.rest().len();
                Self::Datagram(reader.sized(all, "datagram")?)
            }
            WELCOME => Self::Welcome(reader.sized(WELCOME_MAX, "welcome")?),
            RENEW => Self::Renew { turn: reader.varint("turn")?, body: reader.array("renewal")? },
            RENEWED => Self::Renewed { turn: reader.varint("turn")?, body: reader.array("renewal")? },
            MORE => Self::More { message: reader.varint("message id")?, below: reader.varint("offset")? },
            _ => return malformed("unknown frame", at),
        })
    }
}

impl<'a> Chunk<'a> {
    /// Writes the chunk as the packet's last frame: without its length, so nothing may follow.
    pub fn write_last(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        out.whole(|out| self.put(out, false))
    }

    /// Bytes before the data, with a length of up to `data` bytes.
    pub fn overhead(&self, data: usize) -> usize {
        let opening = self.opening.map_or(0, |opening| opening.size());
        let offset = if self.opening.is_some() { 0 } else { super::varint::size(self.offset) };
        1 + super::varint::size(self.message) + offset + opening + super::varint::size(data as u64)
    }

    fn put(&self, out: &mut Writer<'_>, is_sized: bool) -> Result<(), Full> {
        let fin = if self.fin { FIN } else { 0 };
        let first = if self.opening.is_some() { FIRST } else { 0 };
        let sized = if is_sized { SIZED } else { 0 };
        let end = self.offset.checked_add(self.data.len() as u64).filter(|end| *end <= END_MAX);
        if end.is_none() || self.opening.is_some() != (self.offset == 0) {
            return Err(Full);
        }
        numbers(out, CHUNK | fin | first | sized, &[self.message])?;
        match &self.opening {
            Some(opening) => opening.put(out)?,
            None => out.varint(self.offset)?,
        }
        if is_sized { out.sized(self.data) } else { out.put(self.data) }
    }

    fn read(reader: &mut Reader<'a>, kind: u8) -> Result<Self, Malformed> {
        let message = reader.varint("message id")?;
        let at = reader.at();
        let (opening, offset) =
            if kind & FIRST != 0 { (Some(Opening::read(reader)?), 0) } else { (None, reader.varint("chunk offset")?) };
        let all = reader.rest().len();
        let data = if kind & SIZED != 0 { reader.sized(all, "chunk")? } else { reader.take(all, "chunk")? };
        let end = offset.checked_add(data.len() as u64).filter(|end| *end <= END_MAX);
        if end.is_none() || (opening.is_none() && offset == 0) {
            return malformed("chunk offset", at);
        }
        Ok(Self { message, offset, fin: kind & FIN != 0, opening, data })
    }
}

impl<'a> Opening<'a> {
    fn size(&self) -> usize {
        let total = self.total.map_or(1, |total| super::varint::size(total.saturating_add(1)));
        let sized = |n: usize| super::varint::size(n as u64) + n;
        sized(self.kind.len()) + sized(self.route.len()) + 1 + total
    }

    fn put(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        bounded(out, self.kind.as_bytes(), KIND_MAX)?;
        bounded(out, self.route, ROUTE_MAX)?;
        out.u8(self.priority)?;
        // 0: not known.
        out.varint(self.total.map_or(Some(0), |total| total.checked_add(1)).ok_or(Full)?)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let kind = text(reader, KIND_MAX, "message kind")?;
        let route = reader.sized(ROUTE_MAX, "route")?;
        let priority = reader.u8("priority")?;
        let total = reader.varint("total length")?.checked_sub(1);
        Ok(Self { kind, route, priority, total })
    }
}

impl<'a> Ids<'a> {
    /// Of ids and reset tokens as [`Ids::pack`] wrote them.
    pub fn new(first: u64, retire: u64, list: &'a [u8]) -> Option<Self> {
        let count = list.len() / ID;
        let fits = list.len().is_multiple_of(ID) && count <= IDS_MAX;
        let retires_known = retire <= first.saturating_add(count as u64);
        (fits && retires_known).then_some(Self { first, retire, list })
    }

    /// An id and the token that resets it, as they stand in the frame.
    pub fn pack(cid: u64, token: &[u8; 16], out: &mut Vec<u8>) {
        out.extend_from_slice(&cid.to_be_bytes());
        out.extend_from_slice(token);
    }

    /// The ids with their reset tokens.
    pub fn iter(&self) -> impl Iterator<Item = (u64, [u8; 16])> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || Some((reader.u64("").ok()?, reader.array("").ok()?)))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (first, retire) = (reader.varint("first id")?, reader.varint("retired ids")?);
        let at = reader.at();
        let list = reader.sized(IDS_MAX * ID, "ids")?;
        Self::new(first, retire, list).map_or_else(|| malformed("ids", at), Ok)
    }
}

impl fmt::Debug for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ids({} from {}, retire below {})", self.list.len() / ID, self.first, self.retire)
    }
}

impl<'a> Frames<'a> {
    /// The frames in an opened packet.
    pub fn new(text: &'a [u8]) -> Self {
        Self(Reader::new(text))
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let frame = Frame::read(&mut self.0);
        if frame.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(frame)
    }
}

fn text<'a>(reader: &mut Reader<'a>, max: usize, what: &'static str) -> Result<&'a str, Malformed> {
    let before = reader.at();
    std::str::from_utf8(reader.sized(max, what)?).or_else(|_| malformed(what, before))
}

fn numbers(out: &mut Writer<'_>, kind: u8, numbers: &[u64]) -> Result<(), Full> {
    out.u8(kind)?;
    numbers.iter().try_for_each(|n| out.varint(*n))
}

fn token8(out: &mut Writer<'_>, kind: u8, token: &[u8; 8]) -> Result<(), Full> {
    out.u8(kind)?;
    out.put(token)
}

fn bounded(out: &mut Writer<'_>, bytes: &[u8], max: usize) -> Result<(), Full> {
    if bytes.len() > max { Err(Full) } else { out.sized(bytes) }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
