//! What we think of a key, and the short text people compare.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The standing of an estate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acceptance {
    /// Seen, not decided.
    Pending,
    /// May join and talk.
    Accepted,
    /// Refused until somebody decides otherwise.
    Rejected,
}

impl fmt::Display for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        })
    }
}

/// SHA-256 over an estate's long-term public keys, shown as 32 colon-separated hex pairs (as `salt-key -F` does).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hex digits, with or without colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 32 pairs of hex digits, with or without ':' between them")]
pub struct BadFingerprint;

impl FromStr for Fingerprint {
    type Err = BadFingerprint;
    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        let mut out = [0; 32];
        hex::decode_to_slice(digits, &mut out).map_err(|_| BadFingerprint)?;
        Ok(Self(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_text_round_trips() {
        let print = Fingerprint([0xab; 32]);
        assert_eq!(print.to_string().parse(), Ok(print));
        assert_eq!("AB".repeat(32).parse(), Ok(print));
        assert_eq!("ab:cd".parse::<Fingerprint>(), Err(BadFingerprint));
    }
}
