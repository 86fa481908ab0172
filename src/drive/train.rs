//! The buffers between a socket and a road: what one receive call brought, and the train that is on its way out. Both are
//! used again and again; neither makes a system call nor knows a road.

use std::io::{self, IoSliceMut};

use quinn_udp::RecvMeta;

use crate::base::limits;
use crate::road::{Datagram, Mark, Transmit};

/// Trains taken in by one call: what they bring, half a megabyte, stays in a core's cache until it is opened.
const BATCH: usize = 8;
/// Room for what the kernel hands over in one piece: a datagram, or a train of equal ones put together again (GRO), which
/// is never longer than an IP packet.
const ROOM: usize = 1 << 16;

/// What one receive call brought.
pub struct Arrivals {
    /// `BATCH` rooms; the kernel backs only those that were ever written to.
    buffer: Vec<u8>,
    metas: [RecvMeta; BATCH],
    /// Rooms in use.
    count: usize,
    /// Always empty: an allocation kept for the next batch.
    spare: Vec<Datagram<'static>>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { buffer: vec![0; BATCH * ROOM], metas: [RecvMeta::default(); BATCH], count: 0, spare: Vec::new() }
    }
}

impl Arrivals {
    /// Takes in what one call of `receive` brings, in place of what was there; returns how many rooms it filled.
    pub fn load(
        &mut self,
        receive: impl FnOnce(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.count = 0;
        let mut chunks = self.buffer.chunks_exact_mut(ROOM);
        let mut rooms: [_; BATCH] = std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.count = receive(&mut rooms, &mut self.metas)?.min(BATCH);
        Ok(self.count)
    }

    /// Hands the datagrams to `take`, all in one slice and in order, and is empty then; returns how many there were.
    pub fn unload(&mut self, take: impl FnOnce(&mut [Datagram<'_>])) -> usize {
        let mut datagrams = emptied(std::mem::take(&mut self.spare));
        let came = self.metas.iter().take(self.count).zip(self.buffer.chunks_exact_mut(ROOM));
        self.count = 0;
        // Nobody can be answered at port 0 (RFC 768), and the kernel's refusal would look like one of GSO.
        for (meta, room) in came.filter(|(meta, _)| meta.addr.port() != 0) {
            let (from, mark) = (meta.addr, Mark::from_bits(meta.ecn.map_or(0, |ecn| ecn as u8)));
            let bytes = room.get_mut(..meta.len).unwrap_or_default();
            if bytes.is_empty() {
                datagrams.push(Datagram { from, mark, bytes });
            } else {
                let cut = bytes.chunks_mut(meta.stride.max(1));
                datagrams.extend(cut.map(|bytes| Datagram { from, mark, bytes }));
            }
        }
        let count = datagrams.len();
        if count > 0 {
            take(&mut datagrams);
        }
        self.spare = emptied(datagrams);
        count
    }
}

/// The allocation of `datagrams` for others with another lifetime: `collect` works in place.
fn emptied<'b>(mut datagrams: Vec<Datagram<'_>>) -> Vec<Datagram<'b>> {
    datagrams.clear();
    datagrams.into_iter().map(|old| Datagram { from: old.from, mark: old.mark, bytes: &mut [] }).collect()
}

/// A train on its way out: all of it is sent before the next one is written, however often the kernel has no room.
pub struct Departure {
    buffer: Vec<u8>,
    transmit: Option<Transmit>,
    /// Bytes of it that have left, a number of whole datagrams.
    gone: usize,
}

impl Default for Departure {
    fn default() -> Self {
        Self { buffer: Vec::with_capacity(limits::UDP_MAX), transmit: None, gone: 0 }
    }
}

impl Departure {
    /// Whether something waits for room in the kernel.
    pub fn is_waiting(&self) -> bool {
        self.transmit.is_some()
    }

    /// Has the next train written by `write` unless one is waiting; says whether there is one now.
    pub fn load(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Option<Transmit>) -> bool {
        if self.transmit.is_none() {
            self.transmit = write(&mut self.buffer);
            self.gone = 0;
        }
        self.transmit.is_some()
    }

    /// Sends what waits: `send` takes some whole datagrams of what is left and says how many bytes that were. `false` when
    /// the kernel has no room; what is left waits then.
    pub fn unload(&mut self, mut send: impl FnMut(&Transmit, &[u8]) -> Option<usize>) -> bool {
        let Some(transmit) = &self.transmit else { return true };
        while let Some(left) = self.buffer.get(self.gone..transmit.size) {
            let Some(sent) = send(transmit, left) else { return false };
            self.gone += sent;
            if self.gone >= transmit.size {
                break;
            }
        }
        self.transmit = None;
        true
    }
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
