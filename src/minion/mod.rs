//! Floor 3: the minion's duty. Never names a road, a socket, a file or a clock, and runs no function itself.
//!
//! Jobs of the one pinned master come in, work goes out to the host, outcomes come back and are returned. [`door`] pins
//! the master, [`running`] holds what runs, [`returns`] what the master does not have yet, [`asks`] what it was asked,
//! [`facts`] who is meant by a target; this file brings them together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::{debug, info, warn};

use crate::base::{Fingerprint, Name, Time, Wall, limits};
use crate::duty::request::{Reply, Request};
use crate::duty::{Ask, Duty, Outbox, Outcome, Output, Work};
use crate::message::{Address, Message, Route};
use crate::transport::{Command, Departure, Event, Ticket};

mod asks;
mod door;
mod facts;
mod job;
mod requests;
mod returns;
mod running;

use asks::Asks;
use door::{Door, Verdict};
use facts::Knowledge;
use job::Job;
use returns::{Ending, Returns};
use running::{Answer, Running};

/// What stands for a job id where a function runs without a job: none has a dot.
const MINE: &str = ".mine";

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
    /// What the machine is: what targets and pillars go by.
    pub grains: Arc<Map<String, Value>>,
    /// How often the master's mine is told what it is to know; none: never by itself.
    pub mine_interval: Option<Duration>,
    /// A number that no earlier life of this minion had: replies to that one's requests are not ours.
    pub life: u64,
}

impl Config {
    /// A minion of this id and key that trusts the first master it meets and knows nothing of its machine.
    pub fn new(id: Name, finger: Fingerprint) -> Self {
        Self {
            id,
            version: String::new(),
            finger,
            master_finger: None,
            auto_accept: true,
            grains: Arc::default(),
            mine_interval: None,
            life: 0,
        }
    }
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
    known: Knowledge,
    asks: Asks,
    /// Functions that wait for the pillar, and until when.
    waiting: VecDeque<(u64, Time)>,
    mine_interval: Option<Duration>,
    mine_due: Option<Time>,
    /// Whether the master knows that we have started, and the ticket it was told under.
    greeted: bool,
    greeting: Option<Ticket>,
    outbox: Outbox,
    outputs: VecDeque<Output>,
}

impl Minion {
    /// A minion that knows no master yet: its transport tells it a known one at the start.
    pub fn new(config: Config, now: Time) -> Self {
        let Config { id, version, finger, master_finger, auto_accept, grains, mine_interval, life } = config;
        Self {
            version,
            now,
            door: Door::new(id.clone(), finger, master_finger, auto_accept),
            joined: false,
            running: Running::default(),
            returns: Returns::new(id.clone()),
            known: Knowledge::new(id.clone(), grains),
            asks: Asks::new(life),
            waiting: VecDeque::new(),
            mine_interval,
            mine_due: None,
            greeted: false,
            greeting: None,
            outbox: Outbox::default(),
            outputs: VecDeque::new(),
            id,
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
        // First of all: our own masters give a newcomer jobs once it has an answer, and Salt's learn our grains by it.
        self.ask_for_pillar();
        self.offer_asks();
        self.returns.offer(peer, &mut self.outbox);
        self.update_mine();
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
        if self.on_reply(message) {
            return;
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
        if !self.running.see(&job.jid) {
            debug!(jid = job.jid, "a job that was here before");
            return self.offer();
        }
        self.asks.hurry(self.now);
        self.offer_asks();
        let is_question = job.calls.iter().all(|call| running::is_question(&call.fun));
        let job = if is_question { Some(job) } else { self.known.hold(self.now, job) };
        job.into_iter().for_each(|job| self.take_job(job));
    }

    /// A new job whose time has come.
    fn take_job(&mut self, job: Job) {
        if !self.known.is_for_us(&job) {
            return debug!(jid = job.jid, tgt_type = job.tgt_type, tgt = %job.tgt, "a job for others");
        }
        if self.running.is_full() && !job.calls.iter().all(|call| running::is_question(&call.fun)) {
            let why = format!("{} functions run here already; try again later", limits::RUNNING);
            self.returns.hold(&job, &Ending::refusal(&why));
            return self.offer();
        }
        info!(jid = job.jid, fun = job.funs(), user = ?job.user, "job");
        if !job.ret.is_empty() {
            warn!(jid = job.jid, ret = ?job.ret, "returns go to the master only: there are no other returners here");
        }
        let jid = job.jid.clone();
        self.running.start(self.now, job);
        self.step(&jid);
    }

    /// Goes on with a job: its next call, or its return.
    fn step(&mut self, jid: &str) {
        while let Some(call) = self.running.next(jid).cloned() {
            let returning = |jid: &str| self.returns.find(jid).cloned().or_else(|| self.known.find(jid));
            let Some(answer) = self.running.answer(self.now, jid, &call, returning) else {
                let (args, kwargs) = call.arguments();
                let work = Work { jid: jid.to_owned(), fun: call.fun, args, kwargs };
                return self.outputs.push_back(Output::Work(work));
            };
            let Answer { value, success, outputs } = answer;
            self.outputs.extend(outputs);
            let retcode = i64::from(!success);
            self.running.record(Outcome { jid: jid.to_owned(), value, retcode, success });
        }
        if let Some((job, ending)) = self.running.finish(jid) {
            self.returns.hold(&job, &ending);
            self.offer();
        }
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
            Event::Failed { ticket, why } => {
                self.returns.on_failed(self.now, ticket, why);
                if let Some(owner) = self.asks.on_failed(self.now, ticket, why) {
                    self.answer(owner, Err(format!("the request cannot be sent: {why}")));
                }
            }
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
        let jid = outcome.jid.clone();
        if self.running.record(outcome) {
            self.step(&jid);
        } else {
            debug!(jid, "the outcome of nothing that runs");
        }
    }

    fn handle_ask(&mut self, now: Time, number: u64, ask: Ask) {
        self.now = self.now.max(now);
        self.on_ask(number, ask);
    }

    fn handle_returned(&mut self, command: Command) {
        self.outbox.handle_returned(command);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.joined && self.returns.deadline().is_some_and(|at| at <= self.now) {
            self.offer();
        }
        self.expire_asks();
        self.offer_asks();
        self.update_mine();
        let jobs = self.known.expire(self.now);
        jobs.into_iter().for_each(|job| self.take_job(job));
    }

    fn poll_command(&mut self) -> Option<Command> {
        let (returns, asks, greeting) = (&self.returns, &self.asks, self.greeting);
        self.outbox.poll(|ticket| greeting == Some(ticket) || returns.is_waiting(ticket) || asks.is_waiting(ticket))
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Time> {
        if self.outbox.is_ready() || !self.outputs.is_empty() {
            return Some(self.now);
        }
        [self.returns.deadline().filter(|_| self.joined), self.asks_deadline()].into_iter().flatten().min()
    }
}
