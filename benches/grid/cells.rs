//! Which links are tried, and for how long: so that each has time to settle and all end within minutes.

use std::time::Duration;

use roadstead::road::{Algorithm, Config, Wires};
use roadstead::sim::transfer::Side;
use roadstead::sim::{Burst, Link, Step, Transfer};

/// Bits a second.
pub(crate) const RATES: [u64; 5] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];
/// Round trips, microseconds.
pub(crate) const TRIPS: [u64; 4] = [200, 20_000, 100_000, 600_000];
/// Losses, parts per million.
pub(crate) const LOSSES: [u64; 7] = [0, 1_000, 10_000, 50_000, 100_000, 200_000, 300_000];
/// Datagrams of a loss burst, on average.
const BURST: u64 = 5;

/// What an Ethernet path carries below IPv4 and UDP heads.
const MTU: usize = 1472;
/// Bits of a full datagram with its heads.
const FULL: u64 = 1500 * 8;
/// Datagrams a cell should have at least, if the longest time allows.
const ENOUGH: u64 = 60_000;
/// Datagrams after which a cell ends: its round trip is too long for its rate, and only its start is seen.
const MOST: u64 = 400_000;
/// Longest and shortest time of a cell; the shortest in round trips.
const LONGEST: Duration = Duration::from_secs(30);
const SHORTEST: u32 = 40;
/// Bytes that a sender keeps unconfirmed at most: what fits an outbox.
const OUTSTANDING: usize = 120 << 20;

/// What is changed in both roads' settings.
type Tune = fn(&mut Config);
/// The roads under test: the fast wire as it comes.
const OURS: Tune = |config| config.wires = Wires::FAST;
/// The fast wire with CUBIC, which is what the world fills its queues with.
const CUBIC: Tune = |config| {
    config.wires = Wires::FAST;
    config.fast.control = Algorithm::Cubic;
};
/// The classic wire, for comparison.
const CLASSIC: Tune = |config| config.wires = Wires::CLASSIC;
/// Queues at which a link is shared, in hundredths of what is on the way.
const DEPTHS: [usize; 3] = [25, 100, 400];

/// One experiment.
pub(crate) struct Cell {
    /// Rate and round trip.
    pub(crate) link: String,
    /// What is wrong with it.
    pub(crate) trouble: String,
    /// Where it stands in the grid: rate, round trip in microseconds, loss, whether in bursts. `None`: not in the grid.
    pub(crate) place: Option<(u64, u64, u64, bool)>,
    pub(crate) transfer: Transfer,
}

impl Cell {
    /// One of the part that runs in seconds.
    pub(crate) fn is_quick(&self) -> bool {
        self.place.is_none_or(|(rate, trip, loss, _)| {
            [10_000_000, 100_000_000].contains(&rate)
                && [20_000, 100_000].contains(&trip)
                && [0, 10_000, 100_000].contains(&loss)
        })
    }

    /// The most that can arrive, bits a second.
    pub(crate) fn limit(&self) -> f64 {
        let link = &self.transfer.there;
        link.rate as f64 * link.share_that_passes() as f64 / 1e6
    }
}

/// All cells, the grid first.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for rate in RATES {
        for trip in TRIPS {
            for loss in LOSSES {
                for is_burst in [false, true] {
                    if loss > 0 || !is_burst {
                        cells.push(grid(rate, trip, loss, is_burst));
                    }
                }
            }
        }
    }
    cells.extend(troubles());
    cells.extend(shared());
    cells.extend(classic());
    cells
}

/// Two flows, of which one begins two seconds after the other.
fn shared() -> Vec<Cell> {
    let (mut cells, second) = (Vec::new(), Duration::from_secs(1));
    for depth in DEPTHS {
        for (name, pairs) in [
            ("CUBIC comes later", [OURS, CUBIC]),
            ("CUBIC was there before", [CUBIC, OURS]),
            ("another of ours comes later", [OURS, OURS]),
        ] {
            let mut cell = plain(100_000_000, 20_000, &format!("{name}, queue {} BDP", depth as f64 / 100.0));
            let transfer = &mut cell.transfer;
            transfer.there.queue = transfer.there.queue * depth / 100;
            // Without any chance two flows fall in step.
            for link in [&mut transfer.there, &mut transfer.back] {
                (link.jitter, link.is_ordered) = (Duration::from_micros(100), true);
            }
            (transfer.pairs, transfer.later) = (pairs.to_vec(), second * 2);
            (transfer.time, transfer.datagrams) = (second * 30, u64::MAX);
            transfer.pace = Duration::from_millis(30);
            cells.push(cell);
        }
    }
    cells
}

/// The classic wire over a few of the links.
fn classic() -> Vec<Cell> {
    let links = [(0, false), (1_000, false), (10_000, false), (50_000, false), (10_000, true)];
    let cells = links.into_iter().map(|(loss, is_burst)| {
        let mut cell = grid(100_000_000, 20_000, loss, is_burst);
        cell.place = None;
        cell.trouble = format!("classic wire, {}", cell.trouble);
        cell.transfer.pairs = vec![CLASSIC];
        cell.transfer.bulk = 64 << 10;
        cell
    });
    cells.collect()
}

fn grid(rate: u64, trip: u64, loss: u64, is_burst: bool) -> Cell {
    let kind = match (loss, is_burst) {
        (0, _) => "no loss".to_owned(),
        (_, false) => format!("{} % lost", loss as f64 / 1e4),
        (_, true) => format!("{} % in bursts", loss as f64 / 1e4),
    };
    let mut cell = plain(rate, trip, &kind);
    cell.place = Some((rate, trip, loss, is_burst));
    // Both directions lose: confirmations are no better off.
    for link in [&mut cell.transfer.there, &mut cell.transfer.back] {
        if is_burst {
            link.burst = Some(Burst::of(loss, BURST));
        } else {
            link.loss_ppm = loss;
        }
    }
    cell
}

/// A good link of this rate and round trip, whose queue holds what is on the way.
fn plain(rate: u64, trip: u64, trouble: &str) -> Cell {
    let link = Link { rate, delay: Duration::from_micros(trip / 2), mtu: MTU, ..Link::default() };
    let queue = link.bandwidth_delay().max(50 * MTU);
    let link = Link { queue, ..link };
    let shortest = Duration::from_micros(trip) * SHORTEST;
    let time = Duration::from_micros(ENOUGH * FULL * 1_000_000 / rate).clamp(shortest, LONGEST.max(shortest));
    let outstanding = (8 * link.bandwidth_delay()).clamp(256 << 10, OUTSTANDING);
    let transfer = Transfer {
        seed: rate ^ trip,
        there: link,
        back: link,
        pairs: vec![OURS],
        outstanding,
        // Many are sent by turns and end together: small ones, or what ends in the measured half is a matter of luck.
        bulk: (outstanding / 64).clamp(8 << 10, 64 << 10),
        // A thousand of them, never more than a tenth of the link.
        pace: (time / 1000).min(Duration::from_millis(10)).max(Duration::from_micros(80_000_000_000 / rate)),
        time,
        datagrams: MOST,
        ..Transfer::default()
    };
    Cell { link: format!("{} {}", bits(rate), millis(trip)), trouble: trouble.to_owned(), place: None, transfer }
}

/// Links with one trouble each.
fn troubles() -> Vec<Cell> {
    let milli = Duration::from_millis;
    let usual = |trouble: &str, change: fn(&mut Link)| {
        let mut cell = plain(100_000_000, 20_000, trouble);
        change(&mut cell.transfer.there);
        change(&mut cell.transfer.back);
        cell
    };
    let there = |trouble: &str, change: fn(&mut Link)| {
        let mut cell = plain(100_000_000, 20_000, trouble);
        change(&mut cell.transfer.there);
        cell
    };
    let mut cells = vec![
        usual("5 % held back 1 ms", |l| (l.reorder, l.holdback) = (50, Duration::from_millis(1))),
        usual("5 % held back 10 ms", |l| (l.reorder, l.holdback) = (50, Duration::from_millis(10))),
        usual("5 % doubled", |l| l.duplicate = 50),
        usual("jitter 10 ms, reordering", |l| l.jitter = Duration::from_millis(10)),
        usual("jitter 10 ms, in order", |l| (l.jitter, l.is_ordered) = (Duration::from_millis(10), true)),
        usual("jitter 4 ms, 1 % doubled, 0.5 % lost", |l| {
            (l.jitter, l.duplicate, l.loss_ppm) = (Duration::from_millis(4), 10, 5000);
        }),
        usual("1 % corrupted", |l| l.corrupt = 10),
        there("queue of 20 round trips (bufferbloat)", |l| l.queue *= 20),
        there("queue of a tenth round trip", |l| l.queue /= 10),
        there("marks above a fifth round trip", |l| (l.mark, l.queue) = (l.queue / 5, l.queue * 2)),
    ];
    let mut back = plain(100_000_000, 20_000, "10 % lost on the way back");
    back.transfer.back.loss = 100;
    cells.push(back);
    let mut back = plain(100_000_000, 20_000, "1 Mb/s on the way back");
    back.transfer.back.rate = 1_000_000;
    cells.push(back);
    let stepped = |trouble: &str, steps: Vec<(Duration, Side, Step)>| {
        let mut cell = plain(100_000_000, 20_000, trouble);
        cell.transfer.time = milli(9000);
        cell.transfer.pace = milli(9);
        cell.transfer.steps = steps;
        cell
    };
    let rate = |after, rate| (milli(after), Side::There, Step::Rate(rate));
    cells.push(stepped("10 Mb/s from 3 s to 6 s", vec![rate(3000, 10_000_000), rate(6000, 100_000_000)]));
    cells.push(stepped("10 Mb/s for the first 3 s", vec![rate(0, 10_000_000), rate(3000, 100_000_000)]));
    let delay = |after, delay| (milli(after), Side::Both, Step::Delay(milli(delay)));
    cells.push(stepped("RTT 200 ms from 3 s to 6 s", vec![delay(3000, 100), delay(6000, 10)]));
    let mtu = |after, mtu| (milli(after), Side::Both, Step::Mtu(mtu));
    cells.push(stepped("nothing above 1,250 B from 3 s on", vec![mtu(3000, 1250)]));
    let cut = |after, is_cut| (milli(after), Side::Both, Step::Cut(is_cut));
    cells.push(stepped("cut from 3 s to 5 s", vec![cut(3000, true), cut(5000, false)]));
    for (rate, trip, loss) in
        [(20_000_000, 100_000, 10_000), (10_000_000, 40_000, 200_000), (20_000_000, 600_000, 10_000)]
    {
        let mut cell = grid(rate, trip, loss, false);
        cell.place = None;
        cells.push(cell);
    }
    cells
}

/// A rate in words.
pub(crate) fn bits(rate: u64) -> String {
    if rate >= 1_000_000_000 { format!("{} Gb/s", rate / 1_000_000_000) } else { format!("{} Mb/s", rate / 1_000_000) }
}

/// A round trip in words.
pub(crate) fn millis(trip: u64) -> String {
    format!("{} ms", trip as f64 / 1000.0)
}
