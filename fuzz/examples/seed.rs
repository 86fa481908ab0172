//! Writes `corpus/` from the golden vectors: a few dozen files per target, named for what they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use roadstead::base::Name;
use roadstead::keep::format;
use roadstead::keep::role::{OwnKeys, RoleKey};
use roadstead::nacl::{SecretKey, SigningKey};
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors = root.join("../tests/vectors/v0");
    let load = |file: &str| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_slice(&fs::read(vectors.join(file))?)?)
    };
    let seeds = |target: &str| root.join("corpus").join(target);

    // One of every kind of body and head, and what is malformed outside.
    for file in ["packets-raet.json", "packets-json.json"] {
        for case in load(file)?["packets"].as_array().into_iter().flatten() {
            let name = text(&case["name"]);
            let wanted = ["request.vac", "response.non", "message.values", "resend.64", "corner", "allow.hello"];
            let is_wanted = wanted.iter().any(|part| name.contains(part));
            if is_wanted || name.starts_with("raet/allow.") {
                put(&seeds("packet"), name, &hex::decode(text(&case["packet"]))?)?;
            }
            let body = text(&case["body_packed"]);
            if is_wanted && name.starts_with("raet/bk-") && !body.is_empty() {
                put(&seeds("packet"), &format!("{name}.body"), &hex::decode(body)?)?;
            }
        }
    }
    for case in load("negative.json")?["negative"].as_array().into_iter().flatten() {
        let name = text(&case["name"]);
        if case["python_0_6_8"]["parse"] != "ok" && !name.starts_with("bad-sig") {
            put(&seeds("packet"), name, &hex::decode(text(&case["packet"]))?)?;
        }
    }

    // Claims of 1, 2, 6 and 65,535 segments with pieces in and out of order, and lengths around one packet's.
    for (i, (sc, ml)) in [(1u16, 751u32), (2, 890), (6, 5051), (65_535, 56_000_000)].into_iter().enumerate() {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&sc.to_be_bytes());
        bytes.extend_from_slice(&(ml << 4).to_be_bytes());
        for sn in [1u16, 0, 5, 3, 4, 2, 1, 65_534] {
            bytes.extend_from_slice(&sn.to_be_bytes());
            bytes.extend_from_slice(&[96, 0]);
        }
        put(&seeds("segments"), &format!("claim-{i}"), &bytes)?;
    }
    for (i, len) in [0u16, 862, 889, 890, 5051, 65_535].into_iter().enumerate() {
        let [high, low] = len.to_be_bytes();
        put(&seeds("segments"), &format!("cut-{i}"), &[1 | (i as u8 & 1) << 1, 2, 33, 0, high, low, 3, 1, 1, 0])?;
    }

    // Pages, without the long bodies.
    let mut heads = BTreeSet::new();
    for file in ["lane.json", "lane-real-salt.json"] {
        let mut found = Vec::new();
        pages(&load(file)?, &mut found);
        for page in found {
            let head = page.iter().take(40).copied().collect::<Vec<u8>>();
            if page.len() < 1024 && heads.len() < 24 && heads.insert(head) {
                put(&seeds("page"), &format!("{file}-{}", heads.len()), &page)?;
            }
        }
    }
    keep(&seeds("keep"))?;
    Ok(())
}

/// Every text under `value` that is a page in hex.
fn pages(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            if let Some(page) = hex::decode(text).ok().filter(|page| page.starts_with(b"ri RAET\n")) {
                found.push(page);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| pages(item, found)),
        Value::Object(map) => map.values().for_each(|item| pages(item, found)),
        _ => {}
    }
}

fn keep(seeds: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let own = OwnKeys { sign: SigningKey::from_seed(&[1; 32]), secret: SecretKey::from_bytes([2; 32]) };
    put(seeds, "local-key", &format::write_own(&own))?;
    let role = RoleKey { role: Name::new("web1")?, verify: own.sign.verify_key(), public: own.secret.public() };
    put(seeds, "role", &format::write_role(&role))?;
    // As raet 0.6.8 writes them (wire v0 §7).
    put(
        seeds,
        "local-estate",
        br#"{"name":"web1_minion","uid":1,"ha":["0.0.0.0",4510],"iha":null,"natted":null,"fqdn":"web1","dyned":null,"sid":0,"puid":2,"aha":["0.0.0.0",4510],"role":"web1"}"#,
    )?;
    put(
        seeds,
        "remote-estate",
        br#"{"name":"vm_master","uid":2,"fuid":2,"ha":["127.0.0.1",4506],"iha":null,"natted":null,"fqdn":"vm","dyned":null,"sid":2,"main":true,"kind":0,"joined":true,"role":"vm"}"#,
    )?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path: PathBuf = folder.join(name.replace('/', "."));
    fs::create_dir_all(folder)?;
    fs::write(path, bytes)
}
