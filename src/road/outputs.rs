//! What a road has for its shell, in order. What comes a thousand at a time lies together: tickets that were answered one
//! after the other as one entry, and small messages of one packet as one; they are told apart when the shell takes them.

use std::collections::VecDeque;

use super::v1::message::Bodies;
use crate::base::Name;
use crate::keep::{Change, Note};
use crate::message::{Message, Route};
use crate::transport::{Event, Ticket};

/// What a road gives its shell besides datagrams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// For the application.
    Event(Event),
    /// For the disk.
    Keep(Change),
    /// For the daemon's journal and log: who came, and who is kept out and why. Bounded in number, whatever strangers send.
    Note(Note),
}

/// Outputs that wait.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    queue: VecDeque<Entry>,
    /// How many there are, each of a run counted.
    len: usize,
    /// Bytes of messages among them.
    bytes: usize,
}

#[derive(Debug)]
enum Entry {
    One(Output),
    /// Tickets delivered, so many with consecutive numbers.
    Delivered(Ticket, u64),
    Received(Run),
}

/// Messages of one estate that differ in their bodies alone.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) from: Name,
    pub(crate) route: Route,
    pub(crate) kind: String,
    pub(crate) bodies: Bodies,
}

impl Outputs {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of messages that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, output: Output) {
        self.len += 1;
        self.bytes += body(&output);
        self.queue.push_back(Entry::One(output));
    }

    pub(super) fn delivered(&mut self, ticket: Ticket) {
        self.len += 1;
        match self.queue.back_mut() {
            Some(Entry::Delivered(first, count)) if first.0.checked_add(*count) == Some(ticket.0) => *count += 1,
            _ => self.queue.push_back(Entry::Delivered(ticket, 1)),
        }
    }

    pub(super) fn received(&mut self, run: Run) {
        self.len += run.bodies.len();
        self.bytes += run.bodies.bytes();
        self.queue.push_back(Entry::Received(run));
    }

    /// The oldest. Each arm returns what it makes: an output is large, and moved about it would cost as much as the rest.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Output> {
        if let Some(Entry::Delivered(first, count)) = self.queue.front_mut() {
            let ticket = *first;
            (first.0, *count) = (first.0.wrapping_add(1), *count - 1);
            self.len -= 1;
            if *count == 0 {
                self.queue.pop_front();
            }
            return Some(Output::Event(Event::Delivered { ticket }));
        }
        self.next_received()
    }

    fn next_received(&mut self) -> Option<Output> {
        let Some(Entry::Received(run)) = self.queue.front_mut() else { return self.next_one() };
        let before = run.bodies.bytes();
        let body = run.bodies.next().unwrap_or_default();
        self.bytes -= before - run.bodies.bytes();
        self.len -= 1;
        if run.bodies.len() == 0
            && let Some(Entry::Received(Run { from, route, kind, .. })) = self.queue.pop_front()
        {
            return Some(Output::Event(Event::Received { from, message: Message { route, kind, body } }));
        }
        let Some(Entry::Received(Run { from, route, kind, .. })) = self.queue.front() else { return None };
        let message = Message { route: route.clone(), kind: kind.clone(), body };
        Some(Output::Event(Event::Received { from: from.clone(), message }))
    }

    fn next_one(&mut self) -> Option<Output> {
        let Some(Entry::One(output)) = self.queue.pop_front() else { return None };
        self.bytes -= body(&output);
        self.len -= 1;
        Some(output)
    }
}

fn body(output: &Output) -> usize {
    match output {
        Output::Event(Event::Received { message, .. }) => message.body.len(),
        Output::Event(Event::Chunk { data, .. } | Event::Cast { data, .. }) => data.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn received(body: Bytes) -> Output {
        let message = Message { body, ..Message::default() };
        Output::Event(Event::Received { from: Name::new("a").unwrap(), message })
    }

    fn run(sizes: &[usize]) -> (Run, Vec<Output>) {
        let mut block = Vec::new();
        let mut all = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            let body = vec![i as u8; *size];
            crate::wire::v1::varint::push(&mut block, *size as u64);
            block.extend_from_slice(&body);
            all.push(received(body.into()));
        }
        let bodies = Bodies::new(block.into(), sizes.len());
        (Run { from: Name::new("a").unwrap(), route: Route::default(), kind: String::new(), bodies }, all)
    }

    proptest! {
        #[test]
        fn everything_comes_out_once_and_in_order(
            steps in proptest::collection::vec((0u8..4, any::<u64>(), proptest::collection::vec(0usize..99, 1..9)), 0..60),
        ) {
            let (mut outputs, mut model, mut ticket) = (Outputs::default(), VecDeque::new(), 0u64);
            for (what, lot, sizes) in steps {
                match what {
                    0 => {
                        ticket = if lot % 4 == 0 { lot } else { ticket.wrapping_add(1) };
                        outputs.delivered(Ticket(ticket));
                        model.push_back(Output::Event(Event::Delivered { ticket: Ticket(ticket) }));
                    }
                    1 => {
                        let (run, all) = run(&sizes);
                        outputs.received(run);
                        model.extend(all);
                    }
                    2 => {
                        let one = if lot % 2 == 0 { received(vec![3; 5].into()) } else { Output::Event(Event::Room) };
                        outputs.push(one.clone());
                        model.push_back(one);
                    }
                    _ => prop_assert_eq!(outputs.next(), model.pop_front()),
                }
                prop_assert_eq!(outputs.len(), model.len());
            }
            while let Some(output) = outputs.next() {
                prop_assert_eq!(Some(output), model.pop_front());
            }
            prop_assert_eq!((outputs.len(), outputs.bytes(), model.len()), (0, 0, 0));
        }
    }
}
