//! Floor 0: the NaCl primitives the roads use, each behind a type that cannot be misused or printed.

pub mod boxes;
pub mod derive;
pub mod pair;
pub mod seal;
pub mod sign;

pub use boxes::{PublicKey, SecretKey, SharedBox};
pub use derive::{Secret, Symmetric};
pub use pair::KeyPair;
pub use seal::{Direction, Record, RecordKey, Suite};
pub use sign::{SigningKey, Verifier, VerifyKey, all_verify};
