//! What strangers may cost: a rate per network prefix, and a count of hellos that came to nothing, in memory that never grows.

use std::net::{IpAddr, SocketAddr};

use crate::base::{Random, Time};

/// Buckets shared by all prefixes, and the load of the last second.
#[derive(Debug)]
pub(super) struct Gate {
    buckets: Vec<Bucket>,
    /// Of hellos with a token: each costs us as much as its initiate.
    proven: Vec<Bucket>,
    /// Of those without one, which are asked for it.
    retries: Vec<Bucket>,
    all_retries: Bucket,
    strangers: Bucket,
    salt: u64,
    odd: u64,
    rate: u32,
    retry_at: u32,
    second: u64,
    /// Hellos of this second that came to nothing so far.
    hellos: u32,
    is_loaded: bool,
    /// The caller's word that the processor is busy with handshakes.
    pub(super) is_pressed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    at: Time,
}

/// Prefixes that share a bucket share its rate; the salt keeps anybody from choosing with whom.
const BUCKETS: usize = 1024;
/// Retries a second, to everybody together: an answer costs as much as three silences, and whoever means it asks again.
const RETRIES: u32 = 20_000;
/// Hellos with a token are so many times fewer than others.
const PROVEN: u32 = 5;
/// A stranger's question or knock counts as so many packets: a signature to make or to verify, and a word to the operator.
/// At the usual rate 500 a second from one network.
const STRANGER: u32 = 20;
/// Strangers a second from everybody together: a tenth of a core. A new fleet of ten thousand is known in five seconds.
const STRANGERS: u32 = 2000;

impl Gate {
    /// `rate` packets a second and prefix, twice that at once; retries from `retry_at` vain hellos a second.
    pub(super) fn new(now: Time, rate: u32, retry_at: u32, random: &mut Random) -> Self {
        let full = Bucket { tokens: rate.saturating_mul(2), at: now };
        let (salt, odd) = (random.number(), random.number() | 1);
        let table = || vec![full; BUCKETS];
        let all_retries = Bucket { tokens: RETRIES * 2, at: now };
        let strangers = Bucket { tokens: STRANGERS * 2, at: now };
        let (buckets, proven, retries) = (table(), table(), table());
        Self {
            buckets,
            proven,
            retries,
            all_retries,
            strangers,
            salt,
            odd,
            rate,
            retry_at,
            second: 0,
            hellos: 0,
            is_loaded: false,
            is_pressed: false,
        }
    }

    /// Takes a token of `from`'s prefix.
    pub(super) fn admits(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        self.buckets.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate, 1, 0))
    }

    /// A fifth of that for a hello that shows a token: tokens are asked for under load alone, and each costs two agreements.
    pub(super) fn admits_proven(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        self.proven.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate / PROVEN, 1, 0))
    }

    /// The same for a hello that is to be asked for one, and one of everybody's.
    pub(super) fn admits_retry(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        let of_prefix = self.retries.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate, 1, 0));
        of_prefix && self.all_retries.take(now, RETRIES, 1, 0)
    }

    fn slot(&self, from: SocketAddr) -> usize {
        ((prefix(from.ip()) ^ self.salt).wrapping_mul(self.odd) >> 54) as usize
    }

    /// Takes a stranger's tokens. Half of what a prefix may have at once is left to those who are known.
    pub(super) fn admits_stranger(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        let of_prefix =
            self.buckets.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate, STRANGER, self.rate));
        of_prefix && self.strangers.take(now, STRANGERS, 1, 0)
    }

    /// Counts a hello; says whether hellos need a token now. Calm again after a second with less than half of the bound.
    pub(super) fn count_hello(&mut self, now: Time) -> bool {
        let second = now.0 / 1_000_000;
        if second != self.second {
            let last = if second == self.second + 1 { self.hellos } else { 0 };
            self.is_loaded = self.is_loaded && last >= self.retry_at / 2;
            (self.second, self.hellos) = (second, 0);
        }
        self.hellos = self.hellos.saturating_add(1);
        self.is_loaded = self.is_loaded || self.hellos > self.retry_at;
        self.is_loaded || self.is_pressed
    }

    /// A hello has led to a session: it was no vain one. A fleet that comes back is no flood.
    pub(super) fn on_finished(&mut self) {
        self.hellos = self.hellos.saturating_sub(1);
    }
}

impl Bucket {
    /// Takes `cost` tokens where as many are left beside the `reserve`.
    fn take(&mut self, now: Time, rate: u32, cost: u32, reserve: u32) -> bool {
        let most = u64::from(rate.saturating_mul(2));
        let earned = (now.since(self.at).as_micros() as u64).saturating_mul(u64::from(rate)) / 1_000_000;
        if earned > 0 {
            (self.tokens, self.at) = (u64::from(self.tokens).saturating_add(earned).min(most) as u32, now);
        }
        let is_left = self.tokens >= reserve.saturating_add(cost);
        if is_left {
            self.tokens -= cost;
        }
        is_left
    }
}

/// A network's worth of an address: /24 of IPv4, /48 of IPv6.
fn prefix(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => u64::from(ip.to_bits() >> 8),
            None => (ip.to_bits() >> 80) as u64 | 1 << 63,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time(millis * 1000)
    }

    #[test]
    fn a_prefix_has_its_rate() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        let (flood, other): (SocketAddr, SocketAddr) =
            ("192.0.2.1:1".parse().unwrap(), "198.51.100.1:1".parse().unwrap());
        let neighbour: SocketAddr = "[::ffff:192.0.2.9]:1".parse().unwrap();
        assert_eq!((0..100).filter(|_| gate.admits(at(0), flood)).count(), 20);
        assert!(!gate.admits(at(0), neighbour) && gate.admits(at(0), other));
        assert_eq!((0..100).filter(|n| gate.admits(at(n * 10), flood)).count(), 9, "ten a second");
        assert_eq!((0..100).filter(|_| gate.admits(at(60_000), flood)).count(), 20, "never more than the burst");
    }

    #[test]
    fn strangers_count_for_more_and_leave_half_to_the_known() {
        let mut gate = Gate::new(at(0), 1000, 200, &mut Random::from_number(1));
        let (one, other): (SocketAddr, SocketAddr) =
            ("192.0.2.1:1".parse().unwrap(), "198.51.100.1:1".parse().unwrap());
        assert_eq!((0..500).filter(|_| gate.admits_stranger(at(0), one)).count(), 50);
        assert!(gate.admits_stranger(at(0), other));
        assert_eq!((0..5000).filter(|_| gate.admits(at(0), one)).count(), 1000, "the other half");
        assert_eq!((0..500).filter(|_| gate.admits_stranger(at(1000), one)).count(), 0);
        assert_eq!((0..500).filter(|_| gate.admits_stranger(at(2000), one)).count(), 50);
    }

    #[test]
    fn strangers_have_one_rate_for_all() {
        let mut gate = Gate::new(at(0), 1_000_000, 200, &mut Random::from_number(1));
        let from = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from_bits(n << 8), 1));
        assert_eq!((0..9000).filter(|n| gate.admits_stranger(at(0), from(*n))).count(), 4000);
        assert_eq!((0..9000).filter(|n| gate.admits_stranger(at(1000), from(*n))).count(), 2000);
    }

    #[test]
    fn an_answer_to_who_shows_nothing_has_a_rate_of_its_own() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        let from = |n: u32| SocketAddr::from(([192, (n >> 8) as u8, n as u8, 1], 1));
        assert_eq!((0..100).filter(|_| gate.admits_retry(at(0), from(2))).count(), 20);
        assert_eq!((0..100).filter(|_| gate.admits_proven(at(1000), from(2))).count(), 4);
        assert!(gate.admits(at(0), from(2)), "neither is at the cost of initiates");
        let mut gate = Gate::new(at(0), 1_000_000, 200, &mut Random::from_number(1));
        assert_eq!((0..60_000).filter(|n| gate.admits_retry(at(0), from(*n))).count(), 2 * RETRIES as usize);
    }

    #[test]
    fn hellos_that_lead_to_sessions_are_no_load() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        for n in 0..5000 {
            assert!(!gate.count_hello(at(n / 10)));
            if n >= 150 {
                gate.on_finished();
            }
        }
        assert_eq!((0..300).filter(|_| gate.count_hello(at(600))).count(), 250, "those do");
    }

    #[test]
    fn retries_come_with_load_and_go_with_it() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        assert_eq!((0..300).filter(|_| gate.count_hello(at(5))).count(), 100);
        assert!(gate.count_hello(at(1000)), "the last second was busy");
        assert!((0..120).all(|_| gate.count_hello(at(1500))));
        assert!(gate.count_hello(at(2000)), "120 are still more than half");
        assert!(!gate.count_hello(at(3000)), "calm");
        gate.is_pressed = true;
        assert!(gate.count_hello(at(9000)));
    }
}
