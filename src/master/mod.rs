//! Floor 3: the master's duty. Never names a road, a socket, a file or a clock.
//!
//! Events of the transport and pages of the lane come in; commands, pages and notices go out. [`door`] decides who may
//! join, [`desk`] holds the running jobs, [`ledger`] the ended ones, [`counter`] what
//! minions ask and the host answers; this file only brings them together.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::{Value, json};
use tracing::{debug, error, info, warn};

use crate::base::target::Groups;
use crate::base::{Name, Time, Wall};
use crate::bus::{Bus, Notice};
use crate::duty::{Duty, Outbox, Outcome, Output};
use crate::message::{Address, Message, Route};
use crate::transport::{Command, Departure, Event, Failure, Ticket};

mod answers;
mod counter;
mod desk;
mod door;
mod facts;
mod jid;
mod job;
mod ledger;
mod presence;
mod publish;
mod returns;
mod target;

pub use crate::duty::request;
pub use door::Policy;

use answers::Answer;
use counter::Counter;
use desk::Desk;
use door::Door;
use facts::Memory;
use jid::{Jid, Jids};
use job::{Asker, Fate, Stage, Step};
use ledger::{Ledger, Line};
use presence::Presence;
use request::Reply;

/// What a master needs to know at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its id.
    pub id: Name,
    /// What it says its version is.
    pub version: String,
    /// Whom to let in without asking.
    pub policy: Policy,
    /// Names for target expressions.
    pub groups: Groups,
}

/// Why a job is given up that could run twice if it were sent again.
const MAY_HAVE_RUN: &str = "it may have run: the minion started anew before it confirmed";

/// A master's duty.
#[derive(Debug)]
pub struct Master {
    id: Name,
    version: String,
    now: Time,
    jids: Jids,
    door: Door,
    presence: Presence,
    desk: Desk,
    counter: Counter,
    ledger: Ledger,
    memory: Memory,
    groups: Groups,
    bus: Bus,
    outbox: Outbox,
    errands: BTreeMap<Ticket, Errand>,
    outputs: VecDeque<Output>,
}

/// What a message on its way is for.
#[derive(Debug, Clone)]
enum Errand {
    /// The job, for this minion.
    Job(Jid, Name),
    /// The question whether a job runs.
    Ask,
    /// The answer to a request.
    Answer(Answer),
}

impl Master {
    /// A master that knows nobody yet: its transport tells it every known key at the start.
    pub fn new(config: Config, now: Time) -> Self {
        Self {
            id: config.id,
            version: config.version,
            now,
            jids: Jids::default(),
            door: Door::new(config.policy),
            presence: Presence::default(),
            desk: Desk::default(),
            counter: Counter::default(),
            ledger: Ledger::default(),
            memory: Memory::default(),
            groups: config.groups,
            bus: Bus::default(),
            outbox: Outbox::default(),
            errands: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Whom to let in from now on, those who wait already included (a settings file was read again).
    pub fn set_policy(&mut self, policy: Policy) {
        self.door.set_policy(policy).into_iter().for_each(|command| self.outbox.push(command));
    }

    fn on_joined(&mut self, peer: &Name) {
        if self.presence.join(self.now, peer) {
            info!(%peer, "joined");
            self.notify(format_args!("salt/presence/change"), || json!({"new": [peer], "lost": []}));
            self.notify(format_args!("salt/minion/{peer}/start"), || json!({"id": peer}));
        }
        if self.counter.is_blocked(peer) {
            self.presence.block(peer);
        }
    }

    fn on_left(&mut self, peer: &Name, why: Departure) {
        if self.presence.leave(peer) {
            info!(%peer, "left: {why}");
            self.notify(format_args!("salt/presence/change"), || json!({"new": [], "lost": [peer]}));
        }
        if why != Departure::Silent {
            self.counter.forget(peer);
        }
        // A silent or restarted minion may come back with its return; one without a key will not.
        if matches!(why, Departure::Rejected | Departure::Forgotten) {
            for jid in self.desk.waiting_for(peer) {
                self.miss(jid, peer, why.to_string());
            }
        }
        if why == Departure::Renewed {
            for jid in self.desk.waiting_for(peer) {
                if self.desk.job(jid).is_some_and(|job| job.on_renewed(peer)) {
                    self.miss(jid, peer, MAY_HAVE_RUN.to_owned());
                }
            }
        }
    }

    /// A minion may be given jobs from now on.
    fn on_ready(&mut self, id: &Name) {
        for jid in self.desk.waiting_for(id) {
            let wait = self.desk.job(jid).and_then(|job| job.waits.get(id));
            if wait.is_some_and(|wait| matches!(wait.stage, Stage::Unsent)) {
                self.dispatch(jid, id);
            }
        }
    }

    /// Sends a job to a minion.
    fn dispatch(&mut self, jid: Jid, id: &Name) {
        let Some(job) = self.desk.job(jid) else { return };
        let message = publish::job_message(id, job.body.clone());
        let ticket = self.outbox.send(id.clone(), message);
        job.on_sent(id, ticket);
        self.errands.insert(ticket, Errand::Job(jid, id.clone()));
    }

    fn on_delivered(&mut self, ticket: Ticket) {
        match self.errands.remove(&ticket) {
            Some(Errand::Job(jid, id)) => {
                if let Some(job) = self.desk.job(jid) {
                    job.on_delivered(&id, ticket);
                }
            }
            Some(Errand::Answer(answer)) => self.on_answered(&answer),
            Some(Errand::Ask) | None => {}
        }
    }

    fn on_failed(&mut self, ticket: Ticket, why: Failure) {
        match self.errands.remove(&ticket) {
            Some(Errand::Job(jid, id)) => {
                let Some(job) = self.desk.job(jid) else { return };
                match why {
                    Failure::Absent | Failure::Lost => {
                        let fate = job.on_lost(&id, ticket, why == Failure::Lost);
                        debug!(%jid, %id, ?fate, "the job may not have arrived: {why}");
                        match fate {
                            Fate::Again if self.presence.is_ready(&id) => self.dispatch(jid, &id),
                            Fate::Unknown => self.miss(jid, &id, MAY_HAVE_RUN.to_owned()),
                            Fate::Again | Fate::Later => {}
                        }
                    }
                    _ => self.miss(jid, &id, why.to_string()),
                }
            }
            Some(Errand::Answer(answer)) => self.on_unanswered(&answer, why),
            Some(Errand::Ask) | None => {}
        }
    }

    /// Gives a minion up.
    fn miss(&mut self, jid: Jid, id: &Name, why: String) {
        info!(%jid, %id, "missing: {why}");
        let body = encode(&Reply::Missing { jid: jid.to_string(), id: id.clone(), why });
        self.resolve(jid, id, Line::Missing(body));
    }

    /// The one place where an awaited minion's part in a job ends; says whether it was awaited.
    fn resolve(&mut self, jid: Jid, id: &Name, line: Line) -> bool {
        let Some(wait) = self.desk.take(jid, id) else { return false };
        if let Stage::Sending(ticket) = wait.stage {
            // If it has not left yet, it never will.
            self.errands.remove(&ticket);
        }
        let asker = self.desk.job(jid).and_then(|job| job.asker.clone());
        if let (Some(asker), Line::Missing(body) | Line::Returned(body)) = (&asker, &line) {
            self.page(asker, body.clone());
        }
        self.ledger.keep(jid, id, line);
        self.close_if_done(jid);
        true
    }

    fn close_if_done(&mut self, jid: Jid) {
        let Some(job) = self.desk.close(jid) else { return };
        self.ledger.end(jid);
        debug!(%jid, "the job has ended");
        if let Some(asker) = job.asker {
            self.page(&asker, encode(&Reply::Ended { jid: jid.to_string() }));
        }
    }

    /// Does what is to be done about the awaited minions of the jobs whose turn has come.
    fn on_due(&mut self) {
        while let Some(job) = self.desk.due(self.now) {
            let jid = job.jid;
            let steps = job.on_due(self.now, &self.presence);
            self.desk.schedule(jid);
            let mut question: Option<Bytes> = None;
            for (id, step) in steps {
                match step {
                    Step::Send => self.dispatch(jid, &id),
                    Step::Missing(why) => self.miss(jid, &id, why.to_owned()),
                    Step::Ask => {
                        let body = question.get_or_insert_with(|| {
                            let ask = self.jids.next(self.now);
                            self.desk.on_asked(jid, ask);
                            publish::question(jid, ask)
                        });
                        let ticket = self.outbox.send(id.clone(), publish::job_message(&id, body.clone()));
                        self.errands.insert(ticket, Errand::Ask);
                    }
                }
            }
        }
    }

    fn page(&mut self, to: &Asker, body: Bytes) {
        let dst = Address { estate: None, yard: Some(to.yard.clone()), share: to.share.clone() };
        let route = Route { src: Address::default(), dst };
        let message = Message { route, kind: "return".to_owned(), body };
        self.outputs.push_back(Output::Page { yard: to.yard.clone(), message });
    }

    /// Tells whoever listens; costs nothing when nobody does.
    fn notify(&mut self, tag: std::fmt::Arguments<'_>, data: impl FnOnce() -> Value) {
        if self.bus.is_idle() {
            return;
        }
        match self.bus.pages(&Notice { tag: tag.to_string(), data: data() }) {
            Ok(pages) => self.outputs.extend(pages.into_iter().map(|(yard, message)| Output::Page { yard, message })),
            Err(why) => error!("a notice was dropped: {why}"),
        }
    }

    fn notify_auth(&mut self, role: &Name, act: &str, fingerprint: impl std::fmt::Display) {
        let result = act == "accept";
        self.notify(
            format_args!("salt/auth"),
            || json!({"id": role, "act": act, "result": result, "fingerprint": fingerprint.to_string()}),
        );
    }
}

impl Duty for Master {
    fn handle_event(&mut self, now: Time, event: Event) {
        self.now = self.now.max(now);
        match event {
            Event::Knock { role, fingerprint } => {
                self.notify_auth(&role, "pend", fingerprint);
                self.outbox.extend(self.door.on_knock(&role, fingerprint));
            }
            Event::Standing { role, fingerprint, acceptance } => {
                self.outbox.extend(self.door.on_standing(&role, fingerprint, acceptance));
                self.on_key(&role, acceptance);
                let act = match acceptance {
                    Some(crate::base::Acceptance::Pending) => "pend",
                    Some(crate::base::Acceptance::Accepted) => "accept",
                    Some(crate::base::Acceptance::Rejected) => "reject",
                    None => "delete",
                };
                self.notify_auth(&role, act, fingerprint);
            }
            Event::Clash { role, known, presented } => {
                let (fresh, command) = self.door.on_clash(&role, known, presented);
                if fresh {
                    self.notify_auth(&role, "clash", presented);
                }
                self.outbox.extend(command);
            }
            Event::Refused { by, why } => warn!("{by} does not let us in: {why}"),
            Event::Joined { peer } => self.on_joined(&peer),
            Event::Left { peer, why } => self.on_left(&peer, why),
            Event::Received { from, message } => self.on_message(&from, &message),
            Event::Delivered { ticket } => self.on_delivered(ticket),
            Event::Failed { ticket, why } => self.on_failed(ticket, why),
            Event::Room => self.outbox.on_room(),
            // Duties use neither streams nor casts.
            Event::Opened { .. }
            | Event::Chunk { .. }
            | Event::Cut { .. }
            | Event::Cast { .. }
            | Event::Uncast { .. } => {}
        }
    }

    fn handle_page(&mut self, now: Time, wall: Wall, yard: Name, uid: u32, message: Message) {
        self.now = self.now.max(now);
        self.jids.on_wall(self.now, wall);
        self.on_page(yard, uid, &message);
    }

    fn handle_outcome(&mut self, now: Time, outcome: Outcome) {
        self.now = self.now.max(now);
        debug!(jid = outcome.jid, "a master runs no functions");
    }

    fn handle_served(&mut self, now: Time, number: u64, answer: Option<Bytes>) {
        self.now = self.now.max(now);
        self.on_served(number, answer);
    }

    fn handle_returned(&mut self, command: Command) {
        self.outbox.handle_returned(command);
    }

    fn handle_gone(&mut self, now: Time, yard: &Name) {
        self.now = self.now.max(now);
        self.bus.forget(yard);
        self.desk.forget(yard);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        for id in self.presence.expire(self.now) {
            self.on_ready(&id);
        }
        self.on_due();
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.outbox.poll(|ticket| self.errands.contains_key(&ticket))
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.counter.next().map(Output::Serve))
    }

    fn poll_timeout(&self) -> Option<Time> {
        if self.outbox.is_ready() || !self.outputs.is_empty() || self.counter.is_ready() {
            return Some(self.now);
        }
        [self.presence.deadline(), self.desk.deadline()].into_iter().flatten().min()
    }
}

/// A part of an answer as a page's body.
fn encode(part: &Reply) -> Bytes {
    rmp_serde::to_vec_named(part).map_or_else(
        |why| {
            error!("a reply cannot be encoded: {why}");
            Bytes::new()
        },
        Bytes::from,
    )
}
