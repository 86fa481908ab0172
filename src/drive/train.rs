//! Datagrams taken from a socket in one go, in one buffer, and handed to the road together.

use std::io;
use std::net::SocketAddr;

use crate::base::{Time, limits};
use crate::road::{Datagram, Mark, Road};

/// Datagrams in one train: enough to halve the price of their signatures, few enough that the far side gets its
/// answers while it still has something to send.
pub const LENGTH: usize = 16;
/// Room for one; a longer one comes cut, and is refused by its length.
const ROOM: usize = limits::DATAGRAM_MAX + 1;

/// A reusable buffer for one train.
#[derive(Debug)]
pub struct Train {
    buffer: Vec<u8>,
    cars: Vec<(SocketAddr, usize)>,
}

impl Default for Train {
    fn default() -> Self {
        Self { buffer: vec![0; LENGTH * ROOM], cars: Vec::with_capacity(LENGTH) }
    }
}

impl Train {
    /// Takes one datagram in with `receive`; `false` when the train is full or nothing came.
    pub fn load(&mut self, receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>) -> io::Result<bool> {
        let start = self.cars.len() * ROOM;
        let Some(room) = self.buffer.get_mut(start..start + ROOM) else { return Ok(false) };
        match receive(room) {
            Ok((length, from)) => {
                self.cars.push((from, length));
                Ok(true)
            }
            // A port somewhere answered "unreachable" to an earlier datagram of ours.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted) => {
                Ok(true)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hands all to the road and empties the train; how many there were.
    pub fn unload(&mut self, road: &mut Road, now: Time) -> usize {
        let cars = self.cars.iter().zip(self.buffer.chunks_exact_mut(ROOM));
        let mut datagrams: Vec<Datagram<'_>> = cars
            .filter_map(|(&(from, length), room)| {
                Some(Datagram { from, mark: Mark::NotEct, bytes: room.get_mut(..length)? })
            })
            .collect();
        let count = datagrams.len();
        if count > 0 {
            road.handle_datagrams(now, &mut datagrams);
        }
        self.cars.clear();
        count
    }
}
