//! Our road on one side and an estate by hand on the other, joined and allowed; what is sent is kept as it came.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use roadstead::message::Message;
use roadstead::road::{Config, Trust};
use roadstead::sim::{World, estate};
use roadstead::transport::Failure;
use roadstead::wire::v0::{BodyKind, HeadKind};

use crate::client::Client;
use crate::common::{MILLI, answers, name};
use crate::model::{self, Reader};

/// Who sits on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// A minion of Salt's, and we are its master.
    Minion,
    /// A master of Salt's, and we are its minion.
    Master,
    /// A program on a bare raet road.
    Raet,
}

pub(crate) struct Seat {
    world: World,
    pub(crate) client: Client,
    side: Side,
    body: BodyKind,
    to: &'static str,
    heard: usize,
    sent: usize,
    /// Every datagram to the client.
    pub(crate) datagrams: Vec<Vec<u8>>,
}

fn there() -> SocketAddr {
    SocketAddr::from(([10, 1, 0, 0], 4510))
}

impl Seat {
    pub(crate) fn new(side: Side, body: BodyKind, head: HeadKind) -> Self {
        let (own, role, to) = match side {
            Side::Minion => ("m_master", "m", "web1_minion"),
            Side::Master => ("web1_minion", "web1", "m_master"),
            Side::Raet => ("alpha", "alpha", "beta"),
        };
        let config = Config {
            name: name(own),
            role: name(role),
            body_kind: body,
            head_kind: head,
            trust: Trust::Once,
            // Not the road's own word; a name of any letters must do no harm.
            fqdn: "höst.example.org".repeat(20),
            ..estate("any")
        };
        let is_dialing = side == Side::Master;
        let config = Config { main: !is_dialing, dial: is_dialing.then(there).into_iter().collect(), ..config };
        let mut world = World::new(1);
        world.is_recording = true;
        world.add(config);
        let client =
            if is_dialing { Client::main(to, "m", 9) } else { Client::new(to, to.trim_end_matches("_minion"), 9) };
        let mut seat = Self { world, client, side, body, to, heard: 0, sent: 0, datagrams: Vec::new() };
        if !is_dialing {
            let request = seat.client.join();
            seat.world.inject(there(), World::address(0), request);
        }
        for _ in 0..200 {
            seat.step();
        }
        assert!(seat.client.is_allowed() && crate::common::is_present(&mut seat.world, 0, to));
        seat
    }

    pub(crate) fn send(&mut self, ticket: u64, message: Message) {
        self.sent += 1;
        self.world.send(0, ticket, self.to, message).unwrap();
    }

    /// Lets everything arrive; what became of the tickets.
    pub(crate) fn run(&mut self) -> BTreeMap<u64, Result<(), Failure>> {
        let mut answers = answers(&mut self.world, 0);
        for _ in 0..5000 {
            if answers.len() == self.sent {
                break;
            }
            self.step();
            answers = crate::common::answers(&mut self.world, 0);
        }
        answers
    }

    fn step(&mut self) {
        self.world.run(MILLI);
        let heard: Vec<Vec<u8>> = self.world.record[self.heard..].iter().map(|(.., d)| d.clone()).collect();
        self.heard = self.world.record.len();
        for datagram in heard {
            for answer in self.client.handle(&datagram) {
                self.world.inject(there(), World::address(0), answer);
            }
            self.datagrams.push(datagram);
        }
    }

    fn reader(&self) -> Reader {
        match self.side {
            Side::Minion => Reader::Minion,
            Side::Master => Reader::Master,
            Side::Raet => Reader::Raet,
        }
    }

    /// What the model of a Python peer says against what it was sent.
    pub(crate) fn faults(&self) -> Vec<String> {
        let heads = self.datagrams.iter().filter_map(|datagram| model::packet(datagram).err());
        let kind = if self.body == BodyKind::Json { BodyKind::Json } else { BodyKind::Msgpack };
        let bodies = self.client.bodies.iter().filter_map(|(said, body)| {
            if *said != kind {
                return Some(format!("a body of kind {said:?}"));
            }
            model::body(body, *said == BodyKind::Json, self.reader()).err()
        });
        heads.chain(bodies).collect()
    }
}
