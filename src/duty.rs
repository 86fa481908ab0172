//! What a master or a minion looks like from outside: the same three ways in and three ways out as every engine.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::base::{Name, Time, Wall};
use crate::message::{BadMessage, Message};
use crate::transport::{Command, Event};

mod outbox;
pub mod request;

pub use outbox::Outbox;

/// A master or a minion, without clock, sockets or files.
///
/// After any `handle_*` the shell drains [`poll_command`](Duty::poll_command) and
/// [`poll_output`](Duty::poll_output) until `None`, then reads [`poll_timeout`](Duty::poll_timeout).
pub trait Duty {
    /// A transport's event.
    fn handle_event(&mut self, now: Time, event: Event);
    /// A message from a yard of the local lane. `uid` is the sending process's user as the kernel told it.
    fn handle_page(&mut self, now: Time, wall: Wall, yard: Name, uid: u32, message: Message);
    /// A function's outcome (minions only; masters run none).
    fn handle_outcome(&mut self, now: Time, outcome: Outcome);
    /// The answer to the [`Asked`] of this number: one MessagePack value, or none when the host has no answer (masters only).
    fn handle_served(&mut self, _now: Time, _number: u64, _answer: Option<Bytes>) {}
    /// A command the transport handed back; it is offered again after [`Event::Room`].
    /// Hand commands back in the order they were polled, before polling the next one.
    fn handle_returned(&mut self, command: Command);
    /// A yard of the local lane is gone: nothing more is sent to it.
    fn handle_gone(&mut self, _now: Time, _yard: &Name) {}
    /// Time has passed.
    fn handle_timeout(&mut self, now: Time);

    /// The next command for the transport.
    fn poll_command(&mut self) -> Option<Command>;
    /// The next thing for the host.
    fn poll_output(&mut self) -> Option<Output>;
    /// When to call [`handle_timeout`](Duty::handle_timeout) next.
    fn poll_timeout(&self) -> Option<Time>;
}

/// What a duty wants of its host.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A message for a yard of the local lane.
    Page {
        /// The yard.
        yard: Name,
        /// The message.
        message: Message,
    },
    /// To a yard of the local lane: the transport's sessions as they are now. Only the host can know them.
    Links {
        /// The yard.
        yard: Name,
        /// The reply tag it gave.
        share: Option<Name>,
    },
    /// A function to run on a worker; [`Duty::handle_outcome`] answers.
    Work(Work),
    /// A request that needs what only the host has; [`Duty::handle_served`] answers, whatever becomes of it.
    Serve(Asked),
    /// What a minion told of itself, to be there after a restart; none: to be forgotten (masters only).
    Remember {
        /// The minion.
        id: Name,
        /// To be given back as it is.
        facts: Option<Bytes>,
    },
    /// A running function to end, with its whole process group.
    Kill {
        /// The job.
        jid: String,
    },
    /// The daemon cannot go on and must end with this sentence (a stranger posing as the master, say).
    Fatal(String),
}

/// A minion's request for files, states, its pillar or its mine (Salt over RAET §6).
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Which one.
    pub number: u64,
    /// Who asks, as the session has it.
    pub from: Name,
    /// What it asks.
    pub request: Message,
}

impl Asked {
    /// What it asks, with `id` set to who asks whatever the request says. An error when that is not a map.
    pub fn load(&self) -> Result<Map<String, Value>, BadMessage> {
        let Value::Object(mut load) = self.request.read_value()? else { return Err(BadMessage::NotAMap) };
        load.insert("id".to_owned(), Value::from(self.from.as_str()));
        Ok(load)
    }
}

/// One call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Job id.
    pub jid: String,
    /// `module.function`.
    pub fun: String,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Keyword arguments.
    pub kwargs: Map<String, Value>,
}

/// What became of a [`Work`].
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Job id.
    pub jid: String,
    /// What the function returned, or the error as one sentence.
    pub value: Value,
    /// 0 when all is well, as a process's exit code.
    pub retcode: i64,
    /// Whether the function ran and did what it was asked.
    pub success: bool,
}
