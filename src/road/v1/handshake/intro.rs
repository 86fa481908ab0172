//! First contact without a key: one question, one signed answer, nothing kept. The asker compares fingerprints, or trusts
//! on first use where it is configured to; the handshake proper comes after.

use std::time::Duration;

use super::identity::Identity;
use super::{Peer, Silence};
use crate::base::{Fingerprint, Random, Wall};
use crate::keep::RoleKey;
use crate::nacl::{PublicKey, Secret, VerifyKey, derive};
use crate::wire::v1::{Head, Intro, IntroReply, Kind};

/// A question that was asked.
#[derive(Debug, Clone, Copy)]
pub struct Question(Intro);

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an answer to this question, or not signed by who it names: as if nothing had come.
    #[error("not an answer to this question")]
    Silence(Silence),
    /// Signed by somebody else than was expected. Say it loud.
    #[error("the estate there has the key {0}, not the one that is pinned")]
    Stranger(Fingerprint),
}

/// How long an answer says that it is good.
const GOOD_FOR: Duration = Duration::from_secs(3600);
const LABEL: &[u8] = b"roadstead v1 intro\0";

impl Question {
    /// Asks; a site's secret shows that we belong to it.
    pub fn new(random: &mut Random, site: Option<&Secret>) -> Self {
        let head = Head::new(Kind::Intro, 0, random.number());
        let mut intro = Intro { head, nonce: random.bytes(), mac: None };
        intro.mac = site.map(|site| mac(&intro, site));
        Self(intro)
    }

    /// The datagram to send.
    pub fn datagram(&self) -> Vec<u8> {
        self.0.write()
    }

    /// Reads an answer. With a pinned fingerprint nobody else is taken.
    pub fn read(&self, datagram: &[u8], pin: Option<Fingerprint>) -> Result<Peer, Refused> {
        let reply = IntroReply::read(datagram).map_err(|malformed| Refused::Silence(malformed.into()))?;
        if reply.head != self.0.head.of(Kind::IntroReply) || reply.nonce != self.0.nonce {
            return Err(Refused::Silence(Silence::Unexpected));
        }
        let public = PublicKey::from_bytes(reply.public).map_err(|_| Refused::Silence(Silence::SmallOrder))?;
        let verify = VerifyKey::from_bytes(&reply.verify).map_err(|_| Refused::Silence(Silence::SmallOrder))?;
        if !verify.verifies(&signed(&reply), &reply.signature) {
            return Err(Refused::Silence(Silence::Forged));
        }
        let key = RoleKey { role: reply.role, verify, public };
        match pin.filter(|pin| *pin != key.fingerprint()) {
            Some(_) => Err(Refused::Stranger(key.fingerprint())),
            None => Ok(Peer { key, epoch: reply.epoch, successor: None }),
        }
    }
}

/// Whether a question may be answered.
pub(super) fn check(intro: &Intro, site: Option<&Secret>) -> Result<(), Silence> {
    match (site, intro.mac) {
        (None, _) => Ok(()),
        (Some(site), Some(said)) if derive::same(&said, &mac(intro, site)) => Ok(()),
        _ => Err(Silence::Mac),
    }
}

/// The signed answer; the signature covers the question's nonce, so it is no older than the question.
pub(super) fn reply(identity: &Identity, intro: &Intro, wall: Wall) -> IntroReply {
    let key = identity.key();
    let mut reply = IntroReply {
        head: intro.head.of(Kind::IntroReply),
        nonce: intro.nonce,
        public: *key.public.as_bytes(),
        verify: *key.verify.as_bytes(),
        epoch: identity.epoch(),
        not_after: wall.0.saturating_add(GOOD_FOR.as_micros() as u64),
        role: key.role.clone(),
        signature: [0; 64],
    };
    reply.signature = identity.keys.sign.sign(&signed(&reply));
    reply
}

fn signed(reply: &IntroReply) -> Vec<u8> {
    [LABEL, &reply.start()].concat()
}

fn mac(intro: &Intro, site: &Secret) -> [u8; 16] {
    site.expand(b"intro").tag(&[&intro.start()])
}
