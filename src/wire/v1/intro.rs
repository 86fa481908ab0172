//! First contact: asking a responder who it is, where a fingerprint or trust on first use is allowed.

use super::handshake::{Head, Kind, zeros};
use super::{Malformed, Reader, malformed};
use crate::base::Name;
use crate::base::limits::ID_MAX;
use crate::nacl::seal::TAG;

/// `head | nonce 16 | zeros to 512`, and a site's mac where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intro {
    /// The head.
    pub head: Head,
    /// Comes back under the signature.
    pub nonce: [u8; 16],
    /// Proof that the sender belongs to the site.
    pub mac: Option<[u8; TAG]>,
}

/// `head | nonce 16 | S 32 | Ed 32 | epoch u32 | not_after u64 | role | signature 64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntroReply {
    /// The head, as the question's.
    pub head: Head,
    /// The question's.
    pub nonce: [u8; 16],
    /// The responder's long-term Curve25519 key.
    pub public: [u8; 32],
    /// Its Ed25519 key.
    pub verify: [u8; 32],
    /// Its key's generation.
    pub epoch: u32,
    /// Wall clock, microseconds: the answer is good until then.
    pub not_after: u64,
    /// Its role.
    pub role: Name,
    /// Ed25519 over all before.
    pub signature: [u8; 64],
}

/// Bytes of a question without a mac; with it, [`TAG`] more.
pub const INTRO: usize = 512;

impl Intro {
    /// Everything before the mac.
    pub fn start(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(INTRO + TAG);
        out.extend_from_slice(&self.head.bytes());
        out.extend_from_slice(&self.nonce);
        out.resize(INTRO, 0);
        out
    }

    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend(self.mac.into_iter().flatten());
        out
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::Intro)?;
        let nonce = reader.array("nonce")?;
        zeros(&mut reader, INTRO)?;
        let mac = if reader.is_empty() { None } else { Some(reader.array("mac")?) };
        reader.end("length of an intro").map(|()| Self { head, nonce, mac })
    }
}

impl IntroReply {
    /// Everything before the signature.
    pub fn start(&self) -> Vec<u8> {
        let mut out = self.head.bytes().to_vec();
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.public);
        out.extend_from_slice(&self.verify);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.not_after.to_be_bytes());
        push_role(&mut out, &self.role);
        out
    }

    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        let mut out = self.start();
        out.extend_from_slice(&self.signature);
        out
    }

    /// A datagram's meaning.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let head = Head::expect(&mut reader, Kind::IntroReply)?;
        let reply = Self {
            head,
            nonce: reader.array("nonce")?,
            public: reader.array("public key")?,
            verify: reader.array("verify key")?,
            epoch: reader.u32("key epoch")?,
            not_after: reader.u64("not after")?,
            role: role(&mut reader)?,
            signature: reader.array("signature")?,
        };
        reader.end("length of an intro reply").map(|()| reply)
    }
}

/// A role as `length u8 | bytes`.
pub(super) fn push_role(out: &mut Vec<u8>, role: &Name) {
    let bytes = role.as_str().as_bytes();
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

/// Reads what [`push_role`] wrote; roles are ids, shorter than names (handshake v1, law 5).
pub(super) fn role(reader: &mut Reader<'_>) -> Result<Name, Malformed> {
    let at = reader.at();
    let size = usize::from(reader.u8("role")?);
    if size > ID_MAX {
        return malformed("role", at);
    }
    let text = std::str::from_utf8(reader.take(size, "role")?).or_else(|_| malformed("role", at))?;
    Name::new(text).or_else(|_| malformed("role", at))
}
