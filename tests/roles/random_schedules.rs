//! Whatever happens when, every job ends once, with one word about each of its minions, and runs nowhere twice in one
//! life of a minion.

use std::collections::BTreeSet;

use crate::world::{World, glob, list, name, seconds};
use proptest::prelude::*;
use roadstead::base::{Acceptance, Random};
use roadstead::duty::Duty;
use serde_json::json;

#[derive(Debug, Clone)]
enum Act {
    Publish { all: bool, sleep: f64, timeout: f64 },
    Cut(usize),
    Heal(usize),
    Restart(usize),
    Kill(usize),
    Decide(usize, Option<Acceptance>),
    Forget,
    Pass(f64),
}

const IDS: [&str; 4] = ["web1", "web2", "web3", "db1"];

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..IDS.len();
    let decision = prop_oneof![
        4 => Just(Some(Acceptance::Accepted)),
        1 => Just(Some(Acceptance::Rejected)),
        1 => Just(None),
    ];
    prop_oneof![
        4 => (any::<bool>(), 0.0..8.0, 0.5..4.0).prop_map(|(all, sleep, timeout)| Act::Publish { all, sleep, timeout }),
        3 => who().prop_map(Act::Cut),
        4 => who().prop_map(Act::Heal),
        1 => who().prop_map(Act::Restart),
        1 => who().prop_map(Act::Kill),
        1 => (who(), decision).prop_map(|(who, what)| Act::Decide(who, what)),
        1 => Just(Act::Forget),
        8 => (0.0..2.0).prop_map(Act::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn every_job_ends_once(acts in proptest::collection::vec(act(), 1..40), seed: u64, full in 0u64..60) {
        let mut world = World::with(&IDS);
        world.random = Random::from_number(seed);
        world.delay = 1000..=400_000;
        world.full = full;
        let (mut yards, mut gone, mut restarted) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for act in acts {
            match act {
                Act::Publish { all, sleep, timeout } => {
                    let target = if all { glob("*") } else { list(&["web1", "db1"]) };
                    yards.push(world.publish("test.sleep", &[json!(sleep)], target, timeout));
                }
                Act::Cut(who) => world.switch.cut(&name(IDS[who]), true),
                Act::Heal(who) => world.switch.cut(&name(IDS[who]), false),
                Act::Restart(who) => {
                    restarted.insert(IDS[who].to_owned());
                    world.add(IDS[who]);
                }
                Act::Kill(who) => {
                    restarted.insert(IDS[who].to_owned());
                    world.kill(IDS[who]);
                }
                Act::Decide(who, what) => {
                    world.switch.decide(&name("m"), &name(IDS[who]), what);
                }
                Act::Forget => {
                    if let Some(yard) = yards.last() {
                        world.master.handle_gone(world.now, &name(yard));
                        gone.insert(yard.clone());
                    }
                }
                Act::Pass(time) => world.run(seconds(time)),
            }
        }
        // The longest job, its timeout, two rounds, and slack for a slow transport.
        world.run(seconds(40.0));
        for yard in yards.iter().filter(|yard| !gone.contains(*yard)) {
            prop_assert!(world.told(yard).ended, "{} did not end: {:?}", yard, world.told(yard));
        }
        let mut once = BTreeSet::new();
        for (id, jid, _) in &world.runs {
            prop_assert!(once.insert((id, jid)) || restarted.contains(id), "{} ran {} twice", id, jid);
        }
        prop_assert!(world.fatal.is_empty());
        // Healed, everybody answers.
        world.full = 0;
        for id in IDS {
            world.switch.cut(&name(id), false);
            world.add(id);
        }
        world.run(seconds(2.0));
        for id in IDS {
            world.switch.decide(&name("m"), &name(id), Some(Acceptance::Accepted));
        }
        world.run(seconds(3.0));
        let yard = world.ping("*");
        world.run(seconds(3.0));
        prop_assert_eq!(world.told(&yard).returned.len(), IDS.len());
    }
}
