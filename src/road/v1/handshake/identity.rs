//! Who we are, and proof of who a peer is: long-term keys, and the signature that ties them to a role.

use crate::base::limits::ID_MAX;
use crate::base::{IllegalName, Name};
use crate::keep::{OwnKeys, RoleKey};
use crate::nacl::{KeyPair, PublicKey, Secret, VerifyKey, derive};
use crate::wire::v1::Successor;

/// Our own long-term identity. The binding signature is made once, here.
#[derive(Debug)]
pub struct Identity {
    pub(super) keys: OwnKeys,
    /// The Curve25519 pair, ready for agreements.
    pub(super) pair: KeyPair,
    key: RoleKey,
    epoch: u32,
    binding: [u8; 64],
    successor: Option<Successor>,
}

/// Who a peer has proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its role and keys.
    pub key: RoleKey,
    /// Its keys' generation.
    pub epoch: u32,
    /// The keys that will follow, vouched for by these.
    pub successor: Option<(PublicKey, VerifyKey, u32)>,
}

impl Identity {
    /// Of `role` with `keys`, which are its `epoch`th. A role of more than [`ID_MAX`] bytes is refused.
    pub fn new(role: Name, keys: OwnKeys, epoch: u32) -> Result<Self, IllegalName> {
        if role.as_str().len() > ID_MAX {
            return Err(IllegalName::Long);
        }
        let pair = KeyPair::new(keys.secret.clone());
        let key = RoleKey { role, verify: keys.sign.verify_key(), public: PublicKey::from_agreed(*pair.public()) };
        let text = binding(&key.role, key.public.as_bytes(), key.verify.as_bytes(), epoch);
        let binding = keys.sign.sign(&text);
        Ok(Self { keys, pair, key, epoch, binding, successor: None })
    }

    /// Announces the keys that will follow.
    pub fn succeeded_by(mut self, next: &OwnKeys, epoch: u32) -> Self {
        let next = next.public(self.key.role.clone());
        let text = succession(&next.role, next.public.as_bytes(), next.verify.as_bytes(), epoch);
        self.successor = Some(Successor {
            public: *next.public.as_bytes(),
            verify: *next.verify.as_bytes(),
            epoch,
            signature: self.keys.sign.sign(&text),
        });
        self
    }

    /// Our role and public keys.
    pub fn key(&self) -> &RoleKey {
        &self.key
    }

    /// Our keys' generation.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The signature over role, keys and epoch.
    pub fn binding(&self) -> &[u8; 64] {
        &self.binding
    }

    pub(super) fn successor(&self) -> Option<Successor> {
        self.successor
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        self.key.public.as_bytes()
    }

    /// A secret for `purpose` that survives a restart, because it is made of the long-term one.
    pub(super) fn secret(&self, purpose: &[u8]) -> Secret {
        Secret::from_bytes(derive::digest(&[DERIVED, &*self.keys.secret.bytes()])).expand(purpose)
    }
}

impl Peer {
    /// Verifies the binding.
    pub(super) fn bound(key: RoleKey, epoch: u32, signature: &[u8; 64]) -> Option<Self> {
        let text = binding(&key.role, key.public.as_bytes(), key.verify.as_bytes(), epoch);
        key.verify.verifies(&text, signature).then_some(Self { key, epoch, successor: None })
    }

    /// With a binding that nobody has to verify: role and both keys are known to belong together.
    pub(super) fn known(key: RoleKey, epoch: u32) -> Self {
        Self { key, epoch, successor: None }
    }

    /// Verifies the announcement of keys to follow; `None` when it is not this peer's.
    pub(super) fn with_successor(mut self, next: Option<Successor>) -> Option<Self> {
        let Some(next) = next else { return Some(self) };
        let text = succession(&self.key.role, &next.public, &next.verify, next.epoch);
        if !self.key.verify.verifies(&text, &next.signature) {
            return None;
        }
        let (public, verify) = (PublicKey::from_bytes(next.public).ok()?, VerifyKey::from_bytes(&next.verify).ok()?);
        self.successor = Some((public, verify, next.epoch));
        Some(self)
    }
}

fn binding(role: &Name, public: &[u8; 32], verify: &[u8; 32], epoch: u32) -> Vec<u8> {
    statement(BINDING, role, public, verify, epoch)
}

fn succession(role: &Name, public: &[u8; 32], verify: &[u8; 32], epoch: u32) -> Vec<u8> {
    statement(SUCCESSION, role, public, verify, epoch)
}

/// Label, public key, verify key, epoch and at last the role: all but the role of fixed length.
fn statement(label: &[u8], role: &Name, public: &[u8; 32], verify: &[u8; 32], epoch: u32) -> Vec<u8> {
    [label, public, verify, &epoch.to_be_bytes(), role.as_str().as_bytes()].concat()
}

const BINDING: &[u8] = b"roadstead v1 binding\0";
const SUCCESSION: &[u8] = b"roadstead v1 successor\0";
const DERIVED: &[u8] = b"roadstead v1 derived";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    fn identity(seed: u64) -> Identity {
        let keys = OwnKeys::generate(&mut Random::from_number(seed));
        Identity::new(Name::new("web1").unwrap(), keys, 3).unwrap()
    }

    fn prove(of: &Identity, role: &str, epoch: u32) -> Option<Peer> {
        let key = of.key();
        Peer::bound(RoleKey { role: Name::new(role).unwrap(), ..key.clone() }, epoch, of.binding())
    }

    #[test]
    fn a_binding_holds_for_its_role_keys_and_epoch() {
        let (ours, other) = (identity(1), identity(2));
        assert_eq!(prove(&ours, "web1", 3).unwrap().key, *ours.key());
        assert_eq!(prove(&ours, "web2", 3), None);
        assert_eq!(prove(&ours, "web1", 4), None);
        let stolen = RoleKey { public: other.key().public, ..ours.key().clone() };
        assert_eq!(Peer::bound(stolen, 3, ours.binding()), None);
        assert!(Identity::new(Name::new(&"x".repeat(65)).unwrap(), ours.keys.clone(), 0).is_err());
    }

    #[test]
    fn a_successor_is_vouched_for() {
        let next = OwnKeys::generate(&mut Random::from_number(9));
        let ours = identity(1).succeeded_by(&next, 4);
        let peer = prove(&ours, "web1", 3).unwrap();
        let known = peer.clone().with_successor(ours.successor()).unwrap().successor.unwrap();
        assert_eq!(known, (next.secret.public(), next.sign.verify_key(), 4));
        let other = identity(2).succeeded_by(&next, 4);
        assert_eq!(peer.clone().with_successor(other.successor()), None);
        // A binding is no succession.
        let swapped = Successor { signature: *ours.binding(), ..ours.successor().unwrap() };
        assert_eq!(peer.with_successor(Some(swapped)), None);
    }
}
