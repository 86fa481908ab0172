//! What the minion asks its master, and what becomes of the replies: the pillar for itself, anything for its functions.
//! Owns no state; brings [`asks`](super::asks) and [`facts`](super::facts) together.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tracing::{debug, info, warn};

use super::asks::{Owner, PATIENCE};
use super::{MINE, Minion};
use crate::base::{Name, Time, limits};
use crate::duty::{Ask, Output, Work};
use crate::message::{Address, Message, Route};

/// What a function is told when it asks too much.
const FULL: &str = "too many requests wait for the master's answers; try again later";
/// What a function is told when the master stays silent.
const SILENT: &str = "the master did not answer within a minute; is it up, and has it workers?";

impl Minion {
    /// Asks for the pillar, forgetting what was asked for before: it may have been asked with other grains.
    pub(super) fn ask_for_pillar(&mut self) {
        let grains = self.known.grains.as_ref();
        let load = json!({"cmd": "_pillar", "id": self.id, "grains": grains, "saltenv": null, "ver": "2"});
        self.asks.forget(Owner::Pillar);
        if let Ok(body) = rmp_serde::to_vec_named(&load) {
            self.asks.open(self.now, Owner::Pillar, body.into());
        }
    }

    /// Sends the master what it is to be asked, if it is there.
    pub(super) fn offer_asks(&mut self) {
        if let Some(master) = self.door.master().filter(|_| self.joined) {
            self.asks.offer(self.now, master, &mut self.outbox);
        }
    }

    /// Tells functions that waited for too long.
    pub(super) fn expire_asks(&mut self) {
        for owner in self.asks.expire(self.now) {
            self.answer(owner, Err(SILENT.to_owned()));
        }
        while let Some((number, _)) = self.waiting.front().copied().filter(|(_, until)| *until <= self.now) {
            self.waiting.pop_front();
            self.answer(Owner::Function(number), Err(SILENT.to_owned()));
        }
    }

    /// A running function asks.
    pub(super) fn on_ask(&mut self, number: u64, ask: Ask) {
        let owner = Owner::Function(number);
        let refusal = match ask {
            Ask::Request(mut load) => {
                // Masters put in who asks themselves; some want to see it all the same.
                load.insert("id".to_owned(), self.id.as_str().into());
                let body = rmp_serde::to_vec_named(&load).ok().map(Bytes::from);
                match body.filter(|body| crate::message::check(body).is_ok()) {
                    None => Some("the request is nested too deeply"),
                    Some(body) => (!self.asks.open(self.now, owner, body)).then_some(FULL),
                }
            }
            Ask::Pillar(_) if self.waiting.len() >= limits::ASKS => Some(FULL),
            Ask::Pillar(grains) => {
                self.known.grains = grains.unwrap_or_else(|| self.known.grains.clone());
                self.waiting.push_back((number, self.now + PATIENCE));
                self.ask_for_pillar();
                None
            }
        };
        match refusal {
            Some(why) => self.answer(owner, Err(why.to_owned())),
            None => self.offer_asks(),
        }
    }

    /// A reply to one of our requests; says whether it was one.
    pub(super) fn on_reply(&mut self, message: &Message) -> bool {
        let Some(owner) = message.route.dst.share.as_ref().and_then(|share| self.asks.owner(share)) else {
            return false;
        };
        let value = match message.kind.as_str() {
            "return" => message.read_value().map_err(|why| format!("the master's answer cannot be read: {why}")),
            // As a Salt master answers what it does not know.
            "" => Err("the master does not know this request".to_owned()),
            _ => Err("the master refuses the request".to_owned()),
        };
        match (owner, value) {
            (Owner::Function(_), value) => self.answer(owner, value),
            (Owner::Pillar, Ok(Value::Object(pillar))) => self.on_pillar(pillar),
            (Owner::Pillar, Err(why)) if message.kind.is_empty() => {
                debug!("no pillar: {why}");
                self.on_pillar(Map::new());
            }
            // As Salt's minions: this is no pillar, another answer may be.
            (Owner::Pillar, Ok(_)) => warn!("the master's answer is no pillar; it is asked again later"),
            (Owner::Pillar, Err(why)) => warn!("{why}; the pillar is asked for again later"),
        }
        true
    }

    /// Whom a reply or its absence is for hears of it.
    pub(super) fn answer(&mut self, owner: Owner, answer: Result<Value, String>) {
        self.asks.forget(owner);
        if let Owner::Function(number) = owner {
            self.outputs.push_back(Output::Answer { number, answer });
        }
    }

    fn on_pillar(&mut self, pillar: Map<String, Value>) {
        self.asks.forget(Owner::Pillar);
        if let Some(errors) = pillar.get("_errors") {
            warn!("the master could not put the whole pillar together: {errors}");
        }
        info!(keys = pillar.len(), "the pillar is here");
        let pillar = Arc::new(pillar);
        self.outputs.push_back(Output::Pillar(pillar.clone()));
        let jobs = self.known.on_pillar(pillar);
        for (number, _) in std::mem::take(&mut self.waiting) {
            self.answer(Owner::Function(number), Ok(Value::Bool(true)));
        }
        if !self.greeted {
            self.greeted = true;
            self.greet();
            self.mine_due = self.mine_interval.map(|_| self.now);
        }
        jobs.into_iter().for_each(|job| self.take_job(job));
        self.update_mine();
    }

    /// Tells the master that we are up, with the event that Salt minions of other transports start with
    /// (`_minion_event`, Salt over RAET §6).
    fn greet(&mut self) {
        let (id, Some(master)) = (&self.id, self.door.master()) else { return };
        let tag = format!("salt/minion/{id}/start");
        let load = json!({"cmd": "_minion_event", "id": id, "tag": tag, "data": {"id": id}, "pretag": null});
        let dst = Address { estate: Some(master.clone()), yard: None, share: Name::new("remote_cmd").ok() };
        if let Ok(message) = Message::new(Route { src: Address::default(), dst }, "load", &load) {
            self.greeting = Some(self.outbox.send(master.clone(), message));
        }
    }

    /// Tells the mine what it is to know, when it is time. Nobody awaits this work, so no job is kept of it.
    pub(super) fn update_mine(&mut self) {
        if !self.joined || self.mine_due.is_none_or(|at| at > self.now) {
            return;
        }
        self.mine_due = self.mine_interval.map(|interval| self.now + interval);
        let fun = "mine.update".to_owned();
        self.outputs.push_back(Output::Work(Work { jid: MINE.to_owned(), fun, args: Vec::new(), kwargs: Map::new() }));
    }

    /// When requests, or the functions and jobs that wait for their answers, want attention.
    pub(super) fn asks_deadline(&self) -> Option<Time> {
        let mine = self.mine_due.filter(|_| self.joined);
        let waiting = self.waiting.front().map(|(_, until)| *until);
        [self.asks.deadline(self.joined), self.known.deadline(), waiting, mine].into_iter().flatten().min()
    }
}
