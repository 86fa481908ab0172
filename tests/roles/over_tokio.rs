//! The same roles over a real transport, each in its own task.

use roadstead::base::target::Groups;
use roadstead::base::{Acceptance, Name, Time, Wall};
use roadstead::drivers::memory::{Hub, Port};
use roadstead::duty::{Duty, Outcome, Output};
use roadstead::master::request::{Publish, Reply, Request, Target};
use roadstead::master::{self, Master, Policy};
use roadstead::message::{Address, Message, Route};
use roadstead::minion::{self, Minion};
use roadstead::transport::Transport;
use serde_json::{Map, json};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use crate::world::{key, name};

/// Drives a duty over its port, as a daemon's host does; every function returns true at once.
async fn drive(mut duty: impl Duty, mut port: Port, mut pages: mpsc::Receiver<Message>, out: mpsc::Sender<Message>) {
    let start = timer();
    let now = || Time(u64::try_from(start.elapsed().as_micros()).unwrap());
    loop {
        while let Some(output) = duty.poll_output() {
            match output {
                Output::Page { message, .. } => out.send(message).await.unwrap(),
                Output::Work(work) => {
                    let outcome = Outcome { jid: work.jid, value: json!(true), retcode: 0, success: true };
                    duty.handle_outcome(now(), outcome);
                }
                Output::Links { .. }
                | Output::Serve(_)
                | Output::Remember { .. }
                | Output::Kill { .. }
                | Output::Fatal(_) => {
                    panic!("{output:?}")
                }
            }
        }
        while let Some(command) = duty.poll_command() {
            if let Err(command) = port.submit(command) {
                duty.handle_returned(command);
            }
        }
        let at = duty.poll_timeout().map(|at| start + at.since(Time::ZERO));
        tokio::select! {
            event = port.next() => duty.handle_event(now(), event.unwrap()),
            Some(page) = pages.recv() => duty.handle_page(now(), Wall(0), name("client1"), 0, page),
            () = sleep_until(at.unwrap_or(start)), if at.is_some() => duty.handle_timeout(now()),
        }
    }
}

/// This shell's only clock.
fn timer() -> Instant {
    Instant::now()
}

fn request(request: &Request) -> Message {
    let dst = Address { estate: None, yard: None, share: Name::new("local_cmd").ok() };
    Message::new(Route { src: Address::default(), dst }, "load", request).unwrap()
}

#[tokio::test]
async fn ping_after_acceptance() {
    let hub = Hub::default();
    let config =
        master::Config { id: name("m"), version: "1".to_owned(), policy: Policy::default(), groups: Groups::new() };
    let (to_master, pages) = mpsc::channel(8);
    let (out, mut replies) = mpsc::channel(64);
    let port = hub.attach(&name("m"), key("m", 0), None);
    tokio::spawn(drive(Master::new(config, Time::ZERO), port, pages, out.clone()));
    let mut held = Vec::new();
    for id in ["web1", "web2", "web3"] {
        let finger = key(id, 0);
        let (version, master_finger) = ("1".to_owned(), Some(key("m", 0)));
        let config = minion::Config { id: name(id), version, finger, master_finger, auto_accept: false };
        let (keep, pages) = mpsc::channel(1);
        held.push(keep);
        let port = hub.attach(&name(id), finger, Some(&name("m")));
        tokio::spawn(drive(Minion::new(config, Time::ZERO), port, pages, out.clone()));
        assert!(hub.decide(&name("m"), &name(id), Some(Acceptance::Accepted)));
    }
    // Published at once: those that are not there yet get the job when they are.
    let target = Target::List(vec!["web1".to_owned(), "web2".to_owned(), "web3".to_owned()]);
    let (fun, arg, kwargs, user) = ("test.ping".to_owned(), vec![], Map::new(), String::new());
    let mut returned = Vec::new();
    timeout(Duration::from_secs(20), async {
        // The master learns of the decisions by events; ask until it knows everybody.
        loop {
            let (fun, arg, kwargs) = (fun.clone(), arg.clone(), kwargs.clone());
            let publish = Publish {
                fun,
                arg,
                kwargs,
                target: target.clone(),
                delimiter: String::new(),
                timeout: 5.0,
                user: user.clone(),
            };
            to_master.send(request(&Request::Publish(publish))).await.unwrap();
            let Reply::Started { minions, .. } = replies.recv().await.unwrap().read().unwrap() else { panic!() };
            returned.clear();
            loop {
                match replies.recv().await.unwrap().read().unwrap() {
                    Reply::Returned(one) => returned.push(one.id.to_string()),
                    Reply::Ended { .. } => break,
                    other => panic!("{other:?}"),
                }
            }
            if minions.len() == 3 {
                break;
            }
        }
    })
    .await
    .unwrap();
    returned.sort();
    assert_eq!(returned, ["web1", "web2", "web3"]);
}
