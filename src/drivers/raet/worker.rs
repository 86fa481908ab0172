//! One of several roads behind one address, on a thread of its own: its socket, its engine, its loop. It hands datagrams
//! of another road's sessions on to that road, tells the front what its road says, and never waits for either.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, error::TryRecvError};

use super::names::{self, Names};
use super::{EVENTS, LAST_WORDS, TRAINS};
use crate::base::{Name, Time};
use crate::clock::Clock;
use crate::drive::train::{Arrivals, Departure};
use crate::drive::udp::UdpPort;
use crate::road::front::{Order, Taken};
use crate::road::{Datagram, Mark, Output, Road, Shard};
use crate::transport::{Command, Event, Failure, Link, Ticket};

/// What the front asks of a road.
pub(super) enum Task {
    /// To carry a message, or to stop carrying one, or a cast.
    Command(Command),
    /// To follow.
    Order(Order),
    /// To show its sessions.
    Links(std::sync::mpsc::Sender<Vec<Link>>),
    /// To end its sessions with a word to each, and then itself.
    Close,
}

/// What a road tells the front, in order.
#[allow(clippy::large_enum_variant)] // nearly all are outputs: an allocation for each would cost more
pub(super) enum Said {
    /// At this time.
    Output(Time, Output),
    /// Done with [`Order::GiveUp`].
    GivenUp(Name),
    /// Whether messages for this estate wait.
    Full(Name, bool),
}

/// What a road told in one turn.
pub(super) struct Report {
    pub(super) road: u32,
    pub(super) said: Vec<Said>,
    pub(super) taken: Taken,
}

/// Datagrams of one size and one sender that came to another road's socket.
pub(super) struct Parcel {
    from: std::net::SocketAddr,
    mark: Mark,
    size: usize,
    bytes: Vec<u8>,
}

/// What became of datagrams that came to another road's socket.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) on: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// Ways in and out of a worker.
pub(super) struct Ends {
    pub(super) tasks: Receiver<Vec<Task>>,
    pub(super) parcels: Receiver<Parcel>,
    pub(super) reports: Sender<Report>,
    /// By number.
    pub(super) others: Vec<Sender<Parcel>>,
    pub(super) passed: Arc<Passed>,
}

/// A road and its loop.
pub(super) struct Worker {
    shard: Shard,
    /// Whether the first road speaks the classic wire.
    has_classic: bool,
    road: Road,
    clock: Clock,
    names: Names,
    ends: Ends,
    arrivals: Arrivals,
    departure: Departure,
    said: Vec<Said>,
    /// Messages for estates that have no room, by id.
    parked: BTreeMap<Name, VecDeque<Command>>,
    taken: Taken,
    reported: Taken,
    wall_due: Time,
    is_closing: bool,
}

/// Rounds of tasks, and parcels, taken before the socket has its turn.
const IN_A_ROW: usize = 8;
/// How often the wall clock is read; it goes into handshakes.
const WALL_EVERY: Duration = Duration::from_millis(250);
/// How long it waits when the kernel has no room for what it has to send.
const LONGEST: Duration = Duration::from_millis(250);
/// How long when it has nothing to wait for.
const IDLE: Duration = Duration::from_secs(3600);

impl Worker {
    /// Of a road that has not done anything yet.
    pub(super) fn new(shard: Shard, has_classic: bool, road: Road, clock: Clock, names: Names, ends: Ends) -> Self {
        Self {
            shard,
            has_classic,
            road,
            clock,
            names,
            ends,
            arrivals: Arrivals::default(),
            departure: Departure::default(),
            said: Vec::new(),
            parked: BTreeMap::new(),
            taken: Taken::default(),
            reported: Taken::default(),
            wall_due: Time::ZERO,
            is_closing: false,
        }
    }

    /// Runs until it is told to end, or nobody is there to be told anything.
    pub(super) async fn run(mut self, mut port: UdpPort) {
        while self.turn(&mut port) {
            if self.is_closing {
                return self.last_words(&mut port).await;
            }
            self.wait(&port).await;
        }
    }

    /// Everything that can be done without waiting; `false` when the front is gone.
    fn turn(&mut self, port: &mut UdpPort) -> bool {
        let now = self.clock.now();
        if self.wall_due <= now {
            self.wall_due = now + WALL_EVERY;
            self.road.set_wall(now, self.clock.wall());
        }
        for _ in 0..IN_A_ROW {
            match self.ends.tasks.try_recv() {
                Ok(tasks) => tasks.into_iter().for_each(|task| self.carry_out(now, task)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        if !self.is_blocked() {
            port.receive(&mut self.arrivals);
            let now = self.clock.now();
            let Self { arrivals, road, shard, has_classic, ends, .. } = self;
            arrivals.unload(|datagrams| take(road, now, *shard, *has_classic, ends, datagrams));
            for _ in 0..IN_A_ROW {
                let Ok(parcel) = self.ends.parcels.try_recv() else { break };
                self.open(now, parcel);
            }
        }
        let now = self.clock.now();
        self.road.handle_timeout(now);
        for _ in 0..TRAINS {
            let is_any = self.departure.load(|out| self.road.poll_transmit(now, out));
            if !is_any || !port.send(&mut self.departure) {
                break;
            }
        }
        self.drain(now);
        self.report();
        true
    }

    /// Whether the front has not read what it was told: what it does not keep up with waits in the kernel, or is sent again.
    fn is_blocked(&self) -> bool {
        self.said.len() > EVENTS
    }

    async fn wait(&mut self, port: &UdpPort) {
        let now = self.clock.now();
        let wake = self.road.poll_timeout().unwrap_or(now + IDLE);
        let is_full = self.departure.is_waiting();
        if wake <= now && !is_full {
            return tokio::task::yield_now().await;
        }
        let until = if wake <= now { now + LONGEST } else { wake };
        let (is_blocked, is_untold) = (self.is_blocked(), self.is_untold());
        let until = tokio::time::sleep_until(self.clock.instant(until).into());
        let reports = &self.ends.reports;
        let told = async { _ = reports.reserve().await.is_ok() };
        // A turn finds out what there is to do; only what a channel gave is lost if it is not taken here.
        let (mut tasks, mut parcel) = (None, None);
        tokio::select! {
            came = self.ends.tasks.recv() => tasks = came,
            Some(came) = self.ends.parcels.recv(), if !is_blocked => parcel = Some(came),
            () = told, if is_untold => {}
            () = port.ready(is_full), if !is_blocked => {}
            () = port.writable(), if is_blocked && is_full => {}
            () = until => {}
        }
        let now = self.clock.now();
        tasks.into_iter().flatten().for_each(|task| self.carry_out(now, task));
        if let Some(parcel) = parcel {
            self.open(now, parcel);
        }
    }

    fn carry_out(&mut self, now: Time, task: Task) {
        match task {
            Task::Command(command) => self.command(now, command),
            Task::Order(Order::Learn(key, acceptance)) => {
                let known = self.road.roll().find(&key.role);
                if known.map(|(known, standing)| (known.same_keys(&key), standing)) != acceptance.map(|a| (true, a)) {
                    self.road.handle_roll(now, *key, acceptance);
                }
            }
            Task::Order(Order::Tokens(tokens)) => self.road.set_tokens(now, tokens),
            Task::Order(Order::Fast(role)) => self.road.remember_fast(role),
            Task::Order(Order::GiveUp(id, at)) => {
                if let Some(estate) = self.names.estate(&id) {
                    self.road.give_up(now, &estate, at);
                }
                self.drain(now);
                self.said.push(Said::GivenUp(id));
            }
            // Whoever asked may have gone.
            Task::Links(to) => _ = to.send(self.names.links(&self.road, now)),
            Task::Close => self.is_closing = true,
        }
    }

    fn command(&mut self, now: Time, command: Command) {
        let (to, message) = match &command {
            Command::Send { to, message, .. } => (to, message),
            Command::Cancel { ticket, to } if self.unpark_one(*ticket, to) => {
                let failed = Event::Failed { ticket: *ticket, why: Failure::Cancelled };
                return self.said.push(Said::Output(now, Output::Event(failed)));
            }
            _ => {
                // Neither is handed back for want of room.
                let _ = super::ask(&mut self.road, &self.names, now, command);
                return;
            }
        };
        self.taken.count += 1;
        self.taken.bytes += message.body.len() as u64;
        if let Some(line) = self.parked.get_mut(to) {
            self.taken.parked += message.body.len();
            line.push_back(command);
        } else if let Err(command) = self.submit(now, command) {
            self.park(command);
        }
    }

    /// Nothing behind it in the line for its estate goes before it.
    fn park(&mut self, command: Command) {
        if let Command::Send { to, message, .. } = &command {
            self.taken.parked += message.body.len();
            self.said.push(Said::Full(to.clone(), true));
            self.parked.entry(to.clone()).or_default().push_back(command);
        }
    }

    fn submit(&mut self, now: Time, command: Command) -> Result<(), Command> {
        let Command::Send { ticket, to, message } = command else { return Ok(()) };
        let Some(estate) = self.names.estate(&to) else {
            let failed = Output::Event(Event::Failed { ticket, why: Failure::Absent });
            self.said.push(Said::Output(now, failed));
            return Ok(());
        };
        let command = Command::Send { ticket, to: estate, message: names::on_road(&message) };
        self.road.handle_command(now, command).map_err(|_| Command::Send { ticket, to, message })
    }

    /// Takes a message out of the line for its estate; `false` when it is not there.
    fn unpark_one(&mut self, ticket: Ticket, to: &Name) -> bool {
        let of = |command: &Command| matches!(command, Command::Send { ticket: of, .. } if *of == ticket);
        let line = self.parked.get_mut(to);
        let taken = line.and_then(|line| line.iter().position(of).and_then(|at| line.remove(at)));
        if let Some(Command::Send { message, .. }) = &taken {
            self.taken.parked -= message.body.len();
        }
        // A line that is empty now says so when there is room.
        taken.is_some()
    }

    /// There is room somewhere, or an estate has left.
    fn unpark(&mut self, now: Time) {
        for (to, mut line) in std::mem::take(&mut self.parked) {
            while let Some(command) = line.pop_front() {
                let bytes = if let Command::Send { message, .. } = &command { message.body.len() } else { 0 };
                match self.submit(now, command) {
                    Ok(()) => self.taken.parked -= bytes,
                    Err(command) => {
                        line.push_front(command);
                        break;
                    }
                }
            }
            if line.is_empty() {
                self.said.push(Said::Full(to, false));
            } else {
                self.parked.insert(to, line);
            }
        }
    }

    /// Takes out what the road has to say.
    fn drain(&mut self, now: Time) {
        loop {
            let mut is_room = false;
            while let Some(output) = self.road.poll_output() {
                let output = match output {
                    // The front has its own word about these.
                    Output::Event(Event::Standing { .. } | Event::Knock { .. }) => continue,
                    Output::Event(Event::Room) => {
                        is_room = true;
                        continue;
                    }
                    Output::Event(event) => {
                        is_room |= matches!(event, Event::Left { .. });
                        let Some(event) = self.names.translate(event) else { continue };
                        Output::Event(event)
                    }
                    other @ (Output::Keep(_) | Output::Note(_)) => other,
                };
                self.said.push(Said::Output(now, output));
            }
            if !is_room || self.parked.is_empty() {
                return;
            }
            self.unpark(now);
        }
    }

    fn is_untold(&self) -> bool {
        !self.said.is_empty() || self.taken != self.reported
    }

    /// Tells the front, if it has read what it was told before.
    fn report(&mut self) {
        if self.is_untold()
            && let Ok(permit) = self.ends.reports.try_reserve()
        {
            self.reported = self.taken;
            let said = std::mem::take(&mut self.said);
            permit.send(Report { road: self.shard.number(), said, taken: self.taken });
        }
    }

    fn open(&mut self, now: Time, mut parcel: Parcel) {
        let Parcel { from, mark, size, bytes } = &mut parcel;
        let (from, mark) = (*from, *mark);
        let mut datagrams: Vec<_> =
            bytes.chunks_mut((*size).max(1)).map(|bytes| Datagram { from, mark, bytes }).collect();
        self.road.handle_datagrams(now, &mut datagrams);
    }

    async fn last_words(&mut self, port: &mut UdpPort) {
        self.road.close(self.clock.now());
        let words = async {
            while self.departure.load(|out| self.road.poll_transmit(self.clock.now(), out)) {
                if !port.send(&mut self.departure) {
                    port.writable().await;
                }
            }
        };
        // Whoever does not hear of it finds out by itself.
        let _ = tokio::time::timeout(LAST_WORDS, words).await;
        self.drain(self.clock.now());
        // Not told when the front does not wait for it.
        let _ = tokio::time::timeout(LAST_WORDS, self.ends.reports.reserve()).await.is_ok_and(|permit| permit.is_ok());
        self.report();
    }
}

/// Gives the road what is its own, and others theirs.
fn take(road: &mut Road, now: Time, shard: Shard, has_classic: bool, ends: &Ends, datagrams: &mut [Datagram<'_>]) {
    let owner = |datagram: &Datagram<'_>| shard.owner(datagram.bytes, has_classic);
    if datagrams.iter().all(|datagram| owner(datagram) == shard.number()) {
        return road.handle_datagrams(now, datagrams);
    }
    // The sort keeps the order of each road's.
    datagrams.sort_by_key(|datagram| owner(datagram) != shard.number());
    let own = datagrams.partition_point(|datagram| owner(datagram) == shard.number());
    let (own, others) = datagrams.split_at_mut(own);
    if !own.is_empty() {
        road.handle_datagrams(now, own);
    }
    let kind = |datagram: &Datagram<'_>| (owner(datagram), datagram.from, datagram.mark, datagram.bytes.len());
    for run in others.chunk_by(|one, next| kind(one) == kind(next)) {
        let Some(first) = run.first() else { continue };
        let mut bytes = Vec::with_capacity(run.len() * first.bytes.len());
        run.iter().for_each(|datagram| bytes.extend_from_slice(datagram.bytes));
        let parcel = Parcel { from: first.from, mark: first.mark, size: first.bytes.len(), bytes };
        let sent = ends.others.get(owner(first) as usize).is_some_and(|other| other.try_send(parcel).is_ok());
        let count = if sent { &ends.passed.on } else { &ends.passed.lost };
        count.fetch_add(run.len() as u64, Ordering::Relaxed);
    }
}
