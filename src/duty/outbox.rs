//! Commands on their way to a transport that may hand them back. Owns their order and the ticket numbers, never their meaning.

use std::collections::{BTreeSet, VecDeque};

use crate::base::Name;
use crate::message::Message;
use crate::transport::{Command, Ticket};

/// After this many estates without room no message is offered until there is: asking all of ten thousand each time would
/// cost more than waiting. Key decisions go on.
const SHUT_MAX: usize = 16;

/// A queue of commands that keeps each estate's order, and lets one estate without room hold up nobody else.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Command>,
    /// Handed back, or behind one that was; all older than anything in `queue`.
    held: VecDeque<Command>,
    shut: BTreeSet<Name>,
    /// Key decisions in `queue`.
    admits: usize,
    last_ticket: u64,
}

impl Outbox {
    /// Queues a command.
    pub fn push(&mut self, command: Command) {
        self.admits += usize::from(is_admit(&command));
        self.queue.push_back(command);
    }

    /// Queues a message under a fresh ticket.
    pub fn send(&mut self, to: Name, message: Message) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.push(Command::Send { ticket, to, message });
        ticket
    }

    /// The transport had no room for `command`, which was polled before: it is offered again after [`on_room`](Self::on_room).
    pub fn handle_returned(&mut self, command: Command) {
        self.shut.extend(estate(&command).cloned());
        self.held.push_back(command);
    }

    /// The transport has room again.
    pub fn on_room(&mut self) {
        self.shut.clear();
        self.held.append(&mut self.queue);
        std::mem::swap(&mut self.held, &mut self.queue);
        self.admits = self.queue.iter().filter(|command| is_admit(command)).count();
    }

    /// The next command. Messages whose ticket is not `wanted` any more are dropped.
    pub fn poll(&mut self, wanted: impl Fn(Ticket) -> bool) -> Option<Command> {
        while self.is_ready() {
            let command = self.queue.pop_front()?;
            self.admits -= usize::from(is_admit(&command));
            if matches!(&command, Command::Send { ticket, .. } if !wanted(*ticket)) {
                continue;
            }
            let pauses = self.shut.len() >= SHUT_MAX && !is_admit(&command);
            if pauses || estate(&command).is_some_and(|to| self.shut.contains(to)) {
                self.held.push_back(command);
                continue;
            }
            return Some(command);
        }
        None
    }

    /// Commands that wait.
    pub fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a poll could give a command now.
    pub fn is_ready(&self) -> bool {
        (self.shut.len() < SHUT_MAX && !self.queue.is_empty()) || self.admits > 0
    }
}

impl Extend<Command> for Outbox {
    fn extend<T: IntoIterator<Item = Command>>(&mut self, commands: T) {
        commands.into_iter().for_each(|command| self.push(command));
    }
}

fn is_admit(command: &Command) -> bool {
    matches!(command, Command::Admit { .. })
}

fn estate(command: &Command) -> Option<&Name> {
    match command {
        Command::Admit { role: to, .. }
        | Command::Send { to, .. }
        | Command::Open { to, .. }
        | Command::Write { to, .. }
        | Command::Cancel { to, .. }
        | Command::Cast { to, .. } => Some(to),
        Command::Take { .. } | Command::Refuse { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(n: usize) -> Name {
        Name::new(&format!("m{n}")).unwrap()
    }

    fn ticket(command: &Command) -> (Name, Ticket) {
        match command {
            Command::Send { to, ticket, .. } => (to.clone(), *ticket),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_full_estate_holds_up_nobody_else() {
        let mut outbox = Outbox::default();
        for n in [0, 0, 1] {
            outbox.send(name(n), Message::default());
        }
        let first = outbox.poll(|_| true).unwrap();
        outbox.handle_returned(first);
        assert_eq!(outbox.poll(|_| true).map(|c| ticket(&c)), Some((name(1), Ticket(3))));
        assert_eq!(outbox.poll(|_| true), None);
        outbox.on_room();
        assert_eq!(outbox.poll(|_| true).map(|c| ticket(&c)), Some((name(0), Ticket(1))));
        assert_eq!(outbox.poll(|_| true).map(|c| ticket(&c)), Some((name(0), Ticket(2))));
        assert!(outbox.is_empty());
    }

    #[test]
    fn unwanted_messages_are_dropped() {
        let mut outbox = Outbox::default();
        outbox.send(name(0), Message::default());
        assert_eq!(outbox.poll(|_| false), None);
        assert!(outbox.is_empty());
    }

    #[test]
    fn full_estates_hold_up_no_key_decision() {
        let mut outbox = Outbox::default();
        for n in 0..=SHUT_MAX {
            outbox.send(name(n), Message::default());
        }
        for _ in 0..SHUT_MAX {
            let command = outbox.poll(|_| true).unwrap();
            outbox.handle_returned(command);
        }
        assert_eq!((outbox.is_ready(), outbox.poll(|_| true)), (false, None));
        let fingerprint = crate::base::Fingerprint([1; 32]);
        let admit = |n| Command::Admit { role: name(n), fingerprint, acceptance: None };
        outbox.extend([admit(SHUT_MAX + 5)]);
        outbox.send(name(SHUT_MAX + 6), Message::default());
        assert_eq!((outbox.is_ready(), outbox.poll(|_| true)), (true, Some(admit(SHUT_MAX + 5))));
        assert_eq!((outbox.is_ready(), outbox.poll(|_| true)), (false, None));
        outbox.on_room();
        let order: Vec<_> = std::iter::from_fn(|| outbox.poll(|_| true)).map(|command| ticket(&command).1.0).collect();
        assert_eq!(order, (1..=SHUT_MAX as u64 + 2).collect::<Vec<_>>());
    }

    proptest! {
        /// Whatever is handed back, every message arrives once and in its estate's order.
        #[test]
        fn order_and_completeness(to in proptest::collection::vec(0usize..40, 1..120), full in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut outbox = Outbox::default();
            let sent: Vec<_> = to.iter().map(|n| (name(*n), outbox.send(name(*n), Message::default()))).collect();
            let mut arrived = Vec::new();
            let mut full = full.into_iter();
            while !outbox.is_empty() {
                while let Some(command) = outbox.poll(|_| true) {
                    if full.next() == Some(true) {
                        outbox.handle_returned(command);
                    } else {
                        arrived.push(ticket(&command));
                    }
                }
                outbox.on_room();
            }
            for n in 0..40 {
                let of = |list: &[(Name, Ticket)]| list.iter().filter(|e| e.0 == name(n)).map(|e| e.1).collect::<Vec<_>>();
                prop_assert_eq!(of(&arrived), of(&sent));
            }
        }
    }
}
