//! The fast wire keeps a lossy link full, in simulated time: 100 Mb/s, 20 ms, a queue of one bandwidth-delay product.

#![cfg(test)]

use std::time::Duration;

use roadstead::road::{Config, Wires};
use roadstead::sim::{Burst, Link, Outcome, Transfer};

fn transfer(tune: impl FnOnce(&mut Link)) -> Outcome {
    let back = Link { delay: Duration::from_millis(10), mtu: 1472, ..Link::default() };
    let mut there = Link { rate: 100_000_000, queue: 250_000, ..back };
    tune(&mut there);
    let time = Duration::from_secs(3);
    let fast = |config: &mut Config| config.wires = Wires::FAST;
    let transfer = Transfer { there, back, time, outstanding: 16 << 20, pairs: vec![fast], ..Transfer::default() };
    transfer.run().unwrap()
}

/// Share of what the link lets through that arrives as bodies, in the second half.
fn share(outcome: &Outcome, loss: f64) -> f64 {
    outcome.flows[0].steady() / (100e6 * (1.0 - loss))
}

#[test]
fn random_loss_costs_what_is_lost() {
    for loss in [0, 1_000, 10_000, 50_000] {
        let outcome = transfer(|link| link.loss_ppm = loss);
        let share = share(&outcome, loss as f64 / 1e6);
        let delay = |p| outcome.flows[0].delay(p).unwrap_or_default().as_secs_f64() * 1000.0;
        println!(
            "loss {:>5.1} %: {:.3} of the link; 1 kB beside it: p50 {:.1} ms, p99 {:.1} ms",
            loss as f64 / 1e4,
            share,
            delay(500),
            delay(990)
        );
        assert!(share >= 0.90, "{loss}: {share}");
    }
}

#[test]
fn reordering_costs_nothing() {
    let outcome = transfer(|link| (link.reorder, link.holdback) = (50, Duration::from_millis(5)));
    let share = share(&outcome, 0.0);
    println!("5 % reordered: {share:.3}");
    assert!(share >= 0.90, "{share}");
}

#[test]
fn bursts_cost_what_is_lost() {
    let outcome = transfer(|link| link.burst = Some(Burst::of(10_000, 10)));
    let share = share(&outcome, 0.01);
    println!("bursts of ten, 1 %: {share:.3}");
    assert!(share >= 0.90, "{share}");
}

#[test]
fn a_session_never_falls_asleep_with_work_to_do() {
    // A datagram that arrives in the very moment the pace lets go, with a second try of a small message due.
    for loss in [10_000, 200_000] {
        let outcome = transfer(|link| (link.loss_ppm, link.queue) = (loss, 62_500));
        let share = share(&outcome, loss as f64 / 1e6);
        println!("loss {} %, a quarter of the queue: {share:.3}", loss / 10_000);
        assert!(share >= 0.90, "{loss}: {share}");
    }
}
