//! Lanes against raet's vectors, captured Salt, and bounds.

use super::*;
use crate::message::{Address, Route};
use proptest::prelude::*;
use serde_json::{Value, json};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn lane(yard: &str, seed: u64) -> Lane {
    Lane::new(name("master"), name(yard), Random::from_number(seed))
}

fn message(value: &Value) -> Message {
    let end = |yard: &str| Address { yard: Some(name(yard)), ..Address::default() };
    Message::new(Route { src: end("client1"), dst: end("manor") }, "load", value).unwrap()
}

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn bodies_of_vectors() {
    let all = vectors(include_str!("../../tests/vectors/v0/lane.json"));
    for vector in all["lane"]["pages"].as_array().unwrap() {
        let mut manor = lane("manor", 1);
        for datagram in vector["pages"].as_array().into_iter().flatten() {
            let datagram = hex::decode(datagram.as_str().unwrap()).unwrap();
            let (yard, message) = manor.handle_page(Time::ZERO, &datagram).unwrap().unwrap();
            assert_eq!(yard.as_str(), vector["fields"]["sn"]);
            let whole: Value = rmp_serde::from_slice(&message.to_map().unwrap()).unwrap();
            assert_eq!(whole, vector["parsed_body"], "{}", vector["name"]);
        }
    }
}

#[test]
fn bodies_of_negative_vectors() {
    let all = vectors(include_str!("../../tests/vectors/v0/lane.json"));
    for vector in all["lane"]["negative"].as_array().unwrap() {
        let datagram = hex::decode(vector["page"].as_str().unwrap()).unwrap();
        let taken = lane("manor", 1).handle_page(Time::ZERO, &datagram);
        let short = vector["name"].as_str().unwrap().trim_start_matches("lane-neg/");
        match short {
            "control" | "missing-fields" => {
                let (yard, message) = taken.unwrap().unwrap();
                assert_eq!((yard.as_str(), message.read::<Value>()), ("a", Ok(json!({"a": 1}))), "{short}");
            }
            "vn-1" => assert_eq!(taken.unwrap().unwrap().1.read::<Value>(), Ok(json!({}))),
            "list-body" => assert_eq!(taken, Err(Dropped::Message(BadMessage::NotAMap))),
            "bad-msgpack" => assert_eq!(taken, Err(Dropped::Message(BadMessage::Encoding))),
            // Bodies are not decoded here: who reads it as text is told.
            "bad-utf8" => assert!(taken.unwrap().unwrap().1.read::<Value>().is_err()),
            _ => assert!(matches!(taken, Err(Dropped::Malformed(_))), "{short}: {taken:?}"),
        }
    }
}

/// Every captured page is read; messages captured whole are delivered and can be sent again by us.
#[test]
fn real_salt() {
    let all = vectors(include_str!("../../tests/vectors/v0/lane-real-salt.json"));
    let mut lanes: BTreeMap<String, Lane> = BTreeMap::new();
    let (mut pages, mut messages, mut waiting) = (0, 0, 0);
    for event in all["events"].as_array().unwrap().iter().filter(|event| event["ev"] == "page") {
        let datagram = hex::decode(event["hex"].as_str().unwrap()).unwrap();
        let (lane_name, to) = names(event["to"].as_str().unwrap()).unwrap();
        let (_, from) = names(event["frm"].as_str().unwrap()).unwrap();
        let page = page::read(&datagram).unwrap();
        assert_eq!((&page.from, page.to.as_ref()), (&from, Some(&to)));
        pages += 1;
        let lane =
            lanes.entry(event["to"].to_string()).or_insert_with(|| Lane::new(lane_name, to, Random::from_number(2)));
        if event["truncated_hex"] == true {
            if page.count > 1 {
                assert_eq!(lane.handle_page(Time::ZERO, &datagram), Ok(None));
            }
            continue;
        }
        match lane.handle_page(Time::ZERO, &datagram) {
            Ok(Some((yard, message))) => {
                assert_eq!(yard, from);
                message.read::<Value>().unwrap();
                let mut sender = Lane::new(name("x"), from, Random::from_number(3));
                let pages: Vec<_> = sender.send(lane.yard(), &message).unwrap().collect();
                let mut receiver = Lane::new(name("x"), lane.yard().clone(), Random::from_number(4));
                let mut again = None;
                for page in pages {
                    again = receiver.handle_page(Time::ZERO, &page).unwrap();
                }
                assert_eq!(again.unwrap().1, message);
                messages += 1;
            }
            // The last page of a message whose earlier pages were captured in part.
            other => {
                assert!(page.count > 1 && other == Err(Dropped::Message(BadMessage::Encoding)), "{other:?}");
                waiting += 1;
            }
        }
    }
    assert_eq!((pages, messages, waiting), (145, 122, 5));
}

fn pages(from: &mut Lane, length: usize) -> Vec<Vec<u8>> {
    from.send(&name("manor"), &message(&json!("x".repeat(length)))).unwrap().collect()
}

#[test]
fn sessions_and_missed_pages() {
    let (mut first, mut second, mut manor) = (lane("client1", 1), lane("client1", 2), lane("manor", 3));
    let old = pages(&mut first, 100_000);
    let new = pages(&mut second, 100_000);
    assert_eq!(old.len(), 2);
    assert_eq!(manor.handle_page(Time::ZERO, &old[1]), Err(Dropped::Missed));
    assert_eq!(manor.handle_page(Time::ZERO, &old[0]), Ok(None));
    // The same yard in a new session: the old book is gone.
    assert_eq!(manor.handle_page(Time::ZERO, &new[0]), Ok(None));
    assert!(manor.handle_page(Time::ZERO, &new[1]).unwrap().is_some());
    assert_eq!(manor.held, 0);
    assert_eq!(manor.handle_page(Time::ZERO, &old[1]), Err(Dropped::Missed));
}

#[test]
fn books_expire_and_bounds_hold() {
    let mut client = lane("client1", 1);
    let mut manor = lane("manor", 2);
    for _ in 0..limits::BOOKS {
        assert_eq!(manor.handle_page(Time(5), &pages(&mut client, 100_000)[0]), Ok(None));
    }
    assert_eq!(manor.handle_page(Time(6), &pages(&mut client, 100_000)[0]), Err(Dropped::Full));
    // Small messages still pass.
    assert!(manor.handle_page(Time(6), &pages(&mut client, 10)[0]).unwrap().is_some());
    let held = manor.held;
    assert!(held > limits::BOOKS * 60_000 && held < limits::BOOKS * (limits::PAGE_MAX + 200));
    let end = manor.poll_timeout().unwrap();
    assert_eq!(end, Time(5) + BOOK_LIFE);
    manor.handle_timeout(Time(end.0 - 1));
    assert_eq!(manor.held, held);
    manor.handle_timeout(end);
    assert_eq!((manor.held, manor.poll_timeout()), (0, None));
}

#[test]
fn yards_are_bounded_and_forgotten() {
    let mut manor = lane("manor", 1);
    for i in 0..limits::YARDS + 10 {
        let mut client = lane(&format!("client{i}"), i as u64);
        assert!(manor.handle_page(Time(i as u64), &pages(&mut client, 5)[0]).unwrap().is_some());
    }
    assert_eq!(manor.yards.len(), limits::YARDS);
    assert!(!manor.yards.contains_key(&name("client9")) && manor.yards.contains_key(&name("client10")));

    let mut client = lane("client1", 1);
    let session = |page: &[u8]| page::read(page).unwrap().session.to_owned();
    let (a, b) = (pages(&mut client, 5), pages(&mut client, 5));
    assert_eq!(session(&a[0]), session(&b[0]));
    assert_eq!((page::read(&a[0]).unwrap().book, page::read(&b[0]).unwrap().book), (1, 2));
    client.forget(&name("manor"));
    assert_ne!(session(&pages(&mut client, 5)[0]), session(&a[0]));
}

#[test]
fn too_large_both_ways() {
    let mut client = lane("client1", 1);
    let mut huge = message(&json!(1));
    huge.body = vec![0; limits::MESSAGE_MAX + 1].into();
    assert!(matches!(client.send(&name("manor"), &huge), Err(Unsendable::TooLarge(_))));
    let mut manor = lane("manor", 2);
    let body = vec![0; 65_000];
    let mut outcome = Ok(None);
    for number in 0..2000 {
        let page = Page {
            pack: page::Pack::Msgpack,
            from: name("c"),
            to: None,
            session: "1",
            book: 1,
            number,
            count: 2000,
            body: &body,
        };
        outcome = manor.handle_page(Time::ZERO, &page::write(&page));
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(outcome, Err(Dropped::TooLarge));
    assert_eq!(manor.held, 0);
}

proptest! {
    /// Whatever a peer sends, what is held never exceeds what it sent by more than the fixed cost per page.
    #[test]
    fn memory_follows_what_came(steps in proptest::collection::vec((0u16..8, 1u16..9, 0u32..6, 0u8..3, 0usize..400), 0..200)) {
        let mut manor = lane("manor", 1);
        let mut sent = 0;
        for (i, (number, count, book, session, length)) in steps.into_iter().enumerate() {
            let (body, session) = (vec![0xc0; length], session.to_string());
            let page = Page {
                pack: page::Pack::Msgpack, from: name("c"), to: None, session: &session, book, number, count, body: &body,
            };
            let datagram = page::write(&page);
            sent += datagram.len() + 192;
            let _ = manor.handle_page(Time(i as u64 * 3_000_000), &datagram);
            manor.handle_timeout(Time(i as u64 * 3_000_000));
            prop_assert!(manor.held <= sent);
            prop_assert_eq!(manor.held, manor.yards.values().map(Yard::held).sum::<usize>());
            prop_assert_eq!(manor.held > 0, manor.poll_timeout().is_some() && manor.yards.values().any(|y| y.held() > 0));
        }
    }
}
