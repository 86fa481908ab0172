//! Reading and writing at a moving position, always inside the slice: the only place that cuts bytes on this wire.

use super::{Malformed, malformed, varint};

/// Reads forward through bytes; refuses what is not there.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

/// Writes forward into a buffer of fixed size; refuses what does not fit.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

/// What was to be written does not fit, neither the buffer nor its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room")]
pub struct Full;

impl<'a> Reader<'a> {
    /// At the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// How far we are.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                (self.rest, self.at) = (rest, self.at + n);
                Ok(taken)
            }
            None => self.refuse(what),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                (self.rest, self.at) = (rest, self.at + N);
                Ok(*taken)
            }
            None => self.refuse(what),
        }
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// A varint.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let Some((n, size)) = varint::read(self.rest) else { return self.refuse(what) };
        self.take(size, what)?;
        Ok(n)
    }

    /// A varint saying how many bytes follow, at most `max`, and those bytes.
    pub fn sized(&mut self, max: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let before = self.clone();
        let n = self.varint(what)?;
        match usize::try_from(n) {
            Ok(n) if n <= max => self.take(n, what),
            _ => before.refuse(what),
        }
    }

    /// Nothing may be left.
    pub fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { self.refuse(what) }
    }

    /// What comes next is wrong.
    pub fn refuse<T>(&self, what: &'static str) -> Result<T, Malformed> {
        malformed(what, self.at)
    }
}

impl<'a> Writer<'a> {
    /// At the start of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0 }
    }

    /// Bytes written.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.at).unwrap_or_default()
    }

    /// Bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.at.checked_add(bytes.len()).ok_or(Full)?;
        self.buffer.get_mut(self.at..end).ok_or(Full)?.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    /// `n` zeros.
    pub fn zeros(&mut self, n: usize) -> Result<(), Full> {
        let end = self.at.checked_add(n).ok_or(Full)?;
        self.buffer.get_mut(self.at..end).ok_or(Full)?.fill(0);
        self.at = end;
        Ok(())
    }

    /// One byte.
    pub fn u8(&mut self, n: u8) -> Result<(), Full> {
        self.put(&[n])
    }

    /// Eight bytes.
    pub fn u64(&mut self, n: u64) -> Result<(), Full> {
        self.put(&n.to_be_bytes())
    }

    /// Changes a byte that was written; none that was not.
    pub fn set(&mut self, at: usize, byte: u8) {
        if let Some(old) = self.buffer.get_mut(..self.at).and_then(|written| written.get_mut(at)) {
            *old = byte;
        }
    }

    /// A varint; refuses what is larger than one holds.
    pub fn varint(&mut self, n: u64) -> Result<(), Full> {
        // Nearly all of them, lengths of small messages among them, are this short.
        if n < 0x40 {
            return self.put(&[n as u8]);
        }
        if n < 0x4000 {
            return self.put(&(n as u16 | 0x4000).to_be_bytes());
        }
        if n > varint::MAX {
            return Err(Full);
        }
        let (bytes, size) = varint::encode(n);
        self.put(bytes.get(..size).unwrap_or(&bytes))
    }

    /// A varint saying how many bytes follow, and those bytes.
    pub fn sized(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.varint(bytes.len() as u64)?;
        self.put(bytes)
    }

    /// All of `write` or nothing.
    pub fn whole(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Full>) -> Result<(), Full> {
        let before = self.at;
        let result = write(self);
        if result.is_err() {
            self.at = before;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16("a"), Ok(0x0102));
        assert_eq!(reader.u16("a"), Err(Malformed { what: "a", at: 2 }));
        assert_eq!(reader.take(usize::MAX, "b"), Err(Malformed { what: "b", at: 2 }));
        assert!(reader.end("c").is_err());
        assert_eq!(reader.u8("a"), Ok(3));
        assert_eq!(reader.end("c"), Ok(()));
        let mut sized = Reader::new(&[2, 9, 9, 5, 0]);
        assert_eq!(sized.sized(2, "d"), Ok(&[9, 9][..]));
        assert!(sized.clone().sized(4, "d").is_err() && sized.sized(9, "d").is_err());
    }

    #[test]
    fn writes_all_or_nothing() {
        let mut buffer = [0xff; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.u8(7).unwrap();
        assert_eq!(writer.whole(|w| w.sized(b"abc")), Err(Full));
        assert_eq!((writer.at(), writer.room()), (1, 3));
        assert_eq!(writer.varint(varint::MAX + 1), Err(Full));
        assert_eq!(writer.zeros(usize::MAX), Err(Full));
        writer.sized(b"ab").unwrap();
        writer.set(0, 8);
        writer.set(4, 9);
        assert_eq!(writer.written(), [8, 2, b'a', b'b']);
        assert_eq!(writer.u8(0), Err(Full));
    }
}
