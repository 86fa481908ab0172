//! Any datagram: read, verified, written again; its coat as every kind of body a coat may hold. The secrets are those of
//! the golden vectors, so that their handshakes open.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roadstead::nacl::{SecretKey, SharedBox, SigningKey};
use roadstead::wire::v0::{self, BodyKind, Cookie, Hello, Initiate, JoinBody, body, coat, resend};

/// From `tests/vectors/v0/keys.json`: beta is the allower, alpha the allowent.
const ALPHA_LONG: &str = "b2d410d4f7eb166cc95c040146253454c1bf95cfc3ca3e0fb125544e36fad155";
const ALPHA_SHORT: &str = "c87227ebf8694bdde08a9c84d5da204fea19b20872527b1a619b08b89e8b826a";
const BETA_SHORT: &str = "6d50537b0a360eac80a09cebb16f4ac2bf2d3afcbfddc60692bbaae093d32029";

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = v0::read(data) else {
        return bodies(data);
    };
    let key = SigningKey::from_seed(&[7; 32]);
    assert!(!packet.verify(&key.verify_key()) || packet.is_signed());
    let mut out = Vec::new();
    v0::write(&packet.head, packet.coat, Some(&key), &mut out);
    // Ours may be longer than what was read only by the leading zeros and defaults a peer need not write.
    if out.len() <= 2048 {
        let again = v0::read(&out).expect("what we write we read");
        assert_eq!((again.head, again.coat), (packet.head, packet.coat));
        assert_eq!(again.verify(&key.verify_key()), packet.is_signed());
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
    let (long, short, theirs) = (secret(ALPHA_LONG), secret(ALPHA_SHORT), secret(BETA_SHORT));
    // Deriving keys is slow; these look at the length first.
    let _ = Hello::open(data, &long);
    let _ = Cookie::open(data, &theirs, &long.public());
    let _ = Initiate::open(data, &short, &long);
    if data.len() >= 40 {
        let _ = coat::open(data, &SharedBox::new(&theirs.public(), &short));
    }
}

fn secret(text: &str) -> SecretKey {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    SecretKey::from_bytes(bytes)
}
