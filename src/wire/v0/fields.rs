//! The numbers of a head as they stand on the wire, of either head kind, and the step that makes a legal [`Head`] of them.

use super::kinds::{BodyKind, CoatKind, FootKind, HeadKind, PacketKind, TransactKind};
use super::{Head, Malformed, malformed};

/// Longest head (wire v0 §8).
pub(super) const HEAD_MAX: usize = 255;
/// Bytes of a foot that signs (wire v0 §1.6).
pub(super) const FOOT: usize = 64;

const CORRESPONDENT: u32 = 0x01;
const BROADCAST: u32 = 0x02;
const WAIT: u32 = 0x04;
const SEGMENT: u32 = 0x08;
const AGAIN: u32 = 0x10;

/// A head's field names (wire v0 §1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Ri,
    Vn,
    Pk,
    Pl,
    Hk,
    Hl,
    Se,
    De,
    Si,
    Ti,
    Tk,
    Dt,
    Oi,
    Sn,
    Sc,
    Ml,
    Bk,
    Ck,
    Fk,
    Fl,
    Fg,
    /// `cf`, `wf` and so on spelled out: tolerated, `fg` counts.
    Flag,
}

/// What a head said, field by field.
pub(super) struct Fields {
    vn: u32,
    pk: u32,
    pl: u32,
    hk: u32,
    hl: u32,
    se: u32,
    de: u32,
    si: u32,
    ti: u32,
    tk: u32,
    sn: u32,
    sc: u32,
    ml: u32,
    bk: u32,
    ck: u32,
    fk: u32,
    fl: u32,
    fg: u32,
}

impl Key {
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"ri" => Self::Ri,
            b"vn" => Self::Vn,
            b"pk" => Self::Pk,
            b"pl" => Self::Pl,
            b"hk" => Self::Hk,
            b"hl" => Self::Hl,
            b"se" => Self::Se,
            b"de" => Self::De,
            b"si" => Self::Si,
            b"ti" => Self::Ti,
            b"tk" => Self::Tk,
            b"dt" => Self::Dt,
            b"oi" => Self::Oi,
            b"sn" => Self::Sn,
            b"sc" => Self::Sc,
            b"ml" => Self::Ml,
            b"bk" => Self::Bk,
            b"ck" => Self::Ck,
            b"fk" => Self::Fk,
            b"fl" => Self::Fl,
            b"fg" => Self::Fg,
            b"cf" | b"bf" | b"nf" | b"df" | b"vf" | b"wf" | b"sf" | b"af" => Self::Flag,
            _ => return None,
        })
    }
}

impl Fields {
    /// The defaults of the table in wire v0 §1.1.
    pub(super) fn new() -> Self {
        Self {
            vn: 0,
            pk: 0,
            pl: 0,
            hk: 0,
            hl: 0,
            se: 0,
            de: 0,
            si: 0,
            ti: 0,
            tk: 0,
            sn: 0,
            sc: 1,
            ml: 0,
            bk: 0,
            ck: 0,
            fk: 0,
            fl: 0,
            fg: 0,
        }
    }

    /// The last one said counts.
    pub(super) fn set(&mut self, key: Key, number: u32) {
        let field = match key {
            Key::Vn => &mut self.vn,
            Key::Pk => &mut self.pk,
            Key::Pl => &mut self.pl,
            Key::Hk => &mut self.hk,
            Key::Hl => &mut self.hl,
            Key::Se => &mut self.se,
            Key::De => &mut self.de,
            Key::Si => &mut self.si,
            Key::Ti => &mut self.ti,
            Key::Tk => &mut self.tk,
            Key::Sn => &mut self.sn,
            Key::Sc => &mut self.sc,
            Key::Ml => &mut self.ml,
            Key::Bk => &mut self.bk,
            Key::Ck => &mut self.ck,
            Key::Fk => &mut self.fk,
            Key::Fl => &mut self.fl,
            Key::Fg => &mut self.fg,
            Key::Ri | Key::Dt | Key::Oi | Key::Flag => return,
        };
        *field = number;
    }

    /// Version and head kind.
    pub(super) fn claims(&self) -> (u32, u32) {
        (self.vn, self.hk)
    }

    /// Checks everything a head alone can be checked for (wire v0 §1.2, 3 and 4).
    pub(super) fn check(&self, kind: HeadKind, head_len: usize, datagram_len: usize) -> Result<Head, Malformed> {
        if self.vn != 0 {
            return malformed("unknown version", 0);
        }
        if self.hk != kind.number() {
            return malformed("hk is not how the head is written", 0);
        }
        if self.hl as usize != head_len {
            return malformed("hl is not the head's length", 0);
        }
        if self.pl as usize != datagram_len {
            return malformed("pl is not the datagram's length", 0);
        }
        if self.fg > 0xff {
            return malformed("fg is no byte", 0);
        }
        let head = self.head(kind)?;
        let foot = if head.foot == FootKind::Nacl { FOOT } else { 0 };
        if self.fl as usize != foot || head_len + foot > datagram_len {
            return malformed("fl is not the foot's length", head_len);
        }
        if head.transact == TransactKind::Message && head.foot != FootKind::Nacl {
            return malformed("unsigned message", head_len);
        }
        // An ack of a message has the highest number it saw in `sn`, and no count.
        let is_part = head.transact == TransactKind::Message && head.packet == PacketKind::Message;
        if head.sc == 0 || (is_part && head.sn >= head.sc) {
            return malformed("segment number outside its count", 0);
        }
        Ok(head)
    }

    fn head(&self, head_kind: HeadKind) -> Result<Head, Malformed> {
        let unknown = |what| Malformed { what, at: 0 };
        Ok(Head {
            head_kind,
            transact: TransactKind::from_number(self.tk).ok_or(unknown("unknown transaction kind"))?,
            packet: PacketKind::from_number(self.pk).ok_or(unknown("unknown packet kind"))?,
            se: self.se,
            de: self.de,
            si: self.si,
            ti: self.ti,
            sn: self.sn,
            sc: self.sc,
            ml: self.ml,
            body: BodyKind::from_number(self.bk).ok_or(unknown("unknown body kind"))?,
            coat: CoatKind::from_number(self.ck).ok_or(unknown("unknown coat kind"))?,
            foot: FootKind::from_number(self.fk).ok_or(unknown("unknown foot kind"))?,
            correspondent: self.fg & CORRESPONDENT != 0,
            wait: self.fg & WAIT != 0,
            segment: self.fg & SEGMENT != 0,
            again: self.fg & AGAIN != 0,
            broadcast: self.fg & BROADCAST != 0,
        })
    }
}

/// The flags byte (wire v0 §1.1).
pub(super) fn flags(head: &Head) -> u32 {
    let bit = |set: bool, flag: u32| if set { flag } else { 0 };
    bit(head.correspondent, CORRESPONDENT)
        | bit(head.broadcast, BROADCAST)
        | bit(head.wait, WAIT)
        | bit(head.segment, SEGMENT)
        | bit(head.again, AGAIN)
}

/// The value of one hex digit of either case.
pub(super) fn hex_digit(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'a'..=b'f' => Some(u32::from(byte - b'a') + 10),
        b'A'..=b'F' => Some(u32::from(byte - b'A') + 10),
        _ => None,
    }
}

/// A hex number of at least one digit that fits 32 bits.
pub(super) fn hex_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |number, &byte| {
        let digit = hex_digit(byte)?;
        if number >> 28 == 0 { Some(number << 4 | digit) } else { None }
    })
}
