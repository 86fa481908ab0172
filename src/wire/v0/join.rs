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

    /// The role, or else the name, that a body claims which [`read`](Self::read) refuses: cut short and made safe to show.
    pub fn claim(body: &[u8], kind: BodyKind) -> Option<String> {
        let body = map_of(body, kind).ok()?;
        let mut reader = Reader::new(&body);
        let Ok(Token::Map(count)) = reader.token() else { return None };
        let (mut name, mut role) = (None, None);
        for _ in 0..count {
            match reader.token().ok()? {
                Token::Raw(b"name") => name = reader.scalar().ok(),
                Token::Raw(b"role") => role = reader.scalar().ok(),
                Token::Array(_) | Token::Map(_) => return None,
                _ => reader.skip().ok()?,
            }
        }
        let illegal = |token: &Token<'_>| matches!(token, Token::Raw(text) if !is_id(text));
        let role = role.filter(illegal).or(name.filter(illegal))?;
        let Token::Raw(text) = role else { return None };
        Some(shown(text))
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

/// Whether a text may be an estate's name or role.
fn is_id(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| Name::new(text).is_ok())
}

/// The beginning of a text whose bytes may be any.
fn shown(text: &[u8]) -> String {
    let (head, end) = match text.get(..SHOWN) {
        Some(head) if text.len() > SHOWN => (head, "…"),
        _ => (text, ""),
    };
    format!("{}{end}", head.escape_ascii())
}

/// Bytes of a claimed id that are shown.
const SHOWN: usize = 40;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::nacl::{SecretKey, SigningKey};

    fn good() -> JoinBody {
        JoinBody {
            name: Name::new("web1_minion").unwrap(),
            mode: 0,
            kind: 1,
            uid: None,
            verify: SigningKey::from_seed(&[1; 32]).verify_key(),
            public: SecretKey::from_bytes([2; 32]).public(),
            role: Name::new("web1").unwrap(),
        }
    }

    fn with(field: &str, value: Value) -> Vec<u8> {
        let mut body: Value = serde_json::from_slice(&good().write(BodyKind::Json)).unwrap();
        body[field] = value;
        body.to_string().into_bytes()
    }

    fn both(json: &[u8]) -> Result<JoinBody, Malformed> {
        let read = JoinBody::read(json, BodyKind::Json);
        let packed = json_to_msgpack(json).unwrap();
        assert_eq!(JoinBody::read(&packed, BodyKind::Msgpack).is_ok(), read.is_ok());
        read
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            name in "[A-Za-z0-9_-]{1,64}", role in "[A-Za-z0-9_-]{1,64}", mode: u8, kind: u32, uid in 0u32..,
            seeds: [[u8; 32]; 2],
        ) {
            let body = JoinBody {
                name: Name::new(&name).unwrap(),
                mode,
                kind,
                uid: (uid != 0).then_some(uid),
                verify: SigningKey::from_seed(&seeds[0]).verify_key(),
                public: SecretKey::from_bytes(seeds[1]).public(),
                role: Name::new(&role).unwrap(),
            };
            for kind in [BodyKind::Json, BodyKind::Msgpack] {
                let written = body.write(kind);
                // It must leave room for the longest head in one packet.
                prop_assert!(written.len() < 1024 - 255);
                prop_assert_eq!(JoinBody::read(&written, kind), Ok(body.clone()));
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [BodyKind::Json, BodyKind::Msgpack, BodyKind::Raw, BodyKind::Nada] {
                let _ = JoinBody::read(&bytes, kind);
            }
        }
    }

    #[test]
    fn illegal_fields() {
        let hex = "ab".repeat(32);
        for (field, value) in [
            ("name", json!(7)),
            ("name", json!("")),
            ("name", json!("a/b")),
            ("name", json!(["web1"])),
            ("role", json!("../accepted/evil")),
            ("role", json!(null)),
            ("mode", json!(256)),
            ("mode", json!(-1)),
            ("mode", json!("0")),
            ("mode", json!(1.0)),
            ("mode", json!(true)),
            ("kind", json!(null)),
            ("kind", json!(4_294_967_296u64)),
            ("uid", json!(0)),
            ("uid", json!("2")),
            ("verhex", json!(hex[2..])),
            ("verhex", json!(format!("{hex}00"))),
            ("verhex", json!("zz".repeat(32))),
            ("verhex", json!("00".repeat(32))),
            ("pubhex", json!("00".repeat(32))),
            ("pubhex", json!({ "name": "web1" })),
        ] {
            assert!(both(&with(field, value.clone())).is_err(), "{field} {value}");
        }
    }

    #[test]
    fn an_illegal_id_is_shown_safely() {
        let claim = |json: Vec<u8>| JoinBody::claim(&json, BodyKind::Json);
        assert_eq!(claim(with("role", json!("web 1"))), Some("web 1".to_owned()));
        assert_eq!(claim(with("role", json!("\u{1b}[2Jé'\n"))), Some("\\x1b[2J\\xc3\\xa9\\'\\n".to_owned()));
        assert_eq!(claim(with("name", json!("../x_minion"))), Some("../x_minion".to_owned()));
        assert_eq!(claim(with("role", json!("/".repeat(90)))), Some(format!("{}…", "/".repeat(40))));
        // What is wrong is something else.
        assert_eq!(claim(with("mode", json!(256))), None);
        assert_eq!(JoinBody::claim(b"\x81", BodyKind::Msgpack), None);
    }

    #[test]
    fn tolerated() {
        let mut expect = good();
        assert_eq!(both(&with("caps", json!({ "name": ["x", { "role": 1 }] }))), Ok(expect.clone()));
        let verhex = hex::encode_upper(expect.verify.as_bytes());
        assert_eq!(both(&with("verhex", json!(verhex))), Ok(expect.clone()));
        expect.mode = 0xfe;
        expect.kind = 300;
        expect.uid = Some(9);
        let body = both(&expect.write(BodyKind::Json)).unwrap();
        assert!(!body.is_main());
        assert_eq!(body, expect);
    }

    #[test]
    fn keys_that_are_no_text() {
        let mut packed = good().write(BodyKind::Msgpack);
        packed[0] += 1;
        packed.extend_from_slice(&[0x05, 0x91, 0xc0]);
        assert_eq!(JoinBody::read(&packed, BodyKind::Msgpack), Ok(good()));
        let len = packed.len();
        packed[len - 3] = 0x90;
        packed.truncate(len - 1);
        packed[len - 2] = 0xc0;
        assert!(JoinBody::read(&packed, BodyKind::Msgpack).is_err());
    }
}
