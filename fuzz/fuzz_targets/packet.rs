//! Any datagram: read, verified, written again; its coat as every kind of body a coat may hold. The secrets are those of
//! the golden vectors, so that their handshakes open.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roadstead::nacl::{PublicKey, SecretKey, SharedBox, SigningKey};
use roadstead::wire::v0::{self, BodyKind, Cookie, Hello, Initiate, JoinBody, body, coat, resend};

/// From `tests/vectors/v0/keys.json`: beta is the allower, alpha the allowent.
const ALPHA_LONG: &str = "b2d410d4f7eb166cc95c040146253454c1bf95cfc3ca3e0fb125544e36fad155";
const ALPHA_SHORT: &str = "c87227ebf8694bdde08a9c84d5da204fea19b20872527b1a619b08b89e8b826a";
const BETA_SHORT: &str = "6d50537b0a360eac80a09cebb16f4ac2bf2d3afcbfddc60692bbaae093d32029";

struct Keys {
    sign: SigningKey,
    long: SecretKey,
    long_public: PublicKey,
    short: SecretKey,
    their_short: SecretKey,
    shared: SharedBox,
}

/// Made once: a run of the target should spend its time on parsing.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let (long, short, their_short) = (secret(ALPHA_LONG), secret(ALPHA_SHORT), secret(BETA_SHORT));
    let (long_public, shared) = (long.public(), SharedBox::new(&their_short.public(), &short));
    Keys { sign: SigningKey::from_seed(&[7; 32]), long, long_public, short, their_short, shared }
});

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = v0::read(data) else {
        return bodies(data);
    };
    // Signatures are slow, so few are made.
    let key = (packet.head.ti % 16 == 5).then_some(&KEYS.sign);
    let mut out = Vec::new();
    v0::write(&packet.head, packet.coat, key, &mut out);
    // Ours may be longer than what was read only by the padding and hex zeros a peer need not write.
    if out.len() <= 2048 {
        let again = v0::read(&out).expect("what we write we read");
        assert_eq!((again.head, again.coat), (packet.head, packet.coat));
        if let Some(key) = key {
            assert_eq!(again.verify(&key.verify_key()), packet.is_signed());
        }
    }
    bodies(packet.coat);
});

fn bodies(data: &[u8]) {
    for kind in [BodyKind::Json, BodyKind::Msgpack] {
        if let Ok(join) = JoinBody::read(data, kind) {
            assert_eq!(JoinBody::read(&join.write(kind), kind), Ok(join));
        }
        if let Ok(missed) = resend::read(data, kind) {
            assert_eq!(resend::read(&resend::write(&missed, kind), kind), Ok(missed));
        }
    }
    if let Ok(map) = body::json_to_msgpack(data) {
        assert_eq!(body::check_msgpack(map.clone()).as_ref(), Ok(&map));
        let json = body::msgpack_to_json(&map).expect("JSON came in, JSON can go out");
        assert!(json.is_ascii());
        body::json_to_msgpack(&json).expect("our JSON is JSON");
    }
    let checked = body::check_msgpack(Bytes::copy_from_slice(data));
    if let Ok(json) = body::msgpack_to_json(data) {
        assert!(checked.is_ok());
        // Keys that become the same text fold into one.
        body::json_to_msgpack(&json).expect("our JSON is JSON");
    }
    let _ = Hello::open(data, &KEYS.long);
    let _ = Cookie::open(data, &KEYS.their_short, &KEYS.long_public);
    let _ = Initiate::open(data, &KEYS.short, &KEYS.long);
    let _ = coat::open(data, &KEYS.shared);
}

fn secret(text: &str) -> SecretKey {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    SecretKey::from_bytes(bytes)
}
