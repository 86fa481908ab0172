//! Two estates meet over UDP on loopback, compare keys, and exchange a message: the road as a library.
//!
//! The engine has no socket and no clock: this program brings datagrams and the time, and does what it is told.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use roadstead::base::{Acceptance, Name, Random};
use roadstead::clock::Clock;
use roadstead::drive::entropy;
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Output, Road};
use roadstead::transport::{Command, Event, Ticket};

/// One end: the engine and its socket.
struct Estate {
    name: Name,
    road: Road,
    socket: UdpSocket,
}

impl Estate {
    /// An estate with fresh keys, which are gone with the program. One that dials nobody waits to be joined.
    fn new(name: &str, dial: Option<SocketAddr>, clock: &Clock) -> Result<Self, Box<dyn Error>> {
        let name: Name = name.parse()?;
        let mut config = Config::new(name.clone(), name.clone());
        config.main = dial.is_none();
        config.dial.extend(dial);
        let mut random = Random::new(entropy::seed()?);
        let keys = OwnKeys::generate(&mut random);
        let road = Road::new(config, keys, Memory::default(), random.bytes(), clock.now());
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        Ok(Self { name, road, socket })
    }

    /// In with what has arrived, out with what there is to send; returns what there is to know.
    fn turn(&mut self, clock: &Clock) -> Result<Vec<Event>, Box<dyn Error>> {
        let mut buffer = [0; 2048];
        if let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            self.road.handle_datagram(clock.now(), from, buffer.get_mut(..length).unwrap_or_default());
        }
        if self.road.poll_timeout().is_some_and(|time| time <= clock.now()) {
            self.road.handle_timeout(clock.now());
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = self.road.poll_transmit(clock.now(), &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                self.socket.send_to(datagram, transmit.to)?;
            }
        }
        let mut events = Vec::new();
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Event(event) => events.push(event),
                // A daemon writes these down; we forget everything at the end.
                Output::Keep(_) => {}
            }
        }
        Ok(events)
    }

    fn command(&mut self, clock: &Clock, command: Command) -> Result<(), Box<dyn Error>> {
        self.road.handle_command(clock.now(), command).map_err(|_| "the road is full".into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = Clock::start();
    let harbour = Estate::new("harbour", None, &clock)?;
    let ship = Estate::new("ship", Some(harbour.socket.local_addr()?), &clock)?;
    let mut estates = [harbour, ship];
    loop {
        for estate in &mut estates {
            for event in estate.turn(&clock)? {
                match event {
                    // Here a person would compare the fingerprint with what the other side says of itself.
                    Event::Knock { role, fingerprint } => {
                        println!("{}: {role} asks to be let in, with the key\n  {fingerprint}", estate.name);
                        let acceptance = Some(Acceptance::Accepted);
                        estate.command(&clock, Command::Admit { role, fingerprint, acceptance })?;
                    }
                    Event::Joined { peer } if estate.name.as_str() == "ship" => {
                        println!("ship: {peer} is there");
                        let message = Message::new(Route::default(), "greeting", &"five days out, all well")?;
                        estate.command(&clock, Command::Send { ticket: Ticket(1), to: peer, message })?;
                    }
                    Event::Received { from, message } => {
                        println!("{}: {from} says '{}'", estate.name, message.read::<String>()?);
                    }
                    Event::Delivered { .. } => {
                        println!("{}: delivered", estate.name);
                        return Ok(());
                    }
                    Event::Failed { why, .. } => return Err(why.into()),
                    _ => {}
                }
            }
        }
    }
}
