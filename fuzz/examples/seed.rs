//! Writes `corpus/` from the golden vectors: a few dozen files per target, named for what they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use roadstead::base::Name;
use roadstead::keep::format;
use roadstead::keep::role::{OwnKeys, RoleKey};
use roadstead::nacl::{SecretKey, SigningKey};
use roadstead::wire::v1::{Head, Hello, Intro, IntroReply, Kind, Reset, Retry, Versions};
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
    packet_v1(&root.join("../tests/vectors/v1"), &seeds("packet_v1"))?;
    handshake(&seeds("handshake"))?;
    Ok(())
}

/// The published handshake and frames, and the packets it has none of.
fn packet_v1(vectors: &Path, seeds: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let load = |file: &str| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_slice(&fs::read(vectors.join(file))?)?)
    };
    let shown = load("handshake.json")?;
    for name in ["hello", "cookie_packet", "initiate", "welcome_packet", "payload", "welcome"] {
        put(seeds, name, &hex::decode(text(&shown[0][name]))?)?;
    }
    let mut all = Vec::new();
    for frame in load("frames.json")?.as_array().into_iter().flatten() {
        let (what, bytes) = (text(&frame["frame"]), hex::decode(text(&frame["bytes"]))?);
        let name: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(30).collect();
        put(seeds, &format!("frame-{name}"), &bytes)?;
        all.extend(bytes);
    }
    put(seeds, "frames", &all)?;

    let head = |kind| Head::new(kind, 1, 0x0102_0304_0506_0708);
    let hello = Hello::read(&hex::decode(text(&shown[0]["hello"]))?)?;
    put(seeds, "hello-token", &Hello { token: Some([6; 16]), ..hello }.write())?;
    let mut foreign = hello.write();
    foreign[1] = 2;
    put(seeds, "hello-foreign", &foreign)?;
    put(seeds, "retry", &Retry { head: head(Kind::Retry), token: [1; 16], tag: [2; 16] }.write())?;
    put(seeds, "reset", &Reset { head: head(Kind::Reset), token: [3; 16] }.write(&[4; 12]))?;
    let versions = Versions { head: head(Kind::Versions), list: vec![(1, 1), (1, 2)], tag: [5; 16] };
    put(seeds, "versions", &versions.write())?;
    let intro = Intro { head: head(Kind::Intro), nonce: [6; 16], mac: None };
    put(seeds, "intro", &intro.write())?;
    put(seeds, "intro-mac", &Intro { mac: Some([7; 16]), ..intro }.write())?;
    let reply = IntroReply {
        head: head(Kind::IntroReply),
        nonce: [6; 16],
        public: [8; 32],
        verify: [9; 32],
        epoch: 1,
        not_after: 1_700_000_000_000_000,
        role: Name::new("vm_master")?,
        signature: [10; 64],
    };
    put(seeds, "intro-reply", &reply.write())?;
    Ok(())
}

/// Flags, then steps modulo nine: ask 0, answer 2, forgeries 3 and 4, mutations 5 and 6, a signed Hello 7, waits 8.
fn handshake(seeds: &Path) -> io::Result<()> {
    put(seeds, "plain", &[0, 0, 2, 0, 2])?;
    put(seeds, "aes-first", &[3, 0, 2, 0, 2])?;
    put(seeds, "aes-only", &[2 | 4, 0, 2, 0, 2, 0, 2])?;
    put(seeds, "early-ping", &[16, 0, 2, 0, 2])?;
    put(seeds, "replays", &[0, 0, 0, 2, 2, 0, 0, 2, 2])?;
    put(seeds, "pressed", &[0, 8, 0, 2, 0, 2, 0, 2])?;
    put(seeds, "pending", &[0, 0, 2, 0xcf, 2, 0xfb])?;
    put(seeds, "busy", &[0, 0, 2, 0xfc, 2])?;
    put(seeds, "late", &[0, 0, 2, 0xe9, 0, 2, 0xfb, 0, 2])?;
    put(seeds, "mutated", &[0, 0, 5, 0, 0, 20, 1, 6, 0, 0, 30, 1, 2, 0, 5, 0, 1, 9, 1, 6, 0, 0, 40, 1, 2])?;
    put(seeds, "signed", &[0, 0, 7, 0, 0, 13, 1, 7, 0, 0, 68, 16, 7, 0, 0, 3, 1, 2])?;
    let mut forged = vec![0, 0, 3, 8, 4, 0x83, 1];
    forged.resize(7 + 66, 0);
    forged.extend_from_slice(&[4, 4, 0, 0xc0, 0]);
    forged.resize(78 + 30, 0);
    put(seeds, "forged", &forged)
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
