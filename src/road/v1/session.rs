//! One session with one estate: it owns the parts, asks them, and decides. Parts never call each other.
//!
//! What comes in is in `take`, what goes out in `fill`, what is due when in `timers`; streams, casts and fresh ids have files of
//! their own. Here is what a session is.

mod casts;
mod fill;
mod ids;
mod renewal;
mod streams;
mod take;
mod timers;

use std::net::SocketAddr;
use std::time::Duration;

use self::casts::Casts;
use self::ids::Ids;
use self::renewal::Renewals;
use super::Carried;
use super::acks::Acks;
use super::handshake::{Established, Pace};
use super::inbox::Inbox;
use super::loss::Loss;
use super::mtu::Mtu;
use super::outbox::Outbox;
use super::pacer::Pacer;
use super::path::Path;
use super::rtt::Rtt;
use super::sent::Sent;
use super::tally::Tally;
use super::trace::At;
use super::window::{Control, Window};
use super::{Keys, Seen};
use crate::base::{Name, Time};
use crate::road::config::Fast;
use crate::road::core::{Core, Held};
use crate::road::datagram::Mark;
use crate::transport::{Departure, Event, Failure};
use crate::wire::v1::Parameters;

/// A live session.
pub(crate) struct Session {
    /// The estate's name on this road.
    pub(super) name: Name,
    /// Its key's role.
    pub(super) role: Name,
    /// The hall's number for it: in what place it lives, and which one that is there.
    serial: u64,
    /// Our session id: packets to us carry it.
    pub(super) ours: u64,
    theirs: u64,
    reset: [u8; 16],
    keys: Keys,
    seen: Seen,
    is_initiator: bool,
    /// WELCOME, until the peer has shown that it heard it; of a responder.
    greeting: Option<Box<Greeting>>,
    sent: Sent,
    rtt: Rtt,
    loss: Loss,
    window: Control,
    pacer: Pacer,
    mtu: Mtu,
    /// Largest datagram either side takes.
    ceiling: u16,
    marks: super::ecn::Marks,
    acks: Acks,
    outbox: Outbox,
    inbox: Inbox,
    path: Path,
    casts: Casts,
    ids: Ids,
    clocks: Clocks,
    /// Packets in the present round trip.
    round: Round,
    /// What the session's messages took when the road looked last; the road's own.
    pub(super) held: Held,
    pub(super) tally: Tally,
    renewals: Renewals,
    /// Why it is over, once it is.
    ended: Option<End>,
}

/// WELCOME, said again until it was heard.
struct Greeting {
    body: Vec<u8>,
    pace: Pace,
    since: Time,
}

/// Packets that came in one round trip: how often acknowledgements are worth their while.
struct Round {
    since: Time,
    packets: u32,
    /// Rounds for which the path still counts as one that loses packets.
    lossy: u32,
}

/// What is due when.
#[derive(Debug)]
struct Clocks {
    /// When a packet of the peer's opened last.
    heard: Time,
    /// When we last sent something to be acknowledged.
    asked: Time,
    /// When we last sent something of a message.
    spoke: Time,
    /// Probe timeouts since something was acknowledged.
    timeouts: u32,
    /// Probe packets to send whatever the window says.
    probes: u8,
    /// A PING is due though nothing else is.
    is_ping_due: bool,
    /// When the session has been quiet for so long that it gives its memory back.
    rest: Option<Time>,
    /// Nothing is sent before, for the pace.
    paced: Option<Time>,
    /// The interval of signs of life, of an initiator.
    keep_alive: Duration,
    /// The peer's longest delay of an acknowledgement.
    ack_delay: Duration,
    /// Share of packets lost, in 1/65,536ths, smoothed.
    loss_share: u32,
    /// When small messages are said a second time.
    repeat: Option<Time>,
    /// Small messages are to be said a second time now.
    repeats: bool,
    /// Bytes that may be said a second time though other messages wait.
    spare: u32,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// What the application is told.
    pub(crate) why: Departure,
    /// What the peer is told, if it does not know yet.
    pub(crate) code: Option<Code>,
}

/// Why a session is closed, on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The process ends, or the application wants no more.
    Done,
    /// The peer broke a rule of this wire.
    Violation,
    /// The peer's key was rejected or deleted.
    Refused,
    /// The estate has a newer session.
    Replaced,
    /// Packet numbers or keys are used up.
    Spent,
}

impl Code {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Done => 0,
            Self::Violation => 1,
            Self::Refused => 2,
            Self::Replaced => 3,
            Self::Spent => 4,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Violation => "broken rule",
            Self::Refused => "key refused",
            Self::Replaced => "newer session",
            Self::Spent => "keys spent",
        }
    }
}

impl Session {
    /// Of a finished handshake with the estate at `remote`.
    pub(super) fn new(
        now: Time,
        settings: &Fast,
        (name, role): (Name, Name),
        established: Established,
        remote: SocketAddr,
        is_initiator: bool,
        serial: u64,
    ) -> Self {
        let theirs = established.parameters;
        let ceiling = u16::try_from(theirs.datagram.min(u64::from(settings.datagram))).unwrap_or(u16::MAX);
        let mtu = Mtu::new(super::mtu::BASE, ceiling);
        let greeting = (!is_initiator).then(|| {
            // The first is on its way.
            let mut pace = Pace::new(now, now);
            pace.on_sent(now, &mut crate::base::Random::from_number(established.ours));
            Box::new(Greeting { body: established.welcome, pace, since: now })
        });
        let mut acks = Acks::new(Duration::from_micros(settings.parameters.ack_delay));
        if let Some(number) = established.seen.largest() {
            // WELCOME itself asks to be acknowledged: that is how the responder learns that we are here.
            acks.on_packet(now, number, true, Mark::NotEct);
        }
        Self {
            name,
            role,
            serial,
            ours: established.ours,
            theirs: established.theirs,
            reset: established.reset,
            keys: established.keys,
            seen: established.seen,
            is_initiator,
            greeting,
            sent: Sent::new(established.number),
            rtt: Rtt::new(None),
            loss: Loss::new(),
            window: Control::new(settings.control, u32::from(mtu.size())),
            pacer: Pacer::new(now),
            mtu,
            ceiling,
            marks: super::ecn::Marks::new(),
            acks,
            outbox: Outbox::new(theirs.credit, theirs.open),
            inbox: Inbox::new(now, settings.parameters.credit, settings.parameters.open).with_streams(settings.streams),
            path: Path::new(remote),
            casts: Casts::default(),
            ids: Ids::default(),
            clocks: Clocks::new(now, &settings.parameters, &theirs, is_initiator.then_some(established.ours)),
            round: Round { since: now, packets: 0, lossy: 0 },
            held: Held::default(),
            tally: Tally::new(now),
            renewals: Renewals::new(now, settings.renew, is_initiator.then_some(established.ours)),
            ended: None,
        }
    }

    /// Where its packets go.
    pub(super) fn remote(&self) -> SocketAddr {
        self.path.remote()
    }

    /// The id packets to the peer carry, and the token that says it has lost the session.
    pub(super) fn resets(&self, cid: u64, token: &[u8; 16]) -> bool {
        cid == self.theirs && crate::nacl::derive::same(token, &self.reset)
    }

    /// Whether the peer has shown that it is in the session.
    pub(super) fn is_confirmed(&self) -> bool {
        self.greeting.is_none()
    }

    /// WELCOME was not heard: say it again.
    pub(super) fn greet_again(&mut self, now: Time) {
        if let Some(greeting) = &mut self.greeting {
            greeting.pace.hasten(now);
        }
    }

    /// Whom the trace is about.
    fn at(&self, now: Time) -> At {
        At { session: self.ours, now }
    }

    /// The messages to be sent.
    pub(super) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Its road holds so many bytes of messages for all.
    pub(super) fn share(&mut self, bytes: usize) {
        self.inbox.share(bytes);
    }

    /// Whether the application is too slow to be given more.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.inbox.hold(is_held);
    }

    /// Bytes of messages here.
    pub(super) fn holds(&self) -> Held {
        Held { going: self.outbox.bytes(), coming: self.inbox.held() }
    }

    /// Ends the session; the first reason counts.
    pub(super) fn end(&mut self, why: Departure, code: Option<Code>) {
        self.ended.get_or_insert(End { why, code });
    }

    /// Why it is over, if it is.
    pub(super) fn ended(&self) -> Option<End> {
        self.ended
    }

    /// It is over: the application is told, and what was on its way fails.
    pub(super) fn leave(&mut self, core: &mut Core, why: Departure) {
        self.hand_over_rest(core);
        if self.is_confirmed() {
            tracing::debug!(estate = %self.name, %why, "left");
            self.at(core.now).closed(why);
            core.event(Event::Left { peer: self.name.clone(), why });
        }
        self.outbox.fail_all(&mut |ticket| core.event(Event::Failed { ticket, why: Failure::Lost }));
    }

    /// What an operator sees.
    pub(super) fn view(&self) -> super::hall::SessionView {
        let held = self.holds();
        super::hall::SessionView {
            name: self.name.clone(),
            remote: self.path.remote(),
            heard: self.clocks.heard,
            rtt: self.rtt.smoothed(),
            rtt_min: self.rtt.min(),
            window: self.window.window(),
            in_flight: self.sent.in_flight(),
            rate: self.window.rate(&self.rtt),
            mtu: self.mtu.size(),
            going: held.going,
            coming: self.inbox.bytes(),
            suite: self.keys.suite(),
            loss: f64::from(self.clocks.loss_share) / 65_536.0,
            tally: self.tally,
        }
    }

    /// Another path: what was learnt of the old one does not hold (RFC 9000 §9.4).
    fn new_path(&mut self, now: Time) {
        self.sent.on_new_path();
        self.rtt = Rtt::new(None);
        self.window.on_new_path(now);
        self.marks = super::ecn::Marks::new();
        self.mtu = Mtu::new(super::mtu::BASE, self.ceiling);
        self.clocks.timeouts = 0;
    }
}

impl Clocks {
    /// `lot`: random, of an initiator: sessions that began together must not show their signs of life together.
    fn new(now: Time, ours: &Parameters, theirs: &Parameters, lot: Option<u64>) -> Self {
        let keep_alive = ours.keep_alive.min(theirs.keep_alive).clamp(1000, 30_000);
        let keep_alive = Duration::from_millis(keep_alive * (1024 - lot.unwrap_or(0) % 256) / 1024);
        Self {
            heard: now,
            asked: now,
            spoke: now,
            timeouts: 0,
            probes: 0,
            is_ping_due: lot.is_some(),
            rest: None,
            paced: None,
            keep_alive,
            //= RFC 9000 §18.2: below 2^14 ms.
            ack_delay: Duration::from_micros(theirs.ack_delay.min(16_383_000)),
            loss_share: 0,
            repeat: None,
            repeats: false,
            spare: 0,
        }
    }
}

/// What was carried and is lost, or may be: it goes out again.
fn resend(outbox: &mut Outbox, inbox: &mut Inbox, (ids, renewals): (&mut Ids, &mut Renewals), carried: &Carried) {
    match carried {
        Carried::Chunk { .. } | Carried::Wholes { .. } | Carried::Drop(_) => outbox.on_lost(carried),
        Carried::Credit | Carried::Open | Carried::More(_) | Carried::Refuse(_) => inbox.on_lost(carried),
        Carried::Ids(_) => ids.on_lost(),
        Carried::Renewal => renewals.on_lost(),
        // Said again by their own clocks, or not at all.
        Carried::Welcome | Carried::Probe | Carried::Ping | Carried::Ack { .. } => {}
    }
}
