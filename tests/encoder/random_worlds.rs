//! Every datagram that our roads send in random lives of a small world: joins, losses, restarts, key decisions, moves. What
//! they answer to what others did must be fit as well.

use roadstead::base::{Acceptance, Random};
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World};
use roadstead::wire::v0::{BodyKind, HeadKind};

use crate::common::{MILLI, master, minion, name, seeds, text, words};
use crate::model;

fn named(config: Config, its_name: &str, role: &str, random: &mut Random) -> Config {
    let head_kind = if random.below(2) == 0 { HeadKind::Raet } else { HeadKind::Json };
    let body_kind = if random.below(2) == 0 { BodyKind::Msgpack } else { BodyKind::Json };
    Config { name: name(its_name), role: name(role), salt_names: true, head_kind, body_kind, ..config }
}

#[test]
fn send_nothing_unfit() {
    let mut judged = 0;
    seeds(0..40, |seed| {
        let mut random = Random::from_number(seed ^ 0xf17);
        let mut world = World::new(seed);
        world.is_recording = true;
        let trust = if seed % 2 == 0 { Trust::Never } else { Trust::Once };
        world.add(Config { trust, ..named(master(), "m_master", "m", &mut random) });
        for n in 1..=2 {
            let role = format!("web{n}");
            world.add(named(minion("x"), &format!("{role}_minion"), &role, &mut random));
        }
        for ticket in 0..120 {
            let (n, link) = (random.below(3) as usize, random.below(400));
            match random.below(12) {
                0..=3 => {
                    let to = if n == 0 { "web1_minion" } else { "m_master" };
                    let said = words(&text(random.below(9000) as usize, ticket));
                    let _ = world.send(n, ticket, to, said);
                }
                4 => world.restart(n, random.below(2) == 0),
                5 => {
                    world.link = Link {
                        loss: link,
                        duplicate: link / 2,
                        delay: MILLI * 30,
                        jitter: MILLI * 40,
                        ..Link::default()
                    }
                }
                6 => world.link = Link::default(),
                7 => world.admit(0, &format!("web{}", 1 + n % 2), Some(Acceptance::Accepted)),
                8 => world.admit(0, &format!("web{}", 1 + n % 2), Some(Acceptance::Rejected)),
                9 => world.admit(n, if n == 0 { "web1" } else { "m" }, None),
                10 => world.host(n).is_cut ^= true,
                _ => {
                    // Somebody sends again what was sent before.
                    for _ in 0..world.record.len().min(20) {
                        let (_, from, to, datagram) =
                            world.record[random.below(world.record.len() as u64) as usize].clone();
                        world.inject(from, to, datagram);
                    }
                }
            }
            world.run(MILLI * [3, 40, 400, 3000, 20_000][random.below(5) as usize]);
        }
        for (.., datagram) in &world.record {
            if let Err(why) = model::packet(datagram) {
                panic!("{why}: {:?}", roadstead::wire::v0::read(datagram));
            }
        }
        judged += world.record.len();
        let unfit: u64 =
            world.hosts.iter().filter_map(|h| h.road.stats().drops.get(&roadstead::road::stats::Drop::Unfit)).sum();
        assert_eq!(unfit, 0, "nothing had to be held back");
    });
    assert!(judged > 10_000, "{judged} datagrams");
}
