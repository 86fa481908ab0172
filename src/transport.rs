//! The treaty between roles and transports: two methods, a handful of commands and events.
//!
//! A duty never learns which transport it speaks over. Keys are named by *role* (the key id, what an operator accepts),
//! estates by *peer*; over every driver of ours for masters and minions the two are the same id.

use std::future::Future;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::base::{Acceptance, Fingerprint, Name};
use crate::message::{Message, Route};

/// The caller's own number for a message on its way; it comes back exactly once, as delivered or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Ticket(pub u64);

/// A stream that comes in. Its numbers mean nothing to an application; no two streams of one transport have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(pub u64, pub u64);

/// What a role asks of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A key decision. `None` forgets the key (it may knock again). Rejecting and forgetting end a live session at once.
    Admit {
        /// Whose key.
        role: Name,
        /// Which key: a decision about another one than the transport holds changes nothing.
        fingerprint: Fingerprint,
        /// The decision.
        acceptance: Option<Acceptance>,
    },
    /// A message to send; the ticket is answered by `Delivered` or `Failed`.
    Send {
        /// The caller's number.
        ticket: Ticket,
        /// The estate to reach.
        to: Name,
        /// What to send.
        message: Message,
    },
    /// A stream begins: a message of any length, written piece by piece. Its ticket is answered by `Delivered` or `Failed`.
    Open {
        /// The caller's number; no other stream that lives may have it.
        ticket: Ticket,
        /// The estate to reach.
        to: Name,
        /// Where it goes, as a message's.
        route: Route,
        /// What it is, as a message's.
        kind: String,
    },
    /// The next bytes of a stream. What does not fit yet comes back as a command of its own. For a stream that is over it is
    /// taken and comes to nothing: its ticket says why.
    Write {
        /// The stream's ticket.
        ticket: Ticket,
        /// The estate it goes to.
        to: Name,
        /// The bytes.
        data: Bytes,
        /// Whether the stream ends with them.
        fin: bool,
    },
    /// A message or a stream is given up: it fails with [`Failure::Cancelled`], unless its ticket is answered already. A message may
    /// have arrived all the same.
    Cancel {
        /// Its ticket.
        ticket: Ticket,
        /// The estate it goes to.
        to: Name,
    },
    /// Asks for the next bytes of a stream: one [`Event::Chunk`] for each time, as soon as there are any. What nobody asks for
    /// waits at the sender.
    Take {
        /// Which.
        stream: Stream,
    },
    /// A stream is not wanted, or not any more; nothing is heard of it again, and its sender's ticket fails.
    Refuse {
        /// Which.
        stream: Stream,
    },
    /// Some bytes in one packet, unreliable: for presence and metrics. It has no ticket; [`Event::Uncast`] tells of one that could
    /// never go.
    Cast {
        /// The estate to reach.
        to: Name,
        /// What to send.
        data: Bytes,
    },
}

/// What a transport tells a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An unknown key asks to be admitted, and waits: answer with [`Command::Admit`], or leave it to the operator.
    Knock {
        /// Whose key.
        role: Name,
        /// Which key.
        fingerprint: Fingerprint,
    },
    /// A key has this standing now (also said once for every known key at the start); `None`: it is forgotten.
    Standing {
        /// Whose key.
        role: Name,
        /// Which key.
        fingerprint: Fingerprint,
        /// Its standing.
        acceptance: Option<Acceptance>,
    },
    /// A known role presented another key than the one we hold. It was refused; nothing was replaced.
    Clash {
        /// The role.
        role: Name,
        /// The key we hold.
        known: Fingerprint,
        /// The key that was presented.
        presented: Fingerprint,
    },
    /// The far side refused us, with its reason: our key is pending, rejected, or not the one it knows.
    Refused {
        /// The estate that refused, or the address when it has no name yet.
        by: String,
        /// Why.
        why: Refusal,
    },
    /// An estate is there and can be sent to.
    Joined {
        /// The estate.
        peer: Name,
    },
    /// An estate is gone. Messages to it that were on their way fail after this, and before it joins again.
    Left {
        /// The estate.
        peer: Name,
        /// Why.
        why: Departure,
    },
    /// A message arrived, whole and once.
    Received {
        /// The estate that sent it, proven by its key.
        from: Name,
        /// The message.
        message: Message,
    },
    /// The far side has the message.
    Delivered {
        /// The caller's number.
        ticket: Ticket,
    },
    /// The message will not arrive, or nobody can know whether it did.
    Failed {
        /// The caller's number.
        ticket: Ticket,
        /// Why.
        why: Failure,
    },
    /// A stream comes in. Its bytes come to who asks for them by [`Command::Take`]; who does not want them says
    /// [`Command::Refuse`].
    Opened {
        /// The estate that sends it, proven by its key.
        from: Name,
        /// The stream.
        stream: Stream,
        /// Where it goes, as a message's.
        route: Route,
        /// What it is, as a message's.
        kind: String,
    },
    /// The next bytes of a stream, in order.
    Chunk {
        /// The estate that sends it.
        from: Name,
        /// The stream.
        stream: Stream,
        /// The bytes; empty only at a stream's end.
        data: Bytes,
        /// Whether the stream ends with them.
        fin: bool,
    },
    /// A stream ends before its end.
    Cut {
        /// The estate that sent it.
        from: Name,
        /// The stream.
        stream: Stream,
        /// `Cancelled` by its sender, or `Lost` with the session.
        why: Failure,
    },
    /// A cast arrived: once at most, in any order.
    Cast {
        /// The estate that sent it, proven by its key.
        from: Name,
        /// What it says.
        data: Bytes,
    },
    /// A cast could not go.
    Uncast {
        /// The estate it was for.
        to: Name,
        /// Why.
        why: Failure,
    },
    /// After a command was handed back: there is room again.
    Room,
}

/// Why the far side does not let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its operator has not decided yet.
    #[error("our key waits there for acceptance")]
    Pending,
    /// Its operator rejected our key, or it knows another key or address under our name.
    #[error("it rejects our key")]
    Rejected,
    /// It answers, but cannot take us now.
    #[error("it cannot take us now")]
    Busy,
    /// It does not answer.
    #[error("it does not answer")]
    Silent,
}

/// Why an estate left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Departure {
    /// It answers no more.
    #[error("it answers no more")]
    Silent,
    /// Its key was rejected.
    #[error("its key was rejected")]
    Rejected,
    /// Its key was deleted.
    #[error("its key was deleted")]
    Forgotten,
    /// It started anew or ended the session.
    #[error("it ended the session or started anew")]
    Renewed,
}

/// Why a message failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No estate of that name is joined.
    #[error("no such estate is joined")]
    Absent,
    /// The message is larger than the wire allows.
    #[error("the message is larger than the wire allows")]
    TooLarge,
    /// The body is not one well-formed value the wire can carry.
    #[error("the message cannot be encoded")]
    Malformed,
    /// It holds bytes that are not UTF-8; a daemon of Salt takes all bytes for text, and ends on those.
    #[error("the message holds bytes that are no text, which the wire to this estate does not carry")]
    NotText,
    /// The far side refused it.
    #[error("the far side refused the message")]
    Refused,
    /// The estate left before it confirmed; it may or may not have the message.
    #[error("the estate left before it confirmed the message")]
    Lost,
    /// The wire or transport this estate is reached by carries no such thing.
    #[error("the wire to this estate does not carry it")]
    Unsupported,
    /// The sender gave it up.
    #[error("the sender gave it up")]
    Cancelled,
    /// A cast has to fit one packet.
    #[error("a cast has at most {limit} bytes on this path")]
    OverPacket {
        /// Bytes that would have fitted; 1,164 do on every path.
        limit: u16,
    },
}

/// One session of a transport as an operator sees it. Counters are from its beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The estate's id.
    pub id: Name,
    /// Where it is: host and port.
    pub address: String,
    /// `fast` or `classic`.
    pub wire: String,
    /// How it is sealed.
    pub cipher: String,
    /// Seconds since it began.
    pub age: f64,
    /// Seconds since something of it came last: more than a sign of life apart, and it may be gone.
    #[serde(default)]
    pub heard: f64,
    /// Round trip now, seconds.
    pub rtt: f64,
    /// Shortest round trip, seconds.
    pub rtt_min: f64,
    /// Packets lost lately, 0 to 1.
    pub loss: f64,
    /// Congestion window, bytes.
    pub window: u64,
    /// Pace, bytes a second.
    pub rate: u64,
    /// Largest datagram on this path, bytes.
    pub mtu: u16,
    /// Bytes on their way and not acknowledged.
    pub in_flight: u64,
    /// Bytes of messages that wait or are on their way to it.
    pub going: u64,
    /// Bytes of messages of which more is to come from it.
    pub coming: u64,
    /// Messages it sent us.
    pub messages_in: u64,
    /// Messages it has of us.
    pub messages_out: u64,
    /// Bytes received, heads included.
    pub bytes_in: u64,
    /// Bytes sent, heads included.
    pub bytes_out: u64,
    /// Packets declared lost.
    pub lost: u64,
    /// Probe timeouts.
    pub timeouts: u64,
    /// Times its address changed.
    pub moves: u64,
}

/// A way to exchange messages with estates: the road, memory, ZeroMQ, …
pub trait Transport: Send {
    /// Hands a command over, or gets it back when there is no room; [`Event::Room`] follows when there is again.
    fn submit(&mut self, command: Command) -> Result<(), Command>;

    /// The next event; `None` when the transport has ended. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;

    /// The sessions it holds, by id: for people, never for decisions.
    fn links(&self) -> Vec<Link> {
        Vec::new()
    }

    /// Ends what is held with others, with a word to each where the transport knows one. Nothing is asked of it afterwards.
    fn close(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
