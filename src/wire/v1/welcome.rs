//! WELCOME, the first frame of the first packet of a responder: what became of the Initiate, and who answers.

use std::fmt;

use super::intro::{push_role, role};
use super::{Malformed, Offers, Parameters, Reader, malformed};
use crate::base::Name;

/// What became of an Initiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A session.
    Accepted,
    /// Somebody has to decide about the key.
    Pending,
    /// Somebody decided against the key.
    Rejected,
    /// No such role here, or not with this key.
    Denied,
    /// No room now.
    Busy,
}

/// The body of a WELCOME frame. Its `Debug` leaves out what only the two sides may know.
#[derive(Clone, PartialEq, Eq)]
pub struct Welcome {
    /// What became of the Initiate.
    pub status: Status,
    /// When to try again, milliseconds; 0 with a session.
    pub retry_after: u32,
    /// The responder's session id; 0 without a session.
    pub cid: u64,
    /// What a Reset of this session will say; without a session, what a Reset under the initiator's id says to call it back.
    pub reset: [u8; 16],
    /// The responder's wall clock, microseconds since 1970.
    pub wall: i64,
    /// What it speaks: whoever changed the offers on their way is found out here.
    pub offers: Offers,
    /// What it grants.
    pub parameters: Parameters,
    /// Its role.
    pub role: Name,
    /// Its Ed25519 key.
    pub verify: [u8; 32],
    /// Its key's generation.
    pub epoch: u32,
    /// Its signature over role, keys and epoch.
    pub binding: [u8; 64],
    /// The keys that will follow, if it has them.
    pub successor: Option<Successor>,
    /// The enrolment token's secret proved in return.
    pub enrolled: Option<[u8; 32]>,
}

/// The next long-term keys, vouched for by the present ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// Curve25519.
    pub public: [u8; 32],
    /// Ed25519.
    pub verify: [u8; 32],
    /// Their generation.
    pub epoch: u32,
    /// The present Ed25519 key's signature.
    pub signature: [u8; 64],
}

impl Status {
    const ALL: [Self; 5] = [Self::Accepted, Self::Pending, Self::Rejected, Self::Denied, Self::Busy];

    fn code(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Pending => 1,
            Self::Rejected => 2,
            Self::Denied => 3,
            Self::Busy => 4,
        }
    }
}

impl Welcome {
    /// The body.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.push(self.status.code());
        out.extend_from_slice(&self.retry_after.to_be_bytes());
        out.extend_from_slice(&self.cid.to_be_bytes());
        out.extend_from_slice(&self.reset);
        out.extend_from_slice(&self.wall.to_be_bytes());
        self.offers.push(&mut out);
        self.parameters.push(&mut out);
        push_role(&mut out, &self.role);
        out.extend_from_slice(&self.verify);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.binding);
        out.push(u8::from(self.successor.is_some()) | u8::from(self.enrolled.is_some()) << 1);
        if let Some(next) = &self.successor {
            out.extend_from_slice(&next.public);
            out.extend_from_slice(&next.verify);
            out.extend_from_slice(&next.epoch.to_be_bytes());
            out.extend_from_slice(&next.signature);
        }
        out.extend(self.enrolled.iter().flatten());
        out
    }

    /// A body's meaning.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let code = reader.u8("status")?;
        let Some(status) = Status::ALL.into_iter().find(|s| s.code() == code) else { return malformed("status", 0) };
        let mut welcome = Self {
            status,
            retry_after: reader.u32("retry after")?,
            cid: reader.u64("session id")?,
            reset: reader.array("reset token")?,
            wall: reader.array("wall time").map(i64::from_be_bytes)?,
            offers: Offers::read(&mut reader)?,
            parameters: Parameters::read(&mut reader)?,
            role: role(&mut reader)?,
            verify: reader.array("verify key")?,
            epoch: reader.u32("key epoch")?,
            binding: reader.array("binding")?,
            successor: None,
            enrolled: None,
        };
        let at = reader.at();
        let extras = reader.u8("extras")?;
        if extras > 3 {
            return malformed("extras", at);
        }
        if extras & 1 != 0 {
            welcome.successor = Some(Successor {
                public: reader.array("successor")?,
                verify: reader.array("successor")?,
                epoch: reader.u32("successor")?,
                signature: reader.array("successor")?,
            });
        }
        if extras & 2 != 0 {
            welcome.enrolled = Some(reader.array("enrolment")?);
        }
        reader.end("length of a welcome").map(|()| welcome)
    }
}

impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Welcome");
        out.field("status", &self.status).field("retry_after", &self.retry_after).field("role", &self.role);
        out.field("offers", &self.offers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::WELCOME_MAX;
    use super::super::handshake_tests::welcome;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(welcome in welcome()) {
            let bytes = welcome.write();
            prop_assert!(bytes.len() <= WELCOME_MAX);
            prop_assert_eq!(Welcome::read(&bytes), Ok(welcome));
            prop_assert!(Welcome::read(&bytes[..bytes.len() - 1]).is_err());
            let mut long = bytes;
            long.push(0);
            prop_assert!(Welcome::read(&long).is_err());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            let _ = Welcome::read(&bytes);
        }
    }
}
