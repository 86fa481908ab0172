//! What strangers may cost: a rate per network prefix and a count of hellos, in memory that never grows.

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
    intros: Bucket,
    salt: u64,
    odd: u64,
    rate: u32,
    retry_at: u32,
    second: u64,
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
/// Introductions a second, from everybody together.
const INTROS: u32 = 50;

impl Gate {
    /// `rate` packets a second and prefix, twice that at once; retries from `retry_at` hellos a second.
    pub(super) fn new(now: Time, rate: u32, retry_at: u32, random: &mut Random) -> Self {
        let full = Bucket { tokens: rate.saturating_mul(2), at: now };
        let (salt, odd) = (random.number(), random.number() | 1);
        let table = || vec![full; BUCKETS];
        let all_retries = Bucket { tokens: RETRIES * 2, at: now };
        let intros = Bucket { tokens: INTROS * 2, at: now };
        let (buckets, proven, retries) = (table(), table(), table());
        Self {
            buckets,
            proven,
            retries,
            all_retries,
            intros,
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
        self.buckets.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate))
    }

    /// The same for a hello that shows a token.
    pub(super) fn admits_proven(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        self.proven.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate))
    }

    /// The same for a hello that is to be asked for one, and one of everybody's.
    pub(super) fn admits_retry(&mut self, now: Time, from: SocketAddr) -> bool {
        let slot = self.slot(from);
        let of_prefix = self.retries.get_mut(slot).is_some_and(|bucket| bucket.take(now, self.rate));
        of_prefix && self.all_retries.take(now, RETRIES)
    }

    fn slot(&self, from: SocketAddr) -> usize {
        ((prefix(from.ip()) ^ self.salt).wrapping_mul(self.odd) >> 54) as usize
    }

    /// Takes a token for an introduction, which costs us a signature whoever asks.
    pub(super) fn admits_intro(&mut self, now: Time) -> bool {
        self.intros.take(now, INTROS)
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
}

impl Bucket {
    fn take(&mut self, now: Time, rate: u32) -> bool {
        let most = u64::from(rate.saturating_mul(2));
        let earned = (now.since(self.at).as_micros() as u64).saturating_mul(u64::from(rate)) / 1_000_000;
        if earned > 0 {
            (self.tokens, self.at) = (u64::from(self.tokens).saturating_add(earned).min(most) as u32, now);
        }
        let is_left = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
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
    fn an_answer_to_who_shows_nothing_has_a_rate_of_its_own() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        let from = |n: u32| SocketAddr::from(([192, (n >> 8) as u8, n as u8, 1], 1));
        assert_eq!((0..100).filter(|_| gate.admits_retry(at(0), from(2))).count(), 20);
        assert_eq!((0..100).filter(|_| gate.admits_proven(at(0), from(2))).count(), 20);
        assert!(gate.admits(at(0), from(2)), "neither is at the cost of initiates");
        let mut gate = Gate::new(at(0), 1_000_000, 200, &mut Random::from_number(1));
        assert_eq!((0..60_000).filter(|n| gate.admits_retry(at(0), from(*n))).count(), 2 * RETRIES as usize);
    }

    #[test]
    fn introductions_have_one_rate_for_all() {
        let mut gate = Gate::new(at(0), 10, 200, &mut Random::from_number(1));
        assert_eq!((0..500).filter(|_| gate.admits_intro(at(0))).count(), 100);
        assert_eq!((0..500).filter(|_| gate.admits_intro(at(1000))).count(), 50);
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
