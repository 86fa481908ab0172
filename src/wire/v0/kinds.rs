//! The small numbers of the classic wire (wire v0 §1.3) as enums; numbers outside are refused when read.

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item_doc])* $item = $number,)* }

        impl $name {
            /// The kind of this number, if it is one we may meet.
            pub fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$item),)* _ => None }
            }

            /// Its number on the wire.
            pub fn number(self) -> u32 {
                self as u32
            }
        }
    };
}

kinds! {
    /// How the head is written.
    HeadKind {
        /// `key value` lines.
        Raet = 0,
        /// A JSON object.
        Json = 1,
    }
}
kinds! {
    /// How the body is written.
    BodyKind {
        /// No body.
        Nada = 0,
        /// JSON text.
        Json = 1,
        /// Bytes as they are (handshake).
        Raw = 2,
        /// MessagePack.
        Msgpack = 3,
    }
}
kinds! {
    /// How the body is covered.
    CoatKind {
        /// In clear.
        Nada = 0,
        /// In a box of the short-term keys.
        Nacl = 1,
    }
}
kinds! {
    /// How the packet is signed.
    FootKind {
        /// Not at all.
        Nada = 0,
        /// Ed25519 by the long-term key.
        Nacl = 1,
    }
}
kinds! {
    /// Which transaction a packet belongs to.
    TransactKind {
        /// A message.
        Message = 0,
        /// Names, keys and numbers.
        Join = 1,
        /// Short-term keys.
        Allow = 3,
        /// Presence.
        Alive = 4,
    }
}
kinds! {
    /// What a packet says within its transaction.
    PacketKind {
        /// A segment of a message.
        Message = 0,
        /// Acknowledged.
        Ack = 1,
        /// Not acknowledged.
        Nack = 2,
        /// Send these segments again.
        Resend = 3,
        /// A question.
        Request = 4,
        /// Its answer.
        Response = 5,
        /// Allow, first step.
        Hello = 6,
        /// Allow, second step.
        Cookie = 7,
        /// Allow, third step.
        Initiate = 8,
        /// You are not joined here.
        Unjoined = 9,
        /// You are not allowed here.
        Unallowed = 10,
        /// Join anew.
        Renew = 11,
        /// Not now.
        Refuse = 12,
        /// Never, as you are.
        Reject = 13,
        /// Your key waits.
        Pend = 14,
        /// All of it is here.
        Done = 15,
    }
}
