//! The fast road's handshake: Noise XK carried in Hello, Cookie and Initiate, answered by WELCOME (handshake v1).
//!
//! [`Initiator`] and [`Responder`] are told the time and what arrived, and say what to send. A responder keeps nothing
//! about anybody until an Initiate has proved who sent it; then it hands an [`Applicant`] to the road, which knows whose
//! key is accepted, and takes back a verdict. Nothing unauthenticated changes a state, is believed, or is remembered.

mod applicant;
mod cookie;
mod gate;
mod identity;
mod initiator;
pub mod intro;
mod mac;
mod pace;
pub mod renewal;
mod responder;
mod rules;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod testing;

pub use applicant::Applicant;
pub use identity::{Identity, Peer};
pub use initiator::{Dial, Fault, Initiator, Progress};
pub use pace::{HURRY, Pace};
pub use responder::{Answer, Responder};
pub use rules::Rules;

use std::fmt;

use super::{Keys, Seen};
use crate::nacl::{Suite, Symmetric};
use crate::wire::v1::handshake::HEAD;
use crate::wire::v1::{DataHead, Frame, Head, Kind, Malformed, Parameters, Writer};

/// A finished handshake: what a session begins with.
pub struct Established {
    /// Who is there.
    pub peer: Peer,
    /// The packet keys.
    pub keys: Keys,
    /// The packets taken so far.
    pub seen: Seen,
    /// The transcript's hash, the same on both sides and unique to this handshake.
    pub hash: [u8; 32],
    /// Our session id: packets to us carry it.
    pub ours: u64,
    /// The peer's.
    pub theirs: u64,
    /// The next packet number we may use.
    pub number: u64,
    /// What the peer grants.
    pub parameters: Parameters,
    /// The peer's wall clock, microseconds since 1970.
    pub wall: i64,
    /// The token a Reset of this session carries.
    pub reset: [u8; 16],
    /// Of a responder: WELCOME's body, to be said again at a [`Pace`] until a packet of the peer opens, and when its
    /// Initiate comes again. Of an initiator: as received.
    pub welcome: Vec<u8>,
    /// Of a responder: the frames of the Initiate. Of an initiator: those behind WELCOME in its packet.
    pub early: Vec<u8>,
}

/// Why a datagram was passed over; counted, never logged one by one, never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Silence {
    /// Not a packet of this wire.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nothing we wait for.
    #[error("not expected")]
    Unexpected,
    /// The sender does not know our public key, or not the site's secret.
    #[error("wrong mac")]
    Mac,
    /// Too many from there.
    #[error("too many from this network")]
    Rate,
    /// A cookie that is not ours, or was another address's or attempt's.
    #[error("not a cookie of ours for this address")]
    Cookie,
    /// A cookie, or an applicant, whose time is over.
    #[error("expired")]
    Expired,
    /// A cookie that has made a session already.
    #[error("used before")]
    Used,
    /// Does not authenticate.
    #[error("does not authenticate")]
    Forged,
    /// A key that makes everybody's secret known.
    #[error("a key of small order")]
    SmallOrder,
    /// A key that was taken back.
    #[error("a revoked key")]
    Revoked,
    /// Frames that may not ride in an Initiate.
    #[error("frames that may not come early")]
    Early,
    /// Not what both sides like best: somebody changed an offer on its way.
    #[error("the offers were changed on their way")]
    Downgraded,
    /// The signature over role, keys and epoch is wrong.
    #[error("role and keys are not bound")]
    Unbound,
    /// No room to remember one more.
    #[error("no room")]
    Full,
    /// The answer would be more than three times the question.
    #[error("the answer is too large")]
    Amplified,
}

impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Established({}, ours {:016x}, theirs {:016x})", self.peer.key.role, self.ours, self.theirs)
    }
}

/// Noise's name of what we do; the responder's key is known beforehand, the initiator's goes sealed.
pub const PROTOCOL: &str = "Noise_XK_25519_ChaChaPoly_BLAKE2s";

/// The state after the pre-message and the initiator's `e`: prologue is the Hello's head.
fn begin(head: &Head, responder: &[u8; 32], ephemeral: &[u8; 32]) -> Symmetric {
    let prologue: [u8; HEAD] = head.of(Kind::Hello).bytes();
    let mut state = Symmetric::new(PROTOCOL, &prologue);
    state.mix_hash(responder);
    state.mix_hash(ephemeral);
    state
}

/// The suite both sides get: the first of the initiator's that the responder has.
fn choose(initiator: &[u16], responder: &[u16]) -> Option<Suite> {
    initiator.iter().filter(|code| responder.contains(code)).find_map(|code| Suite::from_code(*code))
}

fn codes(suites: &[Suite]) -> Vec<u16> {
    suites.iter().map(|suite| suite.code()).collect()
}

/// A sealed packet with one WELCOME frame. `None` only when the body is longer than a frame may be.
fn greet(keys: &mut Keys, head: &DataHead, number: u64, body: &[u8]) -> Option<Vec<u8>> {
    let mut packet = vec![0; crate::wire::v1::handshake::INITIATE_MAX];
    let mut writer = Writer::new(&mut packet);
    head.write(&mut writer).ok()?;
    Frame::Welcome(body).write(&mut writer).ok()?;
    let size = writer.at() + crate::nacl::seal::TAG;
    packet.truncate(size);
    keys.seal(head, number, &mut packet).ok()?;
    Some(packet)
}
