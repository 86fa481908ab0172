//! What happens in one run, drawn from a seed: who sits where, how keys are accepted, and the events in order.

use std::time::Duration;

use roadstead::base::{Acceptance, Random};
use roadstead::wire::v0::{PacketKind, TransactKind};

/// One of the two estates of a road.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The master: it is joined, and accepts keys.
    Main,
    /// It joins the master.
    Minion,
}

/// What a process finds when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// All that the one before it wrote.
    Keep,
    /// The keys alone: its files of estates are gone.
    Lose,
    /// The keys of others: its own are new.
    Fresh,
}

/// What a link does to datagrams, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Of a thousand.
    pub(crate) loss: u64,
    /// Of a thousand.
    pub(crate) duplicate: u64,
    /// Of a thousand: held back so that others overtake.
    pub(crate) reorder: u64,
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A message of so many bytes.
    Send(Side, usize),
    /// The main's operator decides about the minion's key.
    Decide(Option<Acceptance>),
    /// The link changes.
    Weather(Weather),
    /// Nothing passes any more, or again.
    Cut(bool),
    /// A process ends and starts again.
    Restart(Side, Memory),
    /// A process is stopped for a while and goes on: time jumps for it.
    Sleep(Side, Duration),
    /// Both are.
    SleepBoth(Duration),
    /// The minion is seen under another port from now on.
    Move,
    /// The next so many datagrams of this kind from a side are lost.
    Steal(Side, TransactKind, PacketKind, u32),
    /// The application of the seat asks for a join, an allow, an alive. Ours has no such commands: it sees to them itself.
    Nudge(&'static str),
}

/// A whole run.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    /// Where the seat is that is taken by one implementation and then by the other.
    pub(crate) seat: Side,
    /// Whether the main accepts keys by itself.
    pub(crate) is_auto: bool,
    /// Whether its operator accepts what waits at the end.
    pub(crate) is_accepted: bool,
    /// Whether a known estate may change what it said of itself (`raet_mutable`).
    pub(crate) is_mutable: bool,
    /// Each with the time since the one before.
    pub(crate) steps: Vec<(Duration, Step)>,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Main => Self::Minion,
            Self::Minion => Self::Main,
        }
    }
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) const FINE: Self =
        Self { loss: 0, duplicate: 0, reorder: 0, delay: Duration::from_millis(1), jitter: Duration::ZERO };
}

/// How often each kind of step comes, in a hundred; what is left are nudges.
struct Mood {
    send: u64,
    weather: u64,
    cut: u64,
    restart: u64,
    fresh: u64,
    sleep: u64,
    decide: u64,
    moves: u64,
}

const MOODS: [Mood; 5] = [
    // Messages over bad links.
    Mood { send: 70, weather: 20, cut: 5, restart: 0, fresh: 0, sleep: 2, decide: 0, moves: 0 },
    // Processes that come and go.
    Mood { send: 45, weather: 10, cut: 5, restart: 27, fresh: 0, sleep: 8, decide: 0, moves: 0 },
    // Operators.
    Mood { send: 45, weather: 5, cut: 5, restart: 12, fresh: 5, sleep: 3, decide: 22, moves: 0 },
    // Roaming, suspended machines.
    Mood { send: 45, weather: 8, cut: 8, restart: 5, fresh: 0, sleep: 18, decide: 0, moves: 11 },
    // A bit of all.
    Mood { send: 44, weather: 12, cut: 8, restart: 10, fresh: 2, sleep: 8, decide: 8, moves: 3 },
];

impl Script {
    /// One with these steps, each so many milliseconds after the one before: a minion in the seat, keys accepted at once.
    pub(crate) fn of(seed: u64, steps: &[(u64, Step)]) -> Self {
        let steps = steps.iter().map(|(pause, step)| (Duration::from_millis(*pause), *step)).collect();
        Self { seed, seat: Side::Minion, is_auto: true, is_accepted: true, is_mutable: false, steps }
    }

    /// Whether nothing but messages happened before the `n`th step, and the road had time to come up.
    pub(crate) fn is_calm_before(&self, n: u64) -> bool {
        let steps = self.steps.iter().take(n as usize);
        let time: Duration = steps.clone().map(|(pause, _)| *pause).sum();
        let is_calm = |step: &Step| matches!(step, Step::Send(..)) || *step == Step::Weather(Weather::FINE);
        self.is_auto && time > Duration::from_secs(10) && steps.into_iter().all(|(_, step)| is_calm(step))
    }

    /// Whether a step of this kind is in it.
    pub(crate) fn has(&self, is_it: fn(&Step) -> bool) -> bool {
        self.steps.iter().any(|(_, step)| is_it(step))
    }

    /// The script of a seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut random = Random::from_number(seed);
        let r = &mut random;
        let seat = if r.below(2) == 0 { Side::Minion } else { Side::Main };
        let is_auto = r.below(3) > 0;
        let is_mutable = r.below(4) == 0;
        let mood = &MOODS[r.below(MOODS.len() as u64) as usize];
        let mut steps = Vec::new();
        if r.below(2) == 0 {
            steps.push((Duration::ZERO, Step::Weather(weather(r))));
        }
        let count = 5 + r.below(26) as usize;
        // A key that waits is accepted sooner or later, mostly.
        let is_accepted = r.below(8) > 0;
        let accepted = if is_auto || !is_accepted { usize::MAX } else { r.below(4) as usize };
        while steps.len() < count {
            if steps.len() == accepted {
                steps.push((pause(r), Step::Decide(Some(Acceptance::Accepted))));
            }
            let step = mood.draw(r, seat);
            steps.push((pause(r), step));
        }
        Self { seed, seat, is_auto, is_accepted, is_mutable, steps }
    }
}

impl Mood {
    fn draw(&self, r: &mut Random, seat: Side) -> Step {
        let side = if r.below(2) == 0 { Side::Main } else { Side::Minion };
        let mut at = r.below(100);
        let mut is_now = |share: u64| {
            let is_now = at < share;
            at = at.wrapping_sub(share);
            is_now
        };
        if is_now(self.send) {
            Step::Send(side, size(r))
        } else if is_now(self.weather) {
            Step::Weather(weather(r))
        } else if is_now(self.cut) {
            Step::Cut(r.below(2) == 0)
        } else if is_now(self.restart) {
            Step::Restart(side, if r.below(3) == 0 { Memory::Lose } else { Memory::Keep })
        } else if is_now(self.fresh) {
            Step::Restart(if r.below(3) == 0 { seat } else { Side::Minion }, Memory::Fresh)
        } else if is_now(self.sleep) {
            let time = Duration::from_secs([3, 15, 70, 200][r.below(4) as usize]);
            if r.below(3) == 0 { Step::SleepBoth(time) } else { Step::Sleep(side, time) }
        } else if is_now(self.decide) {
            let accepted = Some(Acceptance::Accepted);
            Step::Decide([accepted, accepted, Some(Acceptance::Rejected), None][r.below(4) as usize])
        } else if is_now(self.moves) {
            Step::Move
        } else {
            Step::Nudge(["join", "allow", "alive"][r.below(3) as usize])
        }
    }
}

fn pause(r: &mut Random) -> Duration {
    let most = [300, 3_000, 3_000, 20_000][r.below(4) as usize];
    Duration::from_millis(r.below(most))
}

fn size(r: &mut Random) -> usize {
    match r.below(40) {
        0..4 => 0,
        4..20 => r.below(1_000) as usize,
        20..33 => r.below(10_000) as usize,
        33..37 => r.below(60_000) as usize,
        37..39 => r.below(200_000) as usize,
        _ if r.below(4) == 0 => 1_000_000,
        _ => 200_000,
    }
}

fn weather(r: &mut Random) -> Weather {
    let millis = Duration::from_millis;
    if r.below(4) == 0 {
        return Weather::FINE;
    }
    Weather {
        loss: [0, 10, 100, 200, 300][r.below(5) as usize],
        duplicate: [0, 0, 50, 200][r.below(4) as usize],
        reorder: [0, 0, 50, 200][r.below(4) as usize],
        delay: millis([1, 5, 30, 120][r.below(4) as usize]),
        jitter: millis([0, 0, 5, 60][r.below(4) as usize]),
    }
}
