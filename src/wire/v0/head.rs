//! The head's meaning (wire v0 §1.1). Lengths (`pl`, `hl`, `fl`) are not in it: they follow from the rest.

use super::kinds::{BodyKind, CoatKind, FootKind, HeadKind, PacketKind, TransactKind};

/// A packet's head, always legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How this head is written (`hk`).
    pub head_kind: HeadKind,
    /// Transaction kind (`tk`).
    pub transact: TransactKind,
    /// Packet kind (`pk`).
    pub packet: PacketKind,
    /// Sender's number for the receiver (`se`).
    pub se: u32,
    /// Receiver's number for the sender (`de`).
    pub de: u32,
    /// Session (`si`).
    pub si: u32,
    /// Transaction (`ti`).
    pub ti: u32,
    /// Segment number (`sn`).
    pub sn: u32,
    /// Segment count (`sc`), at least 1.
    pub sc: u32,
    /// Length of the whole coat when segmented (`ml`), bytes.
    pub ml: u32,
    /// How the body is written (`bk`).
    pub body: BodyKind,
    /// How it is covered (`ck`).
    pub coat: CoatKind,
    /// How the packet is signed (`fk`).
    pub foot: FootKind,
    /// Sent by the side that did not start the transaction (`cf`).
    pub correspondent: bool,
    /// The sender waits for an answer (`wf`).
    pub wait: bool,
    /// A segment (`sf`).
    pub segment: bool,
    /// Sent again (`af`).
    pub again: bool,
    /// Broadcast (`bf`); receivers drop it.
    pub broadcast: bool,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            head_kind: HeadKind::Raet,
            transact: TransactKind::Message,
            packet: PacketKind::Message,
            se: 0,
            de: 0,
            si: 0,
            ti: 0,
            sn: 0,
            sc: 1,
            ml: 0,
            body: BodyKind::Nada,
            coat: CoatKind::Nada,
            foot: FootKind::Nada,
            correspondent: false,
            wait: false,
            segment: false,
            again: false,
            broadcast: false,
        }
    }
}
