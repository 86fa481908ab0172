//! The estates of one process, what each thinks of the others' keys, and the messages between them. Owns all of that
//! without a clock: whoever holds the switch says when a message arrives and when its sender learns of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::{Acceptance, Fingerprint, Name, limits};
use crate::message::{Message, check};
use crate::transport::{Command, Departure, Event, Failure, Refusal, Ticket};

/// Events an estate may leave lying before senders to it get their messages back.
const QUEUE: usize = 1024;

/// Estates and the links between them.
#[derive(Debug, Default)]
pub struct Switch {
    estates: BTreeMap<Name, Estate>,
    /// Those who seek each master.
    seekers: BTreeMap<Name, BTreeSet<Name>>,
    /// Minion and master that may talk.
    links: BTreeSet<(Name, Name)>,
    flights: BTreeMap<u64, Flight>,
    fresh: VecDeque<u64>,
    woken: BTreeSet<Name>,
    last: u64,
}

#[derive(Debug)]
struct Estate {
    key: Fingerprint,
    /// The master it seeks.
    seeks: Option<Name>,
    /// What it holds of others' keys; outlives the estate, as a disk would.
    keys: BTreeMap<Name, (Fingerprint, Acceptance)>,
    present: bool,
    cut: bool,
    events: VecDeque<Event>,
    /// Who got a message back because this estate's queue was full.
    turned_away: BTreeSet<Name>,
}

#[derive(Debug)]
struct Flight {
    from: Name,
    to: Name,
    ticket: Ticket,
    message: Message,
    arrived: bool,
}

/// What one estate says of another's key.
enum View {
    Accepted,
    Undecided,
    Rejected,
}

impl Switch {
    /// An estate appears or starts anew. It is told its known keys, then it seeks its master.
    pub fn attach(&mut self, id: &Name, key: Fingerprint, master: Option<&Name>) {
        self.leave_all(id, Departure::Renewed);
        let old = self.estates.remove(id);
        if let Some(former) = old.as_ref().and_then(|old| old.seeks.as_ref()) {
            self.seekers.entry(former.clone()).or_default().remove(id);
        }
        if let Some(master) = master {
            self.seekers.entry(master.clone()).or_default().insert(id.clone());
        }
        let (cut, keys) = old.map_or((false, BTreeMap::new()), |old| (old.cut, old.keys));
        let (events, turned_away) = (VecDeque::new(), BTreeSet::new());
        let told: Vec<_> = keys.iter().map(|(role, known)| (role.clone(), *known)).collect();
        let estate = Estate { key, seeks: master.cloned(), keys, present: true, cut, events, turned_away };
        self.estates.insert(id.clone(), estate);
        for (role, (fingerprint, acceptance)) in told {
            self.tell(id, Event::Standing { role, fingerprint, acceptance: Some(acceptance) });
        }
        self.settle(id);
    }

    /// An estate is gone without a word; its keys stay for when it comes back.
    pub fn detach(&mut self, id: &Name) {
        self.leave_all(id, Departure::Silent);
        if let Some(estate) = self.estates.get_mut(id) {
            estate.present = false;
            estate.events.clear();
        }
    }

    /// Pulls an estate's cable, or puts it back.
    pub fn cut(&mut self, id: &Name, cut: bool) {
        if let Some(estate) = self.estates.get_mut(id) {
            estate.cut = cut;
        }
        if cut {
            self.leave_all(id, Departure::Silent);
        } else {
            self.settle(id);
        }
    }

    /// What the operator of `at` decides about the key it holds of `role`.
    pub fn decide(&mut self, at: &Name, role: &Name, acceptance: Option<Acceptance>) -> bool {
        let Some(estate) = self.estates.get_mut(at) else { return false };
        let Some((fingerprint, old)) = estate.keys.get_mut(role) else { return false };
        let fingerprint = *fingerprint;
        let changed = acceptance != Some(*old);
        match acceptance {
            Some(new) => *old = new,
            None => {
                estate.keys.remove(role);
            }
        }
        if changed {
            self.tell(at, Event::Standing { role: role.clone(), fingerprint, acceptance });
        }
        match acceptance {
            Some(Acceptance::Accepted) => {
                self.settle_pair(role, at);
                self.settle_pair(at, role);
            }
            Some(Acceptance::Pending) => {}
            Some(Acceptance::Rejected) => self.part(at, role, Departure::Rejected, Departure::Rejected),
            None => self.part(at, role, Departure::Forgotten, Departure::Rejected),
        }
        true
    }

    /// An estate's command; messages wait for [`arrive`](Self::arrive).
    // As `Transport::submit`.
    #[allow(clippy::result_large_err)]
    pub fn submit(&mut self, from: &Name, command: Command) -> Result<(), Command> {
        let (ticket, to, message) = match command {
            Command::Admit { role, fingerprint, acceptance } => {
                let held = self.estates.get(from).and_then(|e| e.keys.get(&role));
                if held.is_some_and(|(held, _)| *held == fingerprint) {
                    self.decide(from, &role, acceptance);
                }
                return Ok(());
            }
            Command::Send { ticket, to, message } => (ticket, to, message),
            Command::Open { ticket, .. } => {
                self.tell(from, Event::Failed { ticket, why: Failure::Unsupported });
                return Ok(());
            }
            Command::Cast { to, .. } => {
                self.tell(from, Event::Uncast { to, why: Failure::Unsupported });
                return Ok(());
            }
            // Of streams there are none, and what was sent is as good as there.
            Command::Write { .. } | Command::Cancel { .. } | Command::Take { .. } | Command::Refuse { .. } => {
                return Ok(());
            }
        };
        let failure = if !self.is_linked(from, &to) {
            Some(Failure::Absent)
        } else if message.body.len() > limits::MESSAGE_MAX {
            Some(Failure::TooLarge)
        } else {
            check(&message.body).err().map(|_| Failure::Malformed)
        };
        if let Some(why) = failure {
            self.tell(from, Event::Failed { ticket, why });
            return Ok(());
        }
        if let Some(estate) = self.estates.get_mut(&to).filter(|estate| estate.events.len() >= QUEUE) {
            estate.turned_away.insert(from.clone());
            return Err(Command::Send { ticket, to, message });
        }
        self.last += 1;
        self.fresh.push_back(self.last);
        self.flights.insert(self.last, Flight { from: from.clone(), to, ticket, message, arrived: false });
        Ok(())
    }

    /// A message newly on its way.
    pub fn poll_flight(&mut self) -> Option<u64> {
        self.fresh.pop_front()
    }

    /// A message arrives, unless its link broke before.
    pub fn arrive(&mut self, flight: u64) {
        let Some(flight) = self.flights.get_mut(&flight).filter(|flight| !flight.arrived) else { return };
        flight.arrived = true;
        let (from, to, mut message) = (flight.from.clone(), flight.to.clone(), flight.message.clone());
        message.route.src.estate = Some(from.clone());
        message.route.dst.estate = Some(to.clone());
        self.tell(&to, Event::Received { from, message });
    }

    /// The sender of a message that arrived learns so, unless the link broke before.
    pub fn confirm(&mut self, flight: u64) {
        if self.flights.get(&flight).is_some_and(|flight| flight.arrived)
            && let Some(Flight { from, ticket, .. }) = self.flights.remove(&flight)
        {
            self.tell(&from, Event::Delivered { ticket });
        }
    }

    /// An estate's next event.
    pub fn poll_event(&mut self, id: &Name) -> Option<Event> {
        let estate = self.estates.get_mut(id)?;
        let event = estate.events.pop_front()?;
        if estate.events.len() < QUEUE / 2 {
            for sender in std::mem::take(&mut estate.turned_away) {
                self.tell(&sender, Event::Room);
            }
        }
        Some(event)
    }

    /// An estate that was told something since the last call.
    pub fn poll_woken(&mut self) -> Option<Name> {
        self.woken.pop_first()
    }

    /// Whether an estate seeks a master that it has no link with.
    pub fn seeks(&self, id: &Name) -> bool {
        let master = self.estates.get(id).and_then(|estate| estate.seeks.as_ref());
        master.is_some_and(|master| !self.is_linked(id, master))
    }

    /// An estate knocks at its master's again.
    pub fn knock(&mut self, id: &Name) {
        self.settle(id);
    }

    fn tell(&mut self, id: &Name, event: Event) {
        if let Some(estate) = self.estates.get_mut(id).filter(|estate| estate.present) {
            estate.events.push_back(event);
            self.woken.insert(id.clone());
        }
    }

    fn is_linked(&self, a: &Name, b: &Name) -> bool {
        self.links.contains(&(a.clone(), b.clone())) || self.links.contains(&(b.clone(), a.clone()))
    }

    fn is_reachable(&self, id: &Name) -> bool {
        self.estates.get(id).is_some_and(|estate| estate.present && !estate.cut)
    }

    /// An estate's master and those who seek the estate as theirs.
    fn neighbours(&self, id: &Name) -> Vec<Name> {
        let master = self.estates.get(id).and_then(|estate| estate.seeks.clone());
        self.seekers.get(id).into_iter().flatten().cloned().chain(master).collect()
    }

    /// Joins an estate with its neighbours as far as the keys allow.
    fn settle(&mut self, id: &Name) {
        for peer in self.neighbours(id) {
            self.settle_pair(id, &peer);
            self.settle_pair(&peer, id);
        }
    }

    /// Joins a minion with the master it seeks: the master sees the minion's key first, the minion sees the master's
    /// when it is let in.
    fn settle_pair(&mut self, minion: &Name, master: &Name) {
        let seeks = self.estates.get(minion).is_some_and(|estate| estate.seeks.as_ref() == Some(master));
        let reachable = self.is_reachable(minion) && self.is_reachable(master);
        if !seeks || !reachable || self.is_linked(minion, master) {
            return;
        }
        match self.present(minion, master) {
            View::Accepted => {}
            View::Undecided => return self.refuse(minion, master, Refusal::Pending),
            View::Rejected => return self.refuse(minion, master, Refusal::Rejected),
        }
        match self.present(master, minion) {
            View::Accepted => {
                self.links.insert((minion.clone(), master.clone()));
                self.tell(master, Event::Joined { peer: minion.clone() });
                self.tell(minion, Event::Joined { peer: master.clone() });
            }
            View::Undecided => {}
            View::Rejected => self.refuse(master, minion, Refusal::Rejected),
        }
    }

    fn refuse(&mut self, id: &Name, by: &Name, why: Refusal) {
        self.tell(id, Event::Refused { by: by.to_string(), why });
    }

    /// `id` presents its key to `to`.
    fn present(&mut self, id: &Name, to: &Name) -> View {
        let Some(presented) = self.estates.get(id).map(|estate| estate.key) else { return View::Undecided };
        let Some(estate) = self.estates.get_mut(to) else { return View::Undecided };
        match estate.keys.get(id).copied() {
            None => {
                estate.keys.insert(id.clone(), (presented, Acceptance::Pending));
                let (role, fingerprint) = (id.clone(), presented);
                self.tell(to, Event::Standing { role, fingerprint, acceptance: Some(Acceptance::Pending) });
                self.tell(to, Event::Knock { role: id.clone(), fingerprint });
                View::Undecided
            }
            Some((_, Acceptance::Rejected)) => View::Rejected,
            Some((known, _)) if known != presented => {
                self.tell(to, Event::Clash { role: id.clone(), known, presented });
                View::Rejected
            }
            Some((_, Acceptance::Accepted)) => View::Accepted,
            Some((_, Acceptance::Pending)) => View::Undecided,
        }
    }

    fn leave_all(&mut self, id: &Name, why: Departure) {
        for peer in self.neighbours(id) {
            self.part(id, &peer, why, why);
        }
    }

    /// Ends a link; what was on its way is lost, and its senders learn so.
    fn part(&mut self, a: &Name, b: &Name, at_a: Departure, at_b: Departure) {
        let was = self.links.remove(&(a.clone(), b.clone())) | self.links.remove(&(b.clone(), a.clone()));
        if !was {
            return;
        }
        self.tell(a, Event::Left { peer: b.clone(), why: at_a });
        self.tell(b, Event::Left { peer: a.clone(), why: at_b });
        let between = |flight: &Flight| (&flight.from, &flight.to) == (a, b) || (&flight.from, &flight.to) == (b, a);
        let lost: Vec<u64> = self.flights.iter().filter(|(_, f)| between(f)).map(|(number, _)| *number).collect();
        for Flight { from, ticket, .. } in
            lost.iter().filter_map(|number| self.flights.remove(number)).collect::<Vec<_>>()
        {
            self.tell(&from, Event::Failed { ticket, why: Failure::Lost });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Route;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn events(switch: &mut Switch, id: &str) -> Vec<Event> {
        std::iter::from_fn(|| switch.poll_event(&name(id))).collect()
    }

    fn joined() -> Switch {
        let mut switch = Switch::default();
        switch.attach(&name("m"), Fingerprint([0; 32]), None);
        switch.attach(&name("web1"), Fingerprint([1; 32]), Some(&name("m")));
        assert!(switch.decide(&name("m"), &name("web1"), Some(Acceptance::Accepted)));
        assert!(switch.decide(&name("web1"), &name("m"), Some(Acceptance::Accepted)));
        assert_eq!(events(&mut switch, "m").last(), Some(&Event::Joined { peer: name("web1") }));
        assert_eq!(events(&mut switch, "web1").last(), Some(&Event::Joined { peer: name("m") }));
        switch
    }

    /// The command that was handed back.
    fn send(switch: &mut Switch, from: &str, to: &str, ticket: u64) -> Option<Command> {
        let message = Message::new(Route::default(), "load", &1).unwrap();
        switch.submit(&name(from), Command::Send { ticket: Ticket(ticket), to: name(to), message }).err()
    }

    #[test]
    fn unknown_key_waits_and_is_told_so() {
        let mut switch = Switch::default();
        switch.attach(&name("m"), Fingerprint([0; 32]), None);
        switch.attach(&name("web1"), Fingerprint([1; 32]), Some(&name("m")));
        let knock = Event::Knock { role: name("web1"), fingerprint: Fingerprint([1; 32]) };
        assert_eq!(events(&mut switch, "m").last(), Some(&knock));
        let refused = Event::Refused { by: "m".to_owned(), why: Refusal::Pending };
        assert_eq!(events(&mut switch, "web1"), [refused]);
        let other = Command::Admit {
            role: name("web1"),
            fingerprint: Fingerprint([7; 32]),
            acceptance: Some(Acceptance::Accepted),
        };
        assert_eq!(switch.submit(&name("m"), other), Ok(()));
        assert_eq!(events(&mut switch, "m"), [], "a decision about another key changes nothing");
    }

    #[test]
    fn a_message_in_flight_when_the_link_breaks_is_lost_arrived_or_not() {
        let mut switch = joined();
        for (ticket, arrives) in [(1, false), (2, true)] {
            assert_eq!(send(&mut switch, "m", "web1", ticket), None);
            let flight = switch.poll_flight().unwrap();
            if arrives {
                switch.arrive(flight);
            }
        }
        switch.cut(&name("web1"), true);
        let lost = |n| Event::Failed { ticket: Ticket(n), why: Failure::Lost };
        let left = Event::Left { peer: name("web1"), why: Departure::Silent };
        assert_eq!(events(&mut switch, "m"), [left, lost(1), lost(2)]);
        let received = |event: &Event| matches!(event, Event::Received { .. });
        assert_eq!(events(&mut switch, "web1").iter().filter(|event| received(event)).count(), 1);
        switch.cut(&name("web1"), false);
        assert_eq!(events(&mut switch, "web1"), [Event::Joined { peer: name("m") }]);
    }

    #[test]
    fn rejecting_ends_the_link_at_once() {
        let mut switch = joined();
        switch.decide(&name("m"), &name("web1"), Some(Acceptance::Rejected));
        let left = Event::Left { peer: name("web1"), why: Departure::Rejected };
        assert_eq!(events(&mut switch, "m").last(), Some(&left));
        assert_eq!(send(&mut switch, "m", "web1", 1), None);
        assert_eq!(events(&mut switch, "m"), [Event::Failed { ticket: Ticket(1), why: Failure::Absent }]);
    }

    #[test]
    fn a_full_estate_hands_back_and_makes_room() {
        let mut switch = joined();
        let mut sent = 0;
        let back = loop {
            let Some(back) = send(&mut switch, "m", "web1", sent) else {
                sent += 1;
                let flight = switch.poll_flight().unwrap();
                switch.arrive(flight);
                continue;
            };
            break back;
        };
        assert_eq!(sent, QUEUE as u64);
        assert!(matches!(back, Command::Send { ticket, .. } if ticket == Ticket(sent)));
        assert_eq!(events(&mut switch, "web1").len(), QUEUE);
        assert_eq!(events(&mut switch, "m"), [Event::Room]);
    }
}
