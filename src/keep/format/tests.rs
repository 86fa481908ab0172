//! What Salt wrote is read, what we write Salt can read, and no bytes stop the reader.

use proptest::prelude::*;

use super::*;
use crate::base::Random;

/// Hex digits of the secrets and public keys of `alpha` in `tests/vectors/v0/keys.json`.
const SIGN: &str = "25850c08744b73e317b04f6962b85e66f9bd9c0c502318b20d01ddfbe4628c99";
const VERIFY: &str = "04f840e342b7dc32af9ff17ddaa7d6263f3a719d8c440c713dda62456397e610";
const PRIV: &str = "b2d410d4f7eb166cc95c040146253454c1bf95cfc3ca3e0fb125544e36fad155";
const PUB: &str = "8e7957b60039c5ee895963e5721fb529a3960578453d22c02f42aa83064a4f68";

/// `msgpack.packb(.., use_bin_type=False)` of a map of these texts: 64 digits take the 16-bit raw length.
fn packed(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0x80 + fields.len() as u8];
    for (key, value) in fields {
        out.push(0xa0 + key.len() as u8);
        out.extend(key.as_bytes());
        match value.len() {
            0..=31 => out.push(0xa0 + value.len() as u8),
            _ => out.extend([0xda, 0, value.len() as u8]),
        }
        out.extend(value.as_bytes());
    }
    out
}

fn role(seed: u64, id: &str) -> RoleKey {
    OwnKeys::generate(&mut Random::from_number(seed)).public(Name::new(id).unwrap())
}

#[test]
fn own_keys_are_salts_bytes() {
    let file = packed(&[("priv", PRIV), ("sign", SIGN)]);
    let keys = read_own(&file).unwrap();
    assert_eq!(hex::encode(keys.secret.public().as_bytes()), PUB);
    assert_eq!(hex::encode(keys.sign.verify_key().as_bytes()), VERIFY);
    assert_eq!(*write_own(&keys), file);
}

#[test]
fn role_keys_are_salts_bytes() {
    let file = packed(&[("minion_id", "alpha"), ("pub", PUB), ("verify", VERIFY)]);
    let key = read_role(&file).unwrap();
    assert_eq!(key.role.as_str(), "alpha");
    assert_eq!(write_role(&key), file);
}

#[test]
fn any_order_and_any_kind_of_text_is_read() {
    let mut file = vec![0x84];
    for (key, value) in [("verify", VERIFY), ("pub", PUB), ("minion_id", "alpha"), ("note", "x")] {
        file.extend([0xc4, key.len() as u8]);
        file.extend(key.as_bytes());
        file.extend([0xd9, value.len() as u8]);
        file.extend(value.as_bytes());
    }
    assert_eq!(read_role(&file).unwrap().role.as_str(), "alpha");
}

#[test]
fn bad_key_files_are_named() {
    let zeros = "0".repeat(64);
    for (fields, wrong) in [
        (vec![("pub", PUB), ("verify", VERIFY)], "'minion_id' is missing"),
        (vec![("minion_id", "../accepted/evil"), ("pub", PUB), ("verify", VERIFY)], "'minion_id' is not a name"),
        (vec![("minion_id", "a"), ("verify", VERIFY)], "'pub' is missing"),
        (vec![("minion_id", "a"), ("pub", &zeros), ("verify", VERIFY)], "'pub' is not a public key"),
        (vec![("minion_id", "a"), ("pub", PUB), ("verify", "abc")], "'verify' is not a public key"),
    ] {
        assert_eq!(read_role(&packed(&fields)).unwrap_err().to_string(), wrong);
    }
    let short = packed(&[("priv", "00"), ("sign", SIGN)]);
    assert_eq!(read_own(&short).unwrap_err().to_string(), "'priv' is not 64 hex digits");
    let mut long = packed(&[("priv", PRIV), ("sign", SIGN)]);
    long.push(0);
    assert_eq!(read_own(&long).unwrap_err(), BadFile::NoKeyFile);
    assert_eq!(read_own(b"-----BEGIN RSA PRIVATE KEY-----").unwrap_err(), BadFile::NoKeyFile);
}

#[test]
fn remote_estates_of_python_are_read() {
    let file = br#"{
  "name": "rmin1_minion", "uid": 2, "fuid": 3, "ha": ["127.0.0.1", 4510], "iha": null, "natted": null,
  "fqdn": "localhost", "dyned": null, "sid": 7, "main": false, "kind": 1, "joined": true, "role": "rmin1"
}"#;
    let record = read_remote_estate(file).unwrap();
    assert_eq!((record.name.as_str(), record.role.as_str(), record.nuid, record.fuid), ("rmin1_minion", "rmin1", 2, 3));
    assert_eq!((record.ha, record.sid, record.main), ("127.0.0.1:4510".parse().unwrap(), 7, false));
    assert_eq!((record.kind, record.joined), (1, Some(true)));

    let lean = br#"{"name": "m", "role": "m", "uid": 4, "ha": ["::1", 9], "joined": null, "main": null}"#;
    let record = read_remote_estate(lean).unwrap();
    assert_eq!((record.fuid, record.sid, record.main, record.joined), (0, 0, false, None));
}

#[test]
fn remote_estates_have_the_keys_python_wants() {
    let record = RemoteRecord {
        name: Name::new("web1_minion").unwrap(),
        role: Name::new("web1").unwrap(),
        nuid: 2,
        fuid: 0,
        ha: "10.0.0.7:4510".parse().unwrap(),
        sid: 1,
        main: false,
        kind: 1,
        joined: None,
    };
    let text = String::from_utf8(write_remote_estate(&record)).unwrap();
    let keys: Vec<_> = read_map(text.as_bytes()).unwrap().keys().cloned().collect();
    let wanted = "name uid fuid ha iha natted fqdn dyned sid main kind joined role";
    assert_eq!(keys.join(" "), wanted);
    assert!(text.starts_with("{\n  \"name\": \"web1_minion\",\n"), "{text}");
}

#[test]
fn the_local_estate_keeps_what_it_does_not_know() {
    let old = br#"{"name": "m_master", "uid": 1, "ha": ["127.0.0.1", 4506], "puid": 3, "role": "m", "sid": 0}"#;
    let name = Name::new("m_master").unwrap();
    let new = write_local_estate(LocalRecord { puid: 9 }, &name, Some(old));
    let map = read_map(&new).unwrap();
    assert_eq!(map["ha"], json!(["127.0.0.1", 4506]));
    assert_eq!(read_local_estate(&new), Ok(LocalRecord { puid: 9 }));
    assert_eq!(read_local_estate(b"{}"), Ok(LocalRecord { puid: 0 }));
    assert_eq!(read_local_estate(b"{\"puid\": -1}").unwrap_err().to_string(), "'puid' is not a number below 2^32");
    assert_eq!(read_local_estate(b"[]"), Err(BadFile::NoEstateFile));
    let fresh = write_local_estate(LocalRecord { puid: 2 }, &name, Some(b"torn {"));
    assert_eq!(read_local_estate(&fresh), Ok(LocalRecord { puid: 2 }));
}

#[test]
fn secrets_do_not_show() {
    let keys = read_own(&packed(&[("priv", PRIV), ("sign", SIGN)])).unwrap();
    let shown = format!("{keys:?}");
    assert!(!shown.contains(&PRIV[..8]) && !shown.contains(&SIGN[..8]), "{shown}");
}

prop_compose! {
    fn records()(
        name in "[a-z][a-z0-9_-]{0,20}", role in "[a-z][a-z0-9_-]{0,20}", nuid: u32, fuid: u32, sid: u32, kind: u32,
        ip: [u8; 16], old: bool, port: u16, main: bool, joined: Option<bool>,
    ) -> RemoteRecord {
        let ip = if old { IpAddr::from([ip[0], ip[1], ip[2], ip[3]]) } else { IpAddr::from(ip) };
        let (name, role) = (Name::new(&name).unwrap(), Name::new(&role).unwrap());
        RemoteRecord { name, role, nuid, fuid, ha: (ip, port).into(), sid, main, kind, joined }
    }
}

proptest! {
    #[test]
    fn remote_estates_round_trip(record in records()) {
        prop_assert_eq!(read_remote_estate(&write_remote_estate(&record)), Ok(record));
    }

    #[test]
    fn keys_round_trip(seed: u64, id in "[A-Za-z0-9_-]{1,72}") {
        let key = role(seed, &id);
        prop_assert_eq!(read_role(&write_role(&key)), Ok(key));
        let own = OwnKeys::generate(&mut Random::from_number(seed));
        let back = read_own(&write_own(&own)).unwrap();
        prop_assert_eq!(back.secret.bytes(), own.secret.bytes());
        prop_assert_eq!(back.sign.seed(), own.sign.seed());
    }

    #[test]
    fn a_cut_or_changed_file_never_stops_the_reader(seed: u64, at in 0usize..200, to: u8, cut: bool) {
        let mut file = write_role(&role(seed, "web1"));
        if cut {
            file.truncate(at);
            prop_assert!(read_role(&file).is_err() || file.len() == write_role(&role(seed, "web1")).len());
        } else if let Some(byte) = file.get_mut(at) {
            *byte = to;
            let _ = read_role(&file);
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        let _ = (read_own(&bytes).is_ok(), read_role(&bytes), read_local_estate(&bytes), read_remote_estate(&bytes));
    }
}
