//! Which estates have work: packets to send now, in turn, and deadlines in order. Idle estates are in it once, for their
//! next sign of life.
//!
//! A deadline mostly moves to later, with every packet. It is then only noted: the estate stays in order where it was, and
//! is put where it belongs when that time comes. So [`Agenda::deadline`] may be early, never late.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::base::Time;

/// The road's list of what is due for whom.
#[derive(Default)]
pub(crate) struct Agenda {
    /// The line; estates that were taken out of it are skipped when their turn comes.
    line: VecDeque<u32>,
    /// How many are in the line in truth.
    ready: usize,
    order: BTreeSet<(Time, u32)>,
    entries: HashMap<u32, Entry, BuildHasherDefault<NumberHasher>>,
}

#[derive(Default, Clone, Copy)]
struct Entry {
    deadline: Option<Time>,
    /// Under which time it is in `order`: not after its deadline.
    queued: Option<Time>,
    is_ready: bool,
}

/// Numbers of estates are ours to give: nobody chooses them to collide.
#[derive(Default)]
struct NumberHasher(u64);

impl Agenda {
    /// Notes an estate's next deadline.
    pub(crate) fn set_deadline(&mut self, nuid: u32, deadline: Option<Time>) {
        let Some(time) = deadline else {
            if let Some(entry) = self.entries.get_mut(&nuid) {
                entry.deadline = None;
            }
            return self.forget(nuid);
        };
        let entry = self.entries.entry(nuid).or_default();
        entry.deadline = deadline;
        match entry.queued {
            Some(queued) if queued <= time => return,
            Some(queued) => drop(self.order.remove(&(queued, nuid))),
            None => {}
        }
        entry.queued = deadline;
        self.order.insert((time, nuid));
    }

    /// Puts an estate with packets to send at the end of the line, once.
    pub(crate) fn set_ready(&mut self, nuid: u32) {
        let entry = self.entries.entry(nuid).or_default();
        if !entry.is_ready {
            entry.is_ready = true;
            self.ready += 1;
            self.line.push_back(nuid);
        }
    }

    /// Takes the next estate from the line; the caller puts it back while it has more.
    pub(crate) fn next_ready(&mut self) -> Option<u32> {
        loop {
            let nuid = self.line.pop_front()?;
            if self.unready(nuid) {
                return Some(nuid);
            }
        }
    }

    /// Takes an estate out of the line again; says whether it was in it.
    pub(crate) fn unready(&mut self, nuid: u32) -> bool {
        let Some(entry) = self.entries.get_mut(&nuid).filter(|entry| entry.is_ready) else { return false };
        entry.is_ready = false;
        self.ready -= 1;
        self.forget(nuid);
        if self.ready == 0 {
            self.line.clear();
        }
        true
    }

    /// Whether an estate is in the line.
    pub(crate) fn is_in_line(&self, nuid: u32) -> bool {
        self.entries.get(&nuid).is_some_and(|entry| entry.is_ready)
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.ready > 0
    }

    /// The next estate whose deadline has come; its deadline is taken off.
    pub(crate) fn next_due(&mut self, now: Time) -> Option<u32> {
        while let Some(&(time, nuid)) = self.order.first()
            && time <= now
        {
            self.order.pop_first();
            let Some(entry) = self.entries.get_mut(&nuid) else { continue };
            entry.queued = entry.deadline.filter(|deadline| *deadline > now);
            match entry.queued {
                Some(later) => drop(self.order.insert((later, nuid))),
                None => {
                    entry.deadline = None;
                    self.forget(nuid);
                    return Some(nuid);
                }
            }
        }
        None
    }

    /// When to ask for [`Agenda::next_due`].
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.order.first().map(|(time, _)| *time)
    }

    pub(crate) fn remove(&mut self, nuid: u32) {
        self.unready(nuid);
        self.set_deadline(nuid, None);
    }

    /// Drops the entry of an estate with nothing to do.
    fn forget(&mut self, nuid: u32) {
        let Some(entry) = self.entries.get(&nuid).filter(|entry| entry.deadline.is_none()) else { return };
        if let Some(queued) = entry.queued {
            self.order.remove(&(queued, nuid));
        }
        if entry.is_ready {
            if let Some(entry) = self.entries.get_mut(&nuid) {
                entry.queued = None;
            }
        } else {
            self.entries.remove(&nuid);
        }
    }
}

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, n: u32) {
        // Fibonacci hashing: the table takes its place from the low bits and its mark from the high ones.
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What an agenda is asked to do.
    #[derive(Debug, Clone)]
    enum Step {
        Deadline(u32, Option<u64>),
        Ready(u32),
        Unready(u32),
        Remove(u32),
        Due(u64),
        Turn,
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = 0u32..5;
        prop_oneof![
            (who.clone(), proptest::option::of(0u64..50)).prop_map(|(n, time)| Step::Deadline(n, time)),
            who.clone().prop_map(Step::Ready),
            who.clone().prop_map(Step::Unready),
            who.prop_map(Step::Remove),
            (0u64..60).prop_map(Step::Due),
            Just(Step::Turn),
        ]
    }

    proptest! {
        #[test]
        fn is_a_line_and_a_calendar(steps in proptest::collection::vec(step(), 1..200)) {
            let mut agenda = Agenda::default();
            let (mut line, mut due) = (Vec::new(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Deadline(n, time) => {
                        agenda.set_deadline(n, time.map(Time));
                        match time {
                            Some(time) => drop(due.insert(n, time)),
                            None => drop(due.remove(&n)),
                        }
                    }
                    Step::Ready(n) => {
                        agenda.set_ready(n);
                        if !line.contains(&n) {
                            line.push(n);
                        }
                    }
                    Step::Unready(n) => {
                        prop_assert_eq!(agenda.unready(n), line.contains(&n));
                        line.retain(|other| *other != n);
                    }
                    Step::Remove(n) => {
                        agenda.remove(n);
                        line.retain(|other| *other != n);
                        due.remove(&n);
                    }
                    Step::Due(now) => {
                        let found = agenda.next_due(Time(now));
                        let expected = due.values().any(|time| *time <= now);
                        prop_assert_eq!(found.is_some(), expected);
                        if let Some(n) = found {
                            prop_assert!(due.remove(&n).is_some_and(|time| time <= now));
                        }
                    }
                    Step::Turn => {
                        let found = agenda.next_ready();
                        prop_assert_eq!(found.is_some(), !line.is_empty());
                        if let Some(n) = found {
                            prop_assert!(line.contains(&n));
                            line.retain(|other| *other != n);
                        }
                    }
                }
                prop_assert_eq!(agenda.has_ready(), !line.is_empty());
                prop_assert!((0..5).all(|n| agenda.is_in_line(n) == line.contains(&n)));
                // Early it may be, late never; and what nobody waits for is not in it.
                let first = due.values().min().copied();
                prop_assert_eq!(agenda.deadline().is_some(), first.is_some());
                prop_assert!(agenda.deadline().is_none_or(|time| Some(time.0) <= first));
                prop_assert!(agenda.entries.len() <= 5 && agenda.order.len() == due.len());
            }
            while agenda.next_due(Time(1000)).is_some() || agenda.next_ready().is_some() {}
            prop_assert!(agenda.entries.is_empty() && agenda.order.is_empty() && agenda.line.is_empty());
        }
    }

    #[test]
    fn estates_take_turns() {
        let mut agenda = Agenda::default();
        (0..3).for_each(|n| agenda.set_ready(n));
        agenda.set_ready(0);
        assert!(agenda.unready(1));
        assert_eq!([agenda.next_ready(), agenda.next_ready(), agenda.next_ready()], [Some(0), Some(2), None]);
    }
}
