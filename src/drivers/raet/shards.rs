//! Several roads as one transport: a socket, an engine and a thread each, at one address, and in front of them what makes
//! them one to the duty: where each estate is, the one roll, the key files. With one road there is [`super::Raet`], which
//! has neither threads nor channels.
//!
//! Streams are not carried yet: their numbers are one road's. A master's duty has none.
//!
//! All ways between the threads are bounded. A road that the duty does not keep up with reads no datagrams; a command that
//! a road has no room for is handed back here.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

use super::keys::KeyFiles;
use super::logbook::Logbook;
use super::names::Names;
use super::worker::{Ends, Parcel, Passed, Report, Said, Task, Worker};
use super::{LAST_WORDS, recall};
use crate::base::Random;
use crate::clock::Clock;
use crate::drive::ear::Ear;
use crate::drive::udp::{UdpPort, UdpSeat};
use crate::drive::writer::Writer;
use crate::keep::store::{KeepError, Store};
use crate::keep::{Change, OwnKeys};
use crate::road::front::{Front, Way};
use crate::road::{Config, Fast, Memory, Output, Road, Shard, Wires};
use crate::transport::{Command, Event, Failure, Link, Transport};

/// Rounds of tasks or reports that one side may be ahead of the other.
const ROUNDS: usize = 4;
/// Parcels that wait for their road; further ones are lost, as on any network.
const PARCELS: usize = 64;
/// How long a road may take to show its sessions.
const SHOW: Duration = Duration::from_millis(500);

/// The raet transport of a daemon that others come to, on several cores.
pub struct Shards {
    front: Front,
    posts: Vec<Post>,
    reports: Receiver<Report>,
    clock: Clock,
    keys: KeyFiles,
    logbook: Logbook,
    writer: Writer,
    events: VecDeque<Event>,
    passed: Arc<Passed>,
    is_closing: bool,
}

/// The front's end of one road.
struct Post {
    /// `None` when it is to end.
    tasks: Option<Sender<Vec<Task>>>,
    /// What it is given next.
    outgoing: Vec<Task>,
    thread: Option<JoinHandle<()>>,
}

/// Why the roads were not started.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The key store.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The system gave no thread, or none that can wait for a socket.
    #[error("cannot start a road: {0}")]
    System(#[from] io::Error),
}

impl Shards {
    /// A road for each of `seats`, which are of one address. Nobody is dialed: answers might come to another road.
    pub fn new(
        config: Config,
        keys: OwnKeys,
        store: Store,
        seats: Vec<UdpSeat>,
        clock: Clock,
        seed: [u8; 32],
    ) -> Result<Self, ShardError> {
        let (store, now) = (Arc::new(store), clock.now());
        let (key_files, mut memory) = recall(&config, &store, now)?;
        let count = u32::try_from(seats.len()).unwrap_or(u32::MAX).max(1);
        let bytes = config.bytes / count as usize;
        let front = Front::new(count, config.trust, memory.roll.clone(), memory.fast.clone(), bytes);
        let (reports_in, reports) = mpsc::channel(ROUNDS * seats.len().max(1));
        let (others, parcels): (Vec<_>, Vec<_>) = seats.iter().map(|_| mpsc::channel::<Parcel>(PARCELS)).unzip();
        let (passed, mut random) = (Arc::new(Passed::default()), Random::new(seed));
        let mut shards = Self {
            front,
            posts: Vec::new(),
            reports,
            clock,
            keys: key_files,
            logbook: Logbook::open(&store, clock),
            writer: Writer::start(store),
            events: VecDeque::new(),
            passed: passed.clone(),
            is_closing: false,
        };
        for ((number, seat), parcels) in (0u32..).zip(seats).zip(parcels) {
            let shard = Shard::new(number, count).unwrap_or(Shard::ALONE);
            // The classic wire's numbers are one table: the first road has it, and what is remembered of it.
            let wires = Wires { classic: config.wires.classic && number == 0, ..config.wires };
            let fast = Fast { streams: 0, ..config.fast.clone() };
            let of_road = Config { shard, bytes, wires, fast, dial: Vec::new(), ..config.clone() };
            let rest = Memory { roll: memory.roll.clone(), fast: memory.fast.clone(), ..Memory::default() };
            let memory = std::mem::replace(&mut memory, rest);
            let names = Names::of(&of_road);
            let road = Road::new(of_road, keys.clone(), memory, random.bytes(), now);
            let (tasks, tasks_out) = mpsc::channel(ROUNDS);
            let (reports, others, passed) = (reports_in.clone(), others.clone(), passed.clone());
            let ends = Ends { tasks: tasks_out, parcels, reports, others, passed };
            let worker = Worker::new(shard, config.wires.classic, road, clock, names, ends);
            let thread = Some(start(number, seat, worker)?);
            shards.posts.push(Post { tasks: Some(tasks), outgoing: Vec::new(), thread });
        }
        shards.keys.tokens(now, &mut shards.front);
        shards.carry();
        Ok(shards)
    }

    /// Tells of those who come over TCP, too.
    pub fn listen(&mut self, ear: Ear) {
        self.logbook.listen(ear);
    }

    /// Datagrams that came to another road's socket than their own and were handed on, and those for which there was no
    /// room.
    pub fn passed_on(&self) -> (u64, u64) {
        (self.passed.on.load(Ordering::Relaxed), self.passed.lost.load(Ordering::Relaxed))
    }

    fn give(&mut self, road: u32, command: Command) {
        if let Some(post) = self.posts.get_mut(road as usize) {
            post.outgoing.push(Task::Command(command));
        }
    }

    /// Answers what no road can be asked. A message to who is just leaving fails by itself.
    fn refuse(&mut self, command: Command) {
        match command {
            Command::Open { ticket, .. } => {
                self.events.push_back(Event::Failed { ticket, why: Failure::Unsupported });
            }
            Command::Cast { to, .. } => self.events.push_back(Event::Uncast { to, why: Failure::Absent }),
            _ => {}
        }
    }

    /// Carries what the front says to where it belongs.
    fn carry(&mut self) {
        while let Some(output) = self.front.poll_output() {
            match output {
                Output::Note(note) => self.logbook.note(note),
                Output::Event(event) => {
                    self.logbook.look(&event);
                    self.events.push_back(event);
                }
                Output::Keep(change @ (Change::Role(..) | Change::DropRole(_))) => self.keys.write(change),
                Output::Keep(change) => self.writer.push(change),
            }
        }
        while let Some((road, order)) = self.front.poll_order() {
            if let Some(post) = self.posts.get_mut(road as usize) {
                post.outgoing.push(Task::Order(order));
            }
        }
    }

    fn take(&mut self, report: Report) {
        for said in report.said {
            match said {
                // The many: nothing the front has to know of.
                Said::Output(
                    _,
                    Output::Event(event @ (Event::Received { .. } | Event::Delivered { .. } | Event::Failed { .. })),
                ) => {
                    self.events.push_back(event);
                    continue;
                }
                Said::Output(at, output) => self.front.handle_output(report.road, at, output),
                Said::GivenUp(id) => self.front.handle_given_up(&id),
                Said::Full(id, is_full) => self.front.handle_full(report.road, &id, is_full),
            }
            self.carry();
        }
        self.front.handle_taken(report.road, report.taken);
        self.carry();
    }

    /// Gives the roads what they have room for; `false` when one has ended by itself.
    fn flush(&mut self) -> bool {
        let mut is_well = true;
        for post in self.posts.iter_mut().filter(|post| !post.outgoing.is_empty()) {
            let Some(tasks) = &post.tasks else { continue };
            match tasks.try_send(std::mem::take(&mut post.outgoing)) {
                Ok(()) => {}
                Err(TrySendError::Full(outgoing)) => post.outgoing = outgoing,
                Err(TrySendError::Closed(_)) => is_well = false,
            }
        }
        is_well || self.is_closing
    }

    /// Looks at the key files, if it is time; `false` when a road has ended by itself.
    fn look(&mut self) -> bool {
        let now = self.clock.now();
        if now < self.keys.due() {
            return true;
        }
        self.keys.poll(now, &mut self.front);
        self.carry();
        if let Some(journal) = self.logbook.poll() {
            self.writer.push_journal(journal);
        }
        self.posts.iter().all(|post| post.thread.as_ref().is_none_or(|thread| !thread.is_finished()))
    }
}

/// Starts a road's thread; it has its socket and its timers when this returns.
fn start(number: u32, seat: UdpSeat, worker: Worker) -> io::Result<JoinHandle<()>> {
    let (told, start) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name(format!("road {number}")).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Nobody waits for it any more only if that thread is gone.
        let ready = |is_ready| told.send(is_ready).unwrap_or_default();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                match UdpPort::new(seat) {
                    Ok(port) => {
                        ready(Ok(()));
                        worker.run(port).await;
                    }
                    Err(error) => ready(Err(error)),
                }
            }),
            Err(error) => ready(Err(error)),
        }
    })?;
    start.recv().map_err(io::Error::other)?.map(|()| thread)
}

/// Waits until a road that has not taken its tasks can; for ever when there is none.
async fn room(posts: &[Post]) {
    let stuck = posts.iter().find(|post| !post.outgoing.is_empty()).and_then(|post| post.tasks.as_ref());
    match stuck {
        // Its end is seen when it is given something.
        Some(tasks) => _ = tasks.reserve().await.is_ok(),
        None => std::future::pending().await,
    }
}

impl Transport for Shards {
    fn submit(&mut self, command: Command) -> Result<(), Command> {
        match command {
            Command::Admit { .. } if self.keys.is_undecidable(&command) => {}
            Command::Admit { role, fingerprint, acceptance } => {
                self.front.admit(&role, fingerprint, acceptance);
                self.carry();
            }
            Command::Send { ticket, to, message } => match self.front.send(&to, message.body.len()) {
                Way::Road(road) => {
                    self.give(road, Command::Send { ticket, to, message });
                }
                Way::Absent => self.events.push_back(Event::Failed { ticket, why: Failure::Absent }),
                Way::Wait => return Err(Command::Send { ticket, to, message }),
            },
            Command::Cancel { ref to, .. } | Command::Cast { ref to, .. } => match self.front.holder(to) {
                Some(road) => self.give(road, command),
                None => self.refuse(command),
            },
            other => self.refuse(other),
        }
        Ok(())
    }

    fn links(&self) -> Vec<Link> {
        let (to, links) = std::sync::mpsc::channel();
        let ask = |post: &&Post| {
            post.tasks.as_ref().is_some_and(|tasks| tasks.try_send(vec![Task::Links(to.clone())]).is_ok())
        };
        let asked = self.posts.iter().filter(ask).count();
        // One that is too busy to be asked is left out: this is for people.
        let mut all: Vec<Link> = (0..asked).filter_map(|_| links.recv_timeout(SHOW).ok()).flatten().collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all
    }

    async fn close(&mut self) {
        self.is_closing = true;
        self.posts.iter_mut().for_each(|post| post.outgoing.push(Task::Close));
        let end = async {
            loop {
                self.flush();
                tokio::select! {
                    report = self.reports.recv() => match report {
                        Some(report) => self.take(report),
                        None => break,
                    },
                    () = room(&self.posts) => {}
                }
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS * 3, end).await;
        self.writer.push_journal(self.logbook.close());
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.look() || !self.flush() {
                tracing::error!("a road has ended by itself");
                return None;
            }
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let due = self.clock.instant(self.keys.due());
            tokio::select! {
                report = self.reports.recv() => self.take(report?),
                () = room(&self.posts) => {}
                () = tokio::time::sleep_until(due.into()) => {}
            }
        }
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.posts.iter_mut().for_each(|post| post.tasks = None);
        for thread in self.posts.iter_mut().filter_map(|post| post.thread.take()) {
            // A panic of that thread was told of when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[path = "shards_tests.rs"]
mod tests;
