//! The handshake's packets in fixed layouts (handshake v1 "Packets"). What is sealed in them stays opaque here.

use super::{Malformed, Reader, VERSION, malformed};
use crate::nacl::seal::TAG;

/// What a handshake packet is: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who are you?
    Intro,
    /// This is who.
    IntroReply,
    /// The initiator's first.
    Hello,
    /// Say it again with this token.
    Retry,
    /// The responder's state, for the initiator to carry.
    Cookie,
    /// The initiator's proof of who it is.
    Initiate,
    /// The responder lost the session.
    Reset,
    /// What the responder speaks.
    Versions,
}

/// The 12 bytes every handshake packet begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What follows.
    pub kind: Kind,
    /// The wire's version.
    pub version: u8,
    /// The suite the initiator chose.
    pub suite: u16,
    /// The initiator's session id, new with every attempt.
    pub cid: u64,
}

/// The initiator's first packet: `head | e 32 | features 24 | tlen u8, token | zeros to 304 | mac1 16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The head; the Noise prologue.
    pub head: Head,
    /// The initiator's ephemeral key.
    pub ephemeral: [u8; 32],
    /// Sealed feature bits.
    pub features: [u8; FEATURES],
    /// What a Retry gave.
    pub token: Option<[u8; TOKEN]>,
    /// Proof that the sender knows the responder's public key.
    pub mac: [u8; TAG],
}

/// Under load: `head | token 16 | tag 16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The head, as the Hello's.
    pub head: Head,
    /// To put into the Hello.
    pub token: [u8; TOKEN],
    /// Proof that it answers this Hello.
    pub tag: [u8; TAG],
}

/// The answer to a Hello: `head | e 32 | cookie, sealed 192`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// The head, as the Hello's.
    pub head: Head,
    /// The responder's ephemeral key.
    pub ephemeral: [u8; 32],
    /// The cookie under es and ee.
    pub sealed: [u8; COOKIE + TAG],
}

/// The initiator's second packet: `head | cookie 176 | key 48 | payload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initiate<'a> {
    /// The head, as the Hello's.
    pub head: Head,
    /// What the Cookie said.
    pub cookie: [u8; COOKIE],
    /// The initiator's long-term key, sealed.
    pub key: [u8; 32 + TAG],
    /// Sealed; a multiple of 64 and a tag.
    pub payload: &'a [u8],
}

/// `head | random | reset token 16`, shorter than the packet that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// The head; its session id is the one that is not known.
    pub head: Head,
    /// The token the session's WELCOME or IDS gave.
    pub token: [u8; TOKEN],
}

/// `head | count u8 | (version u8, suite u16) each | tag 16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The head, as the Hello's.
    pub head: Head,
    /// Versions, each with a suite.
    pub list: Vec<(u8, u16)>,
    /// Proof that it answers this Hello.
    pub tag: [u8; TAG],
}

/// Bytes of a head.
pub const HEAD: usize = 12;
/// Bytes of a Hello.
pub const HELLO: usize = 320;
/// Where the Hello's mac begins: everything before it is under it.
pub const HELLO_MAC: usize = HELLO - TAG;
/// Bytes of the sealed features.
pub const FEATURES: usize = 8 + TAG;
/// Bytes of a token.
pub const TOKEN: usize = 16;
/// Bytes of a Retry.
pub const RETRY: usize = HEAD + TOKEN + TAG;
/// Bytes of an open cookie.
pub const COOKIE: usize = 176;
/// Bytes of a Cookie packet.
pub const COOKIE_PACKET: usize = HEAD + 32 + COOKIE + TAG;
/// Largest Initiate.
pub const INITIATE_MAX: usize = 1200;
/// An Initiate's payload is padded to a multiple of this.
pub const PAYLOAD_STEP: usize = 64;
/// Bytes of an Initiate before its payload.
const INITIATE_START: usize = HEAD + COOKIE + 32 + TAG;
/// Largest plain payload of an Initiate.
pub const PAYLOAD_MAX: usize = (INITIATE_MAX - INITIATE_START - TAG) / PAYLOAD_STEP * PAYLOAD_STEP;
/// Random bytes of a Reset.
pub const RESET_RANDOM: std::ops::RangeInclusive<usize> = 4..=32;
/// Most pairs in a Versions packet: with them it is a third of a Hello.
pub const VERSIONS_MAX: usize = 16;

impl Kind {
    const ALL: [(Self, u8); 8] = [
        (Self::Intro, 0x81),
        (Self::IntroReply, 0x82),
        (Self::Hello, 0x83),
        (Self::Retry, 0x84),
        (Self::Cookie, 0x85),
        (Self::Initiate, 0x86),
        (Self::Reset, 0x87),
        (Self::Versions, 0x88),
    ];

    /// The first byte.
    pub fn code(self) -> u8 {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or(0x80, |(_, code)| code)
    }

    /// The kind a first byte says, if it is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == code).map(|(kind, _)| kind)
    }
}

impl Head {
    /// Of this version.
    pub fn new(kind: Kind, suite: u16, cid: u64) -> Self {
        Self { kind, version: VERSION, suite, cid }
    }

    /// The same attempt's, for another packet.
    pub fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The 12 bytes.
    pub fn bytes(&self) -> [u8; HEAD] {
        let [s0, s1] = self.suite.to_be_bytes();
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.cid.to_be_bytes();
        [self.kind.code(), self.version, s0, s1, c0, c1, c2, c3, c4, c5, c6, c7]
    }

    /// The head at the start of a datagram, of any version.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        Self::take(&mut Reader::new(datagram))
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let Some(kind) = Kind::from_code(reader.u8("packet kind")?) else { return malformed("packet kind", 0) };
        let version = reader.u8("version")?;
        Ok(Self { kind, version, suite: reader.u16("suite")?, cid: reader.u64("session id")? })
    }

    /// The head of a packet that has to be of `kind`, and this version.
    pub(super) fn expect(reader: &mut Reader<'_>, kind: Kind) -> Result<Self, Malformed> {
        let head = Self::take(reader)?;
        if head.kind != kind {
            return malformed("packet kind", 0);
        }
        if head.version != VERSION { malformed("version", 1) } else { Ok(head) }
    }
}

impl Hello {
    /// Everything before the mac.
    pub fn start(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HELLO);
        out.extend_from_slice(&self.head.bytes());
        out.extend_from_slice(&self.ephemeral);
        out.extend_from_slice(&self.features);
        match &self.token {
            Some(token) => {
                out.push(TOKEN as u8);
                out.extend_from_slice(token);
            }
            None => out.push(0),
        }
        out.resize(HELLO_MAC, 0);
        out
    }

    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend_from_slice(&self.mac);
        out
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        if datagram.len() != HELLO {
            return malformed("length of a hello", datagram.len());
        }
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Hello)?;
        let (ephemeral, features) = (reader.array("ephemeral key")?, reader.array("features")?);
        let token = match usize::from(reader.u8("token length")?) {
            0 => None,
            TOKEN => Some(reader.array("token")?),
            _ => return reader.refuse("token length"),
        };
        zeros(&mut reader, HELLO_MAC)?;
        Ok(Self { head, ephemeral, features, token, mac: reader.array("mac")? })
    }
}

impl Retry {
    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        [&self.head.bytes()[..], &self.token, &self.tag].concat()
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Retry)?;
        let retry = Self { head, token: reader.array("token")?, tag: reader.array("tag")? };
        reader.end("length of a retry").map(|()| retry)
    }
}

impl Cookie {
    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        [&self.head.bytes()[..], &self.ephemeral, &self.sealed].concat()
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Cookie)?;
        let cookie = Self { head, ephemeral: reader.array("ephemeral key")?, sealed: reader.array("cookie")? };
        reader.end("length of a cookie").map(|()| cookie)
    }
}

impl<'a> Initiate<'a> {
    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        [&self.head.bytes()[..], &self.cookie, &self.key, self.payload].concat()
    }

    /// A datagram's meaning.
    pub fn read(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let text = datagram.len().checked_sub(INITIATE_START + TAG).filter(|text| *text > 0);
        if datagram.len() > INITIATE_MAX || text.is_none_or(|text| text % PAYLOAD_STEP != 0) {
            return malformed("length of an initiate", datagram.len());
        }
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Initiate)?;
        let (cookie, key) = (reader.array("cookie")?, reader.array("key")?);
        Ok(Self { head, cookie, key, payload: reader.rest() })
    }
}

impl Reset {
    /// The datagram, with `random` between.
    pub fn write(&self, random: &[u8]) -> Vec<u8> {
        [&self.head.bytes()[..], random, &self.token].concat()
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Reset)?;
        match reader.rest().split_last_chunk() {
            Some((random, token)) if RESET_RANDOM.contains(&random.len()) => Ok(Self { head, token: *token }),
            _ => reader.refuse("length of a reset"),
        }
    }
}

impl Versions {
    /// Everything before the tag; pairs past [`VERSIONS_MAX`] are left out.
    pub fn start(&self) -> Vec<u8> {
        let list = self.list.get(..VERSIONS_MAX).unwrap_or(&self.list);
        let mut out = self.head.bytes().to_vec();
        out.push(list.len() as u8);
        for (version, suite) in list {
            out.push(*version);
            out.extend_from_slice(&suite.to_be_bytes());
        }
        out
    }

    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend_from_slice(&self.tag);
        out
    }

    /// A datagram's meaning; its head may be of another version.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::take(&mut reader)?;
        if head.kind != Kind::Versions {
            return malformed("packet kind", 0);
        }
        let count = usize::from(reader.u8("count of versions")?);
        if count > VERSIONS_MAX {
            return malformed("count of versions", HEAD);
        }
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push((reader.u8("version")?, reader.u16("suite")?));
        }
        let tag = reader.array("tag")?;
        reader.end("length of a versions packet")?;
        Ok(Self { head, list, tag })
    }
}

/// Padding up to `end` has to be zero: one meaning, one form.
pub(super) fn zeros(reader: &mut Reader<'_>, end: usize) -> Result<(), Malformed> {
    let before = reader.clone();
    let padding = reader.take(end.saturating_sub(reader.at()), "padding")?;
    if padding.iter().all(|byte| *byte == 0) { Ok(()) } else { before.refuse("padding") }
}
