//! Sealing against RustCrypto's implementations as oracles, Wycheproof's vectors of AES-256-GCM, and forgeries of every part.

use aes_gcm::Aes256Gcm;
use chacha20poly1305::XChaCha20Poly1305;
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const RECORD: Record =
    Record { direction: Direction::ToResponder, first: 0xc1, epoch: 7, cid: 0x0102_0304_0506_0708, number: 9 };
const HEAD: [u8; 12] = [0xc1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9];

fn key(suite: Suite) -> RecordKey {
    RecordKey::new(suite, &Secret::from_bytes([4; 32]))
}

#[test]
fn nothing_else_opens() {
    for suite in Suite::ALL {
        let mut sealed = b"some frames".to_vec();
        let tag = key(suite).seal(&RECORD, &HEAD, &mut sealed).unwrap();
        let records = [
            Record { direction: Direction::ToInitiator, ..RECORD },
            Record { number: RECORD.number + (1 << 32), ..RECORD },
        ];
        for record in records {
            assert_eq!(key(suite).open(&record, &HEAD, &mut sealed.clone(), &tag), Err(Forged));
        }
        let other = RecordKey::new(suite, &Secret::from_bytes([5; 32]));
        assert_eq!(other.open(&RECORD, &HEAD, &mut sealed.clone(), &tag), Err(Forged));
        for bit in 0..TAG * 8 {
            let mut bad = tag;
            bad[bit / 8] ^= 1 << (bit % 8);
            let mut text = sealed.clone();
            assert_eq!(key(suite).open(&RECORD, &HEAD, &mut text, &bad), Err(Forged));
            let left = if suite == Suite::Nacl { sealed.clone() } else { vec![0; sealed.len()] };
            assert_eq!(text, left, "as it came, or gone: never a forger's plain text");
        }
        assert_eq!(key(suite).open(&RECORD, &HEAD, &mut sealed, &tag), Ok(()));
        assert_eq!(sealed, b"some frames");
    }
}

#[test]
fn the_head_is_authentic() {
    // The secretbox through its nonce, GCM through its associated data.
    for suite in Suite::ALL {
        let mut sealed = b"some frames".to_vec();
        let tag = key(suite).seal(&RECORD, &HEAD, &mut sealed).unwrap();
        for bit in 0..8 {
            let flip = 1 << bit;
            for (at, record) in [
                (0, Record { first: RECORD.first ^ flip, ..RECORD }),
                (1, Record { epoch: RECORD.epoch ^ flip, ..RECORD }),
                (9, Record { cid: RECORD.cid ^ u64::from(flip), ..RECORD }),
                (11, Record { number: RECORD.number ^ u64::from(flip), ..RECORD }),
            ] {
                let mut head = HEAD;
                head[at] ^= flip;
                assert_eq!(key(suite).open(&record, &head, &mut sealed.clone(), &tag), Err(Forged), "{at}");
            }
        }
    }
}

#[test]
fn the_secretbox_is_nacl_s() {
    // NaCl's own secretbox test (Bernstein, "Cryptography in NaCl" §10): firstkey, nonce, the first bytes of the text.
    let key: [u8; 32] =
        hex::decode("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389").unwrap().try_into().unwrap();
    let nonce: [u8; 24] = hex::decode("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37").unwrap().try_into().unwrap();
    let mut text = hex::decode(concat!(
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01",
        "233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd",
        "4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
    ))
    .unwrap();
    let tag = Secretbox::new(&Secret::from_bytes(key)).seal(&nonce, &mut text).unwrap();
    assert_eq!(hex::encode(tag), "f3ffc7703f9400e52a7dfb4b3d3305d9");
    assert_eq!(hex::encode(&text[..16]), "8e993b9f48681273c29650ba32fc76ce");
}

#[test]
fn suites_have_numbers() {
    for suite in Suite::ALL {
        assert_eq!(Suite::from_code(suite.code()), Some(suite));
    }
    assert_eq!(Suite::from_code(0), None);
    assert_eq!(Direction::ToInitiator.back().back(), Direction::ToInitiator);
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", key(Suite::Nacl)), "RecordKey(..)");
}

#[test]
fn wycheproof_of_aes_256_gcm() {
    let groups: Value = serde_json::from_str(include_str!("../../tests/vectors/wycheproof/aes_256_gcm.json")).unwrap();
    let field = |test: &Value, name: &str| hex::decode(test[name].as_str().unwrap()).unwrap();
    let mut count = 0;
    for test in groups.as_array().unwrap().iter().flat_map(|group| group["tests"].as_array().unwrap()) {
        let key = Gcm::new(&Secret::from_bytes(field(test, "key").try_into().unwrap()));
        let nonce: [u8; 12] = field(test, "iv").try_into().unwrap();
        let (data, plain, sealed) = (field(test, "aad"), field(test, "msg"), field(test, "ct"));
        let (tag, is_valid) = (field(test, "tag").try_into().unwrap(), test["result"] == "valid");

        let mut text = sealed.clone();
        assert_eq!(key.open(nonce, &data, &mut text, &tag).is_ok(), is_valid, "{test}");
        assert!(!is_valid || text == plain, "{test}");

        let mut text = plain;
        let made = key.seal(nonce, &data, &mut text).unwrap();
        assert_eq!(made == tag && text == sealed, is_valid, "{test}");
        count += 1;
    }
    assert_eq!(count, 66);
}

#[test]
fn preference_follows_the_processor() {
    let preferred = Suite::preferred();
    assert!(Suite::ALL.iter().all(|suite| preferred.contains(suite)), "none is left out");
    assert_eq!(preferred[0] == Suite::Aes256Gcm, has_aes());
}

/// What RustCrypto's implementation of the suite makes of the same record.
fn oracle(suite: Suite, key: &[u8; 32], record: &Record, head: &[u8], text: &mut [u8]) -> [u8; TAG] {
    match suite {
        Suite::Nacl => {
            let key = XSalsa20Poly1305::new(key.into());
            key.encrypt_in_place_detached(&record.long_nonce().into(), &[], text)
        }
        Suite::Aes256Gcm => {
            let key = Aes256Gcm::new(key.into());
            key.encrypt_in_place_detached(&record.short_nonce().into(), head, text)
        }
    }
    .unwrap()
    .into()
}

/// Opens with RustCrypto's.
fn oracle_open(suite: Suite, key: &[u8; 32], record: &Record, head: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> bool {
    match suite {
        Suite::Nacl => {
            let key = XSalsa20Poly1305::new(key.into());
            key.decrypt_in_place_detached(&record.long_nonce().into(), &[], text, tag.into())
        }
        Suite::Aes256Gcm => {
            let key = Aes256Gcm::new(key.into());
            key.decrypt_in_place_detached(&record.short_nonce().into(), head, text, tag.into())
        }
    }
    .is_ok()
}

/// Both implementations make the same bytes and open each other's.
fn agree_on(suite: Suite, key: &[u8; 32], record: &Record, head: &[u8], plain: &[u8]) {
    let ours = RecordKey::new(suite, &Secret::from_bytes(*key));
    let (mut text, mut theirs) = (plain.to_vec(), plain.to_vec());
    let tag = ours.seal(record, head, &mut text).unwrap();
    assert_eq!(tag, oracle(suite, key, record, head, &mut theirs), "{suite:?}, {} bytes", plain.len());
    assert_eq!(text, theirs, "{suite:?}, {} bytes", plain.len());
    assert_eq!(ours.open(record, head, &mut theirs, &tag), Ok(()));
    assert!(oracle_open(suite, key, record, head, &mut text, &tag));
    assert_eq!((&text[..], &theirs[..]), (plain, plain), "{suite:?}");
}

#[test]
fn every_length_agrees_with_the_oracle() {
    // Around every width at which a vector implementation may change its way, and the largest datagram.
    let plain: Vec<u8> = (0..65_507u32).map(|n| (n % 251) as u8).collect();
    for suite in Suite::ALL {
        for size in (0..1500).chain([4095, 4096, 4097, 8871, 65_507]) {
            agree_on(suite, &[9; 32], &RECORD, &HEAD, &plain[..size]);
        }
    }
}

fn records() -> impl Strategy<Value = Record> {
    (any::<bool>(), any::<u8>(), any::<u8>(), any::<u64>(), any::<u64>()).prop_map(
        |(back, first, epoch, cid, number)| {
            let direction = if back { Direction::ToInitiator } else { Direction::ToResponder };
            Record { direction, first, epoch, cid, number }
        },
    )
}

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Nacl), Just(Suite::Aes256Gcm)]
}

proptest! {
    #[test]
    fn agrees_with_the_oracle(
        suite in suites(), record in records(), key: [u8; 32],
        head in proptest::collection::vec(any::<u8>(), 0..20),
        plain in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        agree_on(suite, &key, &record, &head, &plain);
    }

    #[test]
    fn cookies_agree_with_the_oracle(
        key: [u8; 32], nonce: [u8; 24],
        data in proptest::collection::vec(any::<u8>(), 0..40),
        plain in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let theirs = XChaCha20Poly1305::new(&key.into());
        let (mut text, mut other) = (plain.clone(), plain.clone());
        let tag = lock(&Secret::from_bytes(key), &nonce, &data, &mut text).unwrap();
        let expected = theirs.encrypt_in_place_detached(&nonce.into(), &data, &mut other).unwrap();
        prop_assert_eq!((&text, tag), (&other, expected.into()));
        prop_assert_eq!(unlock(&Secret::from_bytes(key), &nonce, &data, &mut other, &tag), Ok(()));
        prop_assert_eq!(other, plain);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused(
        suite in suites(), record in records(),
        plain in proptest::collection::vec(any::<u8>(), 1..1400), at: prop::sample::Index, bit in 0u8..8,
    ) {
        let mut text = plain.clone();
        let tag = key(suite).seal(&record, &HEAD, &mut text).unwrap();
        let at = at.index(text.len());
        text[at] ^= 1 << bit;
        prop_assert_eq!(key(suite).open(&record, &HEAD, &mut text, &tag), Err(Forged));
    }

    #[test]
    fn round_trips(
        aes: bool, first: u8, epoch: u8, cid: u64, number: u64, key: [u8; 32],
        plain in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let suite = if aes { Suite::Aes256Gcm } else { Suite::Nacl };
        let key = RecordKey::new(suite, &Secret::from_bytes(key));
        let record = Record { direction: Direction::ToInitiator, first, epoch, cid, number };
        let mut text = plain.clone();
        let tag = key.seal(&record, b"head", &mut text).unwrap();
        prop_assert_eq!(key.open(&record, b"head", &mut text, &tag), Ok(()));
        prop_assert_eq!(text, plain);
    }

    #[test]
    fn cookies_round_trip(key: [u8; 32], nonce: [u8; 24], plain: [u8; 136], flip in 0usize..136 * 8) {
        let key = Secret::from_bytes(key);
        let mut text = plain;
        let tag = lock(&key, &nonce, b"data", &mut text).unwrap();
        let mut bad = text;
        bad[flip / 8] ^= 1 << (flip % 8);
        prop_assert_eq!(unlock(&key, &nonce, b"data", &mut bad, &tag), Err(Forged));
        prop_assert_eq!(unlock(&key, &nonce, b"else", &mut text.clone(), &tag), Err(Forged));
        prop_assert_eq!(unlock(&key, &nonce, b"data", &mut text, &tag), Ok(()));
        prop_assert_eq!(text, plain);
    }
}
