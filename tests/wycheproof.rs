//! Project Wycheproof's vectors of the primitives we stand on, through the interface our own code uses.
//! AES-256-GCM's are in `src/nacl/seal_tests.rs`: a record's nonce is not free to choose from outside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a vector that is not as expected is a failed test")]

use roadstead::nacl::{Secret, SecretKey, VerifyKey, derive, seal};
use serde_json::Value;

#[test]
fn xchacha20_poly1305() {
    let mut count = 0;
    for_each("xchacha20_poly1305.json", |_, test| {
        let (key, nonce) = (Secret::from_bytes(array(&test["key"])), array(&test["iv"]));
        let (data, plain, sealed) = (bytes(&test["aad"]), bytes(&test["msg"]), bytes(&test["ct"]));
        let (tag, is_valid) = (array(&test["tag"]), test["result"] == "valid");

        let mut text = sealed.clone();
        let opened = seal::unlock(&key, &nonce, &data, &mut text, &tag);
        assert_eq!(opened.is_ok(), is_valid, "{test}");
        assert_eq!(text, if is_valid { plain.clone() } else { sealed.clone() }, "{test}");

        let mut text = plain;
        let made = seal::lock(&key, &nonce, &data, &mut text).unwrap();
        assert_eq!(made == tag && text == sealed, is_valid, "{test}");
        count += 1;
    });
    assert_eq!(count, 306);
}

#[test]
fn x25519() {
    let (mut agreed, mut refused) = (0, 0);
    for_each("x25519.json", |_, test| {
        let ours = SecretKey::from_bytes(array(&test["private"]));
        let shared: [u8; 32] = array(&test["shared"]);
        // Any 32 bytes are a public key (RFC 7748 §5); a secret everybody knows is none (§6.1).
        match derive::agree(&ours, &array(&test["public"])) {
            Some(secret) => {
                assert_eq!(*secret.bytes(), shared, "{test}");
                agreed += 1;
            }
            None => {
                assert_eq!(shared, [0; 32], "{test}");
                refused += 1;
            }
        }
    });
    assert_eq!((agreed, refused), (487, 31));
}

#[test]
fn ed25519() {
    let (mut valid, mut invalid) = (0, 0);
    for_each("ed25519.json", |group, test| {
        let key = VerifyKey::from_bytes(&array(&group["pk"])).unwrap();
        // Some signatures are of other lengths: those are no signatures here before anybody verifies them.
        let signature: Result<[u8; 64], _> = bytes(&test["sig"]).try_into();
        let verifies = signature.is_ok_and(|signature| key.verifies(&bytes(&test["msg"]), &signature));
        assert_eq!(verifies, test["result"] == "valid", "{test}");
        if verifies {
            valid += 1;
        } else {
            invalid += 1;
        }
    });
    assert_eq!((valid, invalid), (88, 63));
}

/// Every test of a file, with its group.
fn for_each(file: &str, mut check: impl FnMut(&Value, &Value)) {
    let path = format!("{}/tests/vectors/wycheproof/{file}", env!("CARGO_MANIFEST_DIR"));
    let groups: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for group in groups.as_array().unwrap() {
        group["tests"].as_array().unwrap().iter().for_each(|test| check(group, test));
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}
