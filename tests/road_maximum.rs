//! The largest message the wire can carry arrives whole and once; the next larger one fails with its reason.

#![cfg(test)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use roadstead::base::limits;
use roadstead::message::{Message, Route};
use roadstead::transport::{Event, Failure, Ticket};

/// A bare message whose body is one MessagePack map of `size` bytes with one long text in it.
fn bare(size: usize) -> Message {
    let mut body = vec![0x81, 0xa1, b'x', 0xdb];
    let text = size - 8;
    body.extend_from_slice(&u32::try_from(text).unwrap().to_be_bytes());
    body.extend((0..text).map(|n| b'a' + (n % 23) as u8));
    Message { route: Route::default(), kind: String::new(), body: Bytes::from(body) }
}

#[test]
fn the_largest_message() {
    let mut world = pair(1);
    // Ours and a Python peer's heads leave some 860 bytes of 1,024 to each of 65,535 segments.
    let message = bare(limits::MESSAGE_MAX);
    world.send(WEB1, 1, "master", message.clone()).unwrap();
    assert!(world.run_until(Duration::from_secs(120), |world| delivered(world, WEB1) == [1]));
    let is_it = |event: &Event| matches!(event, Event::Received { message: got, .. } if got.body == message.body);
    assert_eq!(world.host(MASTER).events.iter().filter(|event| is_it(event)).count(), 1);

    world.send(WEB1, 2, "master", bare(limits::MESSAGE_MAX + 1)).unwrap();
    world.run(SECOND);
    assert!(world.host(WEB1).events.contains(&Event::Failed { ticket: Ticket(2), why: Failure::TooLarge }));
}
