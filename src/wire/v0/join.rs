//! The body of a join request and response (wire v0 §4.1): who an estate is. Proves nothing.

use bytes::Bytes;

use super::body::{check_msgpack, json_to_msgpack, msgpack_to_json};
use super::kinds::BodyKind;
use super::msgpack::{Reader, Token, write_map, write_raw, write_unsigned};
use super::{Malformed, malformed};
use crate::base::Name;
use crate::nacl::{PublicKey, VerifyKey};

/// Bit of `mode`: the estate is a main one.
pub const MODE_MAIN: u8 = 1;

/// What a joiner or joinent says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinBody {
    /// The estate's name.
    pub name: Name,
    /// Bit 0 says main; the rest means nothing.
    pub mode: u8,
    /// The application's kind of estate.
    pub kind: u32,
    /// Only in a response: the number the joinent gave the joiner, not 0.
    pub uid: Option<u32>,
    /// Long-term signing key.
    pub verify: VerifyKey,
    /// Long-term box key.
    pub public: PublicKey,
    /// Name of the keys.
    pub role: Name,
}

impl JoinBody {
    /// Whether it calls itself main.
    pub fn is_main(&self) -> bool {
        self.mode & MODE_MAIN != 0
    }

    /// Reads a body; every field must be there and legal, others are ignored.
    pub fn read(body: &[u8], kind: BodyKind) -> Result<Self, Malformed> {
        let body = map_of(body, kind)?;
        let mut reader = Reader::new(&body);
        let Token::Map(count) = reader.token()? else { return malformed("body is no map", 0) };
        let mut found = Found::default();
        for _ in 0..count {
            let at = reader.at();
            match reader.token()? {
                Token::Raw(b"name") => found.name = Some(reader.scalar()?),
                Token::Raw(b"mode") => found.mode = Some(reader.scalar()?),
                Token::Raw(b"kind") => found.kind = Some(reader.scalar()?),
                Token::Raw(b"uid") => found.uid = Some(reader.scalar()?),
                Token::Raw(b"verhex") => found.verhex = Some(reader.scalar()?),
                Token::Raw(b"pubhex") => found.pubhex = Some(reader.scalar()?),
                Token::Raw(b"role") => found.role = Some(reader.scalar()?),
                Token::Array(_) | Token::Map(_) => return malformed("field name is no text", at),
                _ => reader.skip()?,
            }
        }
        found.check()
    }

    /// Writes it in raet's order.
    pub fn write(&self, kind: BodyKind) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write_map(6 + usize::from(self.uid.is_some()), &mut out);
        let mut key = |key: &str, value: &dyn Fn(&mut Vec<u8>)| {
            write_raw(key.as_bytes(), &mut out);
            value(&mut out);
        };
        key("name", &|out| write_raw(self.name.as_str().as_bytes(), out));
        key("mode", &|out| write_unsigned(self.mode.into(), out));
        key("kind", &|out| write_unsigned(self.kind.into(), out));
        if let Some(uid) = self.uid {
            key("uid", &|out| write_unsigned(uid.into(), out));
        }
        key("verhex", &|out| write_raw(hex::encode(self.verify.as_bytes()).as_bytes(), out));
        key("pubhex", &|out| write_raw(hex::encode(self.public.as_bytes()).as_bytes(), out));
        key("role", &|out| write_raw(self.role.as_str().as_bytes(), out));
        match kind {
            // Names, numbers and hex always have a JSON.
            BodyKind::Json => msgpack_to_json(&out).unwrap_or_default(),
            BodyKind::Nada | BodyKind::Raw | BodyKind::Msgpack => out,
        }
    }
}

/// A received map body of either kind as MessagePack.
pub(super) fn map_of(body: &[u8], kind: BodyKind) -> Result<Bytes, Malformed> {
    match kind {
        BodyKind::Json => json_to_msgpack(body),
        BodyKind::Msgpack => check_msgpack(Bytes::copy_from_slice(body)),
        BodyKind::Nada | BodyKind::Raw => malformed("body is no map", 0),
    }
}

#[derive(Default)]
struct Found<'a> {
    name: Option<Token<'a>>,
    mode: Option<Token<'a>>,
    kind: Option<Token<'a>>,
    uid: Option<Token<'a>>,
    verhex: Option<Token<'a>>,
    pubhex: Option<Token<'a>>,
    role: Option<Token<'a>>,
}

impl Found<'_> {
    fn check(self) -> Result<JoinBody, Malformed> {
        let illegal = |what| Malformed { what, at: 0 };
        let verify = key_of(self.verhex).and_then(|key| VerifyKey::from_bytes(&key).ok());
        let public = key_of(self.pubhex).and_then(|key| PublicKey::from_bytes(key).ok());
        let uid = match self.uid {
            None => None,
            Some(token) => match number_of(Some(token)).and_then(|uid| u32::try_from(uid).ok()) {
                Some(uid) if uid != 0 => Some(uid),
                _ => return malformed("illegal uid", 0),
            },
        };
        Ok(JoinBody {
            name: name_of(self.name).ok_or(illegal("illegal name"))?,
            mode: number_of(self.mode).and_then(|mode| u8::try_from(mode).ok()).ok_or(illegal("illegal mode"))?,
            kind: number_of(self.kind).and_then(|kind| u32::try_from(kind).ok()).ok_or(illegal("illegal kind"))?,
            uid,
            verify: verify.ok_or(illegal("illegal verify key"))?,
            public: public.ok_or(illegal("illegal public key"))?,
            role: name_of(self.role).ok_or(illegal("illegal role"))?,
        })
    }
}

fn text_of(token: Option<Token<'_>>) -> Option<&str> {
    match token? {
        Token::Raw(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

fn name_of(token: Option<Token<'_>>) -> Option<Name> {
    Name::new(text_of(token)?).ok()
}

fn number_of(token: Option<Token<'_>>) -> Option<u64> {
    match token? {
        Token::Unsigned(number) => Some(number),
        _ => None,
    }
}

fn key_of(token: Option<Token<'_>>) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(text_of(token)?, &mut key).ok()?;
    Some(key)
}
