//! One page: a datagram between yards, a head of nine `key value` lines and a slice of a message's map (wire v0 §5).
//! Bytes to meaning and back; keeps nothing.

use std::fmt::Write;

use bytes::Bytes;

use crate::base::Name;
use crate::base::limits::PAGE_MAX;
use crate::wire::v0::Malformed;

/// Longest head we read, bytes: nine lines of legal names and numbers take under 300.
const HEAD_MAX: usize = 1024;
/// Longest session id we read; raet writes 18 hex digits.
const SESSION_MAX: usize = 36;
/// What raet leaves unused of a page when it cuts a message into several.
const SLACK: usize = 2;
/// The session of a page that names none.
const NO_SESSION: &str = "000000000000000000";

/// How a page's message is packed (`pk`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pack {
    /// JSON text.
    Json = 0,
    /// MessagePack.
    Msgpack = 1,
}

/// A page, always legal: its number is below its count, its names are names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// How the message is packed (`pk`).
    pub pack: Pack,
    /// The yard it comes from (`sn`).
    pub from: Name,
    /// The yard it is for (`dn`), when it says so.
    pub to: Option<Name>,
    /// The session of the sender towards this yard (`si`).
    pub session: &'a str,
    /// The message's number in the session (`bi`).
    pub book: u32,
    /// The page's number in the message (`pn`).
    pub number: u16,
    /// Pages in the message (`pc`), at least 1.
    pub count: u16,
    /// This page's slice of the packed message.
    pub body: &'a [u8],
}

/// The pages of one message, made one by one; they share its bytes until then.
#[derive(Debug, Clone)]
pub struct Pages {
    from: Name,
    to: Name,
    session: String,
    book: u32,
    next: u32,
    count: u16,
    room: usize,
    map: Bytes,
}

/// Reads a datagram as a page. A missing field has its default, the last of two counts, an unknown one is refused, as in
/// raet 0.6.8; unlike there a page must name its sender.
pub fn read(datagram: &[u8]) -> Result<Page<'_>, Malformed> {
    let bad = |what, at| Malformed { what, at };
    if datagram.len() > PAGE_MAX {
        return Err(bad("the page is too long", PAGE_MAX));
    }
    let opening = datagram.get(..HEAD_MAX.min(datagram.len())).unwrap_or(datagram);
    let end = opening.windows(2).position(|pair| pair == b"\n\n").ok_or(bad("the page's head does not end", 0))?;
    let (head, rest) = datagram.split_at_checked(end).ok_or(bad("the page's head does not end", 0))?;
    let head = std::str::from_utf8(head).map_err(|e| bad("the page's head is no text", e.valid_up_to()))?;
    if !head.starts_with("ri RAET\n") {
        return Err(bad("the page does not start as RAET's do", 0));
    }
    let (mut pack, mut from, mut to, mut session) = (0, None, None, NO_SESSION);
    let (mut book, mut number, mut count) = (0, 0, 1);
    let mut at = 0;
    for line in head.split('\n') {
        let (key, value) = line.split_once(' ').ok_or(bad("a line of the page's head has no value", at))?;
        let number_of = || hex(value).ok_or(bad("a number of the page's head is none", at));
        let name_of = || match value {
            "" => Ok(None),
            text => Name::new(text).map(Some).map_err(|_| bad("a yard's name is illegal", at)),
        };
        match key {
            "ri" if value == "RAET" => {}
            "vn" => drop(number_of()?),
            "pk" => pack = number_of()?,
            "sn" => from = name_of()?,
            "dn" => to = name_of()?,
            "si" => session = value,
            "bi" => book = number_of()?,
            "pn" => number = number_of()?,
            "pc" => count = number_of()?,
            _ => return Err(bad("the page's head has an unknown field", at)),
        }
        at += line.len() + 1;
    }
    if session.is_empty() || session.len() > SESSION_MAX || !session.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(bad("the page's session is illegal", 0));
    }
    let (Ok(number), Ok(count)) = (u16::try_from(number), u16::try_from(count)) else {
        return Err(bad("the page counts further than a message can", 0));
    };
    if number >= count {
        return Err(bad("the page's number is not below its count", 0));
    }
    Ok(Page {
        pack: match pack {
            0 => Pack::Json,
            1 => Pack::Msgpack,
            _ => return Err(bad("the page's pack kind is unknown", 0)),
        },
        from: from.ok_or(bad("the page names no sender", 0))?,
        to,
        session,
        book,
        number,
        count,
        body: rest.get(2..).unwrap_or_default(),
    })
}

/// The page as a datagram, all nine fields in raet's order.
pub fn write(page: &Page<'_>) -> Vec<u8> {
    let mut head = String::with_capacity(256);
    let (to, pack) = (page.to.as_ref().map_or("", Name::as_str), page.pack as u8);
    // Writing to a String cannot fail.
    let _ = write!(
        head,
        "ri RAET\nvn 0\npk {pack:x}\nsn {}\ndn {to}\nsi {}\nbi {:x}\npn {:04x}\npc {:04x}\n\n",
        page.from, page.session, page.book, page.number, page.count
    );
    let mut out = Vec::with_capacity(head.len() + page.body.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(page.body);
    out
}

/// Cuts a packed `map` into pages; `None` when it would take more than 65,535 of them.
pub fn cut(from: Name, to: Name, session: String, book: u32, map: Bytes) -> Option<Pages> {
    let mut pages = Pages { from, to, session, book, next: 0, count: 1, room: map.len(), map };
    // Page numbers have four digits on every page, so all heads are as long as this one.
    let head = write(&pages.page(0, &[])).len();
    if head + pages.map.len() > PAGE_MAX {
        pages.room = PAGE_MAX.saturating_sub(head + SLACK).max(1);
        pages.count = u16::try_from(pages.map.len().div_ceil(pages.room)).ok()?;
    }
    Some(pages)
}

impl Pages {
    fn page<'a>(&'a self, number: u16, body: &'a [u8]) -> Page<'a> {
        Page {
            pack: Pack::Msgpack,
            from: self.from.clone(),
            to: Some(self.to.clone()),
            session: &self.session,
            book: self.book,
            number,
            count: self.count,
            body,
        }
    }

    /// Bytes of the message.
    pub fn message_len(&self) -> usize {
        self.map.len()
    }
}

impl Iterator for Pages {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let number = u16::try_from(self.next).ok().filter(|n| *n < self.count)?;
        let rest = self.map.get(usize::from(number) * self.room..).unwrap_or_default();
        let page = write(&self.page(number, rest.get(..self.room).unwrap_or(rest)));
        self.next += 1;
        Some(page)
    }
}

fn hex(text: &str) -> Option<u32> {
    // `from_str_radix` would take a sign.
    if text.bytes().all(|b| b.is_ascii_hexdigit()) { u32::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
