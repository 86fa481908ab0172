//! What a router of Salt 2018.3.5 takes from the road without raising (Salt over RAET §2, quirks §2): a route, and behind it
//! what the queue it names reads unasked. Salt checks nothing of this: a message of another shape ends the process that
//! routes, not the sender's.

use super::msgpack::{Reader, Token};
use super::{Malformed, malformed};
use crate::base::glob;

/// What kind of daemon reads a message; its estate's name says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// `…_master`.
    Master,
    /// Any other that Salt names.
    Minion,
}

/// Commands a master's workers know (Salt over RAET §6). They look any other up among the names of their own object, and what
/// is found there and is no function ends the worker.
const COMMANDS: &[&str] = &[
    "_pillar",
    "_master_opts",
    "_file_envs",
    "_file_list",
    "_file_list_emptydirs",
    "_dir_list",
    "_symlink_list",
    "_file_find",
    "_file_hash",
    "_serve_file",
    "_file_recv",
    "_ext_nodes",
    "_master_tops",
    "_mine",
    "_mine_get",
    "_mine_delete",
    "_mine_flush",
    "_minion_event",
    "_return",
    "_syndic_return",
    "minion_pub",
    "minion_publish",
    "minion_runner",
    "pub_ret",
    "revoke_auth",
];
/// Ways to match that raise on no plain pattern. Those with regular expressions in them may on any.
const MATCHERS: &[&[u8]] = &[b"glob", b"list", b"grain", b"pillar", b"pillar_exact", b"ipcidr"];

impl Daemon {
    /// The daemon behind an estate's name, if Salt names its daemons so.
    pub fn of(estate: &str) -> Option<Self> {
        let has = |kind: &str| estate.strip_suffix(kind).is_some_and(|id| !id.is_empty());
        if has("_master") {
            Some(Self::Master)
        } else if ["_minion", "_syndic", "_caller"].into_iter().any(has) {
            Some(Self::Minion)
        } else {
            None
        }
    }
}

/// Queues of a main process. What comes for any other name without a yard is dropped by the router that reads it.
const QUEUES: &[&str] = &["fun", "remote_cmd", "local_cmd", "event_fire", "event_req", "presence_req", "stats_req"];

/// Whether a router of Salt's hands a message on to another process, or keeps it for something: then it is packed a second time,
/// and bytes that are no text end who reads them. What goes to a tag of ours, without a yard, it drops: such a message is
/// for one of ours under Salt's name.
pub fn is_handed_on(yard: Option<&str>, share: Option<&str>) -> bool {
    yard.is_some() || share.is_none_or(|share| QUEUES.contains(&share))
}

/// One end of a route.
#[derive(Default, Clone, Copy)]
struct End<'a> {
    estate: Option<&'a [u8]>,
    yard: Option<&'a [u8]>,
    share: Option<&'a [u8]>,
}

/// Checks a whole message, as [`fit`](super::outgoing::fit) gives it, for the daemon it goes to.
pub fn check(map: &[u8], to: Daemon) -> Result<(), Malformed> {
    let mut reader = Reader::new(map);
    let Token::Map(count) = reader.token()? else { return malformed("body is no map", 0) };
    let (mut route, mut load, mut job) = (None, None, None);
    for _ in 0..count {
        let at = reader.at();
        let key = reader.token()?;
        let value = reader.at();
        let place = match key {
            Token::Raw(b"route") => &mut route,
            Token::Raw(b"load") => &mut load,
            Token::Raw(b"pub") => &mut job,
            _ => {
                reader.skip()?;
                continue;
            }
        };
        reader.skip()?;
        if place.replace(map.get(value..reader.at()).unwrap_or_default()).is_some() {
            return malformed("a part twice", at);
        }
    }
    let (src, dst) = ends(route.ok_or(Malformed { what: "no route", at: 0 })?)?;
    if src.estate.is_none() {
        return malformed("a message of no estate", 0);
    }
    match (to, dst.yard, dst.share) {
        (Daemon::Master, _, Some(b"local_cmd")) => malformed("a command line's share on the road", 0),
        (Daemon::Master, None, Some(b"remote_cmd")) => check_load(load.unwrap_or_default()),
        // Workers read whatever comes to them as the manor would hand it over.
        (Daemon::Master, Some(yard), _) if yard.starts_with(b"worker") => malformed("a master's worker", 0),
        (Daemon::Minion, None, Some(b"fun")) => check_job(job.unwrap_or_default()),
        _ => Ok(()),
    }
}

fn ends(route: &[u8]) -> Result<(End<'_>, End<'_>), Malformed> {
    let mut reader = Reader::new(route);
    let (mut src, mut dst) = (None, None);
    let Token::Map(count) = reader.token()? else { return malformed("route is no map", 0) };
    for _ in 0..count {
        let at = reader.at();
        let place = match reader.token()? {
            Token::Raw(b"src") => &mut src,
            Token::Raw(b"dst") => &mut dst,
            _ => return malformed("a route of more than two ends", at),
        };
        if place.replace(end(&mut reader)?).is_some() {
            return malformed("an end twice", at);
        }
    }
    match (src, dst) {
        (Some(src), Some(dst)) => Ok((src, dst)),
        _ => malformed("a route without two ends", 0),
    }
}

fn end<'a>(reader: &mut Reader<'a>) -> Result<End<'a>, Malformed> {
    let at = reader.at();
    if reader.token()? != Token::Array(3) {
        return malformed("an end that is no triple", at);
    }
    let mut parts = [None; 3];
    for part in &mut parts {
        *part = match reader.scalar()? {
            Token::Nil => None,
            Token::Raw(text) => Some(text),
            _ => return malformed("a name that is no text", at),
        };
    }
    let [estate, yard, share] = parts;
    Ok(End { estate, yard, share })
}

/// The fields of a map that are wanted, each with its first token.
fn fields<'a, const N: usize>(map: &'a [u8], names: [&str; N]) -> Result<[Option<Token<'a>>; N], Malformed> {
    let mut found = [None; N];
    let mut reader = Reader::new(map);
    let is_map = !map.is_empty() && matches!(reader.token()?, Token::Map(_));
    let mut whole = Reader::new(map);
    let Some(Token::Map(count)) = is_map.then(|| whole.token()).transpose()? else {
        return malformed("a part that is no map", 0);
    };
    for _ in 0..count {
        let key = whole.token()?;
        let mut value = whole;
        whole.skip()?;
        let Token::Raw(key) = key else { continue };
        for (name, place) in names.iter().zip(&mut found) {
            if name.as_bytes() == key {
                // The last one said counts.
                *place = Some(value.token()?);
            }
        }
    }
    Ok(found)
}

fn check_load(load: &[u8]) -> Result<(), Malformed> {
    match fields(load, ["cmd"])? {
        [Some(Token::Raw(cmd))] if COMMANDS.iter().any(|known| known.as_bytes() == cmd) => Ok(()),
        _ => malformed("a request that a master does not know", 0),
    }
}

fn check_job(job: &[u8]) -> Result<(), Malformed> {
    let [fun, jid, arg, ret, matcher, target] = fields(job, ["fun", "jid", "arg", "ret", "tgt_type", "tgt"])?;
    let is_text = |token: Option<Token<'_>>| matches!(token, Some(Token::Raw(text)) if !text.is_empty());
    if !is_text(fun) || !is_text(jid) || !matches!(arg, Some(Token::Array(_))) || !matches!(ret, Some(Token::Raw(_))) {
        return malformed("a job without its parts", 0);
    }
    match (matcher, target) {
        (Some(Token::Raw(b"list")), Some(Token::Array(_) | Token::Raw(_))) => Ok(()),
        (Some(Token::Raw(matcher)), Some(Token::Raw(text))) if MATCHERS.contains(&matcher) && is_plain(text) => Ok(()),
        _ => malformed("a target that a minion may choke on", 0),
    }
}

fn is_plain(target: &[u8]) -> bool {
    std::str::from_utf8(target).is_ok_and(glob::is_plain)
}

#[cfg(test)]
#[path = "salt_tests.rs"]
mod tests;
