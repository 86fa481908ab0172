//! The long-term keys of a role: ours with their secrets, others' with their public halves.

use sha2::{Digest, Sha256};

use crate::base::{Fingerprint, Name, Random};
use crate::nacl::{PublicKey, SecretKey, SigningKey, VerifyKey};

/// Another role's long-term public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleKey {
    /// The key id: a minion's or master's id.
    pub role: Name,
    /// Ed25519.
    pub verify: VerifyKey,
    /// Curve25519.
    pub public: PublicKey,
}

/// Our own long-term keys.
#[derive(Debug, Clone)]
pub struct OwnKeys {
    /// Ed25519.
    pub sign: SigningKey,
    /// Curve25519.
    pub secret: SecretKey,
}

impl RoleKey {
    /// SHA-256 over verify key and box key: what an operator compares.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.verify.as_bytes());
        hash.update(self.public.as_bytes());
        Fingerprint(hash.finalize().into())
    }

    /// Whether both keys are the same, whatever the role.
    pub fn same_keys(&self, other: &Self) -> bool {
        self.verify == other.verify && self.public == other.public
    }
}

impl OwnKeys {
    /// Fresh keys.
    pub fn generate(random: &mut Random) -> Self {
        Self { sign: SigningKey::from_seed(&random.bytes()), secret: SecretKey::from_bytes(random.bytes()) }
    }

    /// The public halves, under the role they serve.
    pub fn public(&self, role: Name) -> RoleKey {
        RoleKey { role, verify: self.sign.verify_key(), public: self.secret.public() }
    }
}
