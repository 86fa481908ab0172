//! What a packet carried that must arrive, said in a few bytes: the parts that sent it are told when it was acknowledged or lost.

/// Something a packet carried that must arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carried {
    /// A piece of a message.
    Chunk {
        /// The message.
        message: u64,
        /// Where the piece lies in the body.
        offset: u64,
        /// Bytes of the body.
        len: u32,
        /// Whether the body ends with it.
        fin: bool,
    },
    /// Complete one-chunk messages with consecutive ids.
    Wholes {
        /// The first of them.
        first: u64,
        /// How many.
        count: u32,
    },
    /// The newest CREDIT.
    Credit,
    /// The newest OPEN.
    Open,
    /// The DROP of a message.
    Drop(u64),
    /// The REFUSE of a message.
    Refuse(u64),
    /// Session ids.
    Ids,
    /// The WELCOME.
    Welcome,
    /// A path probe.
    Probe,
    /// A PING.
    Ping,
    /// An ACK of ours.
    Ack {
        /// The largest number it acknowledged.
        largest: u64,
    },
}
