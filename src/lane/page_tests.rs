//! Pages against raet's vectors and at random.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/v0/lane.json")).unwrap()
}

fn bytes(text: &Value) -> Vec<u8> {
    hex::decode(text.as_str().unwrap()).unwrap()
}

/// The vectors' recipe for a long text: `chr(97+(i*7+i//26)%26) for i in range(150000)`.
fn long_text() -> String {
    (0..150_000u32).map(|i| char::from(97 + ((i * 7 + i / 26) % 26) as u8)).collect()
}

fn map_of(vector: &Value) -> Vec<u8> {
    let mut body = vector["body"].clone();
    if body["blob"].is_object() {
        body["blob"] = long_text().into();
    }
    match vector["fields"]["pk"].as_u64() {
        _ if body.as_object().is_some_and(|map| map.is_empty()) => Vec::new(),
        Some(1) => rmp_serde::to_vec_named(&body).unwrap(),
        _ => Vec::new(),
    }
}

#[test]
fn writes_what_raet_writes() {
    let all = vectors();
    let mut checked = 0;
    for vector in all["lane"]["pages"].as_array().unwrap() {
        let fields = &vector["fields"];
        if fields["pk"] != 1 {
            continue;
        }
        let name = |key: &str| Name::new(fields[key].as_str().unwrap()).unwrap();
        let book = fields["bi"].as_u64().unwrap() as u32;
        let session = fields["si"].as_str().unwrap().to_owned();
        let pages: Vec<Vec<u8>> = cut(name("sn"), name("dn"), session, book, map_of(vector).into()).unwrap().collect();
        if let Some(expected) = vector["pages"].as_array() {
            assert_eq!(pages, expected.iter().map(bytes).collect::<Vec<_>>(), "{}", vector["name"]);
        } else {
            let sums: Vec<String> = pages.iter().map(|page| hex::encode(Sha256::digest(page))).collect();
            assert_eq!(serde_json::json!(sums), vector["page_sha256"], "{}", vector["name"]);
        }
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn reads_what_raet_writes() {
    for vector in vectors()["lane"]["pages"].as_array().unwrap() {
        for (i, page) in vector["pages"].as_array().into_iter().flatten().enumerate() {
            let datagram = bytes(page);
            let page = read(&datagram).unwrap();
            let head = vector["head_text"].as_str().unwrap();
            assert_eq!(datagram.len(), head.len() + page.body.len());
            assert_eq!(usize::from(page.number), i);
            assert_eq!(page.from.as_str(), vector["fields"]["sn"]);
            assert_eq!(page.session, vector["fields"]["si"]);
            assert_eq!(write(&page), datagram);
        }
    }
}

#[test]
fn heads_are_refused_where_raet_refuses_or_crashes() {
    let all = vectors();
    let negative = all["lane"]["negative"].as_array().unwrap();
    let mut refused = Vec::new();
    for vector in negative {
        if read(&bytes(&vector["page"])).is_err() {
            refused.push(vector["name"].as_str().unwrap());
        }
    }
    // The others have a legal head; `lane_tests` judges their bodies.
    assert_eq!(
        refused,
        ["garbage", "no-end", "unknown-field", "no-space", "pk-unknown"].map(|n| format!("lane-neg/{n}"))
    );
}

#[test]
fn limits_and_grammar() {
    let page = |head: &str| read(format!("ri RAET\n{head}\n\n").as_bytes()).map(|p| p.number).map_err(|e| e.what);
    assert_eq!(page("sn a"), Ok(0));
    assert_eq!(page("sn a\npn ffff\npc ffff"), Err("the page's number is not below its count"));
    assert_eq!(page("sn a\npn fffe\npc ffff"), Ok(0xfffe));
    assert_eq!(page("sn a\npn 0\npc 0"), Err("the page's number is not below its count"));
    assert_eq!(page("sn a\npc 10000"), Err("the page counts further than a message can"));
    assert_eq!(page("sn ../a"), Err("a yard's name is illegal"));
    assert_eq!(page("dn a"), Err("the page names no sender"));
    assert_eq!(page("sn a\nbi +1"), Err("a number of the page's head is none"));
    assert_eq!(page("sn a\nbi 100000000"), Err("a number of the page's head is none"));
    assert_eq!(page("sn a\nsi a b"), Err("the page's session is illegal"));
    assert_eq!(page("sn a\nri X"), Err("the page's head has an unknown field"));
    assert_eq!(page(&format!("sn {}", "a".repeat(2000))), Err("the page's head does not end"));
    assert_eq!(read(&[b'a'; PAGE_MAX + 1]).unwrap_err().what, "the page is too long");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_round_trip(datagram in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&datagram);
        let datagram = [b"ri RAET\nsn a\n".as_slice(), &datagram].concat();
        if let Ok(page) = read(&datagram) {
            let again = write(&page);
            prop_assert_eq!(read(&again).unwrap(), page);
        }
    }

    #[test]
    fn cut_and_joined(length in prop_oneof![0usize..200, 65_300usize..65_600, 130_000usize..132_000], book: u32) {
        let name = |text: &str| Name::new(text).unwrap();
        let map: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let pages: Vec<_> = cut(name("w"), name("manor"), "0".repeat(18), book, map.clone().into()).unwrap().collect();
        let mut joined = Vec::new();
        for (i, datagram) in pages.iter().enumerate() {
            prop_assert!(datagram.len() <= PAGE_MAX);
            let page = read(datagram).unwrap();
            prop_assert_eq!((usize::from(page.number), usize::from(page.count)), (i, pages.len()));
            joined.extend_from_slice(page.body);
        }
        prop_assert_eq!(joined, map);
    }
}
