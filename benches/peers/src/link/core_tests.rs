//! The link's promises: rate, delay, queue, shares of loss, order and duplicates, one seed one story.

use super::*;

const MS: u64 = 1_000_000;

/// Sends `count` packets `every` ns apart; returns arrivals as (time, number) and how many were (full, lost).
fn story(spec: &Spec, seed: u64, count: u32, every: u64) -> (Vec<(u64, u32)>, usize, usize) {
    let mut link = Link::new(spec.clone(), seed);
    let (mut full, mut lost) = (0, 0);
    for n in 0..count {
        let mut packet = [0; 1_250];
        packet[..4].copy_from_slice(&n.to_be_bytes());
        match link.push(u64::from(n) * every, &packet, 0) {
            Fate::Full => full += 1,
            Fate::Lost => lost += 1,
            Fate::Carried => {}
        }
    }
    let (mut arrivals, mut packet) = (Vec::new(), Vec::new());
    while let Some(at) = link.pop(u64::MAX, &mut packet) {
        arrivals.push((at, u32::from_be_bytes(packet[..4].try_into().unwrap())));
    }
    (arrivals, full, lost)
}

#[test]
fn rate_delay_and_queue_are_exact() {
    // 1,250 B at 100 Mb/s take 100 µs; sent twice as fast as that, the queue of 250,000 B fills with 200 packets.
    let spec = Spec::plain("", 100, 20, 0.0);
    let (arrivals, full, lost) = story(&spec, 1, 10_000, 50_000);
    assert_eq!(lost, 0);
    assert_eq!(arrivals[0], (100_000 + 10 * MS, 0));
    assert!(arrivals.windows(2).all(|pair| pair[1].0 - pair[0].0 == 100_000), "the wire is never idle");
    assert_eq!(arrivals.len() + full, 10_000);
    let waited = arrivals.iter().map(|(at, n)| at - u64::from(*n) * 50_000).max().unwrap();
    assert_eq!(waited, 10 * MS + 200 * 100_000, "the longest wait is a full queue");
}

#[test]
fn shares_are_as_asked() {
    for (loss, runs) in [(Loss::Random(0.05), 1.0..1.2), (Loss::Bursts { average: 0.05, length: 10.0 }, 8.5..12.0)] {
        let spec = Spec { loss, rate: 0, ..Spec::plain("", 100, 20, 0.0) };
        let (arrivals, full, lost) = story(&spec, 7, 200_000, 1_000);
        assert_eq!(full, 0);
        assert!((lost as f64 / 200_000.0 - 0.05).abs() < 0.01, "{loss:?}: {lost}");
        let gaps = arrivals.windows(2).filter(|pair| pair[1].1 - pair[0].1 > 1).count();
        assert!(runs.contains(&(lost as f64 / gaps as f64)), "{loss:?}: {lost} in {gaps} runs");
    }
}

#[test]
fn order_breaks_only_where_asked() {
    let base = Spec::plain("", 100, 20, 0.0);
    let late = |spec: &Spec| {
        let (arrivals, ..) = story(spec, 3, 20_000, 100_000);
        let overtaken = arrivals.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
        (arrivals.len(), overtaken as f64 / 20_000.0)
    };
    assert_eq!(late(&Spec { jitter: 3_000, ..base.clone() }), (20_000, 0.0));
    let (count, share) = late(&Spec { reorder: 0.05, reorder_by: 5_000, ..base.clone() });
    assert!(count == 20_000 && (share - 0.05).abs() < 0.01, "{share}");
    let (count, share) = late(&Spec { duplicate: 0.01, ..base });
    assert!((20_100..20_300).contains(&count) && share == 0.0, "{count}");
}

#[test]
fn one_seed_one_story() {
    let spec = Spec { jitter: 500, duplicate: 0.1, reorder: 0.1, reorder_by: 900, ..Spec::plain("", 100, 20, 0.1) };
    assert_eq!(story(&spec, 5, 2_000, 90_000), story(&spec, 5, 2_000, 90_000));
    assert_ne!(story(&spec, 5, 2_000, 90_000), story(&spec, 6, 2_000, 90_000));
}
