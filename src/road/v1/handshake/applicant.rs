//! Somebody whose Initiate has proved who sent it, waiting for a verdict; and what became of everything it said.

use std::fmt;
use std::net::SocketAddr;

use super::cookie::Stub;
use super::{Keys, Peer};
use crate::base::Time;
use crate::nacl::{Direction, Secret, Suite, derive};
use crate::wire::v1::{Enrolment, Parameters};

/// A proven initiator. Dropping it forgets it; its secrets are wiped.
pub struct Applicant {
    /// Who it is.
    pub peer: Peer,
    /// Where it is.
    pub from: SocketAddr,
    /// Its session id.
    pub cid: u64,
    /// What it grants.
    pub parameters: Parameters,
    /// Its wall clock, microseconds since 1970.
    pub wall: i64,
    /// An enrolment token it says it has; see [`Applicant::enrols`].
    pub enrolment: Option<Enrolment>,
    /// Its early frames: only such as may be heard twice.
    pub early: Vec<u8>,
    /// How packets will be sealed.
    pub suite: Suite,
    pub(super) hash: [u8; 32],
    pub(super) before_payload: [u8; 32],
    pub(super) to_responder: Secret,
    pub(super) to_initiator: Secret,
    pub(super) stub: Stub,
    pub(super) initiate: [u8; 32],
}

impl Applicant {
    /// Whether it knows the secret of the token it named.
    pub fn enrols(&self, token: &Secret) -> bool {
        let expected = enrolment(token, &self.before_payload);
        self.enrolment.is_some_and(|said| derive::same(&said.proof, &expected))
    }

    pub(super) fn keys(&self, now: Time) -> Keys {
        Keys::new(self.suite, Direction::ToInitiator, &self.to_initiator, &self.to_responder, now)
    }
}

impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Applicant({} at {}, session {:016x})", self.peer.key.role, self.from, self.cid)
    }
}

/// The initiator's proof of an enrolment token: over the transcript up to the payload that carries it.
pub(super) fn enrolment(token: &Secret, before_payload: &[u8; 32]) -> [u8; 32] {
    token.hmac(&[b"m", before_payload])
}

/// The responder's proof in return: over the whole transcript.
pub(super) fn enrolled(token: &Secret, hash: &[u8; 32]) -> [u8; 32] {
    token.hmac(&[b"w", hash])
}
