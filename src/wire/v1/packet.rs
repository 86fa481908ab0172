//! A datagram by its first byte: which of the fast road's packets it is, and whether it is one at all.

use super::handshake::{Cookie, Head, Hello, Initiate, Kind, Reset, Retry, Versions};
use super::{DataHead, Intro, IntroReply, Malformed, VERSION, malformed};
use crate::nacl::seal::TAG;

/// A datagram of the fast road, as far as it can be read without keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Frames under a session's keys.
    Data(DataHead),
    /// Who are you?
    Intro(Intro),
    /// This is who.
    IntroReply(IntroReply),
    /// The initiator's first.
    Hello(Hello),
    /// A Hello of a version or layout we do not know; its mac is where a Hello's always is.
    Foreign(Head),
    /// Say it again with this token.
    Retry(Retry),
    /// The responder's state, for the initiator to carry.
    Cookie(Cookie),
    /// The initiator's proof of who it is.
    Initiate(Initiate<'a>),
    /// The responder lost the session.
    Reset(Reset),
    /// What the responder speaks.
    Versions(Versions),
}

/// Whether a datagram belongs to the fast road; classic heads are ASCII.
pub fn is_fast(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0x80 != 0)
}

impl<'a> Packet<'a> {
    /// A datagram's meaning.
    pub fn read(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let Some(first) = datagram.first() else { return malformed("empty datagram", 0) };
        if DataHead::is_data(*first) {
            let head = DataHead::read(datagram)?;
            // One byte of frames at least.
            if datagram.len() <= head.size() + TAG {
                return malformed("length of a data packet", datagram.len());
            }
            return Ok(Self::Data(head));
        }
        let Some(kind) = Kind::from_code(*first) else { return malformed("packet kind", 0) };
        Ok(match kind {
            Kind::Intro => Self::Intro(Intro::read(datagram)?),
            Kind::IntroReply => Self::IntroReply(IntroReply::read(datagram)?),
            Kind::Hello => {
                let head = Head::read(datagram)?;
                if head.version != VERSION && datagram.len() == super::handshake::HELLO {
                    Self::Foreign(head)
                } else {
                    Self::Hello(Hello::read(datagram)?)
                }
            }
            Kind::Retry => Self::Retry(Retry::read(datagram)?),
            Kind::Cookie => Self::Cookie(Cookie::read(datagram)?),
            Kind::Initiate => Self::Initiate(Initiate::read(datagram)?),
            Kind::Reset => Self::Reset(Reset::read(datagram)?),
            Kind::Versions => Self::Versions(Versions::read(datagram)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0x80u8..=0xff) {
            let mut typed = bytes.clone();
            typed.insert(0, kind);
            typed.insert(1, VERSION);
            for bytes in [bytes, typed] {
                prop_assert!(Packet::read(&bytes).is_err() || is_fast(&bytes));
            }
        }
    }

    #[test]
    fn short_data_packets_are_refused() {
        let mut datagram = vec![0xc0; 11];
        datagram.resize(11 + TAG, 7);
        assert_eq!(Packet::read(&datagram).unwrap_err().what, "length of a data packet");
        datagram.push(7);
        assert!(matches!(Packet::read(&datagram), Ok(Packet::Data(_))));
        assert!(Packet::read(b"").is_err() && !is_fast(b"") && !is_fast(b"RAET"));
    }
}
