//! What an Initiate says once it is open: who the initiator is, what it speaks, what it grants.

use super::handshake::{PAYLOAD_MAX, PAYLOAD_STEP};
use super::intro::{push_role, role};
use super::{Malformed, Reader, varint};
use crate::base::Name;

/// The plain payload of an Initiate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiation {
    /// The initiator's role.
    pub role: Name,
    /// Its Ed25519 key.
    pub verify: [u8; 32],
    /// Its signature over role, keys and epoch.
    pub binding: [u8; 64],
    /// Its key's generation.
    pub epoch: u32,
    /// Its wall clock, microseconds since 1970: to warn of, never to trust.
    pub wall: i64,
    /// What it speaks, best first.
    pub offers: Offers,
    /// What it grants.
    pub parameters: Parameters,
    /// Proof that somebody let it in beforehand.
    pub enrolment: Option<Enrolment>,
    /// Frames that may be heard twice, and the padding.
    pub early: Vec<u8>,
}

/// Versions and suites, best first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers {
    /// Wire versions.
    pub versions: Vec<u8>,
    /// Suites.
    pub suites: Vec<u16>,
}

/// What one side grants the other for the session. Unknown parameters are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Longest it holds an acknowledgement back, microseconds.
    pub ack_delay: u64,
    /// It keeps a silent session alive this often, milliseconds.
    pub keep_alive: u64,
    /// Bytes the peer may send at first.
    pub credit: u64,
    /// Messages the peer may open at first.
    pub open: u64,
    /// Largest datagram it takes.
    pub datagram: u64,
}

/// An enrolment token used: its id, and a proof of its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolment {
    /// Which token.
    pub id: [u8; 16],
    /// HMAC under the token's secret.
    pub proof: [u8; 32],
}

/// Most versions, and most suites, one side offers.
pub const OFFERS_MAX: usize = 8;
/// Longest block of parameters.
pub const PARAMETERS_MAX: usize = 128;

impl Default for Parameters {
    /// RFC 9000 §18.2's acknowledgement delay, the spec's keep-alive, and what fits every path.
    fn default() -> Self {
        Self { ack_delay: 25_000, keep_alive: 25_000, credit: 1 << 20, open: 256, datagram: 65_507 }
    }
}

impl Initiation {
    /// The payload, zero-padded; `None` when it is larger than a packet holds.
    pub fn write(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(PAYLOAD_MAX);
        push_role(&mut out, &self.role);
        out.extend_from_slice(&self.verify);
        out.extend_from_slice(&self.binding);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.wall.to_be_bytes());
        self.offers.push(&mut out);
        self.parameters.push(&mut out);
        match &self.enrolment {
            Some(enrolment) => {
                out.push(1);
                out.extend_from_slice(&enrolment.id);
                out.extend_from_slice(&enrolment.proof);
            }
            None => out.push(0),
        }
        out.extend_from_slice(&self.early);
        // A zero is a PAD frame.
        out.resize(out.len().next_multiple_of(PAYLOAD_STEP), 0);
        (out.len() <= PAYLOAD_MAX).then_some(out)
    }

    /// A payload's meaning; the padding stays with the early frames.
    pub fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        Ok(Self {
            role: role(&mut reader)?,
            verify: reader.array("verify key")?,
            binding: reader.array("binding")?,
            epoch: reader.u32("key epoch")?,
            wall: reader.array("wall time").map(i64::from_be_bytes)?,
            offers: Offers::read(&mut reader)?,
            parameters: Parameters::read(&mut reader)?,
            enrolment: match reader.u8("enrolment")? {
                0 => None,
                1 => Some(Enrolment { id: reader.array("enrolment")?, proof: reader.array("enrolment")? }),
                _ => return reader.refuse("enrolment"),
            },
            early: reader.rest().to_vec(),
        })
    }
}

impl Offers {
    /// Appends both lists; what is past [`OFFERS_MAX`] is left out.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let versions = self.versions.get(..OFFERS_MAX).unwrap_or(&self.versions);
        let suites = self.suites.get(..OFFERS_MAX).unwrap_or(&self.suites);
        out.push(versions.len() as u8);
        out.extend_from_slice(versions);
        out.push(suites.len() as u8);
        out.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = Self::count(reader)?;
        let versions = reader.take(count, "versions")?.to_vec();
        let count = Self::count(reader)?;
        let mut suites = Vec::with_capacity(count);
        for _ in 0..count {
            suites.push(reader.u16("suite")?);
        }
        Ok(Self { versions, suites })
    }

    fn count(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
        let count = usize::from(reader.u8("count of offers")?);
        if count > OFFERS_MAX { reader.refuse("count of offers") } else { Ok(count) }
    }
}

impl Parameters {
    /// Appends `length | (id, value) each`, all varints, ids rising.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let mut block = Vec::with_capacity(PARAMETERS_MAX);
        for (id, value) in self.list() {
            varint::push(&mut block, id);
            varint::push(&mut block, value);
        }
        varint::push(out, block.len() as u64);
        out.extend_from_slice(&block);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = reader.at();
        let mut block = Reader::new(reader.sized(PARAMETERS_MAX, "parameters")?);
        let (mut out, mut last) = (Self::default(), None);
        while !block.is_empty() {
            let id = block.varint("parameter")?;
            let value = block.varint("parameter")?;
            if last.is_some_and(|last| id <= last) {
                return super::malformed("order of parameters", at);
            }
            last = Some(id);
            match id {
                1 => out.ack_delay = value,
                2 => out.keep_alive = value,
                3 => out.credit = value,
                4 => out.open = value,
                5 => out.datagram = value,
                _ => {}
            }
        }
        Ok(out)
    }

    fn list(&self) -> [(u64, u64); 5] {
        [(1, self.ack_delay), (2, self.keep_alive), (3, self.credit), (4, self.open), (5, self.datagram)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::handshake_tests::{initiation, parameters};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(initiation in initiation()) {
            let bytes = initiation.write().unwrap();
            prop_assert_eq!(bytes.len() % PAYLOAD_STEP, 0);
            let read = Initiation::read(&bytes).unwrap();
            let (early, padding) = read.early.split_at(initiation.early.len());
            prop_assert_eq!(early, &initiation.early);
            prop_assert!(padding.len() < PAYLOAD_STEP && padding.iter().all(|byte| *byte == 0));
            prop_assert_eq!(Initiation { early: early.to_vec(), ..read }, initiation);
        }

        #[test]
        fn what_does_not_fit_is_not_written(initiation in initiation(), more in 0usize..1000) {
            let big = Initiation { early: vec![1; more], ..initiation };
            prop_assert!(big.write().is_none_or(|bytes| bytes.len() <= PAYLOAD_MAX));
            prop_assert!(more < PAYLOAD_MAX || big.write().is_none());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Initiation::read(&bytes);
        }

        #[test]
        fn unknown_parameters_are_passed_over(parameters in parameters(), id in 6..=varint::MAX, value in 0..=varint::MAX) {
            let mut out = Vec::new();
            parameters.push(&mut out);
            varint::push(&mut out, id);
            varint::push(&mut out, value);
            out[0] = u8::try_from(out.len() - 1).unwrap();
            prop_assume!(out[0] < 64);
            prop_assert_eq!(Parameters::read(&mut Reader::new(&out)), Ok(parameters));
        }
    }

    #[test]
    fn illegal_fields_are_refused() {
        let twice = [4, 1, 5, 1, 6];
        assert_eq!(Parameters::read(&mut Reader::new(&twice)).unwrap_err().what, "order of parameters");
        assert_eq!(Parameters::read(&mut Reader::new(&[0])), Ok(Parameters::default()));
        assert_eq!(Offers::read(&mut Reader::new(&[9; 99])).unwrap_err().what, "count of offers");
        for bad in ["", ".a", "a..b", "a/b", "a b"] {
            let mut bytes = vec![u8::try_from(bad.len()).unwrap()];
            bytes.extend_from_slice(bad.as_bytes());
            bytes.resize(400, 0);
            assert_eq!(Initiation::read(&bytes).unwrap_err().what, "role", "{bad:?}");
        }
        let mut long = vec![b'a'; 400];
        long[0] = 65;
        assert_eq!(Initiation::read(&long).unwrap_err().what, "role", "an id has at most 64 bytes");
    }
}
