//! What stands in front of several roads of one address, so that their user sees one: which road holds which estate, the
//! one roll that all of them follow, and how much each may be given before it has taken what it has. Pure, and no road's
//! owner: it is told what the roads say and says what they are to be told.
//!
//! Roads decide about keys on the spot, each by its copy of the roll. Of what they decide the front takes what its own roll
//! allows, in the order in which it hears of it, and tells all of them, the one that decided included: once everybody has
//! heard everything, all rolls are the front's. An estate that comes over another road is there once the road it was on has
//! said that it has left and what became of its messages; until then messages for it are handed back.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Output, Trust};
use crate::base::{Acceptance, Fingerprint, Name, Time};
use crate::keep::roll::Verdict;
use crate::keep::{Change, RoleKey, Roll, Token};
use crate::transport::{Departure, Event};

/// The front of some roads.
pub struct Front {
    trust: Trust,
    roll: Roll,
    /// Roles seen on the fast wire.
    fast: BTreeSet<Name>,
    /// Only ever asked, never walked.
    places: HashMap<Name, Place>,
    loads: Vec<Load>,
    /// Bytes one road may have been given and not taken.
    bytes: usize,
    orders: VecDeque<(u32, Order)>,
    outputs: VecDeque<Output>,
    /// Somebody was sent away with a message.
    is_awaited: bool,
}

/// What a road is to be told.
#[derive(Debug, Clone)]
pub enum Order {
    /// What a key's standing is: [`super::Road::handle_roll`], unless it says so already.
    Learn(Box<RoleKey>, Option<Acceptance>),
    /// [`super::Road::set_tokens`].
    Tokens(Vec<Token>),
    /// [`super::Road::remember_fast`].
    Fast(Name),
    /// [`super::Road::give_up`], to be answered by [`Front::handle_given_up`] behind all that comes of it.
    GiveUp(Name, Time),
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To this road.
    Road(u32),
    /// No road holds the estate.
    Absent,
    /// Nowhere now; [`Event::Room`] follows.
    Wait,
}

/// Of one estate.
#[derive(Debug, Default)]
struct Place {
    /// The road that holds it, and since when.
    at: Option<(u32, Time)>,
    /// The road by whose word our user knows that it is there.
    told: Option<u32>,
    /// Roads that were asked to give it up and have not answered.
    asked: u32,
    /// Its road has messages for it that it cannot take.
    is_full: bool,
    /// Messages given to its road since the `first` of them, which it may not have seen; of those before some may be on
    /// the way still.
    burst: usize,
    burst_bytes: usize,
    first: u64,
}

/// What one road was given.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    sent: u64,
    sent_bytes: u64,
    report: Taken,
}

/// How far a road is with what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Messages it has seen since the start.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of those among them that wait because an estate has no room.
    pub parked: usize,
}

/// Messages one estate may have on the way to its road: none is refused for want of room before the front learns of it.
const BURST: usize = 256;
/// Bytes of them, if it is more than one.
const BURST_BYTES: usize = 4 << 20;
/// Messages on the way to one road.
const LOAD: u64 = 16_384;

impl Front {
    /// In front of `roads` roads that begin with this roll; `bytes` may be on the way to each.
    pub fn new(roads: u32, trust: Trust, roll: Roll, fast: BTreeSet<Name>, bytes: usize) -> Self {
        let standing = |(key, acceptance): (&RoleKey, _)| Output::Event(standing(key, Some(acceptance)));
        let outputs = roll.iter().map(standing).collect();
        let loads = vec![Load::default(); roads as usize];
        let (places, orders) = (HashMap::new(), VecDeque::new());
        Self { trust, roll, fast, places, loads, bytes, orders, outputs, is_awaited: false }
    }

    /// The keys all roads know, or will.
    pub fn roll(&self) -> &Roll {
        &self.roll
    }

    /// What `road` said at `at`. Everything of one road comes in order.
    pub fn handle_output(&mut self, road: u32, at: Time, output: Output) {
        match output {
            Output::Event(Event::Joined { peer }) => self.on_joined(road, at, peer),
            Output::Event(Event::Left { peer, why }) => self.on_left(road, peer, why),
            // Of standings the front speaks itself.
            Output::Event(Event::Standing { .. } | Event::Knock { .. }) | Output::Keep(Change::DropRole(_)) => {}
            Output::Keep(Change::Role(key, acceptance)) => self.on_decision(key, acceptance),
            Output::Keep(Change::Fast(role)) => {
                // Of a role forgotten meanwhile nothing is kept.
                if self.roll.find(&role).is_some() && self.fast.insert(role.clone()) {
                    self.outputs.push_back(Output::Keep(Change::Fast(role.clone())));
                    self.tell_all(&Order::Fast(role));
                }
            }
            output => self.outputs.push_back(output),
        }
    }

    /// `road` has done with [`Order::GiveUp`] of this estate, and said what came of it.
    pub fn handle_given_up(&mut self, name: &Name) {
        if let Some(place) = self.places.get_mut(name) {
            place.asked = place.asked.saturating_sub(1);
            self.settle(name);
        }
    }

    /// Whether `road` has messages for an estate that it cannot take.
    pub fn handle_full(&mut self, road: u32, name: &Name, is_full: bool) {
        if let Some(place) = self.places.get_mut(name)
            && place.at.is_some_and(|(at, _)| at == road)
        {
            place.is_full = is_full;
        }
        if !is_full {
            self.note_room();
        }
    }

    /// How far `road` is with its messages.
    pub fn handle_taken(&mut self, road: u32, taken: Taken) {
        let Some(load) = self.loads.get_mut(road as usize) else { return };
        let before = std::mem::replace(&mut load.report, taken);
        if taken.count > before.count || taken.parked < before.parked {
            self.note_room();
        }
    }

    /// A decision of our user. One about another key than we hold changes nothing.
    pub fn admit(&mut self, role: &Name, fingerprint: Fingerprint, acceptance: Option<Acceptance>) {
        let Some((key, standing)) = self.roll.find(role) else { return };
        if key.fingerprint() == fingerprint && Some(standing) != acceptance {
            self.decide(key.clone(), acceptance);
        }
    }

    /// What the disk says of a key now.
    pub fn handle_roll(&mut self, key: RoleKey, acceptance: Option<Acceptance>) {
        self.outputs.push_back(Output::Event(standing(&key, acceptance)));
        match acceptance {
            Some(acceptance) => _ = self.roll.set(key.clone(), acceptance),
            None => {
                self.roll.remove(&key.role);
                self.fast.remove(&key.role);
            }
        }
        self.tell_all(&Order::Learn(Box::new(key), acceptance));
    }

    /// The enrolment tokens strangers are let in by now.
    pub fn set_tokens(&mut self, tokens: Vec<Token>) {
        self.tell_all(&Order::Tokens(tokens));
    }

    /// The road that holds an estate our user knows of: for what may be lost on its way.
    pub fn holder(&self, name: &Name) -> Option<u32> {
        let place = self.places.get(name)?;
        place.at.map(|(road, _)| road).filter(|road| place.told == Some(*road))
    }

    /// Where a message of so many bytes for this estate goes; it counts as given to that road.
    pub fn send(&mut self, to: &Name, bytes: usize) -> Way {
        let Some(place) = self.places.get_mut(to) else { return Way::Absent };
        let road = place.at.map(|(road, _)| road).filter(|road| place.told == Some(*road));
        let load = road.and_then(|road| Some((road, self.loads.get_mut(road as usize)?)));
        let Some((road, load)) = load else {
            self.is_awaited = true;
            return Way::Wait;
        };
        if load.report.count > place.first {
            // The first of them was seen, and if there was no room for it we were told.
            (place.burst, place.burst_bytes, place.first) = (0, 0, load.sent);
        }
        let of_estate = place.burst == 0 || (place.burst < BURST && place.burst_bytes + bytes <= BURST_BYTES);
        let going = (load.sent_bytes - load.report.bytes) as usize + load.report.parked;
        let of_road = load.sent - load.report.count < LOAD && (going == 0 || going + bytes <= self.bytes);
        if place.is_full || !of_estate || !of_road {
            self.is_awaited = true;
            return Way::Wait;
        }
        if place.burst == 0 {
            place.first = load.sent;
        }
        place.burst += 1;
        place.burst_bytes += bytes;
        load.sent += 1;
        load.sent_bytes += bytes as u64;
        Way::Road(road)
    }

    /// The next thing a road is to be told, with its number.
    pub fn poll_order(&mut self) -> Option<(u32, Order)> {
        self.orders.pop_front()
    }

    /// The next thing for our user or the disk.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn on_joined(&mut self, road: u32, at: Time, name: Name) {
        let place = self.places.entry(name.clone()).or_default();
        let ask = match place.at {
            // Heard of late: it has come over another road since.
            Some((_, since)) if since > at => Some((road, since)),
            Some((old, _)) if old != road => Some((old, at)),
            _ => None,
        };
        if ask.is_none_or(|(asked, _)| asked != road) {
            *place = Place { at: Some((road, at)), told: place.told, asked: place.asked, ..Place::default() };
        }
        if let Some((asked, than)) = ask {
            place.asked += 1;
            self.orders.push_back((asked, Order::GiveUp(name.clone(), than)));
        }
        self.settle(&name);
    }

    fn on_left(&mut self, road: u32, name: Name, why: Departure) {
        let Some(place) = self.places.get_mut(&name) else { return };
        if place.at.is_some_and(|(at, _)| at == road) {
            place.at = None;
        }
        if place.told == Some(road) {
            place.told = None;
            self.outputs.push_back(Output::Event(Event::Left { peer: name.clone(), why }));
        }
        self.settle(&name);
    }

    /// Tells our user of an estate once nobody else holds it.
    fn settle(&mut self, name: &Name) {
        let Some(place) = self.places.get_mut(name).filter(|place| place.asked == 0 && place.told.is_none()) else {
            return;
        };
        match place.at {
            Some((road, _)) => {
                place.told = Some(road);
                self.outputs.push_back(Output::Event(Event::Joined { peer: name.clone() }));
            }
            None => _ = self.places.remove(name),
        }
        self.note_room();
    }

    /// A road has decided about a key by what it knew.
    fn on_decision(&mut self, key: RoleKey, acceptance: Acceptance) {
        let verdict = self.roll.verdict(&key);
        let is_newcomer = acceptance == Acceptance::Pending && self.roll.find(&key.role).is_none();
        // Nobody had decided: the road let it in on trust, or because it proved a token.
        let is_open = verdict == Verdict::Unknown || self.roll.is_undecided(&key.role);
        let is_trusted = acceptance == Acceptance::Accepted && (is_open || self.trust.lets_in(verdict));
        if !is_newcomer && !is_trusted || self.roll.find(&key.role) == Some((&key, acceptance)) {
            return;
        }
        self.decide(key.clone(), Some(acceptance));
        if is_newcomer {
            let (role, fingerprint) = (key.role.clone(), key.fingerprint());
            self.outputs.push_back(Output::Event(Event::Knock { role, fingerprint }));
        }
    }

    fn decide(&mut self, key: RoleKey, acceptance: Option<Acceptance>) {
        let change = match acceptance {
            Some(acceptance) => Change::Role(key.clone(), acceptance),
            None => Change::DropRole(key.role.clone()),
        };
        self.handle_roll(key, acceptance);
        self.outputs.push_back(Output::Keep(change));
    }

    fn tell_all(&mut self, order: &Order) {
        self.orders.extend((0..self.loads.len() as u32).map(|road| (road, order.clone())));
    }

    fn note_room(&mut self) {
        if std::mem::take(&mut self.is_awaited) {
            self.outputs.push_back(Output::Event(Event::Room));
        }
    }
}

fn standing(key: &RoleKey, acceptance: Option<Acceptance>) -> Event {
    Event::Standing { role: key.role.clone(), fingerprint: key.fingerprint(), acceptance }
}

#[cfg(test)]
#[path = "front_tests.rs"]
mod tests;
