//! Floor 3: the minion's duty. Never names a road, a socket, a file or a clock, and runs no function itself.
//!
//! Jobs of the one pinned master come in, work goes out to the host, outcomes come back and are returned. [`door`] pins
//! the master, [`running`] holds what runs, [`returns`] what the master does not have yet; this file brings them together.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tracing::{debug, info, warn};

use crate::base::{Fingerprint, Name, Time, Wall, limits};
use crate::duty::request::{Reply, Request};
use crate::duty::{Duty, Outbox, Outcome, Output, Work};
use crate::message::{Address, Message, Route};
use crate::transport::{Command, Departure, Event, Ticket};

mod door;
mod job;
mod returns;
mod running;
mod target;

use door::{Door, Verdict};
use job::Job;
use returns::Returns;
use running::Running;

/// What a minion needs to know at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its id.
    pub id: Name,
    /// What it says its version is.
    pub version: String,
    /// Its own key, for the operator to compare.
    pub finger: Fingerprint,
    /// The only master's key it may trust; none: the first one it meets.
    pub master_finger: Option<Fingerprint>,
    /// Whether that first one is trusted unasked; else its key waits for the operator of this minion.
    pub auto_accept: bool,
}

/// A minion's duty.
#[derive(Debug)]
pub struct Minion {
    id: Name,
    version: String,
    now: Time,
    door: Door,
    /// Whether the master is there.
    joined: bool,
    running: Running,
    returns: Returns,
    /// Our greeting, until it arrived or did not.
    greeting: Option<Ticket>,
    outbox: Outbox,
    outputs: VecDeque<Output>,
}

impl Minion {
    /// A minion that knows no master yet: its transport tells it a known one at the start.
    pub fn new(config: Config, now: Time) -> Self {
        let Config { id, version, finger, master_finger, auto_accept } = config;
        Self {
            id: id.clone(),
            version,
            now,
            door: Door::new(id.clone(), finger, master_finger, auto_accept),
            joined: false,
            running: Running::default(),
            returns: Returns::new(id),
            greeting: None,
            outbox: Outbox::default(),
            outputs: VecDeque::new(),
        }
    }

    fn on_verdict(&mut self, verdict: Verdict) {
        self.outbox.extend(verdict.command);
        self.outputs.extend(verdict.fatal.map(Output::Fatal));
    }

    fn on_joined(&mut self, peer: &Name) {
        if !self.door.is_master(peer) {
            return warn!(%peer, "an estate that is not our master joined");
        }
        info!(master = %peer, "joined");
        self.joined = true;
        self.door.on_joined();
        self.greet(peer);
        self.returns.offer(peer, &mut self.outbox);
    }

    /// Tells the master that we ask for nothing before we take jobs, with the event that Salt minions of other
    /// transports start with (`_minion_event`, Salt over RAET §6).
    fn greet(&mut self, master: &Name) {
        let id = &self.id;
        let tag = format!("salt/minion/{id}/start");
        let load = json!({"cmd": "_minion_event", "id": id, "tag": tag, "data": {"id": id}, "pretag": null});
        let dst = Address { estate: Some(master.clone()), yard: None, share: Name::new("remote_cmd").ok() };
        if let Ok(message) = Message::new(Route { src: Address::default(), dst }, "load", &load) {
            self.greeting = Some(self.outbox.send(master.clone(), message));
        }
    }

    fn on_left(&mut self, peer: &Name, why: Departure) {
        if self.door.is_master(peer) {
            info!(master = %peer, "left: {why}; its jobs go on and their returns are kept");
            self.joined = false;
        }
    }

    fn on_message(&mut self, from: &Name, message: &Message) {
        let Address { yard, share, .. } = &message.route.dst;
        if !self.door.is_master(from) || yard.as_ref().is_some_and(|yard| yard.as_str() != "manor") {
            return warn!(%from, kind = message.kind, "a message that is not our master's to send");
        }
        if message.kind != "pub" || share.as_ref().map(Name::as_str) != Some("fun") {
            // Replies to returns and greetings.
            return debug!(%from, kind = message.kind, "nothing to do");
        }
        match Job::read(message) {
            Ok(job) => self.on_job(job),
            Err(why) => warn!(%from, "a job that cannot be read: {why}"),
        }
    }

    fn on_job(&mut self, job: Job) {
        if !target::is_for(&self.id, &job.tgt_type, &job.tgt) {
            return debug!(jid = job.jid, tgt_type = job.tgt_type, tgt = %job.tgt, "a job for others");
        }
        if !self.running.see(&job.jid) {
            debug!(jid = job.jid, "a job that was here before");
            return self.offer();
        }
        if let Some(answer) = self.running.answer(self.now, &job, |jid| self.returns.find(jid)) {
            self.outputs.extend(answer.output);
            return self.finish(&job, answer.value, answer.success);
        }
        if self.running.is_full() {
            let why = format!("{} functions run here already; try again later", limits::RUNNING);
            return self.finish(&job, why.into(), false);
        }
        info!(jid = job.jid, fun = job.fun, user = ?job.user, "job");
        let (args, kwargs) = job.arguments();
        let work = Work { jid: job.jid.clone(), fun: job.fun.clone(), args, kwargs };
        self.running.start(self.now, job);
        self.outputs.push_back(Output::Work(work));
    }

    /// A job that needed no worker.
    fn finish(&mut self, job: &Job, value: Value, success: bool) {
        let outcome = Outcome { jid: job.jid.clone(), value, retcode: i64::from(!success), success };
        self.returns.hold(job, &outcome);
        self.offer();
    }

    fn offer(&mut self) {
        if let Some(master) = self.door.master().filter(|_| self.joined) {
            self.returns.offer(master, &mut self.outbox);
        }
    }
}

impl Duty for Minion {
    fn handle_event(&mut self, now: Time, event: Event) {
        self.now = self.now.max(now);
        match event {
            Event::Knock { role, fingerprint } => {
                let verdict = self.door.on_knock(role, fingerprint);
                self.on_verdict(verdict);
            }
            Event::Standing { role, fingerprint, acceptance } => {
                let verdict = self.door.on_standing(role, fingerprint, acceptance);
                self.on_verdict(verdict);
            }
            Event::Clash { role, known, presented } => self.door.on_clash(&role, known, presented),
            Event::Refused { by, why } => self.door.on_refused(&by, why),
            Event::Joined { peer } => self.on_joined(&peer),
            Event::Left { peer, why } => self.on_left(&peer, why),
            Event::Received { from, message } => self.on_message(&from, &message),
            Event::Delivered { ticket } => self.returns.on_delivered(ticket),
            Event::Failed { ticket, why } => self.returns.on_failed(self.now, ticket, why),
            Event::Room => self.outbox.on_room(),
            // Duties use neither streams nor casts.
            Event::Opened { .. }
            | Event::Chunk { .. }
            | Event::Cut { .. }
            | Event::Cast { .. }
            | Event::Uncast { .. } => {}
        }
    }

    fn handle_page(&mut self, now: Time, _wall: Wall, yard: Name, _uid: u32, message: Message) {
        self.now = self.now.max(now);
        let reply = match message.read::<Request>() {
            Ok(Request::Links) => {
                let share = message.route.src.share;
                return self.outputs.push_back(Output::Links { yard, share });
            }
            Ok(Request::Ping) => Reply::Here { id: self.id.clone(), version: self.version.clone() },
            Ok(_) => Reply::Refused { why: "this is a minion; ask its master".to_owned() },
            Err(why) => Reply::Refused { why: format!("the request cannot be read: {why}") },
        };
        let dst = Address { estate: None, yard: Some(yard.clone()), share: message.route.src.share };
        if let Ok(message) = Message::new(Route { src: Address::default(), dst }, "return", &reply) {
            self.outputs.push_back(Output::Page { yard, message });
        }
    }

    fn handle_outcome(&mut self, now: Time, outcome: Outcome) {
        self.now = self.now.max(now);
        match self.running.finish(&outcome.jid) {
            Some(job) => {
                self.returns.hold(&job, &outcome);
                self.offer();
            }
            None => debug!(jid = outcome.jid, "the outcome of nothing that runs"),
        }
    }

    fn handle_returned(&mut self, command: Command) {
        self.outbox.handle_returned(command);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.joined && self.returns.deadline().is_some_and(|at| at <= self.now) {
            self.offer();
        }
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.outbox.poll(|ticket| self.greeting == Some(ticket) || self.returns.is_waiting(ticket))
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Time> {
        if self.outbox.is_ready() || !self.outputs.is_empty() {
            return Some(self.now);
        }
        self.returns.deadline().filter(|_| self.joined)
    }
}
