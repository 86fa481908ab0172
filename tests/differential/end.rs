//! What the stage asks of an estate, whoever plays it.

use std::net::SocketAddr;

use roadstead::base::{Acceptance, Time};

use crate::script::Memory;

/// Bytes and where they come from or go to.
pub(crate) type Datagram = (SocketAddr, Vec<u8>);

/// One estate and the process that is it.
pub(crate) trait End {
    /// The process starts.
    fn start(&mut self, now: Time, memory: Memory);
    /// The process ends without a word.
    fn stop(&mut self);
    /// Whether there is a process.
    fn is_up(&self) -> bool;
    /// A message for the other estate.
    fn send(&mut self, now: Time, n: u64, size: usize);
    /// An operator's decision about the other estate's key.
    fn decide(&mut self, now: Time, acceptance: Option<Acceptance>);
    /// The application asks for a transaction.
    fn nudge(&mut self, now: Time, what: &'static str);
    /// When it wants its next turn; `has_mail`: datagrams wait for it.
    fn due(&self, now: Time, has_mail: bool) -> Option<Time>;
    /// Its turn, with what has arrived; what it sends and says.
    fn turn(&mut self, now: Time, mail: Vec<Datagram>) -> (Vec<Datagram>, Vec<Said>);
    /// How things stand.
    fn look(&mut self) -> View;
}

/// What an estate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A message arrived, whole or not.
    Got { n: u64, is_whole: bool },
    /// What its sender knows of a message.
    Told { n: u64, what: Told },
    /// Its process has ended, as Salt's minion does when it is rejected.
    Ended,
    /// Its process has crashed.
    Crashed(String),
}

/// What a sender knows of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It has arrived.
    Done,
    /// It was refused.
    Refused,
    /// There was nobody to send it to.
    Absent,
    /// 0.6.8 keeps it for the next session.
    Kept,
    /// Nobody knows.
    Lost,
}

/// How an estate sees the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct View {
    pub(crate) is_up: bool,
    /// Joined, allowed and alive: messages go.
    pub(crate) is_present: bool,
    /// The key it holds of the other: its standing and its verify key in hex.
    pub(crate) key: Option<(Acceptance, String)>,
    /// Its own verify key in hex.
    pub(crate) own: String,
    /// For people.
    pub(crate) detail: String,
}

/// The body of every message.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Payload {
    pub(crate) n: u64,
    pub(crate) text: String,
}
