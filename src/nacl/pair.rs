//! An X25519 key pair made ready for agreements. What depends on the secret alone is worked out once: half of an
//! agreement's price where it is done anew each time. Knows no protocol.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};

use super::boxes::SecretKey;
use super::derive::{Secret, same};

/// A secret key, its public half, and both in the form that agreements take. Redacted in `Debug`, wiped on drop.
pub struct KeyPair {
    secret: SecretKey,
    /// Fails for no key of 32 bytes; should it, nobody agrees with us.
    ready: Option<PrivateKey>,
    public: [u8; 32],
}

impl KeyPair {
    /// Of a secret key.
    pub fn new(secret: SecretKey) -> Self {
        // A third of dalek's time for the public half, half of it for an agreement (5 for 13 us, 21 for 39 here).
        let ready = PrivateKey::from_private_key(&X25519, &*secret.bytes()).ok();
        let public = ready.as_ref().and_then(|ready| ready.compute_public_key().ok()?.as_ref().try_into().ok());
        Self { secret, ready, public: public.unwrap_or([0; 32]) }
    }

    /// The secret half.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The public half.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// X25519; `None` when the result is all zero (RFC 7748 §6.1): such a key makes anybody's secret known.
    pub fn agree(&self, theirs: &[u8; 32]) -> Option<Secret> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        let shared = agree(self.ready.as_ref()?, theirs, (), |shared| shared.try_into().map_err(drop)).ok()?;
        let shared = Secret::from_bytes(shared);
        // It refuses such a result by itself; nobody shall have to rely on that.
        (!same(shared.bytes(), &[0; 32])).then_some(shared)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_as_dalek_does(ours: [u8; 32], theirs: [u8; 32]) {
            let (dalek, other) = (x25519_dalek::StaticSecret::from(ours), x25519_dalek::StaticSecret::from(theirs));
            let pair = KeyPair::new(SecretKey::from_bytes(ours));
            prop_assert_eq!(pair.public(), &x25519_dalek::PublicKey::from(&dalek).to_bytes());
            let theirs = x25519_dalek::PublicKey::from(&other);
            let shared = dalek.diffie_hellman(&theirs);
            prop_assert_eq!(pair.agree(theirs.as_bytes()), Some(Secret::from_bytes(shared.to_bytes())));
        }
    }

    #[test]
    fn zero_secrets_are_refused() {
        let pair = KeyPair::new(SecretKey::from_bytes([5; 32]));
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!((pair.agree(&[0; 32]), pair.agree(&one)), (None, None));
        assert_eq!(format!("{pair:?}"), "KeyPair(..)");
    }
}
