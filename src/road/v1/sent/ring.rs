//! Packets by number, and what they carry, in two rings: nothing is allocated per packet once they have grown. Owns both;
//! knows no rule of recovery.

use std::collections::VecDeque;

use super::record::{Carried, Packet};

/// Consecutive packets and, in the same order, what they carried.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    packets: VecDeque<Packet>,
    /// The first packet's number.
    first: u64,
    carried: VecDeque<Carried>,
    /// Index of the first thing carried, as packets name it; wraps.
    start: u32,
    /// How many of `carried` belong to packets in the ring; the rest to the one being filled.
    closed: usize,
}

/// Room for packets kept although there are none: what is needed soon again. 64 KiB of packets, 24 of what they carry.
const KEPT: usize = 1024;

impl Ring {
    pub(super) fn new(first: u64) -> Self {
        Self { packets: VecDeque::new(), first, carried: VecDeque::new(), start: 0, closed: 0 }
    }

    /// The lowest number that is remembered.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number the next packet gets.
    pub(super) fn next(&self) -> u64 {
        self.first + self.packets.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    /// For the packet being filled.
    pub(super) fn carry(&mut self, carried: Carried) {
        self.carried.push_back(carried);
    }

    /// The packet being filled is not sent.
    pub(super) fn abandon(&mut self) {
        self.carried.truncate(self.closed);
    }

    /// The packet being filled is sent: it carries what was given since the last one.
    pub(super) fn push(&mut self, packet: Packet) {
        let carried = self.start.wrapping_add(self.closed as u32);
        self.closed = self.carried.len();
        self.packets.push_back(Packet { carried, ..packet });
    }

    pub(super) fn packet(&self, number: u64) -> Option<&Packet> {
        self.packets.get(self.at(number)?)
    }

    pub(super) fn packet_mut(&mut self, number: u64) -> Option<&mut Packet> {
        let at = self.at(number)?;
        self.packets.get_mut(at)
    }

    pub(super) fn front(&self) -> Option<&Packet> {
        self.packets.front()
    }

    /// The packets from `number` on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Packet)> {
        let skip = number.saturating_sub(self.first) as usize;
        (number.max(self.first)..).zip(self.packets.range(skip.min(self.packets.len())..))
    }

    /// What a packet carried.
    pub(super) fn carried_by(&self, number: u64) -> impl Iterator<Item = Carried> {
        let at = self.at(number).unwrap_or(usize::MAX - 1);
        let (from, to) = (self.index(at), self.index(at + 1));
        // Mostly one: an index costs less than a range of the ring.
        (from..to).filter_map(|at| self.carried.get(at).copied())
    }

    /// Forgets the front packet.
    pub(super) fn pop(&mut self) {
        let gone = self.index(1);
        if self.packets.pop_front().is_none() {
            return;
        }
        for _ in 0..gone {
            self.carried.pop_front();
        }
        self.first += 1;
        self.start = self.start.wrapping_add(gone as u32);
        self.closed -= gone;
    }

    /// Forgets every packet and gives all memory back, unless a packet is being filled.
    pub(super) fn clear(&mut self) {
        if self.closed == self.carried.len() {
            *self = Self { start: self.start, ..Self::new(self.next()) };
        }
    }

    /// Gives memory back when nothing is held and a busy time has left more than a short one needs.
    pub(super) fn shrink(&mut self) {
        if self.packets.is_empty() && (self.packets.capacity() > KEPT || self.carried.capacity() > KEPT) {
            self.clear();
        }
    }

    /// Heap held, bytes.
    pub(super) fn heap(&self) -> usize {
        self.packets.capacity() * size_of::<Packet>() + self.carried.capacity() * size_of::<Carried>()
    }

    fn at(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).map(|at| at as usize)
    }

    /// Where in `carried` the packet at `at` begins; its end for one past the last.
    fn index(&self, at: usize) -> usize {
        self.packets.get(at).map_or(self.closed, |packet| packet.carried.wrapping_sub(self.start) as usize)
    }
}
