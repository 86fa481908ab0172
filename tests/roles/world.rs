//! A master and minions without clock or threads: commands and events are carried between them by hand, with delays,
//! cut cables, restarts and a transport that hands commands back, all from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use roadstead::base::target::Groups;
use roadstead::base::{Acceptance, Fingerprint, Name, Random, Time, Wall};
use roadstead::drivers::memory::Switch;
use roadstead::duty::{Asked, Duty, Outcome, Output, Work};
use roadstead::master::request::{Publish, Reply, Request, Return, Target};
use roadstead::master::{self, Master, Policy};
use roadstead::message::{Address, Message, Route};
use roadstead::minion::{self, Minion};
use roadstead::transport::{Command, Event, Ticket};
use serde_json::{Map, Value};

/// 20 November 2026, 08:21:20 UTC.
const WALL: u64 = 1_795_162_880_000_000;
const RETRY: Duration = Duration::from_secs(1);

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

/// The key of an estate, the `version`th it ever had.
pub(crate) fn key(id: &str, version: u8) -> Fingerprint {
    let mut out = [version; 32];
    out.iter_mut().zip(id.bytes()).for_each(|(to, from)| *to = from);
    Fingerprint(out)
}

enum Happening {
    Arrive(u64),
    Confirm(u64),
    Finish(Name, u32, Outcome),
    Served(Asked),
    Room(Name),
}

struct Host {
    minion: Minion,
    /// How often it started: outcomes of an earlier life are lost.
    life: u32,
    killed: BTreeSet<String>,
}

/// Everything a yard was told about its job, checked as it is read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) jid: String,
    pub(crate) minions: Vec<String>,
    pub(crate) returned: BTreeMap<String, Return>,
    pub(crate) missing: BTreeMap<String, String>,
    pub(crate) ended: bool,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) switch: Switch,
    pub(crate) master: Master,
    pub(crate) random: Random,
    /// How long a message or its confirmation takes, microseconds.
    pub(crate) delay: RangeInclusive<u64>,
    /// Of a hundred commands, how many are handed back.
    pub(crate) full: u64,
    /// Every function that ran: minion, job, function.
    pub(crate) runs: Vec<(String, String, String)>,
    /// Daemons that ended, and their last words.
    pub(crate) fatal: Vec<(String, String)>,
    /// Events of estates that the test plays itself.
    pub(crate) heard: BTreeMap<Name, Vec<Event>>,
    /// Commands that were handed back.
    pub(crate) handed_back: usize,
    /// How long the master's host takes for a request.
    pub(crate) serving: Duration,
    /// What it was asked: minion and request.
    pub(crate) asked: Vec<(String, Value)>,
    /// The facts it has the host keep.
    pub(crate) kept: BTreeMap<Name, Bytes>,
    hosts: BTreeMap<Name, Host>,
    pages: BTreeMap<Name, Vec<Message>>,
    agenda: BTreeMap<(Time, u64), Happening>,
    puppets: BTreeMap<Name, u64>,
    retry: Time,
    count: u64,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        let config = master::Config {
            id: name("m"),
            version: "1".to_owned(),
            policy,
            groups: Groups::from([("front".to_owned(), vec!["web*".to_owned()])]),
        };
        let mut switch = Switch::default();
        switch.attach(&name("m"), key("m", 0), None);
        Self {
            now: Time::ZERO,
            switch,
            master: Master::new(config, Time::ZERO),
            random: Random::from_number(1),
            delay: 1000..=1000,
            full: 0,
            runs: Vec::new(),
            fatal: Vec::new(),
            heard: BTreeMap::new(),
            handed_back: 0,
            serving: Duration::ZERO,
            asked: Vec::new(),
            kept: BTreeMap::new(),
            hosts: BTreeMap::new(),
            pages: BTreeMap::new(),
            agenda: BTreeMap::new(),
            puppets: BTreeMap::new(),
            retry: Time::ZERO,
            count: 0,
        }
    }

    /// A world where everybody is let in, with these minions joined and at rest.
    pub(crate) fn with(minions: &[&str]) -> Self {
        let mut world = Self::new(Policy { auto_accept: true, ..Policy::default() });
        minions.iter().for_each(|id| world.add(id));
        world.run(seconds(0.5));
        world
    }

    /// A minion appears or starts anew.
    pub(crate) fn add(&mut self, id: &str) {
        self.start(id, 0, None);
    }

    pub(crate) fn start(&mut self, id: &str, version: u8, master_finger: Option<Fingerprint>) {
        self.start_with(id, version, master_finger, true);
    }

    pub(crate) fn start_with(&mut self, id: &str, version: u8, master_finger: Option<Fingerprint>, auto_accept: bool) {
        let finger = key(id, version);
        let config = minion::Config { id: name(id), version: "1".to_owned(), finger, master_finger, auto_accept };
        let life = self.hosts.get(id).map_or(0, |host| host.life + 1);
        let host = Host { minion: Minion::new(config, self.now), life, killed: BTreeSet::new() };
        self.hosts.insert(name(id), host);
        self.switch.attach(&name(id), finger, Some(&name("m")));
    }

    /// A minion's process is gone.
    pub(crate) fn kill(&mut self, id: &str) {
        self.hosts.remove(id);
        self.switch.detach(&name(id));
    }

    /// An estate that the test plays itself; its events are `heard`.
    pub(crate) fn puppet(&mut self, id: &str) {
        self.switch.attach(&name(id), key(id, 0), Some(&name("m")));
        self.puppets.insert(name(id), 0);
        self.run(seconds(0.0));
        self.switch.decide(&name(id), &name("m"), Some(Acceptance::Accepted));
        self.run(seconds(0.0));
    }

    /// The master had these facts kept before it started.
    pub(crate) fn recall(&mut self, kept: &BTreeMap<Name, Bytes>) {
        kept.iter().for_each(|(id, facts)| self.master.recall(id, facts.clone()));
    }

    /// A puppet says something to the master; gives the ticket.
    pub(crate) fn say(&mut self, id: &str, kind: &str, dst: Address, body: &Value) -> Ticket {
        let src = Address { estate: None, yard: Name::new("jobber1").ok(), share: Name::new("track1").ok() };
        self.say_from(id, &src, kind, dst, body)
    }

    /// The same from a yard of its own.
    pub(crate) fn say_from(&mut self, id: &str, src: &Address, kind: &str, dst: Address, body: &Value) -> Ticket {
        let count = self.puppets.get_mut(id).unwrap();
        *count += 1;
        let ticket = Ticket(*count);
        let message = Message::new(Route { src: src.clone(), dst }, kind, body).unwrap();
        assert_eq!(self.switch.submit(&name(id), Command::Send { ticket, to: name("m"), message }).err(), None);
        ticket
    }

    /// What the master said to a puppet: kind and body.
    pub(crate) fn said_to(&self, id: &str) -> Vec<(String, Value)> {
        let said = |event: &Event| match event {
            Event::Received { message, .. } => Some((message.kind.clone(), message.read_value().unwrap())),
            _ => None,
        };
        self.heard.get(id).into_iter().flatten().filter_map(said).collect()
    }

    pub(crate) fn accept(&mut self, id: &str) {
        assert!(self.switch.decide(&name("m"), &name(id), Some(Acceptance::Accepted)));
    }

    /// A fresh yard asks the master; gives the yard.
    pub(crate) fn ask(&mut self, request: &Request) -> String {
        let dst = Address { estate: None, yard: None, share: Name::new("local_cmd").ok() };
        self.page(dst, "load", &serde_json::to_value(request).unwrap())
    }

    pub(crate) fn page(&mut self, dst: Address, kind: &str, body: &Value) -> String {
        self.count += 1;
        let yard = format!("client{}", self.count);
        let src = Address { estate: None, yard: Some(name(&yard)), share: None };
        let message = Message::new(Route { src, dst }, kind, body).unwrap();
        let wall = Wall(WALL + self.now.0);
        self.master.handle_page(self.now, wall, name(&yard), 0, message);
        self.drain();
        yard
    }

    pub(crate) fn publish(&mut self, fun: &str, arg: &[Value], target: Target, timeout: f64) -> String {
        let (fun, arg, kwargs, delimiter) = (fun.to_owned(), arg.to_vec(), Map::new(), String::new());
        self.ask(&Request::Publish(Publish { fun, arg, kwargs, target, delimiter, timeout, user: "tester".to_owned() }))
    }

    pub(crate) fn ping(&mut self, pattern: &str) -> String {
        self.publish("test.ping", &[], Target::Glob(pattern.to_owned()), 5.0)
    }

    pub(crate) fn pages(&self, yard: &str) -> &[Message] {
        self.pages.get(yard).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn replies(&self, yard: &str) -> Vec<Reply> {
        self.pages(yard).iter().map(|message| message.read().unwrap()).collect()
    }

    /// What a yard was told, in a legal order and nothing twice.
    pub(crate) fn told(&self, yard: &str) -> Told {
        let mut told = Told::default();
        for (i, reply) in self.replies(yard).into_iter().enumerate() {
            assert!(!told.ended, "{yard}: nothing follows the end");
            match reply {
                Reply::Started { jid, minions } => {
                    assert_eq!(i, 0, "{yard}: starts first and once");
                    assert!(minions.is_sorted());
                    (told.jid, told.minions) = (jid, minions.into_iter().map(String::from).collect());
                }
                Reply::Returned(one) => {
                    assert_eq!(one.jid, told.jid);
                    assert!(!told.missing.contains_key(one.id.as_str()), "{yard}: {} is missing already", one.id);
                    assert!(told.returned.insert(one.id.to_string(), one).is_none(), "{yard}: returned twice");
                }
                Reply::Missing { jid, id, why } => {
                    assert_eq!(jid, told.jid);
                    assert!(!told.returned.contains_key(id.as_str()), "{yard}: {id} returned already");
                    assert!(told.missing.insert(id.to_string(), why).is_none(), "{yard}: missing twice");
                }
                Reply::Ended { jid } => {
                    assert_eq!(jid, told.jid);
                    let mut all: Vec<_> = told.returned.keys().chain(told.missing.keys()).cloned().collect();
                    all.sort();
                    assert_eq!(all, told.minions, "{yard}: everybody is accounted for");
                    told.ended = true;
                }
                other => panic!("{yard}: {other:?} is no part of a job"),
            }
        }
        told
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, length: Duration) {
        let until = self.now + length;
        let mut still = 0;
        loop {
            self.drain();
            let hosts = self.hosts.values().map(|host| host.minion.poll_timeout());
            let duties = hosts.chain([self.master.poll_timeout()]).flatten().min();
            let first = self.agenda.keys().next().map(|(at, _)| *at);
            let next = [duties, first, Some(self.retry)].into_iter().flatten().min().unwrap_or(until).max(self.now);
            if next > until {
                self.now = until;
                return;
            }
            still = if next == self.now { still + 1 } else { 0 };
            assert!(still < 10_000, "time stands still at {next:?}");
            self.now = next;
            self.happen();
        }
    }

    fn happen(&mut self) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Happening::Arrive(flight) => {
                    self.switch.arrive(flight);
                    self.later(Happening::Confirm(flight));
                }
                Happening::Confirm(flight) => self.switch.confirm(flight),
                Happening::Finish(id, life, outcome) => {
                    if let Some(host) = self.hosts.get_mut(&id).filter(|host| host.life == life) {
                        host.minion.handle_outcome(self.now, outcome);
                    }
                }
                Happening::Served(asked) => {
                    let load = asked.load().map(Value::Object).unwrap_or_default();
                    let answer = answer(&load).map(|value| rmp_serde::to_vec_named(&value).unwrap().into());
                    self.asked.push((asked.from.to_string(), load));
                    self.master.handle_served(self.now, asked.number, answer);
                }
                Happening::Room(id) => {
                    if let Some(duty) = duty(&mut self.master, &mut self.hosts, &id) {
                        duty.handle_event(self.now, Event::Room);
                    }
                }
            }
        }
        if self.retry <= self.now {
            self.retry = self.now + RETRY;
            let seeking = |id: &&Name| self.switch.seeks(id);
            let ids: Vec<Name> = self.hosts.keys().filter(seeking).cloned().collect();
            ids.iter().for_each(|id| self.switch.knock(id));
        }
        let mut duties: Vec<&mut dyn Duty> = vec![&mut self.master];
        duties.extend(self.hosts.values_mut().map(|host| &mut host.minion as &mut dyn Duty));
        for duty in duties {
            if duty.poll_timeout().is_some_and(|at| at <= self.now) {
                duty.handle_timeout(self.now);
            }
        }
    }

    /// Carries everything that can be carried at this moment.
    pub(crate) fn drain(&mut self) {
        // Whoever was told something, and at first everybody: a timeout may have left commands.
        let mut ids: BTreeSet<Name> = self.hosts.keys().cloned().chain([name("m")]).collect();
        ids.extend(self.puppets.keys().cloned());
        while let Some(id) = ids.pop_first() {
            self.drain_one(&id);
            while let Some(woken) = self.switch.poll_woken() {
                ids.insert(woken);
            }
            while let Some(flight) = self.switch.poll_flight() {
                self.later(Happening::Arrive(flight));
            }
        }
    }

    fn drain_one(&mut self, id: &Name) {
        while let Some(event) = self.switch.poll_event(id) {
            if let Some(duty) = duty(&mut self.master, &mut self.hosts, id) {
                duty.handle_event(self.now, event);
            } else {
                self.heard.entry(id.clone()).or_default().push(event);
            }
        }
        while let Some(command) = duty(&mut self.master, &mut self.hosts, id).and_then(Duty::poll_command) {
            let full = self.random.below(100) < self.full;
            let back = if full { Some(command) } else { self.switch.submit(id, command).err() };
            if let Some(command) = back {
                self.handed_back += 1;
                duty(&mut self.master, &mut self.hosts, id).unwrap().handle_returned(command);
                if full {
                    self.later(Happening::Room(id.clone()));
                }
            }
        }
        while let Some(output) = duty(&mut self.master, &mut self.hosts, id).and_then(Duty::poll_output) {
            match output {
                Output::Page { yard, message } => self.pages.entry(yard).or_default().push(message),
                Output::Links { .. } => {}
                Output::Work(work) => self.work(id, work),
                Output::Serve(asked) => {
                    self.count += 1;
                    self.agenda.insert((self.now + self.serving, self.count), Happening::Served(asked));
                }
                Output::Remember { id, facts: Some(facts) } => {
                    self.kept.insert(id, facts);
                }
                Output::Remember { id, facts: None } => {
                    self.kept.remove(&id);
                }
                Output::Kill { jid } => {
                    self.hosts.get_mut(id).unwrap().killed.insert(jid.clone());
                    let outcome = Outcome { jid, value: "killed".into(), retcode: -9, success: false };
                    let life = self.hosts[id].life;
                    self.later(Happening::Finish(id.clone(), life, outcome));
                }
                Output::Fatal(why) => {
                    self.fatal.push((id.to_string(), why));
                    self.kill(id.as_str());
                }
            }
        }
    }

    /// A worker: `test.ping`, `test.sleep <seconds>`, `test.big <bytes>`, anything else fails.
    fn work(&mut self, id: &Name, work: Work) {
        let Work { jid, fun, args, .. } = work;
        self.runs.push((id.to_string(), jid.clone(), fun.clone()));
        let number = args.first().and_then(Value::as_f64).unwrap_or_default();
        let (wait, value, success) = match fun.as_str() {
            "test.ping" => (0.0, Value::from(true), true),
            "test.sleep" => (number, Value::from(number), true),
            "test.big" => (0.0, Value::from("x".repeat(number as usize)), true),
            _ => (0.0, Value::from(format!("'{fun}' is not available.")), false),
        };
        let outcome = Outcome { jid, value, retcode: i64::from(!success), success };
        self.count += 1;
        let life = self.hosts[id].life;
        self.agenda.insert((self.now + seconds(wait), self.count), Happening::Finish(id.clone(), life, outcome));
    }

    fn later(&mut self, what: Happening) {
        let (least, most) = (*self.delay.start(), *self.delay.end());
        let delay = least + self.random.below(most - least + 1);
        self.count += 1;
        self.agenda.insert((self.now + Duration::from_micros(delay), self.count), what);
    }
}

/// The master's host: a pillar for everybody, and what the test wants to hear.
fn answer(load: &Value) -> Option<Value> {
    match load["cmd"].as_str()? {
        // A minion's pillar here is what its grains say it is.
        "_pillar" => Some(load["grains"].get("pillar").cloned().unwrap_or_else(|| Map::new().into())),
        "_echo" => Some(load["say"].clone()),
        "_long" => Some("x".repeat(load["length"].as_u64()? as usize).into()),
        _ => None,
    }
}

fn duty<'a>(master: &'a mut Master, hosts: &'a mut BTreeMap<Name, Host>, id: &Name) -> Option<&'a mut dyn Duty> {
    if id.as_str() == "m" {
        return Some(master);
    }
    hosts.get_mut(id).map(|host| &mut host.minion as &mut dyn Duty)
}

pub(crate) fn glob(pattern: &str) -> Target {
    Target::Glob(pattern.to_owned())
}

pub(crate) fn list(ids: &[&str]) -> Target {
    Target::List(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// Where minions send requests.
pub(crate) fn remote_cmd() -> Address {
    Address { estate: None, yard: None, share: Name::new("remote_cmd").ok() }
}
