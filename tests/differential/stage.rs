//! Two estates, the link between them and time: plays a script and writes down what came of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use roadstead::base::{Acceptance, Random, Time};
use roadstead::sim::{Link, LinkState};
use roadstead::wire::v0::{PacketKind, TransactKind};

use crate::end::{Datagram, End, Said, Told, View};
use crate::script::{Memory, Script, Side, Step, Weather};

/// What came of a script.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Every message, by its number.
    pub(crate) messages: BTreeMap<u64, Fate>,
    /// How each side saw the other when the link had been fine for a while: main, minion.
    pub(crate) settled: [View; 2],
    /// What became of the probes after that.
    pub(crate) probes: Probes,
    /// After an operator has set things right; `None` when there was no need.
    pub(crate) rescued: Option<Probes>,
    /// What every process had to say of its end: when, who, and the crash's text.
    pub(crate) ends: Vec<(Time, Side, Option<String>)>,
    /// When processes were started by the script or the operator.
    pub(crate) starts: Vec<(Time, Side)>,
    /// What the minion's key was when its operator decided, each time.
    pub(crate) decided: Vec<Option<Acceptance>>,
    /// What happened, for people.
    pub(crate) story: Vec<String>,
}

/// Messages each way at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Probes {
    /// Whether both sides took the other for present.
    pub(crate) is_together: bool,
    /// From the main, from the minion: whether all of them arrived.
    pub(crate) arrived: [bool; 2],
}

/// What became of a message.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) from: Side,
    pub(crate) size: usize,
    pub(crate) at: Time,
    /// Whether there was a process to send it.
    pub(crate) was_sent: bool,
    /// What the sender was told, and when.
    pub(crate) told: Vec<(Time, Told)>,
    /// When it arrived.
    pub(crate) arrivals: Vec<Time>,
    /// It arrived as something else.
    pub(crate) is_damaged: bool,
}

/// The stage.
pub(crate) struct Stage<'a> {
    now: Time,
    ends: [Box<dyn End + 'a>; 2],
    /// Where each is seen.
    addresses: [SocketAddr; 2],
    /// What waits in each one's socket, and its bytes.
    mail: [Vec<Datagram>; 2],
    /// Until when each is stopped.
    asleep: [Option<Time>; 2],
    weather: Weather,
    is_cut: bool,
    links: [LinkState; 2],
    random: Random,
    /// What is to be lost, and how often.
    thefts: Vec<(Side, TransactKind, PacketKind, u32)>,
    flights: BTreeMap<(Time, u64), (SocketAddr, Datagram)>,
    count: u64,
    run: Run,
    /// Whether datagrams are told of in the story.
    is_telling: bool,
}

/// How long the link is fine before things are looked at: 0.6.8 asks again after 60 s at the longest, and ours answers for
/// three times that an estate that was asked to wait.
const SETTLE: Duration = Duration::from_secs(240);
/// How long probes may take.
const PROBE: Duration = Duration::from_secs(40);
/// What an operator's work takes to show.
const RESCUE: Duration = Duration::from_secs(100);
/// Bytes of a default socket buffer (wire v0 §4.5: 92 datagrams of 1 kB); a small one takes a third of that as well.
const BUFFER: usize = 92 * 1024;
const LEAST: usize = 360;
/// Probes are numbered from here on.
pub(crate) const PROBES: u64 = 1_000_000;
/// Sizes of probes.
const PROBE_SIZES: [usize; 2] = [10, 20_000];
/// Where the two are at first.
pub(crate) fn home(side: Side) -> SocketAddr {
    match side {
        Side::Main => SocketAddr::from(([10, 0, 0, 1], 4506)),
        Side::Minion => SocketAddr::from(([10, 0, 0, 2], 4510)),
    }
}

const SIDES: [Side; 2] = [Side::Main, Side::Minion];

impl<'a> Stage<'a> {
    pub(crate) fn new(seed: u64, main: Box<dyn End + 'a>, minion: Box<dyn End + 'a>, is_telling: bool) -> Self {
        Self {
            now: Time(1_000_000),
            ends: [main, minion],
            addresses: SIDES.map(home),
            mail: Default::default(),
            asleep: [None; 2],
            weather: Weather::FINE,
            is_cut: false,
            links: Default::default(),
            random: Random::from_number(seed ^ 0x6c69_6e6b),
            thefts: Vec::new(),
            flights: BTreeMap::new(),
            count: 0,
            run: Run::default(),
            is_telling,
        }
    }

    /// Plays it all.
    pub(crate) fn play(mut self, script: &Script) -> Run {
        for side in SIDES {
            self.start(side, Memory::Keep);
        }
        for (n, (pause, step)) in script.steps.iter().enumerate() {
            self.pass(*pause);
            self.take(n as u64, *step);
        }
        self.tell("the link is fine from here on");
        self.thefts.clear();
        (self.weather, self.is_cut, self.asleep) = (Weather::FINE, false, [None; 2]);
        self.revive();
        self.settle(script);
        // What ended meanwhile gets one more chance, and the time for it.
        if self.revive() {
            self.settle(script);
        }
        self.run.settled = self.look();
        self.run.probes = self.probe(0);
        if self.run.probes != (Probes { is_together: true, arrived: [true; 2] }) {
            self.rescue();
            self.run.rescued = Some(self.probe(1));
        }
        for (n, side) in SIDES.into_iter().enumerate() {
            let detail = self.look()[n].detail.clone();
            self.tell(&format!("{side:?} at the end: {detail}"));
        }
        self.run
    }

    /// An operator who starts again whatever has ended.
    fn revive(&mut self) -> bool {
        let down: Vec<Side> = SIDES.into_iter().filter(|side| !self.ends[*side as usize].is_up()).collect();
        for side in &down {
            self.start(*side, Memory::Keep);
        }
        !down.is_empty()
    }

    fn settle(&mut self, script: &Script) {
        self.pass(SETTLE / 3);
        let standing = self.look()[Side::Main as usize].key.as_ref().map(|(standing, _)| *standing);
        if script.is_accepted && standing == Some(Acceptance::Pending) {
            self.take(PROBES, Step::Decide(Some(Acceptance::Accepted)));
        }
        self.pass(SETTLE * 2 / 3);
    }

    /// An operator who starts both sides with nothing but their own keys, and accepts the minion's.
    fn rescue(&mut self) {
        self.tell("rescue");
        for side in SIDES {
            self.ends[side as usize].decide(self.now, None);
        }
        self.pass(Duration::from_secs(2));
        for side in SIDES {
            self.take(PROBES, Step::Restart(side, Memory::Lose));
        }
        for _ in 0..4 {
            self.pass(RESCUE / 4);
            self.ends[Side::Main as usize].decide(self.now, Some(Acceptance::Accepted));
        }
        self.revive();
        self.pass(RESCUE);
    }

    fn probe(&mut self, round: u64) -> Probes {
        let is_together = self.look().iter().all(|view| view.is_present);
        let mut sent = [Vec::new(), Vec::new()];
        for (at, size) in PROBE_SIZES.into_iter().enumerate() {
            for side in SIDES {
                let n = PROBES + round * 100 + at as u64 * 10 + side as u64;
                self.send(n, side, size);
                sent[side as usize].push(n);
            }
        }
        self.pass(PROBE);
        let arrived = sent.map(|sent| sent.iter().all(|n| !self.run.messages[n].arrivals.is_empty()));
        Probes { is_together, arrived }
    }

    fn look(&mut self) -> [View; 2] {
        self.ends.each_mut().map(|end| end.look())
    }

    fn take(&mut self, n: u64, step: Step) {
        self.tell(&format!("{step:?}"));
        match step {
            Step::Send(side, size) => self.send(n, side, size),
            Step::Decide(acceptance) => {
                let main = &mut self.ends[Side::Main as usize];
                self.run.decided.push(main.look().key.map(|(standing, _)| standing));
                main.decide(self.now, acceptance);
            }
            Step::Weather(weather) => self.weather = weather,
            Step::Cut(is_cut) => self.is_cut = is_cut,
            Step::Restart(side, memory) => {
                self.ends[side as usize].stop();
                self.mail[side as usize].clear();
                self.start(side, memory);
            }
            Step::Sleep(side, time) => self.asleep[side as usize] = Some(self.now + time),
            Step::SleepBoth(time) => self.asleep = [Some(self.now + time); 2],
            Step::Move => {
                let address = &mut self.addresses[Side::Minion as usize];
                address.set_port(address.port() + 1);
            }
            Step::Steal(side, transact, packet, count) => self.thefts.push((side, transact, packet, count)),
            Step::Nudge(what) => SIDES.into_iter().for_each(|side| self.ends[side as usize].nudge(self.now, what)),
        }
    }

    fn start(&mut self, side: Side, memory: Memory) {
        let end = &mut self.ends[side as usize];
        end.start(self.now, memory);
        self.asleep[side as usize] = None;
        self.run.starts.push((self.now, side));
    }

    fn send(&mut self, n: u64, from: Side, size: usize) {
        let was_sent = self.ends[from as usize].is_up() && self.asleep[from as usize].is_none();
        if was_sent {
            self.ends[from as usize].send(self.now, n, size);
        }
        let (told, arrivals) = (Vec::new(), Vec::new());
        self.run.messages.insert(n, Fate { from, size, at: self.now, was_sent, told, arrivals, is_damaged: false });
    }

    /// Time passes.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            while let Some(entry) = self.flights.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to, datagram) = entry.remove();
                self.arrive(to, datagram);
            }
            for side in SIDES {
                if self.asleep[side as usize].is_some_and(|until| until <= self.now) {
                    self.asleep[side as usize] = None;
                }
                if self.due(side).is_some_and(|due| due <= self.now) {
                    self.turn(side);
                }
            }
        }
        self.now = end;
    }

    fn next(&self) -> Option<Time> {
        let flight = self.flights.first_key_value().map(|((at, _), _)| *at);
        let wakes = self.asleep.into_iter().flatten();
        SIDES.into_iter().filter_map(|side| self.due(side)).chain(flight).chain(wakes).min()
    }

    fn due(&self, side: Side) -> Option<Time> {
        let is_awake = self.asleep[side as usize].is_none();
        let has_mail = !self.mail[side as usize].is_empty();
        is_awake.then(|| self.ends[side as usize].due(self.now, has_mail)).flatten()
    }

    fn turn(&mut self, side: Side) {
        let mail = std::mem::take(&mut self.mail[side as usize]);
        let (sent, said) = self.ends[side as usize].turn(self.now, mail);
        for said in said {
            self.hear(side, said);
        }
        for (to, bytes) in sent {
            self.carry(side, to, bytes);
        }
    }

    fn carry(&mut self, side: Side, to: SocketAddr, bytes: Vec<u8>) {
        let Weather { loss, duplicate, reorder, delay, jitter } = self.weather;
        let holdback = Duration::from_millis(80);
        let link = Link { loss, duplicate, reorder, holdback, delay, jitter, is_cut: self.is_cut, ..Link::default() };
        let state = &mut self.links[side as usize];
        let mut passed = 0;
        let is_stolen = is_stolen(&mut self.thefts, side, &bytes);
        let count = if is_stolen { 0 } else { state.take(&link, &mut self.random, bytes.len()) };
        for _ in 0..count {
            let Some(arrival) = state.pass(&link, self.now, &mut self.random, bytes.len(), false) else { continue };
            self.count += 1;
            passed += 1;
            self.flights.insert((arrival.at, self.count), (to, (self.addresses[side as usize], bytes.clone())));
        }
        if self.is_telling {
            let line = format!("{side:?} > {to} {} x{passed}", describe(&bytes));
            self.tell(&line);
        }
    }

    fn arrive(&mut self, to: SocketAddr, datagram: Datagram) {
        let Some(at) = self.addresses.iter().position(|address| *address == to) else { return };
        if !self.ends[at].is_up() {
            return;
        }
        let waiting: usize = self.mail[at].iter().map(|(_, bytes)| bytes.len().max(LEAST)).sum();
        // Who takes its mail as it comes never has so much of it.
        if self.asleep[at].is_none() || waiting + datagram.1.len().max(LEAST) <= BUFFER {
            self.mail[at].push(datagram);
        }
    }

    fn hear(&mut self, side: Side, said: Said) {
        if self.is_telling {
            self.tell(&format!("{side:?}: {said:?}"));
        }
        match said {
            Said::Got { n, is_whole } => {
                let Some(fate) = self.run.messages.get_mut(&n) else { return };
                fate.arrivals.push(self.now);
                fate.is_damaged |= !is_whole;
            }
            Said::Told { n, what } => {
                if let Some(fate) = self.run.messages.get_mut(&n) {
                    fate.told.push((self.now, what));
                }
            }
            Said::Ended => self.run.ends.push((self.now, side, None)),
            Said::Crashed(text) => self.run.ends.push((self.now, side, Some(text))),
        }
    }

    fn tell(&mut self, what: &str) {
        if self.is_telling {
            let seconds = self.now.0 as f64 / 1e6;
            self.run.story.push(format!("{seconds:10.3} {what}"));
        }
    }
}

/// Whether somebody takes this datagram away.
fn is_stolen(thefts: &mut [(Side, TransactKind, PacketKind, u32)], side: Side, datagram: &[u8]) -> bool {
    let Ok(packet) = roadstead::wire::v0::read(datagram) else { return false };
    let (transact, packet) = (packet.head.transact, packet.head.packet);
    let theft = thefts.iter_mut().find(|(s, t, p, left)| (*s, *t, *p) == (side, transact, packet) && *left > 0);
    theft.is_some_and(|theft| {
        theft.3 -= 1;
        true
    })
}

/// A datagram for people.
fn describe(datagram: &[u8]) -> String {
    match roadstead::wire::v0::read(datagram) {
        Ok(packet) => {
            let head = packet.head;
            let side = if head.correspondent { "answer " } else { "" };
            let again = if head.again { " again" } else { "" };
            format!(
                "{side}{:?} {:?} se {} de {} si {} ti {} sn {}/{}{again}",
                head.transact, head.packet, head.se, head.de, head.si, head.ti, head.sn, head.sc
            )
        }
        Err(error) => error.to_string(),
    }
}
