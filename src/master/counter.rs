//! Where minions' requests for files, states and pillars are taken: owns who waits, whose turn it is, what the host works on
//! and how much of its answers is on its way. Reads no request and gives no answer.
//!
//! Minions take turns, so that one with many requests, or one that takes its answers slowly, holds up nobody else.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Name, limits};
use crate::duty::Asked;
use crate::message::Message;

/// All requests that are not done.
#[derive(Debug, Default)]
pub(super) struct Counter {
    lines: BTreeMap<Name, Line>,
    /// Those whose line is `queued`, each once.
    turns: VecDeque<Name>,
    /// What the host works on; `None`: nobody waits for it any more.
    open: BTreeMap<u64, Option<Open>>,
    waiting: usize,
    waiting_bytes: usize,
    unsent: usize,
    last: u64,
}

/// A request the host works on.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) from: Name,
    pub(super) request: Message,
    pub(super) kind: Kind,
}

/// What a request is to the order of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of many.
    Plain,
    /// For the pillar: a newcomer is settled with the answer.
    Pillar,
    /// For the pillar, by a process that takes the next message, whatever it is, for the answer.
    Blocking,
}

/// One minion's.
#[derive(Debug, Default)]
struct Line {
    asks: VecDeque<(Message, Kind)>,
    bytes: usize,
    running: usize,
    /// Bytes of answers on their way.
    unsent: usize,
    queued: bool,
    /// Requests that block it.
    blocking: usize,
    /// Answers to its other requests, held back until it is not blocked any more.
    held: Vec<Message>,
}

impl Line {
    fn may_start(&self) -> bool {
        !self.asks.is_empty() && self.running < limits::SERVED_OF_ONE && self.unsent < limits::ANSWERS_OF_ONE_BYTES
    }

    fn is_idle(&self) -> bool {
        self.asks.is_empty() && self.running == 0 && self.unsent == 0 && self.blocking == 0 && !self.queued
    }
}

impl Counter {
    /// Takes a request in; says whether there was room.
    pub(super) fn take(&mut self, from: &Name, request: Message, kind: Kind) -> bool {
        let size = request.body.len();
        let line = self.lines.get(from);
        let (asks, bytes) = line.map_or((0, 0), |line| (line.asks.len(), line.bytes));
        let is_over = |held: usize, most| held > 0 && held + size > most;
        if asks >= limits::ASKED_OF_ONE
            || self.waiting >= limits::ASKED
            || is_over(bytes, limits::ASKED_OF_ONE_BYTES)
            || is_over(self.waiting_bytes, limits::ASKED_BYTES)
        {
            return false;
        }
        let line = self.lines.entry(from.clone()).or_default();
        line.bytes += size;
        line.blocking += usize::from(kind == Kind::Blocking);
        line.asks.push_back((request, kind));
        self.waiting += 1;
        self.waiting_bytes += size;
        self.wake(from);
        true
    }

    /// The next request the host may begin with.
    pub(super) fn next(&mut self) -> Option<Asked> {
        while self.is_ready() {
            let from = self.turns.pop_front()?;
            let Some(line) = self.lines.get_mut(&from) else { continue };
            line.queued = false;
            if !line.may_start() {
                self.wake(&from);
                continue;
            }
            let Some((request, kind)) = line.asks.pop_front() else { continue };
            line.bytes -= request.body.len();
            line.running += 1;
            self.waiting -= 1;
            self.waiting_bytes -= request.body.len();
            self.last += 1;
            let number = self.last;
            self.open.insert(number, Some(Open { from: from.clone(), request: request.clone(), kind }));
            self.wake(&from);
            return Some(Asked { number, from, request });
        }
        None
    }

    /// Whether [`next`](Self::next) has one.
    pub(super) fn is_ready(&self) -> bool {
        !self.turns.is_empty() && self.open.len() < limits::SERVED_AT_ONCE && self.unsent < limits::ANSWERS_BYTES
    }

    /// The host is done with a request: what it was, unless nobody waits for it any more.
    pub(super) fn done(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number).flatten()?;
        if let Some(line) = self.lines.get_mut(&open.from) {
            line.running -= 1;
        }
        self.wake(&open.from);
        Some(open)
    }

    /// An answer of so many bytes is on its way.
    pub(super) fn on_sent(&mut self, to: &Name, size: usize) {
        self.lines.entry(to.clone()).or_default().unsent += size;
        self.unsent += size;
    }

    /// It has arrived, or never will.
    pub(super) fn on_gone(&mut self, to: &Name, size: usize) {
        if let Some(line) = self.lines.get_mut(to) {
            let size = size.min(line.unsent);
            line.unsent -= size;
            self.unsent -= size;
        }
        self.wake(to);
    }

    /// Whether a request that blocks it is not answered yet.
    pub(super) fn is_blocked(&self, id: &Name) -> bool {
        self.lines.get(id).is_some_and(|line| line.blocking > 0)
    }

    /// Keeps an answer until the minion is no longer blocked; gives it back when it is not, or has too many.
    pub(super) fn hold(&mut self, to: &Name, answer: Message) -> Option<Message> {
        match self.lines.get_mut(to) {
            Some(line) if line.blocking > 0 && line.held.len() < limits::ASKED_OF_ONE => {
                line.held.push(answer);
                None
            }
            _ => Some(answer),
        }
    }

    /// A blocking request has its answer, or never will; when it was the last, gives the answers that were held.
    pub(super) fn on_unblocked(&mut self, id: &Name) -> Vec<Message> {
        let Some(line) = self.lines.get_mut(id) else { return Vec::new() };
        line.blocking = line.blocking.saturating_sub(1);
        let held = if line.blocking == 0 { std::mem::take(&mut line.held) } else { Vec::new() };
        self.wake(id);
        held
    }

    /// Those who asked are gone: whoever comes in this estate's place would take the answers for its own.
    pub(super) fn forget(&mut self, id: &Name) {
        let Some(line) = self.lines.get_mut(id) else { return };
        self.waiting -= line.asks.len();
        self.waiting_bytes -= line.bytes;
        // What is on its way fails, one by one.
        *line = Line { unsent: line.unsent, queued: line.queued, ..Line::default() };
        for open in self.open.values_mut().filter(|open| open.as_ref().is_some_and(|open| open.from == *id)) {
            *open = None;
        }
        self.wake(id);
    }

    /// Gives it a turn if it may have one; forgets it if there is nothing to say of it.
    fn wake(&mut self, id: &Name) {
        let Some(line) = self.lines.get_mut(id) else { return };
        if !line.queued && line.may_start() {
            line.queued = true;
            self.turns.push_back(id.clone());
        } else if line.is_idle() {
            self.lines.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Route;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn name(n: usize) -> Name {
        Name::new(&format!("m{n}")).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take(usize, usize, bool),
        Next,
        /// The oldest one with the host is done, with an answer of so many bytes.
        Done(usize),
        /// The oldest answer arrives.
        Arrive,
        Forget(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0usize..4, 0usize..3_000_000, any::<bool>()).prop_map(|(id, size, blocks)| Step::Take(id, size, blocks)),
            4 => Just(Step::Next),
            4 => (0usize..20_000_000).prop_map(Step::Done),
            4 => Just(Step::Arrive),
            1 => (0usize..4).prop_map(Step::Forget),
        ]
    }

    fn request(size: usize) -> Message {
        Message { route: Route::default(), kind: "load".to_owned(), body: bytes::Bytes::from(vec![0; size]) }
    }

    fn kind(blocks: bool) -> Kind {
        if blocks { Kind::Blocking } else { Kind::Plain }
    }

    #[derive(Default)]
    struct Host {
        counter: Counter,
        working: VecDeque<u64>,
        going: VecDeque<(Name, usize, bool)>,
        /// Taken in and not answered.
        owed: usize,
        void: BTreeSet<u64>,
    }

    impl Host {
        fn step(&mut self, step: Step) {
            match step {
                Step::Take(id, size, blocks) => {
                    self.owed += usize::from(self.counter.take(&name(id), request(size), kind(blocks)))
                }
                Step::Next => self.working.extend(self.counter.next().map(|asked| asked.number)),
                Step::Done(size) => {
                    let Some(number) = self.working.pop_front() else { return };
                    if let Some(open) = self.counter.done(number) {
                        self.counter.on_sent(&open.from, size);
                        self.going.push_back((open.from, size, open.kind == Kind::Blocking));
                        self.owed -= 1;
                    } else {
                        assert!(self.void.remove(&number));
                    }
                }
                Step::Arrive => {
                    let Some((to, size, blocks)) = self.going.pop_front() else { return };
                    self.counter.on_gone(&to, size);
                    if blocks {
                        self.counter.on_unblocked(&to);
                    }
                }
                Step::Forget(id) => {
                    let id = name(id);
                    let line = self.counter.lines.get(&id).map_or(0, |line| line.asks.len());
                    let open = self.counter.open.iter();
                    let open: Vec<_> =
                        open.filter(|(_, o)| o.as_ref().is_some_and(|o| o.from == id)).map(|(n, _)| *n).collect();
                    self.owed -= line + open.len();
                    self.void.extend(open);
                    self.counter.forget(&id);
                    // As a transport does: what is on its way fails.
                    let (lost, going): (Vec<_>, _) = self.going.drain(..).partition(|(to, ..)| *to == id);
                    self.going = going.into();
                    lost.into_iter().for_each(|(to, size, _)| self.counter.on_gone(&to, size));
                }
            }
            assert!(self.counter.open.len() <= limits::SERVED_AT_ONCE);
            assert!(self.counter.lines.values().all(|line| line.running <= limits::SERVED_OF_ONE));
        }
    }

    proptest! {
        #[test]
        fn every_request_has_its_turn_and_nothing_is_left_behind(steps in proptest::collection::vec(step(), 0..200)) {
            let mut host = Host::default();
            steps.into_iter().for_each(|step| host.step(step));
            for _ in 0..1000 {
                [Step::Next, Step::Done(1), Step::Arrive].into_iter().for_each(|step| host.step(step));
            }
            prop_assert_eq!(host.owed, 0);
            prop_assert_eq!((host.counter.waiting, host.counter.waiting_bytes, host.counter.unsent), (0, 0, 0));
            prop_assert!(host.counter.lines.is_empty() && host.counter.open.is_empty(), "{:?}", host.counter.lines);
        }
    }
}
