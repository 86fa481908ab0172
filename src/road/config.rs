//! How a road behaves: its own estate, whom it dials, and its timers, each with its source.

use std::net::SocketAddr;
use std::time::Duration;

use super::shard::Shard;
use super::v1::window::Algorithm;
use crate::base::{Acceptance, Name, limits};
use crate::keep::Token;
use crate::keep::roll::Verdict;
use crate::nacl::{Secret, Suite};
use crate::wire::v0::{BodyKind, HeadKind};
use crate::wire::v1::Parameters;

/// What a known estate may change about itself in a new join without an operator's word. Keys and role never change here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutable {
    /// Nothing: as raet's default and Salt (wire v0 §4.2).
    Nothing,
    /// Its address and its number for us, as after a restart behind a NAT; taken over once the new handshake proves the key.
    Address,
    /// Name, kind and main flag as well (`raet_mutable`).
    Anything,
}

/// What becomes of keys nobody decided about (wire v0 §6 "mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// They wait for a decision.
    Never,
    /// The first key under a name is accepted.
    Once,
    /// Any key under any name is accepted, whatever was known (`open_mode`).
    Always,
}

impl Trust {
    /// Whether a key with this verdict is let in without anybody's word.
    pub(crate) fn lets_in(self, verdict: Verdict) -> bool {
        match self {
            Self::Never => false,
            Self::Once => matches!(verdict, Verdict::Unknown | Verdict::Known(Acceptance::Pending)),
            Self::Always => true,
        }
    }
}

/// Settings of a road.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our estate's name; unique on the road.
    pub name: Name,
    /// Our key role.
    pub role: Name,
    /// Whether strangers may join us.
    pub main: bool,
    /// Application kind: 0 master, 1 minion (Salt over RAET §1).
    pub kind: u32,
    /// How we write heads. JSON ones stop a raet under Python 2.7, which cannot even read its own (quirks §2).
    pub head_kind: HeadKind,
    /// How we write bodies: JSON or MessagePack; anything else is MessagePack.
    pub body_kind: BodyKind,
    /// What known estates may change.
    pub mutable: Mutable,
    /// What becomes of unknown keys.
    pub trust: Trust,
    /// Whether a key's role must be its estate's name without the `_master`, `_minion`, … behind it, as Salt names them.
    pub salt_names: bool,
    /// Whether sessions with a stranger are counted from a random number on; raet counts them from 1.
    pub random_sessions: bool,
    /// Estates to join at the start and whenever they are lost.
    pub dial: Vec<SocketAddr>,
    /// How we are called by the estates we allow with, for their logs (wire v0 §4.3 `fqdn`).
    pub fqdn: String,
    /// Which wires this road speaks.
    pub wires: Wires,
    /// How the fast one behaves.
    pub fast: Fast,
    /// Which of the roads behind one address this is.
    pub shard: Shard,
    /// Bytes of messages held for all estates together, each way.
    pub bytes: usize,
    /// Timers.
    pub timers: Timers,
}

/// Which wires a road speaks. With both, the fast one is tried first, and an estate once seen on it is never again spoken
/// to on the classic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wires {
    /// The fast road, v1.
    pub fast: bool,
    /// The classic road, v0: Python raet and Salt.
    pub classic: bool,
}

/// How the fast road behaves.
#[derive(Debug, Clone)]
pub struct Fast {
    /// Ciphers, best first.
    pub suites: Vec<Suite>,
    /// What we grant a session.
    pub parameters: Parameters,
    /// Congestion control.
    pub control: Algorithm,
    /// Largest datagram we send, bytes of UDP payload; the path may take less.
    pub datagram: u16,
    /// Whether strangers may ask who we are: how a minion learns the key of a master it was not told.
    pub introduces: bool,
    /// What stands behind a role in the name of an estate that comes to us: `_minion` at a master, as Salt names them.
    pub peers: String,
    /// A secret only this site knows; without it nobody gets any answer.
    pub site: Option<Secret>,
    /// Streams of one estate that the application takes at once; none unless it says so, for what nobody reads must not lie
    /// about. Each of them holds up to 8 MiB here.
    pub streams: u16,
    /// Fresh session ids the peer of a session holds, for when one of us moves: 4 at most, and some 150 bytes of memory here.
    /// Without any a session that moves can be followed by who watches both paths.
    pub ids: u8,
    /// How a stranger is let in at first contact, and knows whom it meets; of who dials.
    pub enrolment: Option<Enrolment>,
    /// How long a session lives before its keys are made afresh, and again, or up to a quarter less; of who dials. Zero: never.
    pub renew: Duration,
    /// How long the fast wire is tried before the classic one is, where both are allowed.
    pub classic_after: Duration,
    /// How long an estate that is reached by the classic wire is not called on the fast one.
    pub fast_again: Duration,
}

/// An enrolment token shown at first contact.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The token.
    pub token: Token,
    /// Whether it is what proves the estate we dial to us. Without it, that estate's key is decided about as ever.
    pub proves: bool,
}

/// A redo: first and longest wait between two sends, doubling, and when to give up (zero: never).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedoTimes {
    /// First wait.
    pub min: Duration,
    /// Longest wait.
    pub max: Duration,
    /// When to give up; zero: never.
    pub timeout: Duration,
}

/// All timers. The defaults are raet's (wire v0 §4) unless said.
#[derive(Debug, Clone, Copy)]
pub struct Timers {
    /// Join, asking side. Never gives up: a minion's master may be down for days.
    pub joiner: RedoTimes,
    /// Join, answering side.
    pub joinent: RedoTimes,
    /// Wait between join requests while our key is pending.
    pub pended: Duration,
    /// Allow, asking side.
    pub allower: RedoTimes,
    /// Allow, answering side.
    pub allowent: RedoTimes,
    /// Alive. raet gives up after 2 s, which at 20 % loss is wrong once in sixty times; ours waits 6 s.
    pub aliver: RedoTimes,
    /// Message, sending side; never gives up while the estate is alive.
    pub messenger: RedoTimes,
    /// Message, receiving side; gives up on a message of which nothing arrived for so long.
    pub messengent: RedoTimes,
    /// Silence after which an estate is asked whether it is alive (Salt calls raet's `manage` every 10 s).
    pub presence: Duration,
    /// Wait before a refused or rejected join is tried again: an operator who has just changed his mind is watching.
    pub refused: Duration,
}

/// Packets towards one estate that may be unconfirmed at once: 92 fill a default Linux socket buffer, and raet reads slowly (wire v0 §4.5).
pub const FLIGHT: u32 = 60;

impl Config {
    /// A road with the defaults: raet heads, MessagePack bodies, known estates may move.
    pub fn new(name: Name, role: Name) -> Self {
        Self {
            name,
            role,
            main: false,
            kind: 0,
            head_kind: HeadKind::Raet,
            body_kind: BodyKind::Msgpack,
            mutable: Mutable::Address,
            trust: Trust::Never,
            salt_names: false,
            random_sessions: true,
            dial: Vec::new(),
            fqdn: String::new(),
            wires: Wires::default(),
            fast: Fast::default(),
            shard: Shard::ALONE,
            bytes: limits::ROAD_BYTES,
            timers: Timers::default(),
        }
    }
}

impl Wires {
    /// The fast one alone.
    pub const FAST: Self = Self { fast: true, classic: false };
    /// The classic one alone.
    pub const CLASSIC: Self = Self { fast: false, classic: true };
    /// Both.
    pub const BOTH: Self = Self { fast: true, classic: true };
}

impl Default for Wires {
    fn default() -> Self {
        Self::FAST
    }
}

impl Fast {
    /// The name of an estate that comes with this role. A role is shorter than a name by what stands behind it.
    pub(crate) fn name_of(&self, role: &Name) -> Name {
        Name::new(&format!("{role}{}", self.peers)).unwrap_or_else(|_| role.clone())
    }
}

impl Default for Fast {
    fn default() -> Self {
        Self {
            suites: Suite::preferred().to_vec(),
            parameters: Parameters::default(),
            control: Algorithm::default(),
            datagram: 65_487,
            introduces: true,
            peers: String::new(),
            site: None,
            streams: 0,
            ids: 2,
            enrolment: None,
            //= handshake v1 "Keys": a full handshake inside the session every hour.
            renew: Duration::from_secs(3600),
            classic_after: Duration::from_secs(3),
            fast_again: Duration::from_secs(600),
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        let times = |min, max, timeout| RedoTimes {
            min: Duration::from_millis(min),
            max: Duration::from_millis(max),
            timeout: Duration::from_millis(timeout),
        };
        Self {
            joiner: times(1000, 4000, 0),
            joinent: times(100, 2000, 5000),
            pended: Duration::from_secs(60),
            allower: times(250, 1000, 4000),
            allowent: times(250, 1000, 4000),
            aliver: times(250, 1000, 6000),
            messenger: times(200, 500, 0),
            messengent: times(200, 500, 60_000),
            presence: Duration::from_secs(10),
            refused: Duration::from_secs(15),
        }
    }
}
