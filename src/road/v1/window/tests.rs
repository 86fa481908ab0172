//! Controllers against simulated links: what they carry, what they leave standing in the queue, how they share.

use self::link::{Link, Loss, Plan, World};
use super::Algorithm::{self, Bbr, Cubic};
use super::Window;

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
fn lab() {
    let which = std::env::var("LAB").unwrap_or_default();
    let seconds: f64 = std::env::var("SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(10.0);
    if which.contains('g') {
        for algorithm in [Bbr, Cubic] {
            for buffer in [0.25, 1.0, 4.0] {
                for (name, loss, p) in losses() {
                    let row = bulk(algorithm, Link { loss, ..link(100.0, 20.0, buffer) }, seconds, 7);
                    println!(
                        "{algorithm:?} buf {buffer:4} {name:10} good {:6.2} share {:5.1}% first s {:5.1} wait {:4.2} p99 {:4.2} dropped {:4.2}%",
                        row.goodput,
                        row.goodput / (1.0 - p),
                        row.early / (1.0 - p),
                        row.mean,
                        row.p99,
                        row.dropped * 100.0
                    );
                }
            }
        }
    }
    if which.contains('w') {
        for (mbit, rtt) in [
            (1.0, 20.0),
            (1.0, 600.0),
            (10.0, 40.0),
            (20.0, 100.0),
            (100.0, 200.0),
            (1000.0, 0.2),
            (1000.0, 20.0),
            (10_000.0, 0.2),
            (10_000.0, 2.0),
            (20_000.0, 0.03),
        ] {
            for loss in [0.0, 0.01, 0.1] {
                let secs = if mbit >= 1000.0 {
                    1.0
                } else if rtt >= 600.0 {
                    60.0
                } else {
                    20.0
                };
                let row = bulk(Bbr, Link { loss: Loss::Random(loss), ..link(mbit, rtt, 1.0) }, secs, 3);
                println!(
                    "{mbit} Mb/s {rtt} ms loss {loss}: {:.2} = {:.1} % first s {:.1}% wait {:.2} p99 {:.2} dropped {:.2}%",
                    row.goodput,
                    row.goodput / mbit / (1.0 - loss) * 100.0,
                    row.early / mbit / (1.0 - loss) * 100.0,
                    row.mean,
                    row.p99,
                    row.dropped * 100.0
                );
            }
        }
    }
    if which.contains('a') {
        for (gather, jitter, loss) in [
            (0, 0, 0.0),
            (5_000, 0, 0.0),
            (20_000, 0, 0.0),
            (0, 5_000, 0.0),
            (0, 20_000, 0.0),
            (10_000, 10_000, 0.03),
            (0, 10_000, 0.03),
            (0, 5_000, 0.01),
            (0, 10_000, 0.1),
            (5_000, 2_000, 0.05),
        ] {
            let row =
                bulk(Bbr, Link { gather, jitter, loss: Loss::Random(loss), ..link(100.0, 20.0, 1.0) }, seconds, 3);
            println!(
                "gather {gather} jitter {jitter} loss {loss}: {:.2} wait {:.2} p99 {:.2} dropped {:.2}%",
                row.goodput / (1.0 - loss),
                row.mean,
                row.p99,
                row.dropped * 100.0
            );
        }
    }
    if which.contains('f') {
        for (a, b) in [(Bbr, Cubic), (Bbr, Bbr), (Cubic, Cubic)] {
            for (mbit, rtt) in [(100.0, 20.0), (20.0, 50.0), (1000.0, 5.0)] {
                for buffer in [0.25, 0.5, 1.0, 2.0, 4.0] {
                    for swap in [false, true] {
                        let secs = 40.0;
                        let (sa, sb) = if swap { (3_000_000, 0) } else { (0, 3_000_000) };
                        let mut world =
                            World::new(link(mbit, rtt, buffer), MTU, &[Plan::bulk(a, sa), Plan::bulk(b, sb)], 5);
                        world.run((secs * 1e6) as u64);
                        let (x, y) = (goodput(&world, 0, 8.0, secs), goodput(&world, 1, 8.0, secs));
                        let (mean, p99) = waited(&world, 8.0, rtt);
                        println!(
                            "{a:?}:{b:?} {mbit} {rtt} buf {buffer} second first {swap}: {x:.1} : {y:.1} ratio {:.2} wait {mean:.2} {p99:.2}",
                            x / y
                        );
                    }
                }
            }
        }
    }
    if which.contains('j') {
        let mut world = World::new(
            Link { gather: 0, jitter: 10_000, loss: Loss::Random(0.1), ..link(100.0, 20.0, 1.0) },
            MTU,
            &[Plan::bulk(Bbr, 0)],
            3,
        );
        let mut last = 0;
        for i in 0..500 {
            world.run(i * 20_000);
            println!(
                "{} {} rate {:.0} {:?}",
                i * 20,
                world.flows[0].control.window() / MTU,
                (world.flows[0].received - last) as f64 * 8.0 / 2e4,
                world.flows[0].control
            );
            last = world.flows[0].received;
        }
    }
    if which.contains('t') {
        let buffer: f64 = std::env::var("BUF").unwrap().parse().unwrap();
        let mut world = World::new(
            link(100.0, 20.0, buffer),
            MTU,
            &[
                Plan::bulk(Bbr, std::env::var("A").unwrap().parse().unwrap()),
                Plan::bulk(Cubic, std::env::var("B").unwrap().parse().unwrap()),
            ],
            5,
        );
        let mut last = (0, 0);
        for i in 0..2000 {
            world.run(i * 10_000);
            let text = format!("{:?}", world.flows[0].control);
            let phase = text.split("phase: ").nth(1).unwrap().split(',').next().unwrap().to_owned();
            let w = (world.flows[0].received - last.0, world.flows[1].received - last.1);
            last = (world.flows[0].received, world.flows[1].received);
            if i > 290 {
                println!(
                    "{} {phase} win {} cubic {} | rates {:.0} {:.0} q {:.2}",
                    i * 10,
                    world.flows[0].control.window() / MTU,
                    world.flows[1].control.window() / MTU,
                    w.0 as f64 * 8.0 / 1e4,
                    w.1 as f64 * 8.0 / 1e4,
                    world.waits.last().unwrap().1 as f64 / 2e7
                );
            }
        }
    }
    if which.contains('s') {
        for (from, to) in [(20.0, 100.0), (50.0, 100.0), (100.0, 50.0), (100.0, 20.0), (100.0, 10.0)] {
            for buffer in [1.0, 4.0] {
                let mut link = link(100.0, 20.0, buffer);
                link.rates = vec![(0, from * 1e6), (5_000_000, to * 1e6)];
                let mut world = World::new(link, MTU, &[Plan::bulk(Bbr, 0)], 5);
                world.run(8_000_000);
                let curve: Vec<String> = (0..20)
                    .map(|i| format!("{:.0}", goodput(&world, 0, 5.0 + i as f64 * 0.04, 5.04 + i as f64 * 0.04)))
                    .collect();
                let wait: Vec<String> = (0..20)
                    .map(|i| {
                        let v: Vec<u64> = world
                            .waits
                            .iter()
                            .filter(|(t, _)| *t / 40_000_000 == 125 + i)
                            .map(|w| w.1 / 1_000_000)
                            .collect();
                        format!("{}", v.iter().sum::<u64>() / v.len().max(1) as u64)
                    })
                    .collect();
                println!(
                    "step {from}->{to} buf {buffer}: {} | wait ms {} | dropped {}",
                    curve.join(" "),
                    wait.join(" "),
                    world.flows[0].dropped
                );
            }
        }
    }
}
