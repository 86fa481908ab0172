//! A strict model of what raet 0.6.8 and Salt 2018.3.5 take without raising, written from the descriptions (wire v0, quirks §2,
//! Salt over RAET §2) and from nothing of ours: it shares no code with the encoder it judges.

use rmpv::Value;
use serde_json::Value as Json;

/// Who reads a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// raet alone.
    Raet,
    /// A Salt minion's router, and its jobber.
    Minion,
    /// A Salt master's router, and its workers.
    Master,
}

type Verdict = Result<(), String>;

fn ensure(is_so: bool, what: impl std::fmt::Display) -> Verdict {
    if is_so { Ok(()) } else { Err(what.to_string()) }
}

/// A datagram's outside.
pub(crate) fn packet(datagram: &[u8]) -> Verdict {
    ensure(datagram.len() <= 1024, "over 1024 bytes")?;
    let fields = if datagram.starts_with(b"ri RAET\n") { lines(datagram)? } else { json(datagram)? };
    let number = |key: &str| fields.iter().rev().find(|(k, _)| k == key).map_or(0, |(_, n)| *n);
    ensure(number("vn") == 0, "a version")?;
    ensure(number("pl") as usize == datagram.len(), "pl")?;
    let head_len = number("hl") as usize;
    ensure(head_len <= 255, "hl over 255")?;
    ensure(number("tk") <= 4 && number("tk") != 2, format!("tk {}", number("tk")))?;
    ensure(number("pk") <= 15, "pk")?;
    ensure(number("bk") <= 3 && number("ck") <= 1 && number("fk") <= 1, "kinds")?;
    ensure(number("fl") == 64 * number("fk"), "fl")?;
    let coat_len = datagram.len() - head_len - number("fl") as usize;
    let sc = fields.iter().find(|(key, _)| key == "sc").map_or(1, |(_, n)| *n);
    let (tk, pk, sn) = (number("tk"), number("pk"), number("sn"));
    ensure((1..=65_535).contains(&sc) && (pk != 0 || sn < sc), "segment numbers")?;
    ensure(number("fg") & 0x02 == 0, "broadcast")?;
    if tk == 1 {
        ensure(number("si") == 0 && number("fk") == 0 && number("ck") == 0, "a join's head")?;
        let has_body = coat_len > 0;
        ensure(has_body == (pk == 4 || pk == 5), "a join's body")?;
        return match has_body.then(|| &datagram[head_len..]) {
            Some(body) => join(body, number("bk") == 1),
            None => Ok(()),
        };
    }
    ensure(number("si") != 0 && number("se") != 0 && number("de") != 0, "a session of nobody")?;
    ensure(number("fk") == 1, "unsigned")?;
    match (tk, pk) {
        (3, 6) => ensure(coat_len == 200, "hello"),
        (3, 7) => ensure(coat_len == 104, "cookie"),
        (3, 8) => ensure(coat_len == 328, "initiate"),
        (0, 0) => {
            ensure(number("ck") == 1 && matches!(number("bk"), 1 | 3), "a message's kinds")?;
            ensure(sc == 1 || number("ml") > 0, "no ml")
        }
        (0, 3) => ensure(number("ck") == 0 && coat_len > 0, "a resend under keys that may be gone"),
        _ => ensure(coat_len == 0, format!("a body in tk {tk} pk {pk}")),
    }
}

const KEYS: [&str; 20] = [
    "ri", "vn", "pk", "pl", "hk", "hl", "se", "de", "si", "ti", "tk", "dt", "oi", "sn", "sc", "ml", "bk", "ck", "fk",
    "fl",
];

/// A head of lines: each a key it knows, one space, and a hex number of lower case.
fn lines(datagram: &[u8]) -> Result<Vec<(String, u64)>, String> {
    let end = datagram.windows(2).position(|pair| pair == b"\n\n").ok_or("no end of the head")?;
    let text = std::str::from_utf8(&datagram[..end]).map_err(|e| e.to_string())?;
    let mut fields = Vec::new();
    for line in text.split('\n') {
        let [key, value] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(format!("line {line:?}")) };
        if key == "ri" {
            continue;
        }
        ensure(KEYS.contains(&key) || key == "fg", format!("key {key:?}"))?;
        ensure(!value.chars().any(|c| c.is_ascii_uppercase()), "upper case")?;
        let number = u64::from_str_radix(value, 16).map_err(|e| format!("{line}: {e}"))?;
        fields.push((key.to_owned(), number));
    }
    let said = fields.iter().find(|(key, _)| key == "hl").map(|(_, n)| *n as usize);
    ensure(said == Some(end + 2), "hl")?;
    ensure(fields.iter().all(|(key, n)| key != "hk" || *n == 0), "hk")?;
    Ok(fields)
}

/// A head of JSON: ASCII, `pl`, `hl` and `fg` as hex text, the rest numbers.
fn json(datagram: &[u8]) -> Result<Vec<(String, u64)>, String> {
    let end = datagram.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no end of the head")?;
    ensure(datagram[..end].is_ascii(), "not ASCII")?;
    let head: Json = serde_json::from_slice(&datagram[..end]).map_err(|e| e.to_string())?;
    let mut fields = Vec::new();
    for (key, value) in head.as_object().ok_or("no object")? {
        match (key.as_str(), value) {
            ("ri", Json::String(text)) if text == "RAET" => {}
            ("pl" | "hl" | "fg", Json::String(text)) => {
                fields.push((key.clone(), u64::from_str_radix(text, 16).map_err(|e| e.to_string())?));
            }
            (key, Json::Number(number)) if KEYS.contains(&key) => {
                fields.push((key.to_owned(), number.as_u64().ok_or("no natural number")?));
            }
            _ => return Err(format!("{key}: {value}")),
        }
    }
    let said = fields.iter().find(|(key, _)| key == "hl").map(|(_, n)| *n as usize);
    ensure(said == Some(end + 4), "hl")?;
    ensure(fields.iter().any(|(key, n)| key == "hk" && *n == 1), "hk")?;
    Ok(fields)
}

/// A join's body: names that are legal file names, keys of 64 lower case hex digits.
fn join(bytes: &[u8], is_json: bool) -> Verdict {
    let body: Json = match is_json {
        true => serde_json::from_slice(bytes).map_err(|e| e.to_string())?,
        false => rmp_serde::from_slice(bytes).map_err(|e| e.to_string())?,
    };
    for key in ["name", "role"] {
        let name = body[key].as_str().ok_or(format!("{key} is no text"))?;
        let is_legal = !name.is_empty() && !name.starts_with('.') && !name.contains("..");
        let of_file = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        ensure(is_legal && name.chars().all(of_file), format!("{key} {name:?}"))?;
    }
    for key in ["verhex", "pubhex"] {
        let digits = body[key].as_str().ok_or(format!("{key} is no text"))?;
        let is_hex = digits.len() == 64 && digits.chars().all(|c| "0123456789abcdef".contains(c));
        ensure(is_hex, format!("{key} {digits:?}"))?;
    }
    ensure(body["mode"].as_u64().is_some_and(|n| n < 256) && body["kind"].is_u64(), "mode and kind")
}

/// The opened body of a message.
pub(crate) fn body(bytes: &[u8], is_json: bool, reader: Reader) -> Verdict {
    let value = if is_json {
        if bytes.is_empty() {
            return ensure(reader == Reader::Raet, "no route");
        }
        ensure(bytes.is_ascii(), "JSON beyond ASCII")?;
        let value: Json = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let packed = rmp_serde::to_vec(&value).map_err(|e| e.to_string())?;
        rmpv::decode::read_value(&mut packed.as_slice()).map_err(|e| e.to_string())?
    } else {
        let mut rest = bytes;
        let value = rmpv::decode::read_value(&mut rest).map_err(|e| e.to_string())?;
        ensure(rest.is_empty(), "bytes behind the body")?;
        ensure(!bytes.is_empty(), "nothing")?;
        value
    };
    ensure(value.is_map(), "no map")?;
    ensure(depth(&value) <= 64, "too deep")?;
    let is_kept = reader != Reader::Raet && stays(&value);
    loads(&value, if is_kept { Reader::Raet } else { reader })?;
    if reader == Reader::Raet { Ok(()) } else { route(&value, reader) }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(pairs) => 1 + pairs.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// `msgpack.loads(…, encoding='utf-8')`, and, in Salt, a `dumps` and a `loads` after it, where bytes are text.
fn loads(value: &Value, reader: Reader) -> Verdict {
    match value {
        Value::String(text) => ensure(text.is_str(), "raw that is not UTF-8"),
        Value::Binary(_) => ensure(reader == Reader::Raet, "binary"),
        Value::Ext(..) => Err("an extension".to_owned()),
        Value::Array(items) => items.iter().try_for_each(|item| loads(item, reader)),
        Value::Map(pairs) => pairs.iter().try_for_each(|(key, value)| {
            ensure(!key.is_array() && !key.is_map(), "a key that cannot be hashed")?;
            loads(key, reader)?;
            loads(value, reader)
        }),
        _ => Ok(()),
    }
}

fn at<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    map.as_map()?.iter().rev().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
}

/// Whether a router drops it: for no yard, and for a queue that there is none of.
fn stays(message: &Value) -> bool {
    let dst = at(message, "route").and_then(|route| at(route, "dst")).and_then(Value::as_array);
    let Some([_, yard, share]) = dst.map(Vec::as_slice) else { return false };
    let queues = ["fun", "remote_cmd", "local_cmd", "event_fire", "event_req", "presence_req", "stats_req"];
    yard.is_nil() && share.as_str().is_some_and(|share| !queues.contains(&share))
}

fn route(message: &Value, reader: Reader) -> Verdict {
    let routes = message.as_map().into_iter().flatten().filter(|(key, _)| key.as_str() == Some("route")).count();
    ensure(routes == 1, format!("{routes} routes"))?;
    let end = |side: &str| {
        let end = at(message, "route").and_then(|route| at(route, side)).and_then(Value::as_array);
        let parts = end.ok_or(format!("no {side}"))?;
        ensure(parts.len() == 3, format!("{side} is no triple"))?;
        ensure(parts.iter().all(|part| part.is_nil() || part.is_str()), format!("{side} names"))?;
        Ok::<_, String>([&parts[0], &parts[1], &parts[2]].map(|part| part.as_str().map(str::to_owned)))
    };
    let ([estate, ..], [_, yard, share]) = (end("src")?, end("dst")?);
    ensure(estate.is_some(), "dropped without a source")?;
    match (reader, yard.as_deref(), share.as_deref()) {
        (Reader::Master, Some(yard), _) => ensure(!yard.starts_with("worker"), "a worker addressed"),
        (Reader::Master, None, Some("remote_cmd")) => {
            let load = at(message, "load").filter(|load| load.is_map()).ok_or("a load that takes no id")?;
            let cmd = at(load, "cmd").and_then(Value::as_str).ok_or("a command that is no text")?;
            ensure(cmd.is_ascii() && !cmd.is_empty(), "a name that Python 2 cannot look up")?;
            ensure(!["opts", "event", "mminion"].contains(&cmd), "an attribute that is no function")
        }
        (Reader::Minion, None, Some("fun")) => job(at(message, "pub").ok_or("no job")?),
        _ => Ok(()),
    }
}

fn job(job: &Value) -> Verdict {
    ensure(job.is_map(), "a job that is no map")?;
    for key in ["fun", "jid", "ret", "tgt_type"] {
        ensure(at(job, key).is_some_and(Value::is_str), format!("a job's {key}"))?;
    }
    ensure(at(job, "arg").is_some_and(Value::is_array), "a job's arg")?;
    let target = at(job, "tgt").ok_or("a job's tgt")?;
    match at(job, "tgt_type").and_then(Value::as_str) {
        Some("list") => ensure(target.is_array() || target.is_str(), "a list"),
        Some("glob") => {
            let pattern = target.as_str().ok_or("a glob")?;
            ensure(!pattern.contains('['), "a class of letters, which may run backwards")?;
            ensure(pattern.matches('*').count() < 6, "a pattern that takes for ever")
        }
        Some("grain" | "pillar" | "pillar_exact" | "ipcidr") => ensure(target.is_str(), "a target"),
        _ => Err("a matcher that may raise".to_owned()),
    }
}
