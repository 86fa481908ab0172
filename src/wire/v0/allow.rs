//! The three bodies of an allow (wire v0 §4.3, after CurveCP): layouts and boxes. What must match what is the road's.

use super::{Malformed, malformed};
use crate::nacl::boxes::NONCE;
use crate::nacl::{PublicKey, SecretKey, SharedBox};

/// Bytes of a hello, of a cookie and of an initiate body.
pub const HELLO: usize = 200;
/// Bytes of a cookie body.
pub const COOKIE: usize = 104;
/// Bytes of an initiate body.
pub const INITIATE: usize = 328;
/// Bytes of the random value that ties an initiate to its cookie.
pub const OREO: usize = 24;

const PLAIN: [u8; 64] = [b'0'; 64];
const COOKIE_STUFF: usize = 64;
const INITIATE_STUFF: usize = 232;
const VOUCH: usize = 48;
const FQDN: usize = 128;

/// First step, allower to allowent: a short-term key, boxed for the allowent's long-term key.
#[derive(Debug)]
pub struct Hello;

/// Second step, allowent to allower.
#[derive(Debug)]
pub struct Cookie;

/// What a cookie holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieStuff {
    /// The allowent's short-term key.
    pub short: PublicKey,
    /// The allowent's number for the allower.
    pub nuid_r: u32,
    /// The allower's number for the allowent, as the allowent knows it.
    pub fuid_r: u32,
    /// To be repeated in the initiate.
    pub oreo: [u8; OREO],
}

/// Third step, allower to allowent: what it proves, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiate {
    /// The allower's short-term key; must be the hello's.
    pub short: PublicKey,
    /// Must be the cookie's.
    pub oreo: [u8; OREO],
    /// The allower's long-term key; must be the one on file.
    pub long: PublicKey,
    /// What the allower calls the allowent's host. Means nothing.
    pub fqdn: String,
}

/// Whose keys an allower's initiate is made with.
#[derive(Debug, Clone, Copy)]
pub struct InitiateKeys<'a> {
    /// The allower's long-term secret.
    pub long: &'a SecretKey,
    /// The allower's short-term secret.
    pub short: &'a SecretKey,
    /// The allowent's long-term key.
    pub their_long: &'a PublicKey,
    /// The allowent's short-term key, from its cookie.
    pub their_short: &'a PublicKey,
}

impl Hello {
    /// By the allower.
    pub fn write(short: &SecretKey, their_long: &PublicKey, nonce: [u8; NONCE]) -> [u8; HELLO] {
        let sealed = seal(short, their_long, &nonce, &PLAIN);
        join(&[&PLAIN, short.public().as_bytes(), &sealed, &nonce])
    }

    /// By the allowent: the allower's short-term key, when the box is made with it.
    pub fn open(body: &[u8], long: &SecretKey) -> Result<PublicKey, Malformed> {
        if body.len() != HELLO {
            return malformed("hello of a wrong size", body.len());
        }
        let (_, rest) = split::<64>(body)?;
        let (short, rest) = split::<32>(rest)?;
        let (sealed, nonce) = split::<80>(rest)?;
        let short = public(short)?;
        match open(long, &short, nonce, sealed) {
            Some(plain) if plain == PLAIN => Ok(short),
            _ => malformed("hello does not open", 96),
        }
    }
}

impl Cookie {
    /// By the allowent.
    pub fn write(long: &SecretKey, their_short: &PublicKey, nonce: [u8; NONCE], stuff: &CookieStuff) -> [u8; COOKIE] {
        let plain: [u8; COOKIE_STUFF] =
            join(&[stuff.short.as_bytes(), &stuff.nuid_r.to_be_bytes(), &stuff.fuid_r.to_be_bytes(), &stuff.oreo]);
        join(&[&seal(long, their_short, &nonce, &plain), &nonce])
    }

    /// By the allower.
    pub fn open(body: &[u8], short: &SecretKey, their_long: &PublicKey) -> Result<CookieStuff, Malformed> {
        if body.len() != COOKIE {
            return malformed("cookie of a wrong size", body.len());
        }
        let (sealed, nonce) = split::<80>(body)?;
        let Some(stuff) = open(short, their_long, nonce, sealed) else {
            return malformed("cookie does not open", 0);
        };
        let (their_short, rest) = split::<32>(&stuff)?;
        let (nuid_r, rest) = split::<4>(rest)?;
        let (fuid_r, rest) = split::<4>(rest)?;
        let (oreo, _) = split::<OREO>(rest)?;
        Ok(CookieStuff {
            short: public(their_short)?,
            nuid_r: u32::from_be_bytes(*nuid_r),
            fuid_r: u32::from_be_bytes(*fuid_r),
            oreo: *oreo,
        })
    }
}

impl Initiate {
    /// By the allower. `nonces` are the vouch's and the outer box's; of `fqdn` the first 128 bytes count, and what is not
    /// ASCII is left out as raet does.
    pub fn write(keys: InitiateKeys<'_>, oreo: [u8; OREO], fqdn: &str, nonces: [[u8; NONCE]; 2]) -> [u8; INITIATE] {
        let [vouch_nonce, nonce] = nonces;
        let short = keys.short.public();
        let vouch = seal(keys.long, keys.their_long, &vouch_nonce, short.as_bytes());
        let fqdn: Vec<u8> = fqdn.bytes().filter(u8::is_ascii_graphic).collect();
        let host: [u8; FQDN] = join(&[&fqdn, &[b' '; FQDN]]);
        let stuff: [u8; INITIATE_STUFF] = join(&[keys.long.public().as_bytes(), &vouch, &vouch_nonce, &host]);
        let sealed = seal(keys.short, keys.their_short, &nonce, &stuff);
        join(&[short.as_bytes(), &oreo, &sealed, &nonce])
    }

    /// By the allowent, with its own secrets: both boxes open and the vouch is for this short-term key.
    pub fn open(body: &[u8], short: &SecretKey, long: &SecretKey) -> Result<Self, Malformed> {
        if body.len() != INITIATE {
            return malformed("initiate of a wrong size", body.len());
        }
        let (their_short, rest) = split::<32>(body)?;
        let (oreo, rest) = split::<OREO>(rest)?;
        let (sealed, nonce) = split::<{ INITIATE_STUFF + 16 }>(rest)?;
        let their_short = public(their_short)?;
        let Some(stuff) = open(short, &their_short, nonce, sealed) else {
            return malformed("initiate does not open", 56);
        };
        let (their_long, rest) = split::<32>(&stuff)?;
        let (vouch, rest) = split::<VOUCH>(rest)?;
        let (vouch_nonce, fqdn) = split::<NONCE>(rest)?;
        let their_long = public(their_long)?;
        match open(long, &their_long, vouch_nonce, vouch) {
            Some(vouched) if vouched == their_short.as_bytes() => {}
            _ => return malformed("vouch does not open", 56),
        }
        let fqdn = String::from_utf8_lossy(fqdn).trim_end_matches(' ').to_owned();
        Ok(Self { short: their_short, oreo: *oreo, long: their_long, fqdn })
    }
}

fn seal(ours: &SecretKey, theirs: &PublicKey, nonce: &[u8; NONCE], plain: &[u8]) -> Vec<u8> {
    // Fails only past 256 GiB.
    SharedBox::new(theirs, ours).seal(nonce, plain).unwrap_or_default()
}

fn open(ours: &SecretKey, theirs: &PublicKey, nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    SharedBox::new(theirs, ours).open(nonce.try_into().ok()?, sealed)
}

fn public(bytes: &[u8; 32]) -> Result<PublicKey, Malformed> {
    PublicKey::from_bytes(*bytes).map_err(|_| Malformed { what: "no public key", at: 0 })
}

fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), Malformed> {
    bytes.split_first_chunk::<N>().ok_or(Malformed { what: "body ends early", at: bytes.len() })
}

/// The parts end to end, cut or filled with zeros to `N` bytes.
fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    out
}
