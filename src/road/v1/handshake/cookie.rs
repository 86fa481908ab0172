//! Minute keys, the cookies and tokens under them, and the cookies that have made a session.
//!
//! A cookie is the responder's whole state between Hello and Initiate, sealed for the address and the attempt it was made
//! for. Its key is as secret as a session's: memory only, replaced every minute, one predecessor kept.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Silence;
use crate::base::{Random, Time};
use crate::nacl::seal::{LONG_NONCE, TAG, lock, unlock};
use crate::nacl::{Secret, SecretKey, Symmetric, derive};
use crate::wire::v1::Head;
use crate::wire::v1::handshake::{COOKIE, HEAD, TOKEN};

/// The present minute's keys and the last's.
#[derive(Debug)]
pub(super) struct Minutes {
    current: Minute,
    previous: Option<Minute>,
    turned: Time,
}

#[derive(Debug)]
struct Minute {
    serial: u64,
    cookies: Secret,
    tokens: Secret,
    used: BTreeMap<Nonce, Used>,
    /// Something was sealed with these keys: they must not outlive their time.
    is_touched: bool,
}

/// What a cookie holds.
pub(super) struct Parked {
    /// The handshake after the responder's `ee`, before the cookie was sealed into it.
    pub(super) state: Symmetric,
    /// The responder's ephemeral secret.
    pub(super) ephemeral: SecretKey,
}

/// Which minute's cookie, and which of them: what [`Minutes::spend`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stub {
    serial: u64,
    nonce: Nonce,
}

/// What a used cookie has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    /// Hash of the Initiate that was accepted.
    pub(super) initiate: [u8; 32],
    /// The session.
    pub(super) cid: u64,
}

type Nonce = [u8; LONG_NONCE];

const MINUTE: Duration = Duration::from_secs(60);
/// A cookie is good for so many seconds.
const LIFE: u64 = 60;
/// Sessions that may begin in one minute; further applicants come again.
pub(super) const USED_MAX: usize = 1 << 16;
const LABEL: &[u8] = b"roadstead v1 cookie";
/// `t_issue u32 | 0 u32 | h 32 | ck 32 | k2 32 | e secret 32`
const TEXT: usize = COOKIE - LONG_NONCE - TAG;

impl Minutes {
    pub(super) fn new(now: Time, random: &mut Random) -> Self {
        Self { current: Minute::new(0, random), previous: None, turned: now }
    }

    /// Replaces the keys when their minute is over.
    pub(super) fn advance(&mut self, now: Time, random: &mut Random) {
        let age = now.since(self.turned);
        if age < MINUTE {
            return;
        }
        let fresh = Minute::new(self.current.serial + 1, random);
        let last = std::mem::replace(&mut self.current, fresh);
        self.previous = (age < MINUTE * 2 && last.is_touched).then_some(last);
        self.turned = now;
    }

    /// When keys have to be replaced though nobody comes; `None` while nothing was sealed with any.
    pub(super) fn due(&self) -> Option<Time> {
        (self.current.is_touched || self.previous.is_some()).then_some(self.turned + MINUTE)
    }

    /// Seals the handshake's state for `from` and the attempt of `head`.
    pub(super) fn seal(
        &mut self,
        parked: &Parked,
        now: Time,
        from: SocketAddr,
        head: &Head,
        nonce: Nonce,
    ) -> Option<[u8; COOKIE]> {
        self.current.is_touched = true;
        let (hash, chain, key) = parked.state.park()?;
        let issued = seconds(now) as u32;
        let secret = parked.ephemeral.bytes();
        let parts: [&[u8]; 6] = [&issued.to_be_bytes(), &[0; 4], &hash, chain.bytes(), key.bytes(), &*secret];
        let mut text = Zeroizing::new([0; TEXT]);
        let mut at = 0;
        for part in parts {
            text.get_mut(at..at + part.len())?.copy_from_slice(part);
            at += part.len();
        }
        let tag = lock(&self.current.cookies, &nonce, &bound_to(from, head), &mut *text)?;
        [&nonce[..], &*text, &tag].concat().try_into().ok()
    }

    /// Opens what [`Minutes::seal`] sealed for the same address and attempt, within its time.
    pub(super) fn open(
        &self,
        cookie: &[u8; COOKIE],
        now: Time,
        from: SocketAddr,
        head: &Head,
    ) -> Result<(Parked, Stub), Silence> {
        let (nonce, rest) = cookie.split_first_chunk::<LONG_NONCE>().ok_or(Silence::Cookie)?;
        let (sealed, tag) = rest.split_last_chunk::<TAG>().ok_or(Silence::Cookie)?;
        let data = bound_to(from, head);
        for minute in [Some(&self.current), self.previous.as_ref()].into_iter().flatten() {
            let mut text = Zeroizing::new(sealed.to_vec());
            if unlock(&minute.cookies, nonce, &data, &mut text, tag).is_ok() {
                let (issued, parked) = unpark(&text).ok_or(Silence::Cookie)?;
                let age = (seconds(now) as u32).wrapping_sub(issued);
                let stub = Stub { serial: minute.serial, nonce: *nonce };
                return if u64::from(age) > LIFE { Err(Silence::Expired) } else { Ok((parked, stub)) };
            }
        }
        Err(Silence::Cookie)
    }

    /// What a cookie has led to, if it was used.
    pub(super) fn used(&self, cookie: &[u8; COOKIE]) -> Option<Used> {
        let nonce = cookie.first_chunk::<LONG_NONCE>()?;
        let minutes = [Some(&self.current), self.previous.as_ref()];
        minutes.into_iter().flatten().find_map(|minute| minute.used.get(nonce)).copied()
    }

    /// Uses a cookie up. Without this, agreement would not be injective (model m2i).
    pub(super) fn spend(&mut self, stub: Stub, used: Used) -> Result<(), Silence> {
        let minutes = [Some(&mut self.current), self.previous.as_mut()];
        let mut minutes = minutes.into_iter().flatten();
        let minute = minutes.find(|minute| minute.serial == stub.serial).ok_or(Silence::Expired)?;
        if minute.used.contains_key(&stub.nonce) {
            return Err(Silence::Used);
        }
        if minute.used.len() >= USED_MAX {
            return Err(Silence::Full);
        }
        minute.used.insert(stub.nonce, used);
        Ok(())
    }

    /// Whether one more cookie of either minute can be used up.
    pub(super) fn has_room(&self) -> bool {
        let minutes = [Some(&self.current), self.previous.as_ref()];
        minutes.into_iter().flatten().all(|minute| minute.used.len() < USED_MAX)
    }

    /// What shows that `from` gets what we send there.
    pub(super) fn token(&mut self, from: SocketAddr, head: &Head) -> [u8; TOKEN] {
        self.current.is_touched = true;
        self.current.token(from, head)
    }

    pub(super) fn knows_token(&self, token: &[u8; TOKEN], from: SocketAddr, head: &Head) -> bool {
        let minutes = [Some(&self.current), self.previous.as_ref()];
        minutes.into_iter().flatten().any(|minute| derive::same(&minute.token(from, head), token))
    }

    /// Cookies remembered, for the test that strangers add none.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.current.used.len() + self.previous.as_ref().map_or(0, |minute| minute.used.len())
    }
}

impl Minute {
    fn new(serial: u64, random: &mut Random) -> Self {
        let (cookies, tokens) = (Secret::generate(random), Secret::generate(random));
        Self { serial, cookies, tokens, used: BTreeMap::new(), is_touched: false }
    }

    fn token(&self, from: SocketAddr, head: &Head) -> [u8; TOKEN] {
        self.tokens.tag(&[&bound_to(from, head)])
    }
}

/// Label, address and port, and the head without its first byte, which Hello and Initiate do not share.
fn bound_to(from: SocketAddr, head: &Head) -> Vec<u8> {
    let ip = match from.ip() {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    let bytes: [u8; HEAD] = head.bytes();
    [LABEL, &ip.octets(), &from.port().to_be_bytes(), bytes.get(1..).unwrap_or_default()].concat()
}

fn unpark(text: &[u8]) -> Option<(u32, Parked)> {
    let (issued, rest) = text.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    let (chain, rest) = rest.split_first_chunk::<32>()?;
    let (key, rest) = rest.split_first_chunk::<32>()?;
    let (secret, _) = rest.split_first_chunk::<32>()?;
    let state = Symmetric::resume(*hash, Secret::from_bytes(*chain), Secret::from_bytes(*key));
    Some((u32::from_be_bytes(*issued), Parked { state, ephemeral: SecretKey::from_bytes(*secret) }))
}

fn seconds(now: Time) -> u64 {
    now.0 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::Kind;

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000)
    }

    fn setup() -> (Minutes, Random, Parked, SocketAddr, Head) {
        let mut random = Random::from_number(1);
        let mut state = Symmetric::new("x", b"");
        state.mix_key(&Secret::from_bytes([1; 32]));
        let parked = Parked { state, ephemeral: SecretKey::from_bytes([2; 32]) };
        let minutes = Minutes::new(at(0), &mut random);
        (minutes, random, parked, "192.0.2.1:4510".parse().unwrap(), Head::new(Kind::Hello, 1, 7))
    }

    #[test]
    fn opens_for_its_address_and_attempt_only() {
        let (mut minutes, _, parked, from, head) = setup();
        let cookie = minutes.seal(&parked, at(1), from, &head, [9; 24]).unwrap();
        let (back, _) = minutes.open(&cookie, at(1), from, &head.of(Kind::Initiate)).unwrap();
        assert_eq!(back.state.clone().split(), parked.state.clone().split());
        assert_eq!(*back.ephemeral.bytes(), [2; 32]);
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:4510".parse().unwrap();
        assert!(minutes.open(&cookie, at(1), mapped, &head).is_ok(), "the same peer on a socket of both families");
        for (from, head) in [
            ("192.0.2.2:4510".parse().unwrap(), head),
            ("192.0.2.1:4511".parse().unwrap(), head),
            (from, Head { cid: 8, ..head }),
            (from, Head { suite: 2, ..head }),
            (from, Head { version: 2, ..head }),
        ] {
            assert_eq!(minutes.open(&cookie, at(1), from, &head).err(), Some(Silence::Cookie));
        }
        for bit in 0..COOKIE * 8 {
            let mut bad = cookie;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(minutes.open(&bad, at(1), from, &head).err(), Some(Silence::Cookie));
        }
    }

    #[test]
    fn expires() {
        let (mut minutes, mut random, parked, from, head) = setup();
        let cookie = minutes.seal(&parked, at(50), from, &head, [9; 24]).unwrap();
        for (second, expected) in [(60, None), (110, None), (111, Some(Silence::Expired)), (121, Some(Silence::Cookie))]
        {
            minutes.advance(at(second), &mut random);
            assert_eq!(minutes.open(&cookie, at(second), from, &head).err(), expected, "{second}");
        }
        minutes.advance(at(1000), &mut random);
        assert!(minutes.previous.is_none(), "nothing kept that nobody can need");
    }

    #[test]
    fn a_cookie_is_spent_once_in_its_time() {
        let (mut minutes, mut random, parked, from, head) = setup();
        let cookie = minutes.seal(&parked, at(1), from, &head, [9; 24]).unwrap();
        let (_, stub) = minutes.open(&cookie, at(1), from, &head).unwrap();
        let used = Used { initiate: [1; 32], cid: 5 };
        assert_eq!((minutes.used(&cookie), minutes.spend(stub, used)), (None, Ok(())));
        assert_eq!((minutes.used(&cookie), minutes.spend(stub, used)), (Some(used), Err(Silence::Used)));
        assert_eq!(minutes.due(), Some(at(60)), "whether or not anybody comes");
        minutes.advance(at(60), &mut random);
        assert_eq!((minutes.spend(stub, used), minutes.due()), (Err(Silence::Used), Some(at(120))));
        minutes.advance(at(120), &mut random);
        assert_eq!(minutes.due(), None, "nothing left to wipe");
        assert_eq!((minutes.remembered(), minutes.spend(stub, used)), (0, Err(Silence::Expired)));
    }

    #[test]
    fn used_cookies_are_bounded() {
        let (mut minutes, ..) = setup();
        let used = Used { initiate: [1; 32], cid: 5 };
        for n in 0..=USED_MAX as u64 {
            let mut nonce = [0; LONG_NONCE];
            nonce[..8].copy_from_slice(&n.to_be_bytes());
            let expected = if n < USED_MAX as u64 { Ok(()) } else { Err(Silence::Full) };
            assert_eq!(minutes.has_room(), expected.is_ok());
            assert_eq!(minutes.spend(Stub { serial: 0, nonce }, used), expected);
        }
    }

    #[test]
    fn tokens_hold_for_two_minutes() {
        let (mut minutes, mut random, _, from, head) = setup();
        let token = minutes.token(from, &head);
        minutes.advance(at(60), &mut random);
        assert!(minutes.knows_token(&token, from, &head));
        assert!(!minutes.knows_token(&token, from, &Head { cid: 8, ..head }));
        assert!(!minutes.knows_token(&token, "192.0.2.2:4510".parse().unwrap(), &head));
        minutes.advance(at(120), &mut random);
        assert!(!minutes.knows_token(&token, from, &head));
    }
}
