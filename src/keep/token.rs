//! Enrolment tokens: a secret that a new machine is given beside its master's address. It lets the machine in at first
//! contact without anybody's look at fingerprints, and proves the master to it (handshake v1 "First contact").

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::base::{Name, Random, Wall};
use crate::nacl::Secret;

/// A token. Whoever has its text may enrol; redacted in `Debug`.
#[derive(Clone)]
pub struct Token {
    /// What it is called by in clear; unguessable, but no secret.
    pub id: [u8; 16],
    /// What is proved, both ways.
    pub secret: Secret,
    /// The only role it is for; `None`: any.
    pub role: Option<Name>,
    /// Seconds since 1970 after which it enrols nobody; `None`: never.
    pub until: Option<u64>,
}

/// The text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enrolment token (`enrol-`, 32 hex digits, `-`, 64 hex digits)")]
pub struct NoToken;

const PREFIX: &str = "enrol-";

impl Token {
    /// A fresh one; `random` must come from the operating system's.
    pub fn generate(random: &mut Random, role: Option<Name>, until: Option<u64>) -> Self {
        Self { id: random.bytes(), secret: Secret::generate(random), role, until }
    }

    /// What the machine is given. It says neither for whom nor until when: the master knows.
    pub fn text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex::encode(self.secret.bytes()));
        Zeroizing::new([PREFIX, &self.name(), "-", &secret].concat())
    }

    /// Its id in hex: how it is listed and filed.
    pub fn name(&self) -> String {
        hex::encode(self.id)
    }

    /// Whether it lets `role` in at `now`.
    pub fn admits(&self, role: &Name, now: Wall) -> bool {
        let is_for = self.role.as_ref().is_none_or(|only| only == role);
        is_for && self.until.is_none_or(|until| now.0 / 1_000_000 <= until)
    }
}

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let (id, secret) = text.trim().strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')).ok_or(NoToken)?;
        let (mut token, mut bytes) = ([0; 16], Zeroizing::new([0; 32]));
        hex::decode_to_slice(id, &mut token).map_err(|_| NoToken)?;
        hex::decode_to_slice(secret, &mut *bytes).map_err(|_| NoToken)?;
        Ok(Self { id: token, secret: Secret::from_bytes(*bytes), role: None, until: None })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, for {:?}, until {:?})", self.name(), self.role, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_there_and_back() {
        let token = Token::generate(&mut Random::from_number(1), None, None);
        let text = token.text();
        let again: Token = format!(" {}\n", *text).parse().unwrap();
        assert_eq!((again.id, again.secret.bytes()), (token.id, token.secret.bytes()));
        assert!(!format!("{token:?}").contains(&hex::encode(token.secret.bytes())), "a secret is printed");
        let cut = &text[..text.len() - 1];
        for bad in ["", "enrol-", cut, &text.replace("enrol", "enroll"), &text.replacen('-', "_", 1)] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }

    #[test]
    fn for_one_role_and_a_while() {
        let (web1, web2): (Name, Name) = ("web1".parse().unwrap(), "web2".parse().unwrap());
        let token = Token::generate(&mut Random::from_number(1), Some(web1.clone()), Some(100));
        assert!(token.admits(&web1, Wall(100_999_999)) && !token.admits(&web1, Wall(101_000_000)));
        assert!(!token.admits(&web2, Wall(0)));
        let open = Token { role: None, until: None, ..token };
        assert!(open.admits(&web2, Wall(u64::MAX)));
    }
}
