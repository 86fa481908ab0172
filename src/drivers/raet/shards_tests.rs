//! Two roads at one address on loopback sockets, and minions that move between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::net::UdpSocket;

use super::super::Raet;
use super::*;
use crate::base::{Acceptance, Name, Random};
use crate::message::{Address, Message, Route};
use crate::road::{Fast, Trust};
use crate::transport::{Departure, Ticket};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn store(dir: &TempDir, of: &str) -> Store {
    Store::open(&dir.path().join("pki"), Some(&dir.path().join(of))).unwrap()
}

/// A master of two roads.
struct Hall {
    raet: Shards,
    address: SocketAddr,
    dir: TempDir,
    /// What it said.
    said: Vec<Event>,
}

fn hall(trust: Trust) -> Hall {
    let dir = TempDir::new().unwrap();
    let fast = Fast { peers: "_minion".to_owned(), ..Fast::default() };
    let config = Config { main: true, trust, fast, ..Config::new(name("m_master"), name("m")) };
    let seats = UdpSeat::bind_all("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let address = seats[0].address().unwrap();
    assert!(matches!(UdpSeat::bind_all(address, 2), Err(crate::drive::udp::UdpError::InUse(_))), "one daemon only");
    let keys = OwnKeys::generate(&mut Random::from_number(1));
    let raet = Shards::new(config, keys, store(&dir, "m_master"), seats, Clock::start(), [3; 32]).unwrap();
    Hall { raet, address, dir, said: Vec::new() }
}

fn minion(id: &str, seed: u64, dial: SocketAddr) -> (Raet, TempDir) {
    let dir = TempDir::new().unwrap();
    let fast = Fast { peers: "_master".to_owned(), ..Fast::default() };
    let of = format!("{id}_minion");
    let config = Config { kind: 1, dial: vec![dial], trust: Trust::Once, fast, ..Config::new(name(&of), name(id)) };
    let keys = OwnKeys::generate(&mut Random::from_number(seed));
    let port = UdpPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut salt = [7; 32];
    getrandom::fill(&mut salt).unwrap();
    (Raet::new(config, keys, store(&dir, &of), port, Clock::start(), salt).unwrap(), dir)
}

fn message(body: &str) -> Message {
    let dst = Address { share: Some(name("fun")), ..Address::default() };
    Message::new(Route { dst, ..Route::default() }, "pub", &body).unwrap()
}

impl Hall {
    /// Runs until the master has said what is wanted; what the minions say is lost.
    async fn until(&mut self, minions: &mut [&mut Raet], what: impl Fn(&Event) -> bool) {
        let from = self.said.len();
        while !self.said[from..].iter().any(&what) {
            self.step(minions).await;
        }
    }

    /// One more event of anybody.
    async fn step(&mut self, minions: &mut [&mut Raet]) -> Option<(usize, Event)> {
        let theirs = async {
            let mut all: Vec<_> = minions.iter_mut().map(|minion| Box::pin(minion.next())).collect();
            std::future::poll_fn(|cx| {
                let ready = all.iter_mut().enumerate().find_map(|(n, next)| match next.as_mut().poll(cx) {
                    std::task::Poll::Ready(event) => Some((n, event.unwrap())),
                    std::task::Poll::Pending => None,
                });
                ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
            })
            .await
        };
        tokio::select! {
            event = self.raet.next() => {
                self.said.push(event.unwrap());
                None
            }
            event = theirs => Some(event),
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nothing happens: {:?}", self.said),
        }
    }

    /// The road that holds a session with this estate.
    fn holder(&self, id: &str) -> Option<usize> {
        let shows = |post: &Post| {
            let (to, links) = std::sync::mpsc::channel();
            post.tasks.as_ref().unwrap().try_send(vec![Task::Links(to)]).ok().unwrap();
            links.recv().unwrap().iter().any(|link| link.id.as_str() == id)
        };
        self.raet.posts.iter().position(shows)
    }

    fn send(&mut self, ticket: u64, to: &str, body: &str) -> Result<(), Command> {
        self.raet.submit(Command::Send { ticket: Ticket(ticket), to: name(to), message: message(body) })
    }

    /// Comings and goings of an estate.
    fn pairing(&self, id: &str) -> Vec<Option<Departure>> {
        let of = |event: &Event| match event {
            Event::Joined { peer } if peer.as_str() == id => Some(None),
            Event::Left { peer, why } if peer.as_str() == id => Some(Some(*why)),
            _ => None,
        };
        self.said.iter().filter_map(of).collect()
    }
}

fn is_joined(id: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Joined { peer } if peer.as_str() == id)
}

#[tokio::test]
async fn a_fleet_on_two_roads_is_one() {
    let mut hall = hall(Trust::Once);
    let mut all: Vec<_> = (0..12).map(|n| minion(&format!("web{n}"), n + 10, hall.address)).collect();
    let mut minions: Vec<&mut Raet> = all.iter_mut().map(|(raet, _)| raet).collect();
    while hall.said.iter().filter(|event| matches!(event, Event::Joined { .. })).count() < 12 {
        hall.step(&mut minions).await;
    }
    let holders: Vec<_> = (0..12).map(|n| hall.holder(&format!("web{n}")).unwrap()).collect();
    assert!(holders.contains(&0) && holders.contains(&1), "the kernel spreads them: {holders:?}");
    assert_eq!(hall.raet.links().len(), 12);
    for n in 0..12 {
        for round in 0..20 {
            hall.send(n * 100 + round, &format!("web{n}"), &format!("{n} {round}")).unwrap();
        }
    }
    hall.send(9999, "nobody", "").unwrap();
    let mut came = BTreeMap::<usize, Vec<String>>::new();
    let delivered = |hall: &Hall| hall.said.iter().filter(|e| matches!(e, Event::Delivered { .. })).count();
    while delivered(&hall) < 240 || came.values().map(Vec::len).sum::<usize>() < 240 {
        if let Some((n, Event::Received { message, .. })) = hall.step(&mut minions).await {
            came.entry(n).or_default().push(message.read().unwrap());
        }
    }
    for (n, texts) in &mut came {
        texts.sort();
        let mut sent: Vec<_> = (0..20).map(|round| format!("{n} {round}")).collect();
        sent.sort();
        assert_eq!(texts, &sent);
    }
    assert!(hall.said.contains(&Event::Failed { ticket: Ticket(9999), why: Failure::Absent }));
    // One road's word on a key is everybody's, and on the disk.
    let web3 = hall.raet.front.roll().find(&name("web3")).map(|(key, _)| key.fingerprint()).unwrap();
    let reject = Command::Admit { role: name("web3"), fingerprint: web3, acceptance: Some(Acceptance::Rejected) };
    hall.raet.submit(reject).unwrap();
    hall.until(&mut minions, |event| matches!(event, Event::Left { .. })).await;
    assert_eq!(hall.pairing("web3"), [None, Some(Departure::Rejected)]);
    assert!(hall.dir.path().join("pki/rejected/web3").exists() && hall.dir.path().join("pki/fast/web5").exists());
    // A goodbye to everybody, and everything is said before the end.
    let said = hall.said.len();
    hall.raet.close().await;
    hall.said.extend(std::mem::take(&mut hall.raet.events));
    let left = hall.said[said..].iter().filter(|event| matches!(event, Event::Left { .. })).count();
    assert_eq!(left, 11);
}

#[tokio::test]
async fn who_knocks_at_any_road_waits_and_is_let_in() {
    let mut hall = hall(Trust::Never);
    let mut all: Vec<_> = (0..6).map(|n| minion(&format!("web{n}"), n + 10, hall.address)).collect();
    let mut minions: Vec<&mut Raet> = all.iter_mut().map(|(raet, _)| raet).collect();
    let knocks = |hall: &Hall| hall.said.iter().filter(|event| matches!(event, Event::Knock { .. })).count();
    while knocks(&hall) < 6 {
        hall.step(&mut minions).await;
    }
    for n in 0..6 {
        let id = format!("web{n}");
        assert!(hall.dir.path().join("pki/pending").join(&id).exists());
        let role = name(&id);
        let of = |event: &&Event| matches!(event, Event::Standing { role: of, .. } if *of == role);
        assert_eq!(hall.said.iter().filter(of).count(), 1, "said once");
        let fingerprint = hall.raet.front.roll().find(&role).map(|(key, _)| key.fingerprint()).unwrap();
        hall.raet.submit(Command::Admit { role, fingerprint, acceptance: Some(Acceptance::Accepted) }).unwrap();
    }
    // Called by the road that knows where they wait, long before they would come again by themselves.
    while hall.said.iter().filter(|event| matches!(event, Event::Joined { .. })).count() < 6 {
        hall.step(&mut minions).await;
    }
    assert_eq!(knocks(&hall), 6);
}

/// Between a minion and its master: what the minion sends leaves from the latest of its sockets.
async fn nat(inner: UdpSocket, mut outer: UdpSocket, mut moves: tokio::sync::mpsc::Receiver<()>, to: SocketAddr) {
    let (mut one, mut two, mut minion) = (vec![0; 1 << 16], vec![0; 1 << 16], None);
    loop {
        tokio::select! {
            Some(()) = moves.recv() => outer = UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            Ok((len, from)) = inner.recv_from(&mut one) => {
                minion = Some(from);
                let _ = outer.send_to(&one[..len], to).await;
            }
            Ok((len, _)) = outer.recv_from(&mut two) => if let Some(minion) = minion {
                let _ = inner.send_to(&two[..len], minion).await;
            },
        }
    }
}

#[tokio::test]
async fn who_moves_to_another_roads_socket_stays_in_session() {
    let mut hall = hall(Trust::Once);
    let inner = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dial = inner.local_addr().unwrap();
    let outer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (moves, moves_out) = tokio::sync::mpsc::channel(1);
    tokio::spawn(nat(inner, outer, moves_out, hall.address));
    let (mut web1, _dir) = minion("web1", 10, dial);
    hall.until(&mut [&mut web1], is_joined("web1")).await;
    let mut at_home = hall.raet.passed_on().0;
    let (mut ticket, mut elsewhere) = (0, 0);
    while elsewhere < 3 {
        assert!(ticket < 60, "the kernel sends everything to one road");
        ticket += 1;
        moves.send(()).await.unwrap();
        // The minion speaks first: nobody else knows where it is now.
        let up = Command::Send { ticket: Ticket(ticket), to: name("m"), message: message("here") };
        web1.submit(up).unwrap();
        hall.until(&mut [&mut web1], |event| matches!(event, Event::Received { .. })).await;
        hall.send(ticket, "web1", &"x".repeat(100_000)).unwrap();
        hall.until(&mut [&mut web1], |event| *event == Event::Delivered { ticket: Ticket(ticket) }).await;
        let passed = hall.raet.passed_on().0;
        elsewhere += u64::from(passed > at_home);
        at_home = passed;
    }
    assert_eq!(hall.pairing("web1"), [None], "it never left");
    let links = hall.raet.links();
    assert!(links.len() == 1 && links[0].moves > 0, "{links:?}");
}

#[tokio::test]
async fn who_comes_back_over_another_road_is_one_estate() {
    let mut hall = hall(Trust::Once);
    let (mut ticket, mut changes, mut lives, mut before) = (0, 0, 0, None);
    while changes < 4 {
        assert!(lives < 60, "the kernel sends everything to one road");
        lives += 1;
        // Gone without a word, and back at once under another port.
        let (mut web1, _dir) = minion("web1", 10, hall.address);
        hall.until(&mut [&mut web1], is_joined("web1")).await;
        let holder = hall.holder("web1");
        changes += u32::from(before.is_some() && before != holder);
        before = holder;
        ticket += 1;
        hall.send(ticket, "web1", "heard").unwrap();
        hall.until(&mut [&mut web1], |event| *event == Event::Delivered { ticket: Ticket(ticket) }).await;
        // This one is lost with it.
        ticket += 1;
        hall.send(ticket, "web1", "never heard").unwrap();
    }
    let pairing = hall.pairing("web1");
    let expected: Vec<_> = (0..lives * 2 - 1).map(|n| (n % 2 == 1).then_some(Departure::Renewed)).collect();
    assert_eq!(pairing, expected);
    assert_eq!(hall.raet.links().len(), 1, "no road holds what is over");
    // All tickets are answered once, the lost ones after it left and before it was back.
    let (mut is_here, mut answers) = (false, BTreeMap::new());
    for event in &hall.said {
        match event {
            Event::Joined { .. } => is_here = true,
            Event::Left { .. } => is_here = false,
            Event::Delivered { ticket } => assert!(answers.insert(ticket.0, true).is_none() && is_here),
            Event::Failed { ticket, why } => {
                assert_eq!((*why, is_here, answers.insert(ticket.0, false)), (Failure::Lost, false, None));
            }
            _ => {}
        }
    }
    let expected: BTreeMap<_, _> = (1..ticket).map(|n| (n, n % 2 == 1)).collect();
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn a_slow_estate_holds_up_nobody() {
    let mut hall = hall(Trust::Once);
    let (mut slow, _slow_dir) = minion("slow", 10, hall.address);
    let (mut web1, _web1_dir) = minion("web1", 11, hall.address);
    let (mut web2, _web2_dir) = minion("web2", 12, hall.address);
    while hall.said.iter().filter(|event| matches!(event, Event::Joined { .. })).count() < 3 {
        hall.step(&mut [&mut slow, &mut web1, &mut web2]).await;
    }
    // It takes nothing from now on: its road fills up, then its line, then its messages are handed back.
    let body = "x".repeat(1 << 20);
    let (mut sent, mut refused) = (0, 0);
    while refused < 50 {
        if hall.send(1000 + sent, "slow", &body).is_ok() {
            (sent, refused) = (sent + 1, 0);
            assert!(sent < 400, "handed back at last");
            continue;
        }
        refused += 1;
        let event = tokio::time::timeout(Duration::from_millis(2), hall.raet.next()).await;
        event.into_iter().for_each(|event| hall.said.extend(event));
    }
    for ticket in 0..300 {
        let to = ["web1", "web2"][ticket as usize % 2];
        while hall.send(ticket, to, "quick").is_err() {
            hall.step(&mut [&mut web1, &mut web2]).await;
        }
    }
    let quick = |hall: &Hall| {
        hall.said.iter().filter(|event| matches!(event, Event::Delivered { ticket } if ticket.0 < 1000)).count()
    };
    while quick(&hall) < 300 {
        hall.step(&mut [&mut web1, &mut web2]).await;
    }
    // It wakes up, and everything is answered once.
    let slow_ones = |hall: &Hall| {
        let of = |event: &Event| match event {
            Event::Delivered { ticket } if ticket.0 >= 1000 => Some(ticket.0),
            _ => None,
        };
        hall.said.iter().filter_map(of).collect::<Vec<_>>()
    };
    while (slow_ones(&hall).len() as u64) < sent {
        hall.step(&mut [&mut slow, &mut web1, &mut web2]).await;
    }
    let mut answered = slow_ones(&hall);
    answered.sort_unstable();
    assert!(answered.into_iter().eq(1000..1000 + sent));
    assert!(hall.said.contains(&Event::Room), "whoever was sent away is told");
}
