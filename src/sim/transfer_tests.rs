//! The experiment on the road that is there, and the world's links below it.

use super::*;
use crate::sim::Burst;

const MILLI: Duration = Duration::from_millis(1);

/// A classic road's flight of a kilobyte each fills this with ease.
fn narrow() -> Transfer {
    let link = Link { rate: 2_000_000, queue: 20_000, delay: MILLI * 5, ..Link::default() };
    Transfer {
        there: link,
        back: link,
        time: Duration::from_secs(4),
        bulk: 10_000,
        outstanding: 100_000,
        ..Transfer::default()
    }
}

#[test]
fn a_link_is_filled_and_no_more() {
    let outcome = narrow().run().unwrap();
    let flow = &outcome.flows[0];
    assert_eq!(outcome.time, Duration::from_secs(4));
    assert!((1_200_000.0..2_000_000.0).contains(&flow.goodput()), "{}", flow.goodput());
    assert!(flow.goodput() * outcome.expense() <= 2_050_000.0 + outcome.there.dropped as f64 * 8.0 * 1100.0 / 4.0);
    assert_eq!(flow.due, 400);
    let (half, most) = (flow.delay(500).unwrap(), flow.delay(999).unwrap());
    assert!(MILLI * 5 <= half && half <= most, "{half:?} {most:?}");
    assert_eq!(flow.failed, 0);
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let burst = Some(Burst::of(20_000, 4));
    let transfer = |seed| {
        let transfer = narrow();
        let there = Link { burst, loss_ppm: 10_000, jitter: MILLI, ..transfer.there };
        let outcome = Transfer { seed, there, time: Duration::from_secs(2), ..transfer }.run().unwrap();
        (outcome.there, outcome.back, outcome.flows[0].payload(), outcome.flows[0].delay(990))
    };
    assert_eq!(transfer(1), transfer(1));
    assert_ne!(transfer(1), transfer(2));
}

#[test]
fn pairs_share_the_bottleneck() {
    let transfer = Transfer { pairs: vec![|_| (), |_| ()], pace: Duration::ZERO, ..narrow() };
    let outcome = transfer.run().unwrap();
    let sum: f64 = outcome.flows.iter().map(Flow::goodput).sum();
    assert!(sum < 2_000_000.0 && outcome.flows.iter().all(|flow| flow.payload() > 0), "{sum}");
    let fairness = outcome.fairness().unwrap();
    assert!((0.2..5.0).contains(&fairness), "{fairness}");
}

#[test]
fn a_step_changes_the_rate_under_way() {
    let step = |after, rate| (Duration::from_secs(after), Side::There, Step::Rate(rate));
    let transfer = Transfer { steps: vec![step(1, 500_000), step(3, 2_000_000)], pace: Duration::ZERO, ..narrow() };
    let flow = &transfer.run().unwrap().flows[0];
    let between = |from, to| flow.goodput_between(MILLI * from, MILLI * to);
    assert!(between(0, 1000) > 1_000_000.0);
    assert!(between(1200, 3000) < 500_000.0);
    assert!(between(3500, 4000) > 700_000.0);
}

#[test]
fn work_is_bounded_by_datagrams() {
    let outcome = Transfer { datagrams: 200, ..narrow() }.run().unwrap();
    assert!(outcome.is_short && outcome.time < Duration::from_secs(4));
    assert!((200..300).contains(&(outcome.there.datagrams + outcome.back.datagrams)));
}

#[test]
fn who_never_arrives_counts_as_having_waited() {
    let step = (Duration::from_secs(1), Side::Both, Step::Cut(true));
    let outcome = Transfer { steps: vec![step], time: Duration::from_secs(3), ..narrow() }.run().unwrap();
    let flow = &outcome.flows[0];
    assert!(flow.missing >= 200, "{}", flow.missing);
    assert!(flow.delay(999).unwrap() > Duration::from_secs(1));
}
