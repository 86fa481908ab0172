//! MessagePack as raet 0.6.8 writes and reads it (wire v0 §1.4): tokens in and out, no tree.

use super::{Malformed, malformed};
use crate::base::limits::BODY_DEPTH;

/// One thing read; containers say how many things follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    /// Raw or str, not yet checked to be UTF-8.
    Raw(&'a [u8]),
    Bin(&'a [u8]),
    Ext,
    Array(u32),
    Map(u32),
}

/// Reads tokens off the front of a body.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, len: body.len() }
    }

    pub(super) fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn short<T>(&self) -> Result<T, Malformed> {
        malformed("MessagePack ends early", self.at())
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => self.short(),
        }
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        match self.rest.split_at_checked(len) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => self.short(),
        }
    }

    fn ext(&mut self, len: usize) -> Result<Token<'a>, Malformed> {
        self.bytes(1 + len).map(|_| Token::Ext)
    }

    fn len8(&mut self) -> Result<usize, Malformed> {
        self.number::<1>().map(|n| usize::from(u8::from_be_bytes(n)))
    }

    fn len16(&mut self) -> Result<usize, Malformed> {
        self.number().map(|n| usize::from(u16::from_be_bytes(n)))
    }

    fn len32(&mut self) -> Result<usize, Malformed> {
        self.number().map(|n| u32::from_be_bytes(n) as usize)
    }

    fn signed(number: i64) -> Token<'a> {
        match u64::try_from(number) {
            Ok(number) => Token::Unsigned(number),
            Err(_) => Token::Negative(number),
        }
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token<'a>, Malformed> {
        let [first] = self.number::<1>()?;
        Ok(match first {
            0x00..=0x7f => Token::Unsigned(u64::from(first)),
            0x80..=0x8f => Token::Map(u32::from(first & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(first & 0x0f)),
            0xa0..=0xbf => Token::Raw(self.bytes(usize::from(first & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return malformed("MessagePack byte c1", self.at() - 1),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 => {
                let len = self.len8()?;
                Token::Bin(self.bytes(len)?)
            }
            0xc5 => {
                let len = self.len16()?;
                Token::Bin(self.bytes(len)?)
            }
            0xc6 => {
                let len = self.len32()?;
                Token::Bin(self.bytes(len)?)
            }
            0xc7 => {
                let len = self.len8()?;
                self.ext(len)?
            }
            0xc8 => {
                let len = self.len16()?;
                self.ext(len)?
            }
            0xc9 => {
                let len = self.len32()?;
                self.ext(len)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.number()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Token::Unsigned(u64::from(u8::from_be_bytes(self.number()?))),
            0xcd => Token::Unsigned(u64::from(u16::from_be_bytes(self.number()?))),
            0xce => Token::Unsigned(u64::from(u32::from_be_bytes(self.number()?))),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.number()?)),
            0xd0 => Self::signed(i64::from(i8::from_be_bytes(self.number()?))),
            0xd1 => Self::signed(i64::from(i16::from_be_bytes(self.number()?))),
            0xd2 => Self::signed(i64::from(i32::from_be_bytes(self.number()?))),
            0xd3 => Self::signed(i64::from_be_bytes(self.number()?)),
            0xd4 => self.ext(1)?,
            0xd5 => self.ext(2)?,
            0xd6 => self.ext(4)?,
            0xd7 => self.ext(8)?,
            0xd8 => self.ext(16)?,
            0xd9 => {
                let len = self.len8()?;
                Token::Raw(self.bytes(len)?)
            }
            0xda => {
                let len = self.len16()?;
                Token::Raw(self.bytes(len)?)
            }
            0xdb => {
                let len = self.len32()?;
                Token::Raw(self.bytes(len)?)
            }
            0xdc => Token::Array(self.len16()? as u32),
            0xdd => Token::Array(self.len32()? as u32),
            0xde => Token::Map(self.len16()? as u32),
            0xdf => Token::Map(self.len32()? as u32),
            0xe0..=0xff => Token::Negative(i64::from(first as i8)),
        })
    }

    /// The next token, which must not be a container.
    pub(super) fn scalar(&mut self) -> Result<Token<'a>, Malformed> {
        let at = self.at();
        match self.token()? {
            Token::Array(_) | Token::Map(_) => malformed("field is no plain value", at),
            token => Ok(token),
        }
    }

    /// Passes one whole value: every raw in it UTF-8, nothing nested deeper than [`BODY_DEPTH`].
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut open = [0u64; BODY_DEPTH];
        let mut depth = 0;
        loop {
            let at = self.at();
            let inside = match self.token()? {
                Token::Raw(text) if std::str::from_utf8(text).is_err() => return malformed("text is not UTF-8", at),
                Token::Array(count) => Some(u64::from(count)),
                Token::Map(count) => Some(2 * u64::from(count)),
                _ => None,
            };
            if let Some(count) = inside {
                match open.get_mut(depth) {
                    Some(level) => *level = count,
                    None => return malformed("body too deep", at),
                }
                depth += 1;
            } else if let Some(level) = depth.checked_sub(1).and_then(|level| open.get_mut(level)) {
                *level -= 1;
            }
            // Close what is full; a closed container is one thing less for the one around it.
            while let Some(level) = depth.checked_sub(1) {
                if open.get(level).is_some_and(|&left| left > 0) {
                    break;
                }
                depth = level;
                if let Some(around) = depth.checked_sub(1).and_then(|level| open.get_mut(level)) {
                    *around -= 1;
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// A number in the fewest bytes.
pub(super) fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    if number < 0x80 {
        out.push(number as u8);
    } else if let Ok(number) = u8::try_from(number) {
        out.extend_from_slice(&[0xcc, number]);
    } else if let Ok(number) = u16::try_from(number) {
        out.push(0xcd);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        out.push(0xce);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

/// A number of either sign in the fewest bytes.
pub(super) fn write_signed(number: i64, out: &mut Vec<u8>) {
    if let Ok(number) = u64::try_from(number) {
        write_unsigned(number, out);
    } else if number >= -0x20 {
        out.push(number as i8 as u8);
    } else if let Ok(number) = i8::try_from(number) {
        out.push(0xd0);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xd1);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        out.push(0xd2);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

/// A double.
pub(super) fn write_float(number: f64, out: &mut Vec<u8>) {
    out.push(0xcb);
    out.extend_from_slice(&number.to_be_bytes());
}

/// Text in the old way: fixraw, raw16 or raw32, never str8.
pub(super) fn write_raw(text: &[u8], out: &mut Vec<u8>) {
    if text.len() < 0x20 {
        out.push(0xa0 | text.len() as u8);
    } else if let Ok(len) = u16::try_from(text.len()) {
        out.push(0xda);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0xdb);
        out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    }
    out.extend_from_slice(text);
}

/// Binary: bin8, bin16 or bin32.
pub(super) fn write_bin(bytes: &[u8], out: &mut Vec<u8>) {
    if let Ok(len) = u8::try_from(bytes.len()) {
        out.extend_from_slice(&[0xc4, len]);
    } else if let Ok(len) = u16::try_from(bytes.len()) {
        out.push(0xc5);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0xc6);
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    }
    out.extend_from_slice(bytes);
}

/// An application's own type.
pub(super) fn write_ext(kind: i8, bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        len => match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len), _) => out.extend_from_slice(&[0xc7, len]),
            (_, Ok(len)) => {
                out.push(0xc8);
                out.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                out.push(0xc9);
                out.extend_from_slice(&(len as u32).to_be_bytes());
            }
        },
    }
    out.push(kind as u8);
    out.extend_from_slice(bytes);
}

/// The start of an array.
pub(super) fn write_array(count: usize, out: &mut Vec<u8>) {
    write_container(count, 0x90, 0xdc, out);
}

/// The start of a map.
pub(super) fn write_map(count: usize, out: &mut Vec<u8>) {
    write_container(count, 0x80, 0xde, out);
}

fn write_container(count: usize, fix: u8, wide: u8, out: &mut Vec<u8>) {
    if count < 0x10 {
        out.push(fix | count as u8);
    } else if let Ok(count) = u16::try_from(count) {
        out.push(wide);
        out.extend_from_slice(&count.to_be_bytes());
    } else {
        out.push(wide + 1);
        out.extend_from_slice(&(count as u32).to_be_bytes());
    }
}
