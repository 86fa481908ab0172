//! Sessions captured between two Python raet 0.6.8 stacks, and between a real Salt master and minion, with our road in
//! the seat of one side. Joins are byte for byte; a session starts with keys drawn anew, so from there on ours is placed
//! with the recorded ones and fed what the other side sent: what it delivers and answers must be what the recorded side did.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use common::*;
use roadstead::base::{Acceptance, Time};
use roadstead::keep::{OwnKeys, RemoteRecord, RoleKey};
use roadstead::nacl::{PublicKey, SecretKey, SigningKey};
use roadstead::road::place::Placed;
use roadstead::road::{Config, Memory, Mutable, Output, Road, Trust, Wires};
use roadstead::transport::Event;
use roadstead::wire::v0::{self, BodyKind, Head, HeadKind, PacketKind, TransactKind};
use serde_json::Value;

const SYNTHETIC: [&str; 7] = ["raet-json", "jsonhead-json", "salt-style", "lossy", "rejoin", "refusals", "race"];

struct Session {
    file: Value,
    datagrams: BTreeMap<u64, Vec<u8>>,
}

impl Session {
    fn open(session: &str) -> Self {
        let path = format!("{}/tests/vectors/v0/session-{session}.json", env!("CARGO_MANIFEST_DIR"));
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let sent = |e: &&Value| e["ev"] == "tx";
        let datagrams = file["events"].as_array().unwrap().iter().filter(sent);
        let datagrams = datagrams.map(|e| (e["i"].as_u64().unwrap(), bytes(&e["hex"]))).collect();
        Self { file, datagrams }
    }

    fn events(&self) -> &[Value] {
        self.file["events"].as_array().unwrap()
    }

    /// The datagram of a `tx`, or the one a `rx` read (of several equal ones, the first).
    fn datagram(&self, event: &Value) -> &[u8] {
        let index = if event["ev"] == "tx" { &event["i"] } else { &event["tx"] };
        let index = index.as_u64().unwrap_or_else(|| index[0].as_u64().unwrap());
        &self.datagrams[&index]
    }

    fn address(&self, who: &str) -> SocketAddr {
        let ha = &self.file["keys"][who]["ha"];
        format!("{}:{}", ha[0].as_str().unwrap(), ha[1]).parse().unwrap()
    }

    /// Those it began with.
    fn keys(&self, who: &str) -> (OwnKeys, RoleKey) {
        let before = &self.file["keys"][format!("{who}_before")];
        let keys = if before.is_object() { before } else { &self.file["keys"][who] };
        let own = OwnKeys {
            sign: SigningKey::from_seed(&array(&keys["sign_seed"])),
            secret: SecretKey::from_bytes(array(&keys["box_secret"])),
        };
        let public = own.public(name(keys["role"].as_str().unwrap()));
        (own, public)
    }

    /// The settings of a side, as its first join said them.
    fn config(&self, who: &str) -> Config {
        let keys = &self.file["keys"][who];
        let is_main = who == "alpha" || who == "master" || keys["name"] == "beta_master";
        Config {
            main: is_main,
            kind: u32::from(!is_main),
            head_kind: HeadKind::from_number(self.file["hk"].as_u64().unwrap() as u32).unwrap(),
            body_kind: BodyKind::from_number(self.file["bk"].as_u64().unwrap() as u32).unwrap(),
            trust: Trust::Once,
            mutable: Mutable::Nothing,
            random_sessions: false,
            wires: Wires::CLASSIC,
            ..Config::new(name(keys["name"].as_str().unwrap()), name(keys["role"].as_str().unwrap()))
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn time(event: &Value) -> Time {
    Time((event["t"].as_f64().unwrap() * 1e6) as u64)
}

fn head(datagram: &[u8]) -> Head {
    v0::read(datagram).unwrap().head
}

fn drain(road: &mut Road, now: Time) -> (Vec<Vec<u8>>, Vec<Event>) {
    let (mut sent, mut said, mut out) = (Vec::new(), Vec::new(), Vec::new());
    while road.poll_transmit(now, &mut out).is_some() {
        sent.push(out.clone());
    }
    while let Some(output) = road.poll_output() {
        if let Output::Event(event) = output {
            said.push(event);
        }
    }
    (sent, said)
}

/// Lets a road live until `now`, and takes out what it says on the way.
fn live(road: &mut Road, now: Time) -> (Vec<Vec<u8>>, Vec<Event>) {
    let mut all = drain(road, now);
    while let Some(due) = road.poll_timeout().filter(|due| *due <= now) {
        road.handle_timeout(due);
        let (sent, said) = drain(road, due);
        all.0.extend(sent);
        all.1.extend(said);
    }
    all
}

/// The first join of a session: its packets up to the acknowledgement, with who sent them.
fn first_join(session: &Session) -> Vec<(&str, &[u8])> {
    let mut join = Vec::new();
    for event in session.events().iter().filter(|e| e["ev"] == "tx") {
        join.push((event["frm"].as_str().unwrap(), session.datagram(event)));
        if event["kind"] == "join.ack" {
            break;
        }
    }
    join
}

#[test]
fn joins_byte_for_byte_from_both_seats() {
    for recorded in SYNTHETIC.into_iter().chain(["real-salt"]).filter(|s| *s != "race") {
        let session = Session::open(recorded);
        let (asks, answers) = if recorded == "real-salt" { ("minion", "master") } else { ("beta", "alpha") };
        let join = first_join(&session);
        let trust =
            if join.iter().any(|(_, d)| head(d).packet == PacketKind::Pend) { Trust::Never } else { Trust::Once };
        let now = Time(1_000_000);

        let config = Config { dial: vec![session.address(answers)], ..session.config(asks) };
        let mut asker = Road::new(config, session.keys(asks).0, Memory::default(), [1; 32], now);
        let config = Config { trust, ..session.config(answers) };
        let mut answerer = Road::new(config, session.keys(answers).0, Memory::default(), [2; 32], now);

        let (mut from_asker, _) = drain(&mut asker, now);
        let mut from_answerer: Vec<Vec<u8>> = Vec::new();
        for (who, datagram) in join {
            let what = format!("{recorded}: {:?} by {who}", head(datagram).packet);
            if who == asks {
                // What this seat said is what was recorded; the other seat hears the recorded one.
                if let Some(position) = from_asker.iter().position(|ours| ours == datagram) {
                    from_asker.remove(position);
                } else {
                    // A request sent again, at its time.
                    let (again, _) = live(&mut asker, now + SECOND);
                    assert!(again.iter().any(|ours| ours == datagram), "{what}");
                }
                answerer.handle_datagram(now, session.address(asks), &mut datagram.to_vec());
                from_answerer.extend(drain(&mut answerer, now).0);
            } else {
                if head(datagram).packet == PacketKind::Response && trust == Trust::Never {
                    let role = session.keys(asks).1;
                    let fingerprint = role.fingerprint();
                    let acceptance = Some(Acceptance::Accepted);
                    let admit = roadstead::transport::Command::Admit { role: role.role, fingerprint, acceptance };
                    answerer.handle_command(now, admit).unwrap();
                    from_answerer.extend(drain(&mut answerer, now).0);
                }
                assert!(from_answerer.iter().any(|ours| ours == datagram), "{what}");
                asker.handle_datagram(now, session.address(answers), &mut datagram.to_vec());
                from_asker.extend(drain(&mut asker, now).0);
            }
        }
        // Then the asker says hello, in the same words but for its fresh key.
        let is_hello = |e: &&Value| e["kind"] == "allow.hello" && e["frm"] == asks;
        if let Some(event) = session.events().iter().find(is_hello).filter(|_| recorded != "refusals") {
            let (ours, theirs) = (head(&from_asker[0]), head(session.datagram(event)));
            assert_eq!(ours, theirs, "{recorded}");
            assert_eq!(from_asker[0].len(), session.datagram(event).len(), "{recorded}");
        }
    }
}

#[test]
fn both_join_at_once_byte_for_byte_from_both_seats() {
    let session = Session::open("race");
    let now = Time(1_000_000);
    for (who, other) in [("alpha", "beta"), ("beta", "alpha")] {
        let config = Config { dial: vec![session.address(other)], ..session.config(who) };
        let mut road = Road::new(config, session.keys(who).0, Memory::default(), [1; 32], now);
        let (mut ours, _) = drain(&mut road, now);
        let mut theirs = Vec::new();
        for event in session.events() {
            if event["kind"] == "allow.hello" {
                break;
            }
            if event["ev"] == "tx" && event["frm"] == who {
                theirs.push(session.datagram(event).to_vec());
            } else if event["ev"] == "rx" && event["at"] == who {
                road.handle_datagram(now, session.address(other), &mut session.datagram(event).to_vec());
                ours.extend(drain(&mut road, now).0);
            }
        }
        ours.retain(|datagram| head(datagram).transact == TransactKind::Join);
        assert_eq!(ours, theirs, "{who}");
    }
}

#[test]
fn handshakes_are_answered_in_kind() {
    // The recorded hello is signed with long-term keys: our road takes it, and answers as the recorded side did, but for
    // the fresh key in the cookie.
    for recorded in SYNTHETIC.into_iter().chain(["real-salt"]) {
        let session = Session::open(recorded);
        let mut short: BTreeMap<String, [u8; 32]> = BTreeMap::new();
        for (i, event) in session.events().iter().enumerate() {
            if event["ev"] == "short_key" {
                short.insert(event["of"].as_str().unwrap().to_owned(), array(&event["public"]));
            }
            if event["kind"] != "allow.hello" {
                continue;
            }
            let (asks, answers) = (event["frm"].as_str().unwrap(), event["to"].as_str().unwrap());
            let hello = session.datagram(event);
            let is_cookie = |e: &&Value| e["kind"] == "allow.cookie" && e["frm"] == answers;
            let Some(cookie) = session.events()[i..].iter().find(is_cookie) else { continue };
            let cookie = session.datagram(cookie);
            if head(hello).ti != head(cookie).ti {
                continue; // it was refused
            }
            let mut road = placed(&session, answers, asks, &head(hello), None);
            road.handle_datagram(time(event), session.address(asks), &mut hello.to_vec());
            let (sent, _) = drain(&mut road, time(event));
            assert_eq!(sent.len(), 1, "{recorded}");
            assert_eq!(head(&sent[0]), head(cookie), "{recorded}");
            assert_eq!(sent[0].len(), cookie.len(), "{recorded}");
        }
    }
}

/// Our road in the seat of `who`, joined with `other`, under the short-term keys given; numbers as `heard`, a packet that
/// `other` sent, says them.
fn placed(session: &Session, who: &str, other: &str, heard: &Head, short: Option<(SecretKey, PublicKey)>) -> Road {
    let mut road = Road::new(session.config(who), session.keys(who).0, Memory::default(), [3; 32], Time(0));
    let config = session.config(other);
    let record = RemoteRecord {
        name: config.name,
        role: config.role,
        nuid: heard.de,
        fuid: heard.se,
        ha: session.address(other),
        sid: 1,
        main: config.main,
        kind: config.kind,
        joined: Some(true),
    };
    road.place(Placed { record, key: session.keys(other).1, standing: Acceptance::Accepted, rsid: 0, short });
    drain(&mut road, Time(0));
    road
}

/// One life of a session in a seat: its road, and what the recorded side was told and answered in it.
struct Life {
    road: Option<Road>,
    delivered: Vec<Value>,
    /// By message transaction of the other side.
    answers: BTreeMap<(u32, u32), Vec<PacketKind>>,
}

impl Life {
    fn note(&mut self, (sent, said): (Vec<Vec<u8>>, Vec<Event>)) {
        for datagram in sent {
            let head = head(&datagram);
            if head.transact == TransactKind::Message && head.correspondent {
                self.answers.entry((head.si, head.ti)).or_default().push(head.packet);
            }
        }
        for event in said {
            if let Event::Received { message, .. } = event {
                self.delivered.push(rmp_serde::from_slice(&message.to_map().unwrap()).unwrap());
            }
        }
    }
}

/// Feeds a seat all messages it has read, session by session.
fn sit_in(session: &Session, who: &str, other: &str) -> Life {
    let mut short: BTreeMap<&str, (SecretKey, PublicKey)> = BTreeMap::new();
    let mut life = Life { road: None, delivered: Vec::new(), answers: BTreeMap::new() };
    let (mut epoch, mut handshake) = (None, None);
    for event in session.events() {
        match event["ev"].as_str().unwrap() {
            "short_key" => {
                let secret = SecretKey::from_bytes(array(&event["secret"]));
                let public = secret.public();
                assert_eq!(public.as_bytes(), &array(&event["public"]));
                let of = if event["of"] == who { who } else { other };
                short.insert(of, (secret, public));
            }
            // The handshake is over in this seat: whichever acknowledgement it sends.
            "tx" if event["kind"] == "allow.ack" && event["frm"] == who => {
                let ours = SecretKey::from_bytes(*short[who].0.bytes());
                epoch = Some((ours, short[other].1));
                // The same one again does not begin a new session.
                let key = *short[who].1.as_bytes();
                if handshake.replace(key) != Some(key) {
                    life.road = None;
                }
            }
            "state" if event["of"] == who && event["allowed"] != true => {
                life.road = None;
                epoch = None;
            }
            "rx" if event["at"] == who => {
                let datagram = session.datagram(event);
                let head = head(datagram);
                if head.transact != TransactKind::Message || head.correspondent {
                    continue;
                }
                let Some((ours, theirs)) = &epoch else { continue };
                if life.road.is_none() {
                    let ours = SecretKey::from_bytes(*ours.bytes());
                    life.road = Some(placed(session, who, other, &head, Some((ours, *theirs))));
                }
                let mut road = life.road.take().unwrap();
                let now = time(event);
                let told = live(&mut road, now);
                life.note(told);
                road.handle_datagram(now, session.address(other), &mut datagram.to_vec());
                let told = drain(&mut road, now);
                life.note(told);
                life.road = Some(road);
            }
            _ => {}
        }
    }
    life
}

#[test]
fn messages_from_both_seats() {
    let mut total = 0;
    for recorded in SYNTHETIC.into_iter().chain(["real-salt"]) {
        let session = Session::open(recorded);
        let sides = if recorded == "real-salt" { ["master", "minion"] } else { ["alpha", "beta"] };
        for (who, other) in [(sides[0], sides[1]), (sides[1], sides[0])] {
            let life = sit_in(&session, who, other);
            let is_ours = |e: &&Value| e["ev"] == "deliver" && e["at"] == who;
            let recorded_bodies: Vec<&Value> = session.events().iter().filter(is_ours).map(|e| &e["body"]).collect();
            assert_eq!(life.delivered.len(), recorded_bodies.len(), "{recorded}: delivered to {who}");
            for (ours, theirs) in life.delivered.iter().zip(recorded_bodies) {
                let is_shortened = theirs.is_string()
                    || theirs.get("__omitted__").is_some()
                    || theirs.to_string().contains("characters)");
                assert!(is_shortened || ours == theirs, "{recorded}, {who}: {ours} is not {theirs}");
                assert!(!is_shortened || ours.to_string().len() > 100, "{recorded}, {who}");
                total += 1;
            }
            // What the recorded side confirmed we confirm, and what it asked for again was not here either.
            let is_answer = |e: &&Value| e["ev"] == "tx" && e["frm"] == who;
            let mut theirs: BTreeMap<(u32, u32), Vec<PacketKind>> = BTreeMap::new();
            for event in session.events().iter().filter(is_answer) {
                let head = head(session.datagram(event));
                if head.transact == TransactKind::Message && head.correspondent {
                    theirs.entry((head.si, head.ti)).or_default().push(head.packet);
                }
            }
            for (transaction, theirs) in theirs {
                if !theirs.contains(&PacketKind::Done) {
                    continue; // not allowed there
                }
                let ours = &life.answers[&transaction];
                assert!(
                    ours.contains(&PacketKind::Done),
                    "{recorded}, {who}: {transaction:?}: {ours:?}, not {theirs:?}"
                );
                assert!(!ours.contains(&PacketKind::Nack), "{recorded}, {who}: {transaction:?}: {ours:?}");
                if theirs == [PacketKind::Done] {
                    assert_eq!(ours, &theirs, "{recorded}, {who}: {transaction:?}");
                }
                let asks = |answers: &[PacketKind]| answers.contains(&PacketKind::Resend);
                assert_eq!(asks(ours), asks(&theirs), "{recorded}, {who}: {transaction:?}: {ours:?}, not {theirs:?}");
            }
        }
    }
    assert_eq!(total, 54, "messages in all sessions");
}

#[test]
fn presence_questions_are_answered_in_kind() {
    for recorded in SYNTHETIC.into_iter().chain(["real-salt"]) {
        let session = Session::open(recorded);
        for (i, event) in session.events().iter().enumerate() {
            if event["kind"] != "alive.request" {
                continue;
            }
            let (asks, answers) = (event["frm"].as_str().unwrap(), event["to"].as_str().unwrap());
            let question = session.datagram(event);
            let is_answer = |e: &&Value| {
                e["ev"] == "tx" && e["frm"] == answers && {
                    let answer = head(session.datagram(e));
                    answer.transact == TransactKind::Alive && answer.correspondent && answer.ti == head(question).ti
                }
            };
            let Some(answer) = session.events()[i..].iter().find(is_answer) else { continue };
            let answer = session.datagram(answer);
            let short = (head(answer).packet == PacketKind::Ack).then(|| {
                let ours = SecretKey::from_bytes([7; 32]);
                let public = ours.public();
                (ours, public)
            });
            let mut road = placed(&session, answers, asks, &head(question), short);
            if head(answer).packet == PacketKind::Unjoined {
                continue; // a joined estate is what `placed` places; the negative vectors have the other
            }
            road.handle_datagram(time(event), session.address(asks), &mut question.to_vec());
            let (sent, _) = drain(&mut road, time(event));
            assert_eq!(sent, [answer], "{recorded}: byte for byte, signature and all");
        }
    }
}
