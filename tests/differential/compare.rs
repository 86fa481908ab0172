//! What two runs of one script differ in, and which differences are known and why.

use crate::end::Told;
use crate::script::{Script, Side};
use crate::stage::{Fate, PROBES, Probes, Run};

/// A difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A process crashed: which of the run's ends it was.
    Crash(Seat, usize),
    /// After a while of fine weather the sides do not agree whether they are together.
    OneSided(Seat),
    /// They are together with one seat and not with the other.
    Together,
    /// What one side thinks of the other's key: who holds it.
    Standing(Side),
    /// Together, and a probe did not arrive.
    Probe(Seat),
    /// Not together after an operator set things right.
    Rescue(Seat),
    /// A message arrived with one seat and not with the other; with whom it is missing.
    Missing(Seat, u64),
    /// A message arrived twice.
    Twice(Seat, u64),
    /// A message arrived damaged.
    Damaged(Seat, u64),
    /// A message was said to have arrived and did not.
    Untrue(Seat, u64),
}

/// Who sat in the seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    Ours,
    Theirs,
}

/// Two runs of a script.
pub(crate) struct Pair {
    pub(crate) script: Script,
    pub(crate) ours: Run,
    pub(crate) theirs: Run,
}

impl Pair {
    pub(crate) fn run(&self, seat: Seat) -> &Run {
        match seat {
            Seat::Ours => &self.ours,
            Seat::Theirs => &self.theirs,
        }
    }

    pub(crate) fn fate(&self, seat: Seat, n: u64) -> &Fate {
        &self.run(seat).messages[&n]
    }

    /// All differences, and what neither run may do.
    pub(crate) fn differences(&self) -> Vec<What> {
        let mut found = Vec::new();
        for seat in [Seat::Ours, Seat::Theirs] {
            self.check(seat, &mut found);
        }
        let (ours, theirs) = (&self.ours, &self.theirs);
        if ours.probes.is_together != theirs.probes.is_together {
            found.push(What::Together);
        }
        for side in [Side::Main, Side::Minion] {
            if ours.standing(side) != theirs.standing(side) {
                found.push(What::Standing(side));
            }
        }
        for (n, fate) in ours.messages.iter().filter(|(n, _)| **n < PROBES) {
            let other = &theirs.messages[n];
            match (fate.arrivals.is_empty(), other.arrivals.is_empty()) {
                (true, false) => found.push(What::Missing(Seat::Ours, *n)),
                (false, true) => found.push(What::Missing(Seat::Theirs, *n)),
                _ => {}
            }
        }
        found
    }

    fn check(&self, seat: Seat, found: &mut Vec<What>) {
        let run = self.run(seat);
        let crashed = run.ends.iter().enumerate().filter(|(_, (_, _, crash))| crash.is_some());
        found.extend(crashed.map(|(at, _)| What::Crash(seat, at)));
        let [main, minion] = &run.settled;
        if main.is_present != minion.is_present {
            found.push(What::OneSided(seat));
        }
        if run.probes.is_together && run.probes.arrived != [true; 2] {
            found.push(What::Probe(seat));
        }
        let whole = Probes { is_together: true, arrived: [true; 2] };
        if run.rescued.is_some_and(|rescued| rescued != whole) {
            found.push(What::Rescue(seat));
        }
        for (n, fate) in &run.messages {
            if fate.arrivals.len() > 1 {
                found.push(What::Twice(seat, *n));
            }
            if fate.is_damaged {
                found.push(What::Damaged(seat, *n));
            }
            if fate.arrivals.is_empty() && fate.told.iter().any(|(_, told)| *told == Told::Done) {
                found.push(What::Untrue(seat, *n));
            }
        }
    }
}

impl Run {
    /// What a side thinks of the other's key, and which of the other's keys it is.
    pub(crate) fn standing(&self, side: Side) -> Option<(roadstead::base::Acceptance, bool)> {
        let (view, other) = (&self.settled[side as usize], &self.settled[side.other() as usize]);
        view.key.as_ref().map(|(acceptance, key)| (*acceptance, *key == other.own))
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, size, at, was_sent, told, arrivals, .. } = self;
        let seconds = |at: &roadstead::base::Time| at.0 as f64 / 1e6;
        write!(f, "{size} bytes from {from:?} at {:.3}, sent {was_sent}, told", seconds(at))?;
        for (at, told) in told {
            write!(f, " {told:?} {:.3}", seconds(at))?;
        }
        write!(f, ", arrived")?;
        arrivals.iter().try_for_each(|at| write!(f, " {:.3}", seconds(at)))
    }
}
