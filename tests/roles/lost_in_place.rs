//! A transport may lose a message to an estate that stays joined; the job is sent again a few times at once, then at
//! its turn.

use crate::world::{key, name};
use roadstead::base::target::Groups;
use roadstead::base::{Acceptance, Time, Wall};
use roadstead::duty::Duty;
use roadstead::master::request::{Publish, Request, Target};
use roadstead::master::{self, Master, Policy};
use roadstead::message::{Address, Message, Route};
use roadstead::transport::{Command, Event, Failure, Ticket};
use serde_json::Map;

fn sent(master: &mut Master) -> Vec<Ticket> {
    let next = || match master.poll_command()? {
        Command::Send { ticket, .. } => Some(ticket),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn sent_again_but_not_for_ever() {
    let config =
        master::Config { id: name("m"), version: "1".to_owned(), policy: Policy::default(), groups: Groups::new() };
    let mut master = Master::new(config, Time::ZERO);
    let fingerprint = key("web1", 0);
    let acceptance = Some(Acceptance::Accepted);
    master.handle_event(Time::ZERO, Event::Standing { role: name("web1"), fingerprint, acceptance });
    master.handle_event(Time::ZERO, Event::Joined { peer: name("web1") });
    let now = master.poll_timeout().unwrap();
    master.handle_timeout(now);
    let (fun, target) = ("test.ping".to_owned(), Target::Glob("*".to_owned()));
    let publish = Publish {
        fun,
        arg: vec![],
        kwargs: Map::new(),
        target,
        delimiter: String::new(),
        timeout: 5.0,
        user: String::new(),
    };
    let dst = Address { estate: None, yard: None, share: Some(name("local_cmd")) };
    let page = Message::new(Route { src: Address::default(), dst }, "load", &Request::Publish(publish)).unwrap();
    master.handle_page(now, Wall(0), name("client1"), 0, page);
    for why in [Failure::Lost, Failure::Absent, Failure::Lost] {
        let [ticket] = sent(&mut master)[..] else { panic!("not sent again") };
        master.handle_event(now, Event::Failed { ticket, why });
    }
    let [ticket] = sent(&mut master)[..] else { panic!("not sent again") };
    master.handle_event(now, Event::Failed { ticket, why: Failure::Lost });
    assert_eq!(sent(&mut master), []);
    while master.poll_output().is_some() {}
    let turn = master.poll_timeout().unwrap();
    assert!(turn > now);
    master.handle_timeout(turn);
    assert_eq!(sent(&mut master).len(), 1);
}
