//! The fast wire on lossy, short, shared and slow links, in simulated time: what of a link arrives as bodies, how late small
//! messages are, and how two flows share. Deterministic; asserts what is reached and prints the rest.

#![cfg(test)]

use std::time::Duration;

use roadstead::road::{Algorithm, Config, Wires};
use roadstead::sim::{Burst, Link, Outcome, Transfer};

/// One link and what is sent over it.
#[derive(Clone, Copy)]
struct Case {
    /// Bits a second.
    rate: u64,
    /// Milliseconds.
    rtt: u64,
    /// Of the queue, in bandwidth-delay products.
    queue: f64,
    /// Parts per million, each datagram alone, and in bursts of ten.
    loss: u64,
    burst: u64,
    /// The way back loses as much.
    is_both: bool,
    seed: u64,
    /// 5 % of datagrams come 5 ms late.
    is_reordering: bool,
    /// Small messages alone.
    is_quiet: bool,
    seconds: u64,
    second: Option<fn(&mut Config)>,
    /// When it begins.
    later: Duration,
}

const USUAL: Case = Case {
    rate: 100_000_000,
    rtt: 20,
    queue: 1.0,
    loss: 0,
    burst: 0,
    is_both: false,
    seed: 1,
    is_reordering: false,
    is_quiet: false,
    seconds: 3,
    second: None,
    later: Duration::ZERO,
};

fn bbr(config: &mut Config) {
    config.wires = Wires::FAST;
}

fn cubic(config: &mut Config) {
    config.wires = Wires::FAST;
    config.fast.control = Algorithm::Cubic;
}

impl Case {
    fn run(&self) -> Outcome {
        let mut back = Link { delay: Duration::from_micros(self.rtt * 500), mtu: 1472, ..Link::default() };
        let mut there = Link { rate: self.rate, loss_ppm: self.loss, ..back };
        there.queue = (there.bandwidth_delay() as f64 * self.queue) as usize;
        there.burst = (self.burst > 0).then(|| Burst::of(self.burst, 10));
        if self.is_both {
            (back.loss_ppm, back.burst) = (there.loss_ppm, there.burst);
        }
        if self.is_reordering {
            (there.reorder, there.holdback) = (50, Duration::from_millis(5));
        }
        // Sixteen are sent by turns and end together: small ones, or what ends in the measured half is a matter of luck.
        let bulk = (there.bandwidth_delay() / 16).clamp(8 << 10, 64 << 10);
        Transfer {
            there,
            back,
            bulk,
            pairs: [Some(bbr as fn(&mut Config)), self.second].into_iter().flatten().collect(),
            outstanding: if self.is_quiet { 0 } else { (8 * there.bandwidth_delay()).max(4 << 20) },
            time: Duration::from_secs(self.seconds),
            seed: self.seed,
            later: self.later,
            ..Transfer::default()
        }
        .run()
        .unwrap()
    }

    /// Share of what the link lets through that arrives as bodies, in the second half.
    fn share(&self, outcome: &Outcome, flow: usize) -> f64 {
        let passes = (1.0 - self.loss as f64 / 1e6) * (1.0 - self.burst as f64 / 1e6);
        outcome.flows[flow].steady() / (self.rate as f64 * passes)
    }

    fn fills(&self, name: &str, least: f64) {
        let outcome = self.run();
        let share = self.share(&outcome, 0);
        println!(
            "{name}, queue {} BDP: {share:.3} of the link; 1 kB beside it: p50 {:.1} ms, p99 {:.1} ms; {:.3} bytes sent for one",
            self.queue,
            delay(&outcome, 500),
            delay(&outcome, 990),
            outcome.expense()
        );
        assert!(share >= least, "{name}, queue {}: {share:.3}", self.queue);
    }
}

/// Milliseconds within which so many of a thousand small messages arrived.
fn delay(outcome: &Outcome, per_mille: usize) -> f64 {
    outcome.flows[0].delay(per_mille).unwrap_or_default().as_secs_f64() * 1000.0
}

#[test]
fn random_loss_costs_what_is_lost() {
    // A quarter BDP of queue and many lost packets once put sessions to sleep for good: the pace let go in the very moment a
    // datagram came, with a second try of a small message due.
    let all: &[u64] = &[0, 1_000, 10_000, 30_000, 50_000, 100_000, 200_000];
    for (queue, losses) in [(0.25, all), (1.0, all), (4.0, &[0, 10_000, 200_000])] {
        for &loss in losses {
            let case = Case { loss, queue, ..USUAL };
            case.fills(&format!("loss {} %", loss as f64 / 1e4), 0.93);
        }
    }
}

#[test]
fn bursts_and_reordering_cost_what_is_lost() {
    for queue in [0.25, 1.0, 4.0] {
        Case { burst: 10_000, queue, ..USUAL }.fills("bursts, 1 %", 0.91);
        Case { burst: 50_000, queue, ..USUAL }.fills("bursts, 5 %", 0.91);
        Case { is_reordering: true, queue, ..USUAL }.fills("5 % reordered", 0.93);
    }
}

#[test]
fn bursts_on_the_way_back_put_nobody_to_sleep() {
    // A burst ends with the packets that meet it. Eight acknowledgements in a round trip and doubling probe timeouts once
    // slept through seconds of it: 46 % of the link, in the emulator of `benches/peers` as here.
    for seed in 1..=4 {
        for (burst, least) in [(10_000, 0.92), (50_000, 0.87)] {
            let case = Case { burst, is_both: true, seed, seconds: 4, ..USUAL };
            case.fills(&format!("bursts both ways, {} %, seed {seed}", burst as f64 / 1e4), least);
        }
    }
}

#[test]
fn links_of_all_sizes_are_filled() {
    Case { rate: 1_000_000_000, loss: 10_000, seconds: 2, ..USUAL }.fills("1 Gb/s, 20 ms, 1 %", 0.93);
    Case { rate: 20_000_000, rtt: 100, loss: 10_000, seconds: 8, ..USUAL }.fills("20 Mb/s, 100 ms, 1 %", 0.93);
    Case { rate: 10_000_000, rtt: 40, loss: 200_000, seconds: 8, ..USUAL }.fills("10 Mb/s, 40 ms, 20 %", 0.88);
    Case { rate: 1_000_000, rtt: 600, seconds: 40, ..USUAL }.fills("1 Mb/s, 600 ms", 0.88);
}

#[test]
fn small_messages_alone_hardly_feel_loss() {
    for (loss, most) in [(0, 10.5), (10_000, 15.5), (50_000, 20.0), (100_000, 25.0)] {
        let outcome = Case { loss, is_quiet: true, seconds: 30, ..USUAL }.run();
        let (half, late) = (delay(&outcome, 500), delay(&outcome, 990));
        println!("1 kB every 10 ms, loss {} %: p50 {half:.1} ms, p99 {late:.1} ms", loss as f64 / 1e4);
        assert!(half < 10.5 && late <= most, "{loss}: {half:.1} {late:.1}");
    }
}

#[test]
fn flows_share_a_link() {
    // Neither is to be starved by more than two to one; over some seeds it is not, in this or that run it may be by a little.
    for (name, second, queues) in [("cubic", cubic as fn(&mut Config), &[0.25, 1.0, 4.0][..]), ("bbr", bbr, &[1.0])] {
        for &queue in queues {
            let mut sums = (0.0, 0.0);
            for seed in 1..=2 {
                let later = Duration::from_millis(1000 + 137 * seed);
                let case = Case { second: Some(second), seconds: 16, later, queue, seed, ..USUAL };
                let outcome = case.run();
                let (own, other) = (case.share(&outcome, 0), case.share(&outcome, 1));
                println!("beside {name}, queue {queue}, seed {seed}: {own:.3} and {other:.3}");
                assert!(own.min(other) >= 0.2 && own + other > 0.9, "{name}, {queue}, {seed}: {own:.3} {other:.3}");
                sums = (sums.0 + own, sums.1 + other);
            }
            let ratio = sums.0 / sums.1;
            assert!((0.5..=2.0).contains(&ratio), "{name}, queue {queue}: {ratio:.2} to one");
        }
    }
}
