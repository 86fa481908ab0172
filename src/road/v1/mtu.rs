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
const THEN: [u16; 4] = [1372, 1472, 8972, 16_336];
/// The search ends within this part of the size: less than a hundredth of goodput is at stake.
const FINE: u16 = 128;

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
    pub fn next_probe(&mut self, now: Time) -> Option<u16> {
        if self.raise_at.is_some_and(|at| at <= now) {
            self.search();
        }
        if self.probing.is_some() || self.raise_at.is_some() { None } else { self.candidate() }
    }

    /// When the search begins again.
    pub fn deadline(&self) -> Option<Time> {
        self.raise_at
    }

    /// A probe of `size` left.
    pub fn on_probe_sent(&mut self, size: u16) {
        self.probing = Some(size);
    }

    /// A probe of `size` arrived; says whether [`Mtu::size`] grew.
    pub fn on_probe_acked(&mut self, now: Time, size: u32) -> bool {
        let Ok(size) = u16::try_from(size) else { return false };
        self.probing = self.probing.filter(|probing| *probing != size);
        let is_larger = size > self.size && size <= self.ceiling;
        if is_larger {
            (self.size, self.step) = (size, self.step.saturating_mul(2));
            self.wall = self.wall.max(u32::from(size) + 1);
            (self.strikes, self.suspect, self.tried) = (0, 0, (0, 0));
            self.rest_when_done(now);
        }
        is_larger
    }

    /// A probe of `size` was lost.
    pub fn on_probe_lost(&mut self, now: Time, size: u32) {
        let Ok(size) = u16::try_from(size) else { return };
        if self.probing != Some(size) {
            return;
        }
        self.probing = None;
        self.tried = (size, if self.tried.0 == size { self.tried.1 + 1 } else { 1 });
        if self.tried.1 >= PROBES {
            (self.wall, self.tried) = (u32::from(size), (0, 0));
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

    /// Back to what every path takes. The search begins anew: when the hole was none, it soon finds the old size.
    fn fall_back(&mut self) -> bool {
        let is_smaller = self.size > self.base;
        self.size = self.base;
        self.search();
        is_smaller
    }

    fn search(&mut self) {
        self.wall = u32::from(self.ceiling) + 1;
        (self.probing, self.tried, self.step, self.raise_at) = (None, (0, 0), 0, None);
        (self.strikes, self.suspect) = (0, 0);
    }

    /// The next size to try.
    fn candidate(&mut self) -> Option<u16> {
        if !self.is_open() {
            return None;
        }
        let (size, wall) = (self.size, self.wall);
        let is_between = |usual: &u16| *usual > size && u32::from(*usual) < wall;
        if let Some(usual) = FIRST.into_iter().chain([self.ceiling]).chain(THEN).find(is_between) {
            return Some(usual);
        }
        self.step = self.step.max(self.fine());
        let gap = u16::try_from(wall - u32::from(size)).unwrap_or(u16::MAX);
        Some(size + if self.step < gap { self.step } else { gap / 2 })
    }

    /// Differences below this are not worth a probe.
    fn fine(&self) -> u16 {
        self.size / FINE + 1
    }

    /// Whether what lies between is worth a probe.
    fn is_open(&self) -> bool {
        self.wall > u32::from(self.size) + u32::from(self.fine())
    }

    fn rest_when_done(&mut self, now: Time) {
        let is_at_ceiling = u32::from(self.size) + u32::from(self.fine()) > u32::from(self.ceiling);
        self.raise_at = (!self.is_open() && !is_at_ceiling).then(|| now + RAISE);
    }
}
