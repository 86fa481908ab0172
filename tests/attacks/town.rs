//! A master's and minions' engines on roads in a simulated world, as `drivers::raet` puts them there, and beside them
//! estates made by hand. Everything goes over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use roadstead::base::{Acceptance, Name, Wall};
use roadstead::duty::request::{Publish, Reply, Request, Target};
use roadstead::duty::{Asked, Duty, Outcome, Output, Work};
use roadstead::master::{self, Master, Policy};
use roadstead::message::{Address, Message, Route};
use roadstead::minion::{self, Minion};
use roadstead::road::{Config, Trust};
use roadstead::sim::{World, estate};
use roadstead::transport::{Command, Event};
use serde_json::{Value, json};

use crate::client::Client;
use crate::common::{MILLI, SECOND, name};

/// 20 November 2026.
const WALL: u64 = 1_795_162_880_000_000;

struct Seat {
    host: usize,
    /// Behind the ids of those it talks to.
    suffix: &'static str,
    duty: Box<dyn Duty>,
    /// How many of its road's events it has read.
    read: usize,
}

pub(crate) struct Town {
    pub(crate) world: World,
    seats: Vec<Seat>,
    pub(crate) clients: Vec<(SocketAddr, Client)>,
    /// How much of the world's record the clients have read.
    heard: usize,
    /// What the clients do not hear.
    pub(crate) deaf_to: Option<fn(&[u8]) -> bool>,
    /// What the master said to yards of its lane.
    pub(crate) pages: Vec<(String, Message)>,
    /// What minions ran: host, job, function.
    pub(crate) runs: Vec<(usize, String, String)>,
    /// Daemons that gave up.
    pub(crate) fatal: Vec<String>,
    /// What the master's host answers to a request; nothing: it does not know it.
    pub(crate) library: Library,
    /// What a job's function gives, by job; else its first argument, or true.
    pub(crate) outcomes: BTreeMap<String, Value>,
}

/// What answers requests.
type Library = Box<dyn FnMut(&Asked) -> Option<Value>>;

/// Everybody's pillar says whose it is.
fn pillar_of(asked: &Asked) -> Option<Value> {
    let load = asked.load().ok()?;
    (load.get("cmd")? == "_pillar").then(|| serde_json::json!({"pillar of": asked.from}))
}

/// The settings of a daemon's road.
pub(crate) fn daemon(id: &str, duty: &str) -> Config {
    Config {
        name: name(&format!("{id}_{duty}")),
        role: name(id),
        main: duty == "master",
        kind: u32::from(duty != "master"),
        trust: Trust::Never,
        salt_names: true,
        ..estate("any")
    }
}

impl Town {
    /// The master `m` at host 0.
    pub(crate) fn new(policy: Policy) -> Self {
        Self::of("m", policy)
    }

    /// This master at host 0.
    pub(crate) fn of(id: &str, policy: Policy) -> Self {
        let mut world = World::new(1);
        world.is_recording = true;
        world.add(daemon(id, "master"));
        let config = master::Config { id: name(id), version: "1".into(), policy, groups: Default::default() };
        let duty = Box::new(Master::new(config, world.now));
        let seats = vec![Seat { host: 0, suffix: "_minion", duty, read: 0 }];
        let (pages, runs, fatal) = (Vec::new(), Vec::new(), Vec::new());
        let (library, outcomes) = (Box::new(pillar_of), BTreeMap::new());
        Self { world, seats, clients: Vec::new(), heard: 0, deaf_to: None, pages, runs, fatal, library, outcomes }
    }

    /// A master that lets everybody in.
    pub(crate) fn open() -> Self {
        Self::new(Policy { auto_accept: true, ..Policy::default() })
    }

    /// A town without our master: host 0 never hears anything.
    pub(crate) fn without_master() -> Self {
        let mut town = Self::open();
        town.world.host(0).is_down = true;
        town.seats.clear();
        town
    }

    /// Our minion `id`, which serves whoever is at `master`; gives its host.
    pub(crate) fn minion(&mut self, id: &str, master: SocketAddr) -> usize {
        let host = self.world.add(Config { dial: vec![master], ..daemon(id, "minion") });
        let finger = self.world.host(host).road.own_key().fingerprint();
        let config = minion::Config::new(name(id), finger);
        let duty = Box::new(Minion::new(config, self.world.now));
        self.seats.push(Seat { host, suffix: "_master", duty, read: 0 });
        host
    }

    /// An estate by hand, at an address of its own.
    pub(crate) fn client(&mut self, client: Client) -> usize {
        let address = SocketAddr::from(([10, 1, 0, self.clients.len() as u8], 4510));
        self.clients.push((address, client));
        self.clients.len() - 1
    }

    /// A minion by hand that has joined the master and is allowed.
    pub(crate) fn joined(&mut self, id: &str) -> usize {
        let at = self.client(Client::new(&format!("{id}_minion"), id, id.len() as u64 + 40));
        let request = self.clients[at].1.join();
        self.inject(at, vec![request]);
        assert!(self.until(SECOND * 5, |town| town.clients[at].1.is_allowed()), "{id} is let in");
        self.run(SECOND * 3);
        at
    }

    /// Sends datagrams of a client to the master.
    pub(crate) fn inject(&mut self, at: usize, datagrams: Vec<Vec<u8>>) {
        self.inject_to(at, World::address(0), datagrams);
    }

    /// The client, which plays a master, answers our minion's question for its pillar.
    pub(crate) fn give_pillar(&mut self, client: usize, to: SocketAddr) {
        let asked = |word: &&Value| word["load"]["cmd"] == "_pillar";
        let values = self.clients[client].1.values();
        let src =
            values.iter().rfind(asked).map(|word| word["route"]["src"].clone()).expect("a question for the pillar");
        let route = json!({"src": ["master", "worker1", null], "dst": src});
        let datagrams = self.clients[client].1.say_value(&json!({"route": route, "return": {"tier": "front"}}));
        self.inject_to(client, to, datagrams);
        self.run(SECOND);
    }

    pub(crate) fn inject_to(&mut self, at: usize, to: SocketAddr, datagrams: Vec<Vec<u8>>) {
        for datagram in datagrams {
            self.world.inject(self.clients[at].0, to, datagram);
        }
    }

    /// A client says something to the master, and everybody has time to answer.
    pub(crate) fn say(&mut self, at: usize, message: &Value) {
        let datagrams = self.clients[at].1.say_value(message);
        self.inject(at, datagrams);
        self.run(SECOND);
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.step();
        }
    }

    pub(crate) fn until(&mut self, time: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = self.world.now + time;
        while self.world.now < end {
            if is_so(self) {
                return true;
            }
            self.step();
        }
        is_so(self)
    }

    fn step(&mut self) {
        for at in 0..self.seats.len() {
            self.serve(at);
        }
        self.world.run(MILLI * 5);
        let heard: Vec<_> = self.world.record[self.heard..].to_vec();
        self.heard = self.world.record.len();
        for (_, from, to, datagram) in heard {
            let Some(at) = self.clients.iter().position(|(address, _)| *address == to) else { continue };
            if self.deaf_to.is_some_and(|is_deaf| is_deaf(&datagram)) {
                continue;
            }
            let answers = self.clients[at].1.handle(&datagram);
            self.inject_to(at, from, answers);
        }
    }

    fn serve(&mut self, at: usize) {
        let now = self.world.now;
        let Seat { host, suffix, duty, read } = &mut self.seats[at];
        let (host, suffix) = (*host, *suffix);
        let events: Vec<Event> = self.world.host(host).events[*read..].to_vec();
        *read += events.len();
        for event in events.into_iter().filter_map(|event| in_ids(event, suffix)) {
            duty.handle_event(now, event);
        }
        if duty.poll_timeout().is_some_and(|due| due <= now) {
            duty.handle_timeout(now);
        }
        while let Some(command) = duty.poll_command() {
            let command = on_road(command, suffix);
            if let Err(back) = self.world.command(host, command) {
                duty.handle_returned(back);
                break;
            }
        }
        let (mut works, mut asked) = (Vec::new(), Vec::new());
        while let Some(output) = duty.poll_output() {
            match output {
                Output::Page { yard, message } => self.pages.push((yard.to_string(), message)),
                Output::Work(work) => works.push(work),
                Output::Serve(one) => asked.push(one),
                Output::Fatal(why) => self.fatal.push(why),
                Output::Links { .. }
                | Output::Remember { .. }
                | Output::Kill { .. }
                | Output::Answer { .. }
                | Output::Pillar(_) => {}
            }
        }
        for one in asked {
            let answer = (self.library)(&one).map(|value| rmp_serde::to_vec_named(&value).unwrap().into());
            self.seats[at].duty.handle_served(now, one.number, answer);
        }
        for Work { jid, fun, args, .. } in works {
            self.runs.push((host, jid.clone(), fun));
            let value = self.outcomes.remove(&jid).unwrap_or(args.first().cloned().unwrap_or(Value::Bool(true)));
            self.seats[at].duty.handle_outcome(now, Outcome { jid, value, retcode: 0, success: true });
        }
    }

    /// A yard of the master's lane says something.
    pub(crate) fn page(&mut self, dst: Address, kind: &str, body: &Value) {
        let src = Address { estate: None, yard: Some(name("client1")), share: None };
        let message = Message::new(Route { src, dst }, kind, body).unwrap();
        let (now, wall) = (self.world.now, Wall(WALL + self.world.now.0));
        self.seats[0].duty.handle_page(now, wall, name("client1"), 0, message);
    }

    /// A command line publishes a job.
    pub(crate) fn publish(&mut self, fun: &str, arg: &[Value], tgt: &str) {
        let (arg, target) = (arg.to_vec(), Target::Glob(tgt.to_owned()));
        let (fun, user, kwargs) = (fun.to_owned(), "tester".to_owned(), Default::default());
        let request =
            Request::Publish(Publish { fun, arg, kwargs, target, delimiter: String::new(), timeout: 5.0, user });
        let dst = Address { estate: None, yard: None, share: Some(name("local_cmd")) };
        self.page(dst, "load", &serde_json::to_value(request).unwrap());
    }

    /// What the command line was told.
    pub(crate) fn replies(&self) -> Vec<Reply> {
        let of_client = self.pages.iter().filter(|(yard, message)| yard == "client1" && message.kind == "return");
        of_client.map(|(_, message)| message.read().unwrap()).collect()
    }

    /// The notices a listening yard was told.
    pub(crate) fn notices(&self) -> Vec<Value> {
        self.pages.iter().filter(|(_, message)| message.kind.is_empty()).map(|(_, m)| m.read().unwrap()).collect()
    }

    /// Listens to the master's notices.
    pub(crate) fn listen(&mut self) {
        self.page(Address { estate: None, yard: None, share: Some(name("event_req")) }, "", &serde_json::json!({}));
    }

    /// Forgets what was sent and what the roads said so far.
    pub(crate) fn forget(&mut self) {
        self.world.record.clear();
        crate::common::forget(&mut self.world);
        self.heard = 0;
        self.seats.iter_mut().for_each(|seat| seat.read = 0);
    }

    /// An operator decides at the master.
    pub(crate) fn decide(&mut self, role: &str, acceptance: Option<Acceptance>) {
        self.world.admit(0, role, acceptance);
    }
}

fn id(estate: &Name, suffix: &str) -> Option<Name> {
    estate.as_str().strip_suffix(suffix).and_then(|id| Name::new(id).ok())
}

fn in_ids(event: Event, suffix: &str) -> Option<Event> {
    Some(match event {
        Event::Joined { peer } => Event::Joined { peer: id(&peer, suffix)? },
        Event::Left { peer, why } => Event::Left { peer: id(&peer, suffix)?, why },
        Event::Received { from, mut message } => {
            let from = id(&from, suffix)?;
            roadstead::message::check(&message.body).ok()?;
            (message.route.src.estate, message.route.dst.estate) = (Some(from.clone()), None);
            Event::Received { from, message }
        }
        other => other,
    })
}

fn on_road(command: Command, suffix: &str) -> Command {
    match command {
        Command::Send { ticket, to, mut message } => {
            (message.route.src.estate, message.route.dst.estate) = (None, None);
            Command::Send { ticket, to: name(&format!("{to}{suffix}")), message }
        }
        other => other,
    }
}
