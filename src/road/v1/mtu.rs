//! The largest datagram the path takes: DPLPMTUD (RFC 8899) with losses and acknowledgements as its only evidence. Owns the
//! search; sends nothing.
//!
//! Sizes that real links have are tried first. Between a size that arrived and one that did not, the search steps up from the
//! lower in doubling steps (a usual size is proven final by one failure) and then halves.

use std::time::Duration;

use crate::base::Time;

/// The search on one path. Sizes are UDP payloads, bytes.
#[derive(Debug, Clone)]
pub struct Mtu {
    base: u16,
    ceiling: u16,
    /// Known to arrive.
    size: u16,
    /// Known not to arrive; one above the ceiling at first.
    wall: u32,
    /// The probe in flight.
    probing: Option<u16>,
    /// The size whose probes were lost lately, and how many.
    tried: (u16, u8),
    /// Step from `size` up to the next try, when no usual size lies between.
    step: u16,
    /// The search is over; it starts again then.
    raise_at: Option<Time>,
    /// Losses of large packets in a row with none so large arriving.
    strikes: u8,
    /// The largest of them.
    suspect: u32,
}

/// Every path takes this.
//= RFC 9000 §14: "a maximum datagram size of at least 1200 bytes".
pub const BASE: u16 = 1200;
/// Largest UDP payload over IPv4.
pub const CEILING: u16 = 65_507;
/// Losses of a probe before its size is held too large.
//= RFC 8899 §5.1.2: "MAX_PROBES ... default value of MAX_PROBES is 3".
const PROBES: u8 = 3;
/// How long after a search the next begins.
//= RFC 8899 §5.1.1: "PMTU_RAISE_TIMER ... RECOMMENDED value of 600 seconds".
const RAISE: Duration = Duration::from_secs(600);
/// Losses of large packets, nothing so large arriving between, that mean a black hole.
//= RFC 8899 §4.3: a black hole is told by consecutive losses of packets of the size.
const STRIKES: u8 = 3;
/// Payloads of usual links, less 48 bytes of IPv6 and UDP head: Ethernet, jumbo frames, Linux's loopback. Tried in this order.
const FIRST: [u16; 3] = [1452, 8952, 65_487];
/// Payloads of usual links tried between those: a WireGuard tunnel, Ethernet and jumbo frames over IPv4, loopback of the BSDs.
const THEN: [u16; 5] = [1372, 1472, 8972, 16_336, 4048];

impl Mtu {
    /// A path that takes `base` (1,200 when less is said); nothing above `ceiling` is tried.
    pub fn new(base: u16, ceiling: u16) -> Self {
        let base = base.max(BASE);
        let ceiling = ceiling.max(base);
        Self {
            base,
            ceiling,
            size: base,
            wall: u32::from(ceiling) + 1,
            probing: None,
            tried: (0, 0),
            step: 0,
            raise_at: None,
            strikes: 0,
            suspect: 0,
        }
    }

    /// Largest datagram to send.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The size to try now, if one is to be tried; told with [`Mtu::on_probe_sent`] once it left.
    pub fn next_probe(&self, now: Time) -> Option<u16> {
        if self.probing.is_some() || self.raise_at.is_some_and(|at| at > now) {
            return None;
        }
        let wall = if self.raise_at.is_some() { u32::from(self.ceiling) + 1 } else { self.wall };
        self.candidate(wall)
    }

    /// When the search begins again.
    pub fn deadline(&self) -> Option<Time> {
        self.raise_at
    }

    /// A probe of `size` left.
    pub fn on_probe_sent(&mut self, size: u16) {
        if self.raise_at.take().is_some() {
            (self.wall, self.tried, self.step) = (u32::from(self.ceiling) + 1, (0, 0), 0);
        }
        self.probing = Some(size);
    }

    /// A probe of `size` arrived; says whether [`Mtu::size`] grew.
    pub fn on_probe_acked(&mut self, now: Time, size: u32) -> bool {
        let Ok(size) = u16::try_from(size) else { return false };
        self.probing = self.probing.filter(|probing| *probing != size);
        let is_larger = size > self.size && u32::from(size) < self.wall;
        if is_larger {
            self.step = self.step.saturating_mul(2);
            self.size = size;
            (self.strikes, self.tried) = (0, (0, 0));
        }
        self.rest_when_done(now);
        is_larger
    }

    /// A probe of `size` was lost.
    pub fn on_probe_lost(&mut self, now: Time, size: u32) {
        let Ok(size) = u16::try_from(size) else { return };
        if self.probing != Some(size) {
            return;
        }
        self.probing = None;
        let tries = if self.tried.0 == size { self.tried.1 + 1 } else { 1 };
        self.tried = (size, tries);
        if tries >= PROBES {
            self.wall = u32::from(size);
            self.tried = (0, 0);
            self.rest_when_done(now);
        }
    }

    /// What an acknowledgement or loss timeout said of packets that were no probes: the largest that arrived and the largest
    /// that was lost (0 for none). True when a black hole was found and [`Mtu::size`] fell back.
    pub fn on_verdict(&mut self, acked_largest: u32, lost_largest: u32) -> bool {
        if acked_largest >= self.suspect.max(u32::from(self.base) + 1) {
            (self.strikes, self.suspect) = (0, 0);
        }
        if lost_largest > u32::from(self.base) && lost_largest > acked_largest {
            self.strikes += 1;
            self.suspect = self.suspect.max(lost_largest);
        }
        self.strikes >= STRIKES && self.fall_back()
    }

    /// `count` probe timeouts went unanswered in a row: perhaps only large packets were sent. True when [`Mtu::size`] fell.
    pub fn on_pto(&mut self, count: u32) -> bool {
        count >= u32::from(STRIKES) && self.size > self.base && self.fall_back()
    }

    fn fall_back(&mut self) -> bool {
        let is_smaller = self.size > self.base;
        if is_smaller {
            self.wall = u32::from(self.size);
        }
        (self.size, self.strikes, self.suspect) = (self.base, 0, 0);
        (self.probing, self.tried, self.step, self.raise_at) = (None, (0, 0), 0, None);
        is_smaller
    }

    /// The next size to try below `wall`.
    fn candidate(&self, wall: u32) -> Option<u16> {
        let is_between = |size: &u16| *size > self.size && u32::from(*size) < wall;
        if !self.is_open(wall) {
            return None;
        }
        if let Some(usual) = FIRST.into_iter().chain([self.ceiling]).chain(THEN).find(is_between) {
            return Some(usual);
        }
        let gap = u16::try_from(wall - u32::from(self.size)).unwrap_or(u16::MAX);
        Some(self.size + (gap / 2).max(1))
    }

    /// Whether what lies between is worth another probe.
    fn is_open(&self, wall: u32) -> bool {
        wall > u32::from(self.size) + 1 + u32::from(self.size / 128)
    }

    fn rest_when_done(&mut self, now: Time) {
        if !self.is_open(self.wall) {
            self.raise_at = Some(now + RAISE);
        }
    }
}
