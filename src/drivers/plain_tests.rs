//! Two of them on loopback sockets in one thread.

use super::*;
use crate::base::{Name, Random};
use crate::message::{Message, Route};
use crate::road::Trust;
use crate::transport::{Event, Ticket};

fn plain(name: &str, dial: Vec<SocketAddr>) -> Plain {
    let name = Name::new(name).unwrap();
    let config = Config { main: dial.is_empty(), dial, trust: Trust::Once, ..Config::new(name.clone(), name) };
    let keys = OwnKeys::generate(&mut Random::from_number(u64::from(config.main)));
    Plain::bind(SocketAddr::from(([127, 0, 0, 1], 0)), config, keys, Memory::default()).unwrap()
}

#[test]
fn a_message_of_many_datagrams_arrives() {
    let mut harbour = plain("harbour", Vec::new());
    let mut ship = plain("ship", vec![harbour.address().unwrap()]);
    let text = "five days out ".repeat(20_000);
    let message = Message::new(Route::default(), "log", &text).unwrap();
    let (mut came, mut is_delivered, mut rounds) = (Vec::new(), false, 0);
    while came.is_empty() || !is_delivered {
        rounds += 1;
        assert!(rounds < 100_000, "{:?}\n{:?}", harbour.road().stats(), ship.road().stats());
        match harbour.next(Duration::ZERO).unwrap() {
            Some(Output::Event(Event::Received { message, .. })) => came.push(message.read::<String>().unwrap()),
            other => drop(other),
        }
        match ship.next(Duration::from_micros(200)).unwrap() {
            Some(Output::Event(Event::Joined { peer })) => {
                let command = Command::Send { ticket: Ticket(1), to: peer, message: message.clone() };
                ship.submit(command).unwrap();
            }
            Some(Output::Event(Event::Delivered { ticket })) => is_delivered = ticket == Ticket(1),
            other => drop(other),
        }
    }
    assert!(came == [text]);
}

#[test]
fn patience_ends() {
    let mut alone = plain("alone", Vec::new());
    while alone.next(Duration::ZERO).unwrap().is_some() {}
    assert_eq!(alone.next(Duration::from_millis(3)).unwrap(), None);
    // Nobody answers there: it goes on asking, and still comes back.
    let mut lost = plain("lost", vec![SocketAddr::from(([127, 0, 0, 1], 9))]);
    while lost.next(Duration::from_millis(1)).unwrap().is_some() {}
    assert_eq!(lost.next(Duration::from_millis(3)).unwrap(), None);
    assert!(lost.road().stats().datagrams_out > 0);
}
