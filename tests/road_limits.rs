//! What is too large, malformed or too much goes back to the caller, with the reason.

#![cfg(test)]

mod common;

use bytes::Bytes;
use common::*;
use roadstead::base::limits::{MESSAGE_MAX, OUTBOX_MESSAGES};
use roadstead::message::{Message, Route};
use roadstead::road::Config;
use roadstead::sim::World;
use roadstead::transport::{Command, Event, Failure, Ticket};
use roadstead::wire::v0::BodyKind;

/// A message with so many bytes of binary.
fn binary(len: usize) -> Message {
    let mut body = vec![0; len + 5];
    body[0] = 0xc6;
    body[1..5].copy_from_slice(&(len as u32).to_be_bytes());
    Message { kind: "load".into(), body: body.into(), ..Message::default() }
}

#[test]
fn too_large() {
    let mut world = pair(1);
    world.send(MASTER, 1, "web1", binary(MESSAGE_MAX)).unwrap();
    world.run(SECOND);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::TooLarge));
}

#[test]
fn malformed() {
    let bodies: [&[u8]; 8] = [
        b"",                 // no value at all
        &[0xc1],             // never used
        &[0xa5, b'x'],       // ends early
        &[0x01, 0x02],       // two values
        &[0x91; 200],        // too deep
        &[0x81, 0x90, 0x01], // a list for a key
        &[0xd4, 0xff, 0x00], // an extension
        &[0xc7, 0x00, 0x05], // another
    ];
    let mut world = pair(1);
    for (ticket, body) in bodies.iter().enumerate() {
        let message = Message { kind: "load".into(), body: Bytes::copy_from_slice(body), ..Message::default() };
        world.send(MASTER, ticket as u64, "web1", message).unwrap();
    }
    let bare = Message { route: Route::default(), kind: String::new(), body: Bytes::from_static(&[0x93, 1, 2, 3]) };
    world.send(MASTER, 100, "web1", bare).unwrap();
    world.run(SECOND);
    assert!(answers(&mut world, MASTER).values().all(|a| *a == Err(Failure::Malformed)));
    assert_eq!(answers(&mut world, MASTER).len(), 9);
    let message = Message { kind: "load".into(), body: Bytes::from_static(&[0xa1, 0xff]), ..Message::default() };
    world.send(MASTER, 101, "web1", message).unwrap();
    world.run(SECOND);
    assert_eq!(answers(&mut world, MASTER)[&101], Err(Failure::NotText), "text that is no UTF-8");
    assert_eq!(texts(&mut world, WEB1).len(), 0);
    assert!(can_talk(&mut world, SECOND * 5));
}

#[test]
fn json_has_no_binary() {
    let mut world = World::new(1);
    world.add(Config { body_kind: BodyKind::Json, ..master() });
    world.add(Config { body_kind: BodyKind::Json, ..minion("web1") });
    assert!(world.run_until(SECOND * 5, both_present));
    let message = Message { kind: "load".into(), body: Bytes::from_static(&[0xc4, 1, 0]), ..Message::default() };
    world.send(MASTER, 1, "web1", message).unwrap();
    world.run(SECOND);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Malformed));
    assert!(can_talk(&mut world, SECOND * 5));
}

#[test]
fn absent() {
    let mut world = pair(1);
    send(&mut world, MASTER, 1, "nobody", "hello");
    send(&mut world, MASTER, 2, "master", "hello me");
    world.run(MILLI);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Absent));
    assert_eq!(answers(&mut world, MASTER)[&2], Err(Failure::Absent));
}

#[test]
fn a_full_outbox_hands_back_and_says_when_there_is_room() {
    let mut world = pair(1);
    let mut ticket = 0;
    let returned = loop {
        match world.send(MASTER, ticket, "web1", message(&text(2000, ticket))) {
            Ok(()) => ticket += 1,
            Err(command) => break command,
        }
        assert!(ticket < 5000, "the outbox is bounded");
    };
    assert_eq!(ticket, OUTBOX_MESSAGES as u64);
    let Command::Send { ticket: Ticket(back), to, message } = returned else { panic!("{returned:?}") };
    assert_eq!((back, to.as_str()), (ticket, "web1"));
    assert_eq!(message.read::<String>().unwrap(), text(2000, ticket), "whole");

    assert!(world.run_until(SECOND * 5, |world| count(world, MASTER, |e| *e == Event::Room) == 1));
    assert!(world.send(MASTER, ticket, "web1", message).is_ok(), "there is room");
    world.run(SECOND * 5);
    assert_eq!(count(&mut world, MASTER, |e| *e == Event::Room), 1, "said once");
    assert_eq!(answers(&mut world, MASTER).len(), ticket as usize + 1);
    assert!(answers(&mut world, MASTER).values().all(Result::is_ok));
}

#[test]
fn room_is_said_when_the_estate_leaves() {
    let mut world = pair(1);
    world.link.is_cut = true;
    let mut ticket = 0;
    while world.send(MASTER, ticket, "web1", message("x")).is_ok() {
        ticket += 1;
    }
    world.run(SECOND * 30);
    assert_eq!(count(&mut world, MASTER, |e| *e == Event::Room), 1);
    assert_eq!(answers(&mut world, MASTER).len(), ticket as usize);
}

#[test]
fn one_message_of_any_legal_size_fits_an_empty_outbox() {
    let mut world = pair(1);
    for ticket in 0..2 {
        assert!(world.send(MASTER, ticket, "web1", binary(50_000_000)).is_ok());
    }
}

#[test]
fn all_estates_together_have_a_limit() {
    let mut world = World::new(1);
    world.add(Config { bytes: 1_000_000, ..master() });
    (1..=12).for_each(|n| {
        world.add(minion(&format!("web{n}")));
    });
    let all = |world: &mut World| (1..=12).all(|n| is_present(world, n, "master"));
    assert!(world.run_until(SECOND * 5, all));
    world.run(SECOND);
    world.link.is_cut = true;
    let sent: Vec<bool> = (1..=12).map(|n| world.send(MASTER, n, &format!("web{n}"), binary(99_000)).is_ok()).collect();
    assert_eq!(sent, [vec![true; 10], vec![false; 2]].concat());
    // They all leave unheard, and then there is room.
    world.run(SECOND * 30);
    assert_eq!(answers(&mut world, MASTER).len(), 10);
    assert_eq!(count(&mut world, MASTER, |e| *e == Event::Room), 1);
}
