//! Two estates meet over UDP on loopback, compare keys, and exchange a message: the road as a library, in one thread.
//!
//! [`Plain`] brings a socket and a clock; `plain_socket.rs` beside this file shows the engine without it.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use roadstead::base::{Acceptance, Random};
use roadstead::drive::entropy;
use roadstead::drivers::plain::Plain;
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Output};
use roadstead::transport::{Command, Event, Ticket};

/// An estate with fresh keys, which are gone with the program. One that dials nobody waits to be joined.
fn estate(name: &str, dial: Option<SocketAddr>) -> Result<Plain, Box<dyn Error>> {
    let mut config = Config::new(name.parse()?, name.parse()?);
    config.main = dial.is_none();
    config.dial.extend(dial);
    let keys = OwnKeys::generate(&mut Random::new(entropy::seed()?));
    Ok(Plain::bind("127.0.0.1:0".parse()?, config, keys, Memory::default())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let harbour = estate("harbour", None)?;
    let ship = estate("ship", Some(harbour.address()?))?;
    let mut estates = [("harbour", harbour), ("ship", ship)];
    loop {
        for (name, estate) in &mut estates {
            // What is to be kept on disk comes this way too; we forget everything at the end.
            let Some(Output::Event(event)) = estate.next(Duration::from_millis(1))? else { continue };
            let command = match event {
                // Here a person would compare the fingerprint with what the other side says of itself.
                Event::Knock { role, fingerprint } => {
                    println!("{name}: {role} asks to be let in, with the key\n  {fingerprint}");
                    Command::Admit { role, fingerprint, acceptance: Some(Acceptance::Accepted) }
                }
                Event::Joined { peer } if *name == "ship" => {
                    println!("ship: {peer} is there");
                    let message = Message::new(Route::default(), "greeting", &"five days out, all well")?;
                    Command::Send { ticket: Ticket(1), to: peer, message }
                }
                Event::Received { from, message } => {
                    println!("{name}: {from} says '{}'", message.read::<String>()?);
                    continue;
                }
                Event::Delivered { .. } => {
                    println!("{name}: delivered");
                    return Ok(());
                }
                Event::Failed { why, .. } => return Err(why.into()),
                _ => continue,
            };
            estate.submit(command).map_err(|_| "the road is full")?;
        }
    }
}
