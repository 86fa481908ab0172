//! Fresh keys for a session that lives long: Noise KK (revision 34 §7.5) between two estates that know each other, carried in
//! two frames of the session itself. What both get is mixed into the session's key chain, so that who once learnt the
//! chain, or a long-term key alone, reads nothing that comes after. Knows no frame, no packet and no time.

use crate::base::Random;
use crate::nacl::{KeyPair, Secret, SecretKey, Symmetric};

/// Bytes of a question and of an answer: a fresh public key and a tag.
pub const SIZE: usize = 48;

const PROTOCOL: &str = "Noise_KK_25519_ChaChaPoly_BLAKE2s";
const LABEL: &[u8] = b"roadstead v1 renewal";

/// Who takes part: our long-term secret key and the peer's public one, and how many renewals there were.
pub struct Parties<'a> {
    /// Ours.
    pub own: &'a KeyPair,
    /// The peer's.
    pub peer: &'a [u8; 32],
    /// The number of this renewal.
    pub turn: u64,
}

/// A question that waits for its answer.
pub struct Asked {
    state: Symmetric,
    ephemeral: KeyPair,
}

/// What comes of it: secrets from who asked to who answered, and back.
pub type Fresh = (Secret, Secret);

/// Asks. `None` for a peer's key that agrees with nobody.
pub fn ask(random: &mut Random, parties: &Parties<'_>) -> Option<(Asked, [u8; SIZE])> {
    let ephemeral = KeyPair::new(SecretKey::from_bytes(random.bytes()));
    let mut state = begin(parties, true);
    state.mix_hash(ephemeral.public());
    state.mix_key(&ephemeral.agree(parties.peer)?);
    state.mix_key(&parties.own.agree(parties.peer)?);
    let message = message(&mut state, &ephemeral)?;
    Some((Asked { state, ephemeral }, message))
}

/// Answers a question; `None` for one that is not the peer's, or not of this turn.
pub fn answer(random: &mut Random, parties: &Parties<'_>, question: &[u8; SIZE]) -> Option<([u8; SIZE], Fresh)> {
    let mut state = begin(parties, false);
    let theirs = read(&mut state, question)?;
    state.mix_key(&parties.own.agree(&theirs)?);
    state.mix_key(&parties.own.agree(parties.peer)?);
    proved(&mut state, question)?;
    let ephemeral = KeyPair::new(SecretKey::from_bytes(random.bytes()));
    state.mix_hash(ephemeral.public());
    state.mix_key(&ephemeral.agree(&theirs)?);
    state.mix_key(&ephemeral.agree(parties.peer)?);
    let message = message(&mut state, &ephemeral)?;
    Some((message, state.split()))
}

impl Asked {
    /// Takes the answer; `None` for one that is not the peer's.
    pub fn finish(mut self, own: &KeyPair, answer: &[u8; SIZE]) -> Option<Fresh> {
        let theirs = read(&mut self.state, answer)?;
        self.state.mix_key(&self.ephemeral.agree(&theirs)?);
        self.state.mix_key(&own.agree(&theirs)?);
        proved(&mut self.state, answer)?;
        Some(self.state.split())
    }
}

fn begin(parties: &Parties<'_>, asks: bool) -> Symmetric {
    let mut state = Symmetric::new(PROTOCOL, &[LABEL, &parties.turn.to_be_bytes()].concat());
    let (own, peer) = (parties.own.public(), parties.peer);
    let (first, second) = if asks { (own, peer) } else { (peer, own) };
    state.mix_hash(first);
    state.mix_hash(second);
    state
}

fn message(state: &mut Symmetric, ephemeral: &KeyPair) -> Option<[u8; SIZE]> {
    let tag = state.seal(&[])?;
    [&ephemeral.public()[..], &tag].concat().try_into().ok()
}

fn read(state: &mut Symmetric, message: &[u8; SIZE]) -> Option<[u8; 32]> {
    let theirs = *message.first_chunk::<32>()?;
    state.mix_hash(&theirs);
    Some(theirs)
}

/// Whether the tag behind the public key is right.
fn proved(state: &mut Symmetric, message: &[u8; SIZE]) -> Option<()> {
    state.open(message.last_chunk::<16>()?).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(seed: u64) -> KeyPair {
        KeyPair::new(SecretKey::from_bytes(Random::from_number(seed).bytes()))
    }

    /// A whole renewal; `None` where one of the two refuses.
    fn renew(asks: &Parties<'_>, answers: &Parties<'_>, spoil: impl Fn(&mut [u8; SIZE])) -> Option<(Fresh, Fresh)> {
        let mut random = Random::from_number(asks.turn);
        let (asked, mut question) = ask(&mut random, asks)?;
        spoil(&mut question);
        let (answer, theirs) = answer(&mut random, answers, &question)?;
        Some((asked.finish(asks.own, &answer)?, theirs))
    }

    #[test]
    fn both_get_the_same_and_anew_each_turn() {
        let (one, two) = (pair(1), pair(2));
        let turn = |turn| {
            let (ours, theirs) = renew(
                &Parties { own: &one, peer: two.public(), turn },
                &Parties { own: &two, peer: one.public(), turn },
                |_| (),
            )
            .unwrap();
            assert_eq!(ours, theirs);
            assert_ne!(ours.0, ours.1);
            ours
        };
        assert_ne!(turn(1).0, turn(2).0);
    }

    #[test]
    fn nobody_else_takes_part() {
        let (one, two, other) = (pair(1), pair(2), pair(3));
        let asks = Parties { own: &one, peer: two.public(), turn: 1 };
        let answers = Parties { own: &two, peer: one.public(), turn: 1 };
        assert!(renew(&asks, &Parties { turn: 2, ..answers }, |_| ()).is_none());
        let answers = Parties { own: &two, peer: one.public(), turn: 1 };
        assert!(renew(&Parties { own: &other, ..asks }, &answers, |_| ()).is_none());
        let asks = Parties { own: &one, peer: two.public(), turn: 1 };
        assert!(renew(&asks, &Parties { own: &other, peer: one.public(), turn: 1 }, |_| ()).is_none());
        for at in 0..SIZE {
            assert!(renew(&asks, &answers, |question| question[at] ^= 1).is_none(), "byte {at}");
        }
    }

    #[test]
    fn snow_is_the_oracle_both_ways() {
        let (one, two) = (pair(1), pair(2));
        let prologue = [LABEL, &7u64.to_be_bytes()].concat();
        let builder = |own: &KeyPair, peer: &KeyPair, run: &dyn Fn(snow::Builder<'_>) -> snow::HandshakeState| {
            let secret = own.secret().bytes();
            let builder = snow::Builder::new(PROTOCOL.parse().unwrap());
            let builder = builder.local_private_key(&*secret).unwrap().remote_public_key(peer.public()).unwrap();
            run(builder.prologue(&prologue).unwrap())
        };
        let (mut buffer, mut random) = ([0; 100], Random::from_number(5));
        let ours = Parties { own: &one, peer: two.public(), turn: 7 };
        let (asked, question) = ask(&mut random, &ours).unwrap();
        let mut snow = builder(&two, &one, &|builder| builder.build_responder().unwrap());
        assert_eq!(snow.read_message(&question, &mut buffer).unwrap(), 0);
        assert_eq!(snow.write_message(&[], &mut buffer).unwrap(), SIZE);
        let fresh = asked.finish(&one, buffer.first_chunk().unwrap()).unwrap();
        assert_eq!(snow.dangerously_get_raw_split(), (*fresh.0.bytes(), *fresh.1.bytes()));

        let mut snow = builder(&two, &one, &|builder| builder.build_initiator().unwrap());
        assert_eq!(snow.write_message(&[], &mut buffer).unwrap(), SIZE);
        let (answer, fresh) = answer(&mut random, &ours, buffer.first_chunk().unwrap()).unwrap();
        assert_eq!(snow.read_message(&answer, &mut buffer).unwrap(), 0);
        assert_eq!(snow.dangerously_get_raw_split(), (*fresh.0.bytes(), *fresh.1.bytes()));
    }
}
