//! Floor 0: the NaCl primitives the roads use, each behind a type that cannot be misused or printed.

pub mod boxes;
pub mod sign;

pub use boxes::{PublicKey, SecretKey, SharedBox};
pub use sign::{SigningKey, VerifyKey, all_verify};
