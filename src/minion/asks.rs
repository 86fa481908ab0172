//! Requests to the master whose replies somebody waits for. Owns each until its reply, its end or its owner's; bounded. A
//! reply is known by the tag its request gave it, which no earlier life of this minion gave away.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Name, Time, limits};
use crate::duty::Outbox;
use crate::message::{Address, Message, Route};
use crate::transport::{Failure, Ticket};

/// How long a reply may take before the request is sent again, the first time: long enough for a master to put a pillar
/// together, short enough for one whose workers were not up yet (Salt over RAET §3: it loses the request and says nothing).
const FIRST: Duration = Duration::from_secs(3);
/// As the first, at most.
const LONGEST: Duration = Duration::from_secs(60);
/// The pause before a function's request is sent once more.
const PAUSE: Duration = Duration::from_secs(20);
/// How long a function waits in all; as long as Salt waits for one try.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a request rests after the transport lost it.
const REST: Duration = Duration::from_secs(1);

/// Whom a reply is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The minion, which has no pillar otherwise. It asks until it is answered.
    Pillar,
    /// A running function's question of this number.
    Function(u64),
}

#[derive(Debug)]
struct Ask {
    owner: Owner,
    body: Bytes,
    ticket: Option<Ticket>,
    tries: u32,
    /// When it is sent, if the master is there.
    due: Time,
    /// When it is given up.
    until: Option<Time>,
}

/// The requests that wait for their replies.
#[derive(Debug)]
pub(super) struct Asks {
    /// What begins every tag of this life.
    life: u64,
    asks: BTreeMap<u64, Ask>,
    by_ticket: BTreeMap<Ticket, u64>,
    last: u64,
}

impl Asks {
    /// None yet; `life` is a number that no earlier life of this minion had.
    pub(super) fn new(life: u64) -> Self {
        Self { life, asks: BTreeMap::new(), by_ticket: BTreeMap::new(), last: 0 }
    }

    /// A request to be sent; says whether there was room.
    pub(super) fn open(&mut self, now: Time, owner: Owner, body: Bytes) -> bool {
        let until = match owner {
            Owner::Pillar => None,
            Owner::Function(_) => Some(now + PATIENCE),
        };
        if self.asks.len() >= limits::ASKS && until.is_some() {
            return false;
        }
        self.last += 1;
        self.asks.insert(self.last, Ask { owner, body, ticket: None, tries: 0, due: now, until });
        true
    }

    /// Whatever was asked for this owner is of no interest any more.
    pub(super) fn forget(&mut self, owner: Owner) {
        self.asks.retain(|_, ask| ask.owner != owner);
        self.by_ticket.retain(|_, number| self.asks.contains_key(number));
    }

    /// Sends, to a master that is there, what was not sent and what was not answered in time.
    pub(super) fn offer(&mut self, now: Time, master: &Name, outbox: &mut Outbox) {
        for (number, ask) in self.asks.iter_mut().filter(|(_, ask)| ask.due <= now) {
            let share = |text: &str| Name::new(text).ok();
            let src = Address { estate: None, yard: None, share: share(&format!("{}{number:x}", prefix(self.life))) };
            let dst = Address { estate: Some(master.clone()), yard: None, share: share("remote_cmd") };
            let message = Message { route: Route { src, dst }, kind: "load".to_owned(), body: ask.body.clone() };
            if let Some(old) = ask.ticket.take() {
                self.by_ticket.remove(&old);
            }
            let ticket = outbox.send(master.clone(), message);
            let pause = match ask.owner {
                Owner::Pillar => FIRST.saturating_mul(1 << ask.tries.min(8)).min(LONGEST),
                Owner::Function(_) => PAUSE,
            };
            (ask.ticket, ask.due) = (Some(ticket), now + pause);
            ask.tries += 1;
            self.by_ticket.insert(ticket, *number);
        }
    }

    /// The owners of what waited for too long; it is given up.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Owner> {
        let late = self.asks.values().filter(|ask| ask.until.is_some_and(|until| until <= now));
        let owners: Vec<Owner> = late.map(|ask| ask.owner).collect();
        owners.iter().for_each(|owner| self.forget(*owner));
        owners
    }

    /// The master shows that it serves requests: a question for the pillar that it did not answer within the shortest time
    /// was lost, and is due.
    pub(super) fn hurry(&mut self, now: Time) {
        let pillar = self.asks.values_mut().filter(|ask| ask.owner == Owner::Pillar && ask.tries > 1);
        pillar.for_each(|ask| (ask.due, ask.tries) = (ask.due.min(now), 0));
    }

    /// Whether the ticket is a request's that still waits.
    pub(super) fn is_waiting(&self, ticket: Ticket) -> bool {
        self.by_ticket.contains_key(&ticket)
    }

    /// It did not arrive, or nobody knows. Gives the owner of what can never be sent.
    pub(super) fn on_failed(&mut self, now: Time, ticket: Ticket, why: Failure) -> Option<Owner> {
        let number = self.by_ticket.remove(&ticket)?;
        let ask = self.asks.get_mut(&number)?;
        ask.ticket = None;
        match why {
            Failure::Absent | Failure::Lost | Failure::Cancelled | Failure::Refused => {
                ask.due = now + REST;
                None
            }
            _ => self.asks.remove(&number).map(|ask| ask.owner),
        }
    }

    /// A reply with this tag: whom it is for, if it is awaited.
    pub(super) fn owner(&self, share: &Name) -> Option<Owner> {
        let number = u64::from_str_radix(share.as_str().strip_prefix(&prefix(self.life))?, 16).ok()?;
        self.asks.get(&number).map(|ask| ask.owner)
    }

    /// When to [`offer`](Self::offer) again, if the master is there, or to [`expire`](Self::expire).
    pub(super) fn deadline(&self, is_joined: bool) -> Option<Time> {
        let due = self.asks.values().filter(|_| is_joined).map(|ask| ask.due);
        due.chain(self.asks.values().filter_map(|ask| ask.until)).min()
    }
}

fn prefix(life: u64) -> String {
    format!("ask{life:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Command;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// Tickets and tags of what is sent at this second.
    fn sent(asks: &mut Asks, outbox: &mut Outbox, second: u64) -> Vec<(Ticket, Name)> {
        asks.offer(Time(second * 1_000_000), &name("m"), outbox);
        let next = || match outbox.poll(|ticket| asks.is_waiting(ticket))? {
            Command::Send { ticket, message, .. } => Some((ticket, message.route.src.share.unwrap())),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn the_pillar_is_asked_for_until_it_comes() {
        let (mut asks, mut outbox) = (Asks::new(7), Outbox::default());
        asks.open(Time(0), Owner::Pillar, Bytes::new());
        let mut times = Vec::new();
        let mut tag = None;
        for second in 0..200 {
            for (_, share) in sent(&mut asks, &mut outbox, second) {
                times.push(second);
                assert_eq!(*tag.get_or_insert(share.clone()), share, "an answer to any of them will do");
            }
            assert_eq!(asks.expire(Time(second * 1_000_000)), []);
        }
        assert_eq!(times, [0, 3, 9, 21, 45, 93, 153]);
        for count in [1, 0] {
            asks.hurry(Time(200_000_000));
            assert_eq!(sent(&mut asks, &mut outbox, 200).len(), count, "the master is plainly up, and asked once");
        }
        let tag = tag.unwrap();
        assert_eq!(asks.owner(&tag), Some(Owner::Pillar));
        assert_eq!(Asks::new(8).owner(&tag), None);
        assert_eq!(asks.owner(&name("jid_ret")), None);
        assert_eq!((asks.deadline(true), asks.deadline(false)), (Some(Time(203_000_000)), None));
        asks.forget(Owner::Pillar);
        assert_eq!((asks.owner(&tag), asks.deadline(true)), (None, None));
        assert!(asks.by_ticket.is_empty());
    }

    #[test]
    fn a_functions_request_has_an_end() {
        let (mut asks, mut outbox) = (Asks::new(1), Outbox::default());
        asks.open(Time(0), Owner::Function(4), Bytes::new());
        let mut times = Vec::new();
        for second in 0..60 {
            assert_eq!(asks.expire(Time(second * 1_000_000)), []);
            times.extend(sent(&mut asks, &mut outbox, second).iter().map(|_| second));
        }
        assert_eq!(times, [0, 20, 40]);
        assert_eq!(asks.deadline(false), Some(Time(60_000_000)));
        assert_eq!(asks.expire(Time(60_000_000)), [Owner::Function(4)]);
        assert_eq!((asks.asks.len(), asks.by_ticket.len()), (0, 0));
    }

    #[test]
    fn what_is_lost_is_sent_again_and_what_cannot_go_ends() {
        let (mut asks, mut outbox) = (Asks::new(1), Outbox::default());
        asks.open(Time(0), Owner::Function(1), Bytes::new());
        let first = sent(&mut asks, &mut outbox, 0)[0].0;
        assert_eq!(asks.on_failed(Time(1_000_000), first, Failure::Lost), None);
        assert_eq!(asks.on_failed(Time(1_000_000), first, Failure::TooLarge), None, "an old ticket means nothing");
        assert!(sent(&mut asks, &mut outbox, 1).is_empty());
        let second = sent(&mut asks, &mut outbox, 2)[0].0;
        assert_eq!(asks.on_failed(Time(2_000_000), second, Failure::TooLarge), Some(Owner::Function(1)));
        assert_eq!(asks.deadline(true), None);
    }

    #[test]
    fn bounded() {
        let mut asks = Asks::new(1);
        (0..limits::ASKS as u64).for_each(|n| assert!(asks.open(Time(0), Owner::Function(n), Bytes::new())));
        assert!(!asks.open(Time(0), Owner::Function(0), Bytes::new()));
        assert!(asks.open(Time(0), Owner::Pillar, Bytes::new()));
    }
}
