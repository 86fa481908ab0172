//! Controllers against simulated links: what they carry, what they leave standing in the queue, how they share.

use std::time::Duration;

use self::link::{Link, Loss, Plan, World};
use super::Algorithm::{self, Bbr, Cubic};
use super::{Control, Rtt, Sight, Verdict, Window};
use crate::base::Time;

#[cfg(test)]
mod link;

const MTU: u64 = 1_452;

fn link(mbit: f64, rtt_ms: f64, buffer: f64) -> Link {
    let rtt = (rtt_ms * 1e3) as u64;
    let queue = mbit * 1e6 / 8.0 * rtt as f64 / 1e6 * buffer;
    Link { rates: vec![(0, mbit * 1e6)], rtt, queue, loss: Loss::None, gather: 0, jitter: 0, mark: 0.0 }
}

/// Mb/s of each flow from `from` to `to` seconds.
fn goodput(world: &World, flow: usize, from: f64, to: f64) -> f64 {
    let steps = &world.flows[flow].steps;
    let (a, b) = ((from * 50.0) as usize, (to * 50.0) as usize);
    steps.iter().skip(a).take(b - a).sum::<u64>() as f64 * 8.0 / (to - from) / 1e6
}

/// Mean and p99 of the time packets waited from `from` seconds on, in empty round trips.
fn waited(world: &World, from: f64, rtt_ms: f64) -> (f64, f64) {
    let mut waits: Vec<u64> =
        world.waits.iter().filter(|(at, _)| *at as f64 > from * 1e9).map(|(_, wait)| *wait).collect();
    waits.sort_unstable();
    let mean = waits.iter().sum::<u64>() as f64 / waits.len().max(1) as f64;
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or(0) as f64;
    (mean / 1e6 / rtt_ms, p99 / 1e6 / rtt_ms)
}

struct Row {
    goodput: f64,
    early: f64,
    mean: f64,
    p99: f64,
    dropped: f64,
}

fn bulk(algorithm: Algorithm, link: Link, seconds: f64, seed: u64) -> Row {
    let rtt = link.rtt as f64 / 1e3;
    let mut world = World::new(link, MTU, &[Plan::bulk(algorithm, 0)], seed);
    world.run((seconds * 1e6) as u64);
    let (mean, p99) = waited(&world, 1.0_f64.min(seconds / 4.0), rtt);
    let flow = &world.flows[0];
    Row {
        goodput: goodput(&world, 0, 0.0, seconds),
        early: goodput(&world, 0, 0.0, 1.0),
        mean,
        p99,
        dropped: flow.dropped as f64 / flow.sent_packets as f64,
    }
}

fn losses() -> Vec<(&'static str, Loss, f64)> {
    let mut all: Vec<(&'static str, Loss, f64)> = [0.0, 0.001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3]
        .into_iter()
        .zip(["0", "0.1%", "1%", "3%", "5%", "10%", "20%", "30%"])
        .map(|(p, name)| (name, Loss::Random(p), p))
        .collect();
    all.push(("bursts 1%", Loss::Bursts(0.001, 0.1, 1.0), 0.0099));
    all.push(("bursts 5%", Loss::Bursts(0.0055, 0.1, 1.0), 0.0521));
    all.push(("ahead 5%", Loss::Ahead(0.05), 0.0));
    all.push(("ahead 20%", Loss::Ahead(0.2), 0.0));
    all
}

#[test]
fn bbr_keeps_its_rate_under_random_loss_and_a_short_queue() {
    for buffer in [0.25, 1.0, 4.0] {
        for (name, loss, p) in losses() {
            let row = bulk(Bbr, Link { loss, ..link(100.0, 20.0, buffer) }, 5.0, 7);
            let share = row.goodput / (1.0 - p);
            println!(
                "buffer {buffer:4} BDP, loss {name:9}: {:5.1} Mb/s = {share:5.1} % of what is left (first second {:4.1}), \
                 queue {:4.2} p99 {:4.2} BDP, {:4.2} % dropped by it",
                row.goodput,
                row.early / (1.0 - p),
                row.mean,
                row.p99,
                row.dropped * 100.0
            );
            assert!(share >= 93.0, "buffer {buffer} loss {name}: {share:.1}");
            assert!(
                row.mean < 0.75 && row.p99 < 1.2,
                "buffer {buffer} loss {name}: queue {:.2} {:.2}",
                row.mean,
                row.p99
            );
        }
    }
}

#[test]
fn cubic_fills_a_clean_link_and_falls_as_the_peers_do() {
    // quinn's CUBIC in anchors.md: 92.9, 27, 7.1, 2.9 Mb/s. That this world gives the same says that it is a fair one.
    for (p, least, most) in [(0.0, 93.0, 100.0), (0.001, 20.0, 45.0), (0.01, 5.0, 14.0), (0.05, 1.5, 5.0)] {
        let row = bulk(Cubic, Link { loss: Loss::Random(p), ..link(100.0, 20.0, 1.0) }, 10.0, 7);
        println!("cubic, loss {p}: {:.1} Mb/s, queue {:.2} p99 {:.2} BDP", row.goodput, row.mean, row.p99);
        assert!((least..most).contains(&row.goodput), "loss {p}: {:.1}", row.goodput);
    }
}

#[test]
fn bbr_fills_links_of_every_size() {
    for (mbit, rtt, from, to) in
        [(1.0, 20.0, 0.5, 10.0), (1.0, 600.0, 10.0, 60.0), (20.0, 100.0, 1.5, 8.0), (1_000.0, 5.0, 0.2, 0.6)]
    {
        for p in [0.0, 0.1] {
            let mut world =
                World::new(Link { loss: Loss::Random(p), ..link(mbit, rtt, 2.0) }, MTU, &[Plan::bulk(Bbr, 0)], 3);
            world.run((to * 1e6) as u64);
            let share = goodput(&world, 0, from, to) / mbit / (1.0 - p);
            println!("{mbit} Mb/s, {rtt} ms, loss {p}: {:.1} %", share * 100.0);
            assert!(share > 0.95, "{mbit} Mb/s {rtt} ms loss {p}: {share:.3}");
        }
    }
}

#[test]
fn bbr_is_at_full_speed_in_milliseconds_where_the_path_is_short() {
    for (mbit, rtt, mtu) in [(10_000.0, 0.2, 1_452), (20_000.0, 0.03, 8_900), (20_000.0, 0.03, 65_000)] {
        let mut world = World::new(link(mbit, rtt, 40.0), mtu, &[Plan::bulk(Bbr, 0)], 3);
        world.run(40_000);
        let (first, second) = (goodput(&world, 0, 0.0, 0.02), goodput(&world, 0, 0.02, 0.04));
        println!("{mbit} Mb/s, {rtt} ms, MTU {mtu}: {first:.0}, {second:.0} Mb/s in the first two stretches of 20 ms");
        assert!(first > 0.5 * mbit && second > 0.9 * mbit, "{mbit} {mtu}: {first:.0} {second:.0}");
    }
}

#[test]
fn gathered_and_jittered_acks_cost_little() {
    for (gather, jitter, p) in [
        (5_000, 0, 0.0),
        (20_000, 0, 0.0),
        (0, 5_000, 0.01),
        (0, 20_000, 0.0),
        (0, 10_000, 0.1),
        (10_000, 10_000, 0.03),
    ] {
        let link = Link { gather, jitter, loss: Loss::Random(p), ..link(100.0, 20.0, 1.0) };
        let row = bulk(Bbr, link, 8.0, 3);
        let share = row.goodput / (1.0 - p);
        println!("ACKs gathered {gather} µs, jitter {jitter} µs, loss {p}: {share:.1} %, queue {:.2} BDP", row.mean);
        assert!(share > 93.0, "gather {gather} jitter {jitter} loss {p}: {share:.1}");
    }
}

/// Goodputs of two flows of which the second starts 3 s after the first, and the queue they leave.
fn share(plans: [Algorithm; 2], buffer: f64) -> (f64, f64, f64) {
    let plans = [Plan::bulk(plans[0], 0), Plan::bulk(plans[1], 3_000_000)];
    let mut world = World::new(link(100.0, 20.0, buffer), MTU, &plans, 5);
    world.run(30_000_000);
    (goodput(&world, 0, 8.0, 30.0), goodput(&world, 1, 8.0, 30.0), waited(&world, 8.0, 20.0).0)
}

#[test]
fn bbr_shares_with_cubic() {
    for buffer in [0.25, 0.5, 1.0, 2.0, 4.0] {
        let (bbr, cubic, queue) = share([Bbr, Cubic], buffer);
        println!("buffer {buffer}: bbr {bbr:.1}, cubic {cubic:.1}, {:.2} to 1, queue {queue:.2} BDP", bbr / cubic);
        assert!(bbr / cubic < 2.6 && cubic / bbr < 2.6, "buffer {buffer}: {bbr:.1} to {cubic:.1}");
    }
}

#[test]
fn bbr_shares_with_itself_and_leaves_room_in_a_deep_queue() {
    for buffer in [0.25, 1.0, 4.0] {
        let (first, second, queue) = share([Bbr, Bbr], buffer);
        println!("buffer {buffer}: {first:.1} and {second:.1}, queue {queue:.2} BDP");
        assert!(first / second < 2.0 && second / first < 2.0, "buffer {buffer}: {first:.1} to {second:.1}");
        assert!(first + second > 95.0 && queue < 1.0, "buffer {buffer}: {:.1} queue {queue:.2}", first + second);
    }
}

#[test]
fn bbr_follows_the_rate_of_the_link() {
    // From which time on (round trips after the step) the new rate is carried.
    for (from, to, after) in [(50.0, 100.0, 10), (20.0, 100.0, 18), (100.0, 50.0, 12), (100.0, 20.0, 12)] {
        for buffer in [1.0, 4.0] {
            let rates = vec![(0, from * 1e6), (3_000_000, to * 1e6)];
            let mut world = World::new(Link { rates, ..link(100.0, 20.0, buffer) }, MTU, &[Plan::bulk(Bbr, 0)], 5);
            world.run(4_500_000);
            let start = 3.0 + f64::from(after) * 0.02;
            let carried = goodput(&world, 0, start, start + 0.4);
            let late = waited(&world, start, 20.0).0;
            println!(
                "{from} to {to} Mb/s, buffer {buffer}: {carried:.1} Mb/s, queue {late:.2} RTT from {after} RTT on"
            );
            assert!(carried > 0.93 * to && late < 0.5, "{from} to {to}: {carried:.1}, queue {late:.2}");
        }
    }
}

#[test]
fn marks_keep_the_queue_short() {
    for algorithm in [Bbr, Cubic] {
        let row = bulk(algorithm, Link { mark: 0.25, ..link(100.0, 20.0, 4.0) }, 6.0, 3);
        println!("{algorithm:?} with marks: {:.1} Mb/s, queue {:.2} BDP of 4", row.goodput, row.mean);
        assert!(row.goodput > 85.0 && row.mean < 1.5, "{algorithm:?}: {:.1} {:.2}", row.goodput, row.mean);
    }
}

#[test]
fn a_sender_with_little_to_say_is_not_held_up() {
    for (algorithm, p) in [(Bbr, 0.01), (Cubic, 0.0)] {
        let plan = Plan { burst: 40 * MTU, every: 50_000, ..Plan::bulk(algorithm, 0) };
        let mut world = World::new(Link { loss: Loss::Random(p), ..link(100.0, 20.0, 1.0) }, MTU, &[plan], 3);
        world.run(5_000_000);
        let share = goodput(&world, 0, 0.0, 5.0) / (40.0 * MTU as f64 * 8.0 * 20.0 / 1e6);
        println!("{algorithm:?}, 40 packets every 50 ms: {:.1} % arrived", share * 100.0);
        assert!(share > 0.95, "{algorithm:?}: {share:.3}");
    }
}

#[test]
fn a_new_path_and_persistent_congestion_start_low() {
    for algorithm in [Bbr, Cubic] {
        let mut world = World::new(link(100.0, 20.0, 1.0), MTU, &[Plan::bulk(algorithm, 0)], 3);
        world.run(2_000_000);
        let control = &mut world.flows[0].control;
        assert_eq!(control.algorithm(), algorithm);
        assert!(control.window() > 100 * MTU, "{}", control.window());
        let verdict = Verdict { is_persistent: true, lost_bytes: MTU, lost_packets: 1, ..Verdict::default() };
        let rtt = Rtt::new(Some(Duration::from_millis(20)));
        control.on_ack(&Sight { now: Time(2_000_000), verdict: &verdict, rtt: &rtt, ce: 0, mtu: MTU as u32 });
        assert!(control.window() <= 4 * MTU, "{}", control.window());
        control.on_new_path(Time(2_100_000));
        assert!(control.is_slow_start() && control.window() == super::initial_window(MTU as u32));
    }
}

#[test]
fn cubic_takes_a_reduction_back_that_was_for_nothing() {
    let mut cubic = Control::new(Cubic, MTU as u32);
    cubic.on_sent(Time(1), 10 * MTU, 10 * MTU, false);
    let before = cubic.window();
    let verdict = Verdict {
        lost_bytes: MTU,
        lost_packets: 1,
        newest_lost_sent: Some(Time(1)),
        oldest_lost_sent: Some(Time(1)),
        ..Verdict::default()
    };
    let rtt = Rtt::new(Some(Duration::from_millis(20)));
    cubic.on_ack(&Sight { now: Time(20_000), verdict: &verdict, rtt: &rtt, ce: 0, mtu: MTU as u32 });
    assert_eq!(cubic.window(), before * 7 / 10);
    // The same loss event reduces once.
    cubic.on_ack(&Sight { now: Time(21_000), verdict: &verdict, rtt: &rtt, ce: 0, mtu: MTU as u32 });
    assert_eq!(cubic.window(), before * 7 / 10);
    cubic.on_spurious(Time(22_000));
    assert_eq!(cubic.window(), before);
}
