//! Roads that are no more than lists of sessions, and messages between them and the front that come in any order of roads.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::Random;
use crate::keep::OwnKeys;
use crate::transport::Ticket;

fn name(n: usize) -> Name {
    Name::new(["web1", "web2"][n]).unwrap()
}

fn key(seed: u64) -> RoleKey {
    OwnKeys::generate(&mut Random::from_number(seed)).public(name(0))
}

#[derive(Default)]
struct Fake {
    sessions: BTreeMap<Name, Time>,
    said: VecDeque<Result<(Time, Output), Name>>,
    orders: VecDeque<Order>,
}

impl Fake {
    fn event(&mut self, now: Time, event: Event) {
        self.said.push_back(Ok((now, Output::Event(event))));
    }

    fn leave(&mut self, now: Time, peer: &Name, why: Departure) {
        if self.sessions.remove(peer).is_some() {
            self.event(now, Event::Left { peer: peer.clone(), why });
        }
    }

    fn join(&mut self, now: Time, peer: &Name) {
        self.leave(now, peer, Departure::Renewed);
        self.sessions.insert(peer.clone(), now);
        self.event(now, Event::Joined { peer: peer.clone() });
    }

    fn follow(&mut self, now: Time) {
        if let Some(Order::GiveUp(name, at)) = self.orders.pop_front() {
            if self.sessions.get(&name).is_some_and(|since| *since <= at) {
                self.leave(now, &name, Departure::Renewed);
            }
            self.said.push_back(Err(name));
        }
    }
}

/// Moves one thing from a road to the front, and what the front has to say.
fn hear(front: &mut Front, roads: &mut [Fake], road: usize, heard: &mut Vec<Event>) {
    match roads[road].said.pop_front() {
        Some(Ok((at, output))) => front.handle_output(road as u32, at, output),
        Some(Err(name)) => front.handle_given_up(&name),
        None => {}
    }
    while let Some((road, order)) = front.poll_order() {
        roads[road as usize].orders.push_back(order);
    }
    while let Some(output) = front.poll_output() {
        if let Output::Event(event) = output {
            heard.push(event);
        }
    }
}

fn front(roads: u32) -> Front {
    Front::new(roads, Trust::Once, Roll::default(), BTreeSet::new(), 1 << 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_estate_is_told_of_once_wherever_it_is(ops in prop::collection::vec((0usize..4, 0usize..3, 0usize..2), 1..60)) {
        let (mut front, mut roads, mut heard) = (front(3), [(); 3].map(|()| Fake::default()), Vec::new());
        let mut is_owed_room = false;
        for (n, (op, road, of)) in ops.into_iter().enumerate() {
            let now = Time(n as u64 + 1);
            match op {
                0 => roads[road].join(now, &name(of)),
                1 => roads[road].leave(now, &name(of), Departure::Silent),
                2 => roads[road].follow(now),
                _ => hear(&mut front, &mut roads, road, &mut heard),
            }
            match front.send(&name(of), 10) {
                Way::Wait => is_owed_room = true,
                // Nobody is sent to but those that our user knows of.
                way => {
                    let last = heard.iter().rev().find_map(|event| match event {
                        Event::Joined { peer } if *peer == name(of) => Some(true),
                        Event::Left { peer, .. } if *peer == name(of) => Some(false),
                        _ => None,
                    });
                    prop_assert_eq!(matches!(way, Way::Road(_)), last == Some(true));
                }
            }
        }
        // Everybody hears everything.
        while roads.iter().any(|road| !road.said.is_empty() || !road.orders.is_empty()) {
            for road in 0..3 {
                roads[road].follow(Time(1000));
                hear(&mut front, &mut roads, road, &mut heard);
            }
        }
        for of in 0..2 {
            let steps: Vec<bool> = heard.iter().filter_map(|event| match event {
                Event::Joined { peer } => (*peer == name(of)).then_some(true),
                Event::Left { peer, .. } => (*peer == name(of)).then_some(false),
                _ => None,
            }).collect();
            prop_assert!(steps.iter().enumerate().all(|(n, is_here)| *is_here == (n % 2 == 0)), "{:?}", heard);
            let holders: Vec<_> =
                (0..3).filter(|road| roads[*road].sessions.contains_key(&name(of))).map(|road| Way::Road(road as u32)).collect();
            prop_assert!(holders.len() <= 1);
            prop_assert_eq!(steps.len() % 2 == 1, holders.len() == 1);
            let way = front.send(&name(of), 10);
            prop_assert_eq!(way, holders.first().copied().unwrap_or(Way::Absent));
        }
        prop_assert!(!is_owed_room || heard.contains(&Event::Room), "whoever waits is told");
    }

    #[test]
    fn a_road_is_given_no_more_than_it_may_be(steps in prop::collection::vec((any::<bool>(), 0usize..400_000), 1..600)) {
        let mut front = front(1);
        front.handle_output(0, Time(1), Output::Event(Event::Joined { peer: name(0) }));
        let (mut going, mut taken, mut is_waiting) = (VecDeque::new(), Taken::default(), false);
        while front.poll_output().is_some() {}
        for (is_send, bytes) in steps {
            if is_send {
                match front.send(&name(0), bytes) {
                    Way::Road(0) => going.push_back(bytes),
                    way => {
                        prop_assert_eq!(way, Way::Wait);
                        prop_assert!(!going.is_empty(), "an idle road takes anything");
                        is_waiting = true;
                    }
                }
                prop_assert!(going.len() <= BURST * 2);
                prop_assert!(going.len() <= 1 || going.iter().sum::<usize>() <= 1 << 20);
            } else if let Some(bytes) = going.pop_front() {
                (taken.count, taken.bytes) = (taken.count + 1, taken.bytes + bytes as u64);
                front.handle_taken(0, taken);
                prop_assert_eq!(front.poll_output(), std::mem::take(&mut is_waiting).then_some(Output::Event(Event::Room)));
            }
        }
    }
}

#[test]
fn what_an_estate_has_no_room_for_stops_it_alone() {
    let mut front = front(2);
    for n in 0..2 {
        front.handle_output(1, Time(1), Output::Event(Event::Joined { peer: name(n) }));
    }
    assert_eq!(front.send(&name(0), 10), Way::Road(1));
    front.handle_full(1, &name(0), true);
    assert_eq!((front.send(&name(0), 10), front.send(&name(1), 10)), (Way::Wait, Way::Road(1)));
    // What waits there counts against its road.
    front.handle_taken(1, Taken { count: 2, bytes: 20, parked: 1 << 20 });
    assert_eq!(front.send(&name(1), 10), Way::Wait);
    while front.poll_output().is_some() {}
    front.handle_taken(1, Taken { count: 2, bytes: 20, parked: 0 });
    assert_eq!((front.poll_output(), front.send(&name(1), 10)), (Some(Output::Event(Event::Room)), Way::Road(1)));
    front.handle_full(1, &name(0), false);
    assert_eq!(front.send(&name(0), 10), Way::Road(1));
    let answered = Output::Event(Event::Delivered { ticket: Ticket(1) });
    front.handle_output(1, Time(2), answered.clone());
    assert_eq!((front.poll_output(), front.poll_output()), (Some(answered), None));
}

#[test]
fn of_two_decisions_the_first_counts_and_all_hear_of_it() {
    let mut front = front(2);
    let pending = |seed| Output::Keep(Change::Role(key(seed), Acceptance::Pending));
    let learn = |road, seed, acceptance| (road, key(seed), acceptance);
    let learnt = |(road, order)| match order {
        Order::Learn(key, acceptance) => (road, *key, acceptance),
        order => panic!("{order:?}"),
    };
    front.handle_output(0, Time(1), pending(1));
    let said = std::iter::from_fn(|| front.poll_output()).collect::<Vec<_>>();
    assert!(matches!(
        &said[..],
        [Output::Event(Event::Standing { .. }), Output::Keep(_), Output::Event(Event::Knock { .. })]
    ));
    // The other road had not heard of it.
    front.handle_output(1, Time(1), pending(2));
    front.handle_output(1, Time(1), pending(1));
    assert_eq!(front.poll_output(), None);
    let orders: Vec<_> = std::iter::from_fn(|| front.poll_order()).map(learnt).collect();
    let waiting = Some(Acceptance::Pending);
    assert_eq!(orders, [learn(0, 1, waiting), learn(1, 1, waiting)]);
    // Nobody trusts what somebody has rejected.
    let rejected = Some(Acceptance::Rejected);
    front.admit(&name(0), key(2).fingerprint(), rejected);
    assert!(front.poll_order().is_none(), "another key");
    front.admit(&name(0), key(1).fingerprint(), rejected);
    front.handle_output(0, Time(2), Output::Keep(Change::Role(key(1), Acceptance::Accepted)));
    let orders: Vec<_> = std::iter::from_fn(|| front.poll_order()).map(learnt).collect();
    assert_eq!(orders, [learn(0, 1, rejected), learn(1, 1, rejected)]);
    assert_eq!(front.roll().find(&name(0)), Some((&key(1), Acceptance::Rejected)));
    // What was forgotten leaves nothing.
    front.admit(&name(0), key(1).fingerprint(), None);
    while front.poll_output().is_some() || front.poll_order().is_some() {}
    front.handle_output(1, Time(3), Output::Keep(Change::Fast(name(0))));
    assert!(front.poll_output().is_none() && front.poll_order().is_none());
}
