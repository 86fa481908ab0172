//! MESSAGES: small messages, whole, with consecutive ids and one heading, in one frame. What a message costs beside its
//! bytes is the length before them. Owns the frame's form; who may send what is the road's law.

use super::frame::{KIND_MAX, ROUTE_MAX, bounded, text};
use super::{Full, Malformed, Reader, Writer, varint};

/// Whole messages that differ in their ids and bodies alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages<'a> {
    /// The first one's id; the others' follow.
    pub first: u64,
    /// Their kind; at most [`KIND_MAX`] bytes.
    pub kind: &'a str,
    /// Their route, for the application; at most [`ROUTE_MAX`] bytes.
    pub route: &'a [u8],
    /// 0 goes first.
    pub priority: u8,
    count: u8,
    /// The bodies, each after its length.
    block: &'a [u8],
    /// Bytes of the bodies alone.
    size: usize,
}

/// A frame that is being written: the messages that follow join it while they fit.
#[derive(Debug)]
pub struct Joining {
    count_at: usize,
    count: u8,
    end: usize,
}

pub(super) const MESSAGES: u8 = 0x1a;

impl<'a> Messages<'a> {
    /// How many.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Bytes of the bodies.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The bodies, each after its length as a varint.
    pub fn block(&self) -> &'a [u8] {
        self.block
    }

    /// The bodies.
    pub fn bodies(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.block);
        (0..self.count).map_while(move |_| body(&mut reader).ok())
    }

    /// Begins a frame with its first message, whole or not at all.
    pub fn begin(
        first: u64,
        (kind, route, priority): (&str, &[u8], u8),
        body: &[u8],
        out: &mut Writer<'_>,
    ) -> Result<Joining, Full> {
        let mut count_at = 0;
        out.whole(|out| {
            head(first, (kind, route, priority), out)?;
            count_at = out.at();
            out.u8(1)?;
            out.sized(body)
        })?;
        Ok(Joining { count_at, count: 1, end: out.at() })
    }

    pub(super) fn put(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        head(self.first, (self.kind, self.route, self.priority), out)?;
        out.u8(self.count)?;
        out.put(self.block)
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let first = reader.varint("message id")?;
        let kind = text(reader, KIND_MAX, "message kind")?;
        let route = reader.sized(ROUTE_MAX, "route")?;
        let priority = reader.u8("priority")?;
        let before = reader.clone();
        let count = reader.u8("count of messages")?;
        if count == 0 || first > varint::MAX - u64::from(count) {
            return before.refuse("count of messages");
        }
        let (all, start) = (reader.rest(), reader.at());
        let mut size = 0;
        for _ in 0..count {
            size += body(reader)?.len();
        }
        let block = all.get(..reader.at() - start).unwrap_or_default();
        Ok(Self { first, kind, route, priority, count, block, size })
    }
}

impl Joining {
    /// Adds a message whose id follows the last one's, if it fits and the frame is still the last in the packet.
    pub fn push(&mut self, body: &[u8], out: &mut Writer<'_>) -> bool {
        let Some(count) = self.count.checked_add(1).filter(|_| out.at() == self.end) else { return false };
        if out.whole(|out| out.sized(body)).is_err() {
            return false;
        }
        out.set(self.count_at, count);
        (self.count, self.end) = (count, out.at());
        true
    }
}

fn head(first: u64, (kind, route, priority): (&str, &[u8], u8), out: &mut Writer<'_>) -> Result<(), Full> {
    out.u8(MESSAGES)?;
    out.varint(first)?;
    bounded(out, kind.as_bytes(), KIND_MAX)?;
    bounded(out, route, ROUTE_MAX)?;
    out.u8(priority)
}

fn body<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    reader.sized(usize::MAX, "message")
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, Frames};
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Vec<Result<Frame<'_>, Malformed>> {
        Frames::new(bytes).collect()
    }

    proptest! {
        #[test]
        fn is_what_was_joined(
            first in 0..1u64 << 40, kind in "[a-z]{0,9}", route in proptest::collection::vec(any::<u8>(), 0..20),
            sizes in proptest::collection::vec(0usize..200, 1..300), room in 0usize..9000,
        ) {
            let bodies: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, size)| vec![i as u8; *size]).collect();
            let mut buffer = vec![0xff; room];
            let mut out = Writer::new(&mut buffer);
            let Ok(mut joining) = Messages::begin(first, (&kind, &route, 1), &bodies[0], &mut out) else {
                prop_assert!(out.at() == 0 && room < bodies[0].len() + kind.len() + route.len() + 16);
                return Ok(());
            };
            let joined = 1 + bodies[1..].iter().take_while(|body| joining.push(body, &mut out)).count();
            prop_assert!(joined == bodies.len() || joined == 255 || out.room() < bodies[joined].len() + 2);
            let size = out.at();
            let all = read(&buffer[..size]);
            let [Ok(Frame::Messages(messages))] = all[..] else { panic!("{all:?}") };
            prop_assert_eq!((messages.first, messages.kind, messages.route), (first, &kind[..], &route[..]));
            prop_assert!(messages.bodies().eq(bodies[..joined].iter().map(|body| &body[..])));
            prop_assert_eq!((messages.count(), messages.size()), (joined, sizes[..joined].iter().sum()));
            let mut again = vec![0; size];
            Frame::Messages(messages).write(&mut Writer::new(&mut again)).unwrap();
            prop_assert_eq!(&again[..], &buffer[..size]);
            // One byte short: neither written nor read.
            prop_assert!(Frame::Messages(messages).write(&mut Writer::new(&mut again[..size - 1])).is_err());
            prop_assert!(read(&buffer[..size - 1]).iter().all(Result::is_err));
        }
    }

    #[test]
    fn nothing_joins_behind_another_frame() {
        let mut buffer = [0; 100];
        let mut out = Writer::new(&mut buffer);
        let mut joining = Messages::begin(7, ("", b"", 1), b"one", &mut out).unwrap();
        Frame::Ping.write(&mut out).unwrap();
        assert!(!joining.push(b"two", &mut out));
        assert_eq!(read(out.written()).len(), 2);
    }

    #[test]
    fn illegal_ones_are_refused() {
        assert_eq!(read(&[MESSAGES, 0, 0, 0, 1, 0])[0].unwrap_err().what, "count of messages");
        assert_eq!(read(&[MESSAGES, 0, 0, 0, 1, 2, 1, 9, 1])[0].unwrap_err().what, "message");
        let mut last = vec![MESSAGES];
        varint::push(&mut last, varint::MAX);
        last.extend_from_slice(&[0, 0, 1, 1, 0]);
        assert_eq!(read(&last)[0].unwrap_err().what, "count of messages");
    }
}
