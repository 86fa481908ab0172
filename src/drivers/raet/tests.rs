//! The driver on loopback sockets, with key files that are not as they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::base::{Acceptance, Name, Random};
use crate::message::{Address, Message, Route};
use crate::road::{Fast, Trust, Wires};
use crate::transport::Ticket;

struct Host {
    dir: TempDir,
    raet: Raet,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn host(config: Config, before: impl FnOnce(&TempDir)) -> Host {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("pki"), Some(&dir.path().join(config.name.as_str()))).unwrap();
    before(&dir);
    let port = UdpPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let keys = OwnKeys::generate(&mut Random::from_number(u64::from(config.main)));
    let raet = Raet::new(config, keys, store, port, Clock::start(), [3; 32]).unwrap();
    Host { dir, raet }
}

/// A master that decides nothing by itself, and a minion whose knock is in the master's socket.
async fn knocked(before: impl FnOnce(&TempDir)) -> (Host, Host) {
    // On the classic wire, where the first datagram knocks.
    let classic = |of, role| Config { wires: Wires::CLASSIC, ..Config::new(name(of), name(role)) };
    let config = Config { main: true, trust: Trust::Never, ..classic("m_master", "m") };
    let master = host(config, before);
    let dial = vec![master.raet.port.address().unwrap()];
    let mut minion = host(Config { kind: 1, dial, ..classic("web1_minion", "web1") }, |_| ());
    // A new socket is not known to have room yet.
    minion.raet.port.ready(true).await;
    minion.raet.turn();
    master.raet.port.ready(false).await;
    (master, minion)
}

fn standing(host: &Host) -> Option<Acceptance> {
    host.raet.road.roll().find(&name("web1")).map(|(_, standing)| standing)
}

fn put(dir: &TempDir, path: &str, content: &[u8]) {
    let path = dir.path().join(path);
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_knock_in_the_turn_of_a_look_at_the_keys_waits() {
    let (mut master, _minion) = knocked(|_| ()).await;
    // A look is due, and finds something to do.
    put(&master.dir, "pki/accepted/web2", b"");
    tokio::time::sleep_until(master.raet.clock.instant(master.raet.keys.due() + Duration::from_millis(1)).into()).await;
    master.raet.turn();
    assert_eq!(standing(&master), Some(Acceptance::Pending));
    let of_web1 = |event: &&Event| matches!(event, Event::Standing { role, .. } if role.as_str() == "web1");
    assert_eq!(master.raet.events.iter().filter(of_web1).count(), 1, "{:?}", master.raet.events);
    assert!(master.dir.path().join("pki/pending/web1").exists());
}

#[tokio::test]
async fn a_torn_rejection_lets_nobody_in() {
    let (mut master, _minion) = knocked(|dir| put(dir, "pki/rejected/web1", b"")).await;
    master.raet.turn();
    let fingerprint = OwnKeys::generate(&mut Random::from_number(0)).public(name("web1")).fingerprint();
    let knock = Event::Knock { role: name("web1"), fingerprint };
    assert!(master.raet.events.contains(&knock), "{:?}", master.raet.events);
    let accept = Command::Admit { role: name("web1"), fingerprint, acceptance: Some(Acceptance::Accepted) };
    master.raet.submit(accept).unwrap();
    master.raet.turn();
    assert_eq!(standing(&master), Some(Acceptance::Pending));
    let exists = |path: &str| master.dir.path().join(path).exists();
    assert!(exists("pki/rejected/web1") && !exists("pki/pending/web1") && !exists("pki/accepted/web1"));
}

#[tokio::test]
async fn nothing_is_taken_in_while_events_wait() {
    let (mut master, _minion) = knocked(|_| ()).await;
    master.raet.events.extend(std::iter::repeat_n(Event::Room, EVENTS + 1));
    master.raet.turn();
    assert_eq!(master.raet.road.stats().datagrams_in, 0);
    master.raet.events.pop_front();
    master.raet.turn();
    assert_eq!(master.raet.road.stats().datagrams_in, 1);
}

#[tokio::test]
async fn estates_are_on_the_disk_when_it_ends() {
    let (mut master, minion) = knocked(|_| ()).await;
    master.raet.turn();
    drop(minion);
    let path = master.dir.path().join("m_master/local/estate.json");
    drop(master.raet);
    assert!(path.exists());
}

/// A master and a minion in session on the fast wire.
async fn met() -> (Host, Host) {
    let fast = |of, role, peers: &str| Config {
        trust: Trust::Once,
        fast: Fast { peers: peers.to_owned(), ..Fast::default() },
        ..Config::new(name(of), name(role))
    };
    let mut master = host(Config { main: true, ..fast("m_master", "m", "_minion") }, |_| ());
    let dial = vec![master.raet.port.address().unwrap()];
    let mut minion = host(Config { kind: 1, dial, ..fast("web1_minion", "web1", "_master") }, |_| ());
    let (mut here, mut there) = (false, false);
    while !(here && there) {
        tokio::select! {
            event = master.raet.next() => here |= matches!(event, Some(Event::Joined { .. })),
            event = minion.raet.next() => there |= matches!(event, Some(Event::Joined { .. })),
        }
    }
    (master, minion)
}

#[tokio::test]
async fn what_is_no_value_reaches_no_duty() {
    let (mut master, mut minion) = met().await;
    let deep = [vec![0x91; crate::base::limits::BODY_DEPTH], vec![0xc0]].concat();
    for (n, body) in [b"\xc1".to_vec(), vec![], deep, b"\xa4good".to_vec()].into_iter().enumerate() {
        let dst = Address { share: Some(name("fun")), ..Address::default() };
        let route = Route { src: Address::default(), dst };
        let message = Message { route, kind: "pub".to_owned(), body: body.into() };
        master.raet.submit(Command::Send { ticket: Ticket(n as u64), to: name("web1"), message }).unwrap();
    }
    let (mut delivered, mut came) = (0, Vec::new());
    while delivered < 4 || came.is_empty() {
        tokio::select! {
            event = master.raet.next() => delivered += usize::from(matches!(event, Some(Event::Delivered { .. }))),
            event = minion.raet.next() => if let Some(Event::Received { from, message }) = event {
                came.push((from, message.read::<String>().unwrap()));
            },
        }
    }
    assert_eq!((came, minion.raet.names.malformed), (vec![(name("m"), "good".to_owned())], 3));
}

#[tokio::test]
async fn sessions_are_shown_and_ended_with_a_word() {
    let (mut master, mut minion) = met().await;
    let links = master.raet.links();
    let [link] = &links[..] else { panic!("{links:?}") };
    let address = minion.raet.port.address().unwrap().to_string();
    assert_eq!((&link.id, &link.address), (&name("web1"), &address));
    assert!(minion.dir.path().join("pki/fast/m").exists());
    minion.raet.close().await;
    loop {
        if let Some(Event::Left { peer, .. }) = master.raet.next().await {
            break assert_eq!(peer, name("web1"));
        }
    }
    drop(master.raet);
    assert!(master.dir.path().join("pki/fast/web1").exists());
}
