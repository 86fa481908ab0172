//! What a link is like, and the grid of links the peers are measured over. Never what happens on it.

/// One direction of a link.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// As the tables call it.
    pub(crate) name: &'static str,
    /// Bits per second, counted over IP packets; 0: no limit.
    pub(crate) rate: u64,
    /// One way, in microseconds.
    pub(crate) delay: u64,
    /// Most that is added to `delay`, evenly spread, in microseconds; the order of packets is kept.
    pub(crate) jitter: u64,
    /// Most bytes that wait for the wire; a packet that does not fit is dropped.
    pub(crate) queue: u64,
    /// What is lost on the wire, after it has used its share of the rate.
    pub(crate) loss: Loss,
    /// Share of packets held back behind their successors.
    pub(crate) reorder: f64,
    /// For how long: between a fifth of it and all of it, in microseconds.
    pub(crate) reorder_by: u64,
    /// Share of packets that arrive twice.
    pub(crate) duplicate: f64,
}

/// How packets get lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    /// Each on its own, with this share.
    Random(f64),
    /// Gilbert–Elliott with a bad state that loses everything: this share on average, this many packets in a row on average.
    Bursts { average: f64, length: f64 },
}

impl Loss {
    /// The share lost on average.
    pub(crate) fn average(self) -> f64 {
        match self {
            Self::Random(share) => share,
            Self::Bursts { average, .. } => average,
        }
    }
}

impl Spec {
    /// A link with `rate` in Mb/s, a round trip in milliseconds and random loss; the queue holds one round trip's worth.
    pub(crate) const fn plain(name: &'static str, rate: u64, round_trip: u64, loss: f64) -> Self {
        Self {
            name,
            rate: rate * 1_000_000,
            delay: round_trip * 500,
            jitter: 0,
            queue: rate * 1_000_000 / 8 * round_trip / 1_000,
            loss: Loss::Random(loss),
            reorder: 0.0,
            reorder_by: 0,
            duplicate: 0.0,
        }
    }
}

const BASE: Spec = Spec::plain("100 Mb/s 20 ms, no loss", 100, 20, 0.0);

/// The lossy grid, in the order of the tables. Loss, reordering and duplicates strike in both directions.
pub(crate) const GRID: &[Spec] = &[
    BASE,
    Spec::plain("0.1 %", 100, 20, 0.001),
    Spec::plain("1 %", 100, 20, 0.01),
    Spec::plain("3 %", 100, 20, 0.03),
    Spec::plain("5 %", 100, 20, 0.05),
    Spec::plain("10 %", 100, 20, 0.10),
    Spec::plain("20 %", 100, 20, 0.20),
    Spec { name: "bursts, 1 % on average", loss: Loss::Bursts { average: 0.01, length: 10.0 }, ..BASE },
    Spec { name: "5 % reordered, none lost", reorder: 0.05, reorder_by: 5_000, ..BASE },
    Spec {
        name: "jitter 3 ms, 1 % twice, 0.5 % lost",
        jitter: 3_000,
        duplicate: 0.01,
        loss: Loss::Random(0.005),
        ..BASE
    },
    Spec::plain("20 Mb/s 100 ms, 1 %", 20, 100, 0.01),
    Spec::plain("10 Mb/s 40 ms, 20 %", 10, 40, 0.20),
];

/// How many of the grid's first rows differ in random loss only: the curve of the plots.
pub(crate) const CURVE: usize = 7;
