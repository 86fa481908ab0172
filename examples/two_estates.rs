//! Two estates on loopback: one asks to join, the other accepts its key, and a message crosses the encrypted road.
//!
//! `cargo run --example two_estates`

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use roadstead::base::{Acceptance, Name, Random};
use roadstead::drive::entropy;
use roadstead::drivers::plain::Plain;
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Output};
use roadstead::transport::{Command, Event, Ticket};

const TURN: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let keys = || entropy::seed().map(|seed| OwnKeys::generate(&mut Random::new(seed)));
    let (harbour, ship) = (Name::new("harbour")?, Name::new("ship")?);

    let config = Config { main: true, ..Config::new(harbour.clone(), harbour.clone()) };
    let mut harbour_road = Plain::bind(any, config, keys()?, Memory::default())?;
    let config = Config { dial: vec![harbour_road.address()?], ..Config::new(ship.clone(), ship.clone()) };
    let mut ship_road = Plain::bind(any, config, keys()?, Memory::default())?;

    loop {
        for (name, road) in [(&harbour, &mut harbour_road), (&ship, &mut ship_road)] {
            let Some(Output::Event(event)) = road.next(TURN)? else { continue };
            match event {
                Event::Knock { role, fingerprint } => {
                    println!("{name}: accepts the key of {role}, {fingerprint}");
                    let acceptance = Some(Acceptance::Accepted);
                    road.submit(Command::Admit { role, fingerprint, acceptance }).map_err(|_| "no room")?;
                }
                Event::Joined { peer } if *name == ship => {
                    let message = Message::new(Route::default(), "load", &"Ahoy!")?;
                    road.submit(Command::Send { ticket: Ticket(1), to: peer, message }).map_err(|_| "no room")?;
                }
                Event::Received { from, message } => println!("{name}: {from} says {:?}", message.read::<String>()?),
                Event::Delivered { .. } => return Ok(println!("{name}: delivered")),
                _ => {}
            }
        }
    }
}
