//! The link model against what its settings promise.

use proptest::prelude::*;

use super::*;
use crate::sim::Burst;

const START: Time = Time(1_000_000);

/// `count` datagrams of `size`, one every `gap` microseconds: what became of each, and the state afterwards.
fn stream(link: &Link, seed: u64, count: u64, gap: u64, size: usize) -> (Vec<Option<Arrival>>, LinkState) {
    let (mut state, mut random) = (LinkState::default(), Random::from_number(seed));
    let mut send = |n: u64| {
        let now = Time(START.0 + n * gap);
        assert_eq!(state.take(link, &mut random, size), 1);
        state.pass(link, now, &mut random, size, true)
    };
    ((0..count).map(&mut send).collect(), state)
}

fn times(arrivals: &[Option<Arrival>]) -> Vec<Time> {
    arrivals.iter().flatten().map(|arrival| arrival.at).collect()
}

proptest! {
    #[test]
    fn the_rate_is_kept_and_used(rate in 100_000u64..20_000_000_000, size in 40usize..9000, gap in 0u64..3) {
        // Long enough a stream that the wire is never idle and the queue takes all of it.
        let link = Link { rate, queue: usize::MAX, ..Link::default() };
        let bits = (size + link.overhead) as u64 * 8;
        prop_assume!(gap * 1000 * rate / NANOS < bits);
        let (arrivals, state) = stream(&link, 1, 2000, gap, size);
        let all = times(&arrivals);
        prop_assert_eq!(all.len(), 2000);
        for (n, at) in all.iter().enumerate() {
            // To the microsecond, without drift.
            let exact = u128::from(bits) * (n as u128 + 1) * 1_000_000 / u128::from(rate);
            let taken = u128::from(at.0 - START.0 - 1000);
            prop_assert!(taken.abs_diff(exact) <= 1, "{n}: {taken} for {exact} us");
        }
        prop_assert_eq!(state.counts().passed_bytes * 8, bits * 2000);
    }

    #[test]
    fn the_queue_is_bounded(rate in 100_000u64..1_000_000_000, queue in 0usize..100_000, size in 40usize..1500, gap in 0u64..50) {
        let link = Link { rate, queue, ..Link::default() };
        let (arrivals, state) = stream(&link, 1, 1000, gap, size);
        let wire = size + link.overhead;
        // The backlog is known to the byte.
        let most = ((queue.max(wire) + 1) as u128 * 8 * 1_000_000).div_ceil(u128::from(rate)) as u64 + 1;
        for (n, arrival) in arrivals.iter().enumerate() {
            if let Some(arrival) = arrival {
                let sent = START.0 + n as u64 * gap;
                prop_assert!(arrival.at.0 - sent - 1000 <= most, "{n} waits {} of {most}", arrival.at.0 - sent);
            }
        }
        let counts = state.counts();
        prop_assert_eq!(counts.passed + counts.dropped, 1000);
        prop_assert!(arrivals[0].is_some(), "an idle wire takes one, whatever the queue");
    }

    #[test]
    fn what_waits_is_as_much_as_was_sent_and_has_not_left(count in 1u64..100, rate in 1_000_000u64..100_000_000) {
        let link = Link { rate, queue: usize::MAX, ..Link::default() };
        let (_, state) = stream(&link, 1, count, 0, 1000);
        prop_assert!(state.backlog(&link, START).abs_diff(count as usize * 1028) <= 1 + count as usize);
        let later = Time(START.0 + count * 1028 * 8 * 1_000_000 / rate + 2);
        prop_assert_eq!(state.backlog(&link, later), 0);
    }

    #[test]
    fn order_is_kept_without_jitter(seed: u64, rate in prop_oneof![Just(0), 1_000_000u64..10_000_000_000], gap in 0u64..20) {
        let link = Link { rate, loss: 100, ..Link::default() };
        let (arrivals, _) = stream(&link, seed, 500, gap, 1000);
        prop_assert!(times(&arrivals).is_sorted());
    }

    #[test]
    fn jitter_and_holding_back_reorder_unless_ordered(seed: u64) {
        let shaky = Link { jitter: Duration::from_millis(5), ..Link::default() };
        let held = Link { reorder: 50, holdback: Duration::from_millis(5), ..Link::default() };
        for link in [shaky, held] {
            let (arrivals, _) = stream(&link, seed, 1000, 100, 1000);
            prop_assert!(!times(&arrivals).is_sorted());
            let (arrivals, _) = stream(&Link { is_ordered: true, ..link }, seed, 1000, 100, 1000);
            prop_assert!(times(&arrivals).is_sorted());
        }
    }
}

proptest! {
    // Each case is a long run by itself.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_share_lost_is_the_share_asked_for(seed: u64, loss_ppm in prop_oneof![Just(0u64), 1000u64..300_000]) {
        let link = Link { loss_ppm, ..Link::default() };
        prop_assert!(is_about(stream(&link, seed, 20_000, 1, 100).1.counts().lost, loss_ppm, 20_000, 1));
        let link = Link { loss: loss_ppm / 1000, ..Link::default() };
        prop_assert!(is_about(stream(&link, seed, 20_000, 1, 100).1.counts().lost, link.loss * 1000, 20_000, 1));
        let link = Link { reorder: loss_ppm / 1000, ..Link::default() };
        prop_assert!(is_about(stream(&link, seed, 20_000, 1, 100).1.counts().held, link.reorder * 1000, 20_000, 1));
    }

    #[test]
    fn bursts_have_their_length_and_share(seed: u64, share in 5_000u64..300_000, length in 2u64..20) {
        let burst = Burst::of(share, length);
        prop_assert!(burst.share().abs_diff(share) * 50 < share, "{} for {share}", burst.share());
        let count = 200_000;
        let (arrivals, state) = stream(&Link { burst: Some(burst), ..Link::default() }, seed, count, 1, 100);
        let lost = state.counts().lost;
        prop_assert!(is_about(lost, share, count, length), "{lost} of {count} for {share}");
        let holes = arrivals.windows(2).filter(|pair| pair[0].is_some() && pair[1].is_none()).count().max(1);
        let mean = lost as f64 / holes as f64;
        // A geometric length's deviation is about its mean.
        let slack = 6.0 * length as f64 / (holes as f64).sqrt() + 0.02 * length as f64;
        prop_assert!((mean - length as f64).abs() <= slack, "{mean} for {length} in {holes} holes");
    }
}

/// Within six deviations; losses in bursts of `length` vary as much as `2 × length` times fewer single ones.
fn is_about(seen: u64, ppm: u64, count: u64, length: u64) -> bool {
    let expected = ppm as f64 / 1e6 * count as f64;
    let slack = 6.0 * (expected * 2.0 * length as f64).sqrt() + expected * 0.02;
    (seen as f64 - expected).abs() <= slack
}

#[test]
fn marks_come_with_a_long_queue_and_only_to_the_capable() {
    let link = Link { rate: 8_000_000, overhead: 0, mark: 10_000, queue: 20_000, ..Link::default() };
    let (arrivals, state) = stream(&link, 1, 30, 0, 1000);
    let marked: Vec<_> = arrivals.iter().map(|arrival| arrival.map(|arrival| arrival.is_marked)).collect();
    assert_eq!(marked, [vec![Some(false); 11], vec![Some(true); 9], vec![None; 10]].concat());
    assert_eq!((state.counts().marked, state.counts().dropped), (9, 10));
    let (mut state, mut random) = (state, Random::from_number(1));
    let later = Time(START.0 + 5000);
    assert!(!state.pass(&link, later, &mut random, 1000, false).unwrap().is_marked);
    assert!(state.pass(&link, later, &mut random, 1000, true).unwrap().is_marked);
}

#[test]
fn the_large_and_those_on_a_cut_link_vanish() {
    let link = Link { mtu: 1000, ..Link::default() };
    let (mut state, mut random) = (LinkState::default(), Random::from_number(1));
    assert_eq!(state.take(&link, &mut random, 1000), 1);
    assert_eq!(state.take(&link, &mut random, 1001), 0);
    assert_eq!(state.take(&Link { is_cut: true, ..link }, &mut random, 1), 0);
    assert_eq!(state.counts().vanished, 2);
    assert_eq!(state.take(&Link { duplicate: 1000, ..link }, &mut random, 1), 2);
}

#[test]
fn waiting_is_counted() {
    // A millisecond each: the first waits for nobody, the tenth for nine.
    let link = Link { rate: 8_000_000, overhead: 0, ..Link::default() };
    let (_, state) = stream(&link, 1, 10, 0, 1000);
    assert_eq!(state.counts().mean_wait(), Duration::from_micros(4500));
}

#[test]
fn another_rate_moves_what_waits() {
    assert_eq!(rescale(3000, 1000, 10, 5), 5000);
    assert_eq!(rescale(3000, 1000, 10, 20), 2000);
    assert_eq!(rescale(3000, 1000, 10, 0), 1000, "without a limit nothing waits");
    assert_eq!(rescale(900, 1000, 10, 5), 900, "what has left has left");
}
