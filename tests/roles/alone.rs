//! A minion whose master the test plays, message by message: what it asks, and what it does until it is answered.

use std::time::Duration;

use roadstead::base::{Acceptance, Time};
use roadstead::duty::{Ask, Duty, Outcome, Output, Work};
use roadstead::message::{Address, Message, Route};
use roadstead::minion::{self, Minion};
use roadstead::transport::{Command, Departure, Event};
use serde_json::{Map, Value, json};

use crate::world::{key, minion_config, name, remote_cmd, seconds};

struct Alone {
    minion: Minion,
    now: Time,
    outputs: Vec<Output>,
}

impl Alone {
    /// A minion whose master is there from now on.
    fn new(change: impl FnOnce(&mut minion::Config)) -> Self {
        let mut config = minion_config("web1", key("web1", 0), None, true);
        change(&mut config);
        let mut alone = Self { minion: Minion::new(config, Time::ZERO), now: Time::ZERO, outputs: Vec::new() };
        let (role, fingerprint, acceptance) = (name("m"), key("m", 0), Some(Acceptance::Accepted));
        alone.event(Event::Standing { role, fingerprint, acceptance });
        alone.event(Event::Joined { peer: name("m") });
        alone
    }

    fn event(&mut self, event: Event) {
        self.minion.handle_event(self.now, event);
    }

    fn pass(&mut self, length: Duration) {
        self.now += length;
        self.minion.handle_timeout(self.now);
    }

    /// What it sends now; each is delivered.
    fn sent(&mut self) -> Vec<Message> {
        let mut sent = Vec::new();
        while let Some(command) = self.minion.poll_command() {
            let Command::Send { ticket, message, .. } = command else { panic!("{command:?}") };
            sent.push(message);
            self.event(Event::Delivered { ticket });
        }
        sent
    }

    /// The requests among these messages, by their `cmd`.
    fn loads(&mut self) -> Vec<(String, Value)> {
        let load = |message: &Message| {
            assert_eq!(message.route.dst.share, remote_cmd().share);
            let load = message.read_value().unwrap();
            (load["cmd"].as_str().unwrap().to_owned(), load)
        };
        self.sent().iter().map(load).collect()
    }

    fn say(&mut self, message: Message) {
        self.event(Event::Received { from: name("m"), message });
    }

    fn reply(&mut self, request: &Message, kind: &str, value: &Value) {
        let dst = Address { estate: Some(name("web1")), ..request.route.src.clone() };
        self.say(Message::new(Route { src: Address::default(), dst }, kind, value).unwrap());
    }

    fn job(&mut self, job: &Value) {
        let dst = Address { estate: Some(name("web1")), yard: None, share: Some(name("fun")) };
        self.say(Message::new(Route { src: Address::default(), dst }, "pub", job).unwrap());
    }

    fn outputs(&mut self) -> Vec<Output> {
        while let Some(output) = self.minion.poll_output() {
            self.outputs.push(output);
        }
        std::mem::take(&mut self.outputs)
    }

    /// The functions it has run now.
    fn works(&mut self) -> Vec<Work> {
        let work = |output| if let Output::Work(work) = output { Some(work) } else { None };
        self.outputs().into_iter().filter_map(work).collect()
    }

    /// A pillar, so that what follows is not held up.
    fn with_pillar(mut self, pillar: &Value) -> Self {
        let request = self.sent().remove(0);
        self.reply(&request, "return", pillar);
        self.sent();
        self.outputs();
        self
    }
}

fn job(jid: &str, fun: Value, arg: Value) -> Value {
    json!({"jid": jid, "fun": fun, "arg": arg, "tgt": "*", "tgt_type": "glob", "ret": "", "user": "root"})
}

#[test]
fn the_pillar_is_asked_for_with_our_grains_until_it_comes() {
    let mut alone = Alone::new(|_| {});
    let first = alone.sent();
    let load =
        json!({"cmd": "_pillar", "id": "web1", "grains": {"os": "Debian", "id": "web1"}, "saltenv": null, "ver": "2"});
    assert_eq!((first.len(), first[0].read_value().unwrap()), (1, load));
    alone.pass(seconds(2.9));
    assert!(alone.sent().is_empty(), "a master may take its time");
    alone.pass(seconds(0.2));
    let second = alone.sent();
    assert_eq!(second[0].route, first[0].route, "an answer to either will do");
    // As Salt's minions: no answer at all.
    alone.reply(&first[0], "return", &Value::Null);
    alone.pass(seconds(6.0));
    assert_eq!(alone.loads()[0].0, "_pillar");
    alone.reply(&first[0], "return", &json!({"tier": "front"}));
    let Output::Pillar(pillar) = &alone.outputs()[0] else { panic!("no pillar") };
    assert_eq!(pillar.as_ref(), json!({"tier": "front"}).as_object().unwrap());
    let (cmd, load) = alone.loads().remove(0);
    assert_eq!((cmd.as_str(), &load["tag"]), ("_minion_event", &json!("salt/minion/web1/start")));
    alone.reply(&second[0], "return", &json!({"tier": "late"}));
    alone.pass(seconds(100.0));
    assert!(alone.sent().is_empty() && alone.outputs().is_empty(), "it has what it wanted");
}

#[test]
fn jobs_wait_for_the_first_pillar() {
    let mut alone = Alone::new(|_| {});
    let request = alone.sent().remove(0);
    alone.job(&job("1", json!("pillar.get"), json!(["tier"])));
    alone.job(&json!({"jid": "2", "fun": "test.ping", "tgt": "tier:front", "tgt_type": "pillar"}));
    alone.job(&json!({"jid": "3", "fun": "test.ping", "tgt": "tier:back", "tgt_type": "pillar"}));
    assert!(alone.works().is_empty());
    alone.job(&job("4", json!("saltutil.find_job"), json!(["1"])));
    let (_, answer) = alone.loads().remove(0);
    assert_eq!((&answer["jid"], &answer["return"]["fun"]), (&json!("4"), &json!("pillar.get")), "it will be done");
    alone.reply(&request, "return", &json!({"tier": "front"}));
    let works: Vec<String> = alone.works().into_iter().map(|work| work.jid).collect();
    assert_eq!(works, ["1", "2"]);
}

#[test]
fn without_an_answer_jobs_run_all_the_same() {
    let mut alone = Alone::new(|_| {});
    alone.sent();
    alone.job(&job("1", json!("test.ping"), json!([])));
    alone.pass(seconds(4.0));
    assert_eq!(alone.loads().len(), 1);
    // A job shows that the master's workers are up: it is asked again at once.
    alone.job(&job("2", json!("test.ping"), json!([])));
    assert_eq!(alone.loads().len(), 1);
    assert!(alone.works().is_empty());
    alone.pass(seconds(12.0));
    assert_eq!(alone.works().len(), 2);
    alone.job(&job("3", json!("test.ping"), json!([])));
    assert_eq!(alone.works().len(), 1, "none waits any more");
}

#[test]
fn a_function_asks_the_master() {
    let mut alone = Alone::new(|_| {}).with_pillar(&json!({}));
    let load = |cmd: &str| Ask::Request(Map::from_iter([("cmd".to_owned(), cmd.into())]));
    for number in 1..=3 {
        alone.minion.handle_ask(alone.now, number, load("_mine_flush"));
    }
    let requests = alone.sent();
    assert_eq!(requests[0].read_value().unwrap(), json!({"cmd": "_mine_flush", "id": "web1"}));
    alone.reply(&requests[1], "return", &json!(true));
    alone.reply(&requests[1], "return", &json!(false));
    alone.reply(&requests[0], "", &json!({}));
    let answers = alone.outputs();
    assert_eq!(answers[0], Output::Answer { number: 2, answer: Ok(json!(true)) });
    assert!(matches!(&answers[1..], [Output::Answer { number: 1, answer: Err(_) }]), "{answers:?}");
    let mut tries = 0;
    for _ in 0..60 {
        assert!(alone.outputs().is_empty());
        alone.pass(seconds(1.0));
        tries += alone.sent().len();
    }
    assert_eq!(tries, 2, "asked three times in all");
    assert!(matches!(alone.outputs().as_slice(), [Output::Answer { number: 3, answer: Err(_) }]));
}

#[test]
fn a_refresh_asks_with_new_grains_and_ends_with_the_pillar() {
    let mut alone = Alone::new(|_| {}).with_pillar(&json!({"a": 1}));
    let grains = Map::from_iter([("os".to_owned(), json!("Arch"))]);
    alone.minion.handle_ask(alone.now, 7, Ask::Pillar(Some(grains.into())));
    let request = alone.sent().remove(0);
    assert_eq!(request.read_value().unwrap()["grains"], json!({"os": "Arch"}));
    assert!(alone.outputs().is_empty());
    alone.reply(&request, "return", &json!({"a": 2}));
    let outputs = alone.outputs();
    assert!(outputs.contains(&Output::Answer { number: 7, answer: Ok(json!(true)) }), "{outputs:?}");
    assert!(alone.sent().is_empty(), "it has started but once");
    alone.job(&json!({"jid": "1", "fun": "test.ping", "tgt": "os:Arch", "tgt_type": "grain"}));
    alone.job(&json!({"jid": "2", "fun": "test.ping", "tgt": "a:2", "tgt_type": "pillar"}));
    assert_eq!(alone.works().len(), 2);
    alone.minion.handle_ask(alone.now, 8, Ask::Pillar(None));
    alone.pass(seconds(61.0));
    assert!(matches!(alone.outputs().as_slice(), [Output::Answer { number: 8, answer: Err(_) }]));
}

#[test]
fn a_master_that_comes_back_is_asked_again() {
    let mut alone = Alone::new(|_| {}).with_pillar(&json!({}));
    alone.event(Event::Left { peer: name("m"), why: Departure::Silent });
    alone.minion.handle_ask(alone.now, 1, Ask::Request(Map::from_iter([("cmd".to_owned(), "_mine_flush".into())])));
    assert!(alone.sent().is_empty(), "nobody is there");
    alone.event(Event::Joined { peer: name("m") });
    let mut commands: Vec<String> = alone.loads().into_iter().map(|(cmd, _)| cmd).collect();
    commands.sort();
    assert_eq!(commands, ["_mine_flush", "_pillar"]);
    // A reply to what an earlier life of this minion asked.
    let mut other = Alone::new(|config| config.life = 2);
    let foreign = other.sent().remove(0);
    alone.outputs();
    alone.reply(&foreign, "return", &json!({"a": "lie"}));
    assert!(alone.outputs().is_empty());
}

#[test]
fn a_list_of_functions_is_run_in_turn_and_returned_as_one() {
    let mut alone = Alone::new(|_| {}).with_pillar(&json!({}));
    let funs = json!(["test.ping", "saltutil.running", "no.such"]);
    alone.job(&job("1", funs.clone(), json!([["x"], [], [1]])));
    let work = alone.works().remove(0);
    assert_eq!((work.fun.as_str(), &work.args), ("test.ping", &vec![json!("x")]));
    let jid = work.jid;
    alone.minion.handle_outcome(alone.now, Outcome { jid: jid.clone(), value: json!(true), retcode: 0, success: true });
    assert!(alone.sent().is_empty());
    assert_eq!(alone.works().remove(0).fun, "no.such");
    let unknown = "'no.such' is not available.";
    alone.minion.handle_outcome(alone.now, Outcome { jid, value: json!(unknown), retcode: 254, success: false });
    let (_, load) = alone.loads().remove(0);
    let expected = json!({
        "cmd": "_return", "id": "web1", "jid": "1", "fun": funs, "fun_args": [["x"], [], [1]],
        "return": {"test.ping": true, "saltutil.running": [], "no.such": unknown},
        "retcode": {"test.ping": 0, "saltutil.running": 0, "no.such": 254},
        "success": {"test.ping": true, "saltutil.running": true, "no.such": false},
    });
    assert_eq!(load, expected);
}

#[test]
fn the_mine_is_told_at_the_start_and_from_time_to_time() {
    let mut alone = Alone::new(|config| config.mine_interval = Some(seconds(60.0)));
    let request = alone.sent().remove(0);
    assert!(alone.works().is_empty());
    alone.reply(&request, "return", &json!({}));
    let update = |alone: &mut Alone| {
        let funs: Vec<String> = alone.works().into_iter().map(|work| work.fun).collect();
        funs == ["mine.update"]
    };
    assert!(update(&mut alone));
    assert_eq!(alone.minion.poll_timeout(), Some(alone.now), "the start event waits");
    alone.sent();
    assert_eq!(alone.minion.poll_timeout(), Some(Time::ZERO + seconds(60.0)));
    alone.pass(seconds(59.0));
    assert!(!update(&mut alone));
    alone.event(Event::Left { peer: name("m"), why: Departure::Silent });
    alone.pass(seconds(59.0));
    assert!(!update(&mut alone), "nobody is there to be told");
    alone.event(Event::Joined { peer: name("m") });
    assert!(update(&mut alone));
}
