//! Key and estate files: bytes to meaning and back, as Salt's `SaltKeep` and `RaetKey` write them (wire v0 §7).
//! Owns the formats; never opens a file.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::record::{Identity, LocalRecord, RemoteRecord};
use super::role::{OwnKeys, RoleKey};
use super::token::Token;
use crate::base::Name;
use crate::nacl::{PublicKey, Secret, SecretKey, SigningKey, VerifyKey};

/// Why bytes are no key or estate file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// A key file of another shape.
    #[error("not a key file (a msgpack map of texts)")]
    NoKeyFile,
    /// An estate file of another shape.
    #[error("not an estate file (a JSON map)")]
    NoEstateFile,
    /// Not the journal of a daemon.
    #[error("not a journal (a JSON map)")]
    NoJournal,
    /// A field that must be there is not.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// A field holds something else.
    #[error("'{field}' is not {wanted}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// Reads `local.key`: our own secrets.
pub fn read_own(bytes: &[u8]) -> Result<OwnKeys, BadFile> {
    let fields = read_texts(bytes)?;
    let secret = key_bytes(&fields, "priv", "64 hex digits")?;
    let seed = key_bytes(&fields, "sign", "64 hex digits")?;
    Ok(OwnKeys { sign: SigningKey::from_seed(&seed), secret: SecretKey::from_bytes(*secret) })
}

/// Writes `local.key`.
pub fn write_own(keys: &OwnKeys) -> Zeroizing<Vec<u8>> {
    let (secret, sign) = (hex_text(&keys.secret.bytes()), hex_text(&keys.sign.seed()));
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(256));
    write_texts(&mut out, &[("priv", &*secret), ("sign", &*sign)]);
    out
}

/// Reads a role's key file.
pub fn read_role(bytes: &[u8]) -> Result<RoleKey, BadFile> {
    let fields = read_texts(bytes)?;
    let id = find(&fields, "minion_id").ok_or(BadFile::Missing("minion_id"))?;
    let role = std::str::from_utf8(id).ok().and_then(|id| Name::new(id).ok());
    let role = role.ok_or(BadFile::Field { field: "minion_id", wanted: "a name" })?;
    let public = PublicKey::from_bytes(*key_bytes(&fields, "pub", "a public key")?)
        .map_err(|_| BadFile::Field { field: "pub", wanted: "a public key" })?;
    let verify = VerifyKey::from_bytes(&*key_bytes(&fields, "verify", "a public key")?)
        .map_err(|_| BadFile::Field { field: "verify", wanted: "a public key" })?;
    Ok(RoleKey { role, verify, public })
}

/// Writes a role's key file.
pub fn write_role(key: &RoleKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let (public, verify) = (hex_text(key.public.as_bytes()), hex_text(key.verify.as_bytes()));
    write_texts(&mut out, &[("minion_id", key.role.as_str().as_bytes()), ("pub", &*public), ("verify", &*verify)]);
    out
}

/// Reads a token's file.
pub fn read_token(bytes: &[u8]) -> Result<Token, BadFile> {
    let fields = read_texts(bytes)?;
    let mut id = [0; 16];
    let digits = find(&fields, "id").ok_or(BadFile::Missing("id"))?;
    hex::decode_to_slice(digits, &mut id).map_err(|_| BadFile::Field { field: "id", wanted: "32 hex digits" })?;
    let secret = Secret::from_bytes(*key_bytes(&fields, "secret", "64 hex digits")?);
    let text = |field| find(&fields, field).map(|text| std::str::from_utf8(text).unwrap_or_default());
    let role = text("minion_id")
        .map(|id| Name::new(id).ok())
        .map(|name| name.ok_or(BadFile::Field { field: "minion_id", wanted: "a name" }));
    let until = text("until")
        .map(|until| until.parse().map_err(|_| BadFile::Field { field: "until", wanted: "seconds since 1970" }));
    Ok(Token { id, secret, role: role.transpose()?, until: until.transpose()? })
}

/// Writes a token's file.
pub fn write_token(token: &Token) -> Zeroizing<Vec<u8>> {
    let (id, secret, until) =
        (token.name(), hex_text(token.secret.bytes()), token.until.map(|until| until.to_string()));
    let mut fields = vec![("id", id.as_bytes()), ("secret", &*secret)];
    fields.extend(token.role.as_ref().map(|role| ("minion_id", role.as_str().as_bytes())));
    fields.extend(until.as_ref().map(|until| ("until", until.as_bytes())));
    let mut out = Zeroizing::new(Vec::with_capacity(512));
    write_texts(&mut out, &fields);
    out
}

/// Reads `local/estate.json`; what is missing is as at a first start.
pub fn read_local_estate(bytes: &[u8]) -> Result<LocalRecord, BadFile> {
    Ok(LocalRecord { puid: number(&read_map(bytes)?, "puid")?.unwrap_or(0) })
}

/// Writes `local/estate.json` of the estate `name`, keeping what `old`, the file so far, says beyond our record.
///
/// Address and port are settings, so a file that is new lacks them: Python drops such a file and takes its own settings,
/// where a complete one with empty addresses would stop it.
pub fn write_local_estate(record: LocalRecord, name: &Name, old: Option<&[u8]>) -> Vec<u8> {
    let mut map = old.and_then(|old| read_map(old).ok()).unwrap_or_default();
    map.insert("name".into(), json!(name.as_str()));
    map.insert("puid".into(), json!(record.puid));
    write_map(map)
}

/// Whose `local/estate.json` this is, as Salt wrote it: to take it over. Ours has no address in it.
pub fn read_identity(bytes: &[u8]) -> Result<Identity, BadFile> {
    let map = read_map(bytes)?;
    // `aha` is what was bound, `ha` what others are told: that is never 0.0.0.0.
    let bound = if matches!(map.get("aha"), None | Some(Value::Null)) { "ha" } else { "aha" };
    let is_given = !matches!(map.get(bound), None | Some(Value::Null));
    Ok(Identity {
        name: name(&map, "name")?,
        role: name(&map, "role")?,
        bound: if is_given { Some(address(&map, bound)?) } else { None },
        puid: number(&map, "puid")?.unwrap_or(0),
    })
}

/// Reads `remote/estate.<name>.json`.
pub fn read_remote_estate(bytes: &[u8]) -> Result<RemoteRecord, BadFile> {
    let map = read_map(bytes)?;
    Ok(RemoteRecord {
        name: name(&map, "name")?,
        role: name(&map, "role")?,
        nuid: number(&map, "uid")?.ok_or(BadFile::Missing("uid"))?,
        fuid: number(&map, "fuid")?.unwrap_or(0),
        ha: address(&map, "ha")?,
        sid: number(&map, "sid")?.unwrap_or(0),
        main: truth(&map, "main")?.unwrap_or(false),
        kind: number(&map, "kind")?.unwrap_or(0),
        joined: truth(&map, "joined")?,
    })
}

/// Writes `remote/estate.<name>.json` with all the keys raet 0.6.8 wants: it deletes a file that lacks one. What Python alone
/// uses stays as it is in `old`, the file so far.
pub fn write_remote_estate_over(record: &RemoteRecord, old: Option<&[u8]>) -> Vec<u8> {
    let mut map = remote_estate(record);
    let old = old.and_then(|old| read_map(old).ok()).unwrap_or_default();
    for field in ["iha", "natted", "fqdn", "dyned"] {
        if let Some(value) = old.get(field).filter(|value| !value.is_null()) {
            map.insert(field.into(), value.clone());
        }
    }
    write_map(map)
}

/// Writes `remote/estate.<name>.json` anew.
pub fn write_remote_estate(record: &RemoteRecord) -> Vec<u8> {
    write_map(remote_estate(record))
}

fn remote_estate(record: &RemoteRecord) -> Map<String, Value> {
    let host = record.ha.ip().to_string();
    let value = json!({
        "name": record.name.as_str(),
        "uid": record.nuid,
        "fuid": record.fuid,
        "ha": [host, record.ha.port()],
        "iha": null,
        "natted": null,
        // Never empty: Python would ask the DNS at its start, once per estate.
        "fqdn": host,
        "dyned": null,
        "sid": record.sid,
        "main": record.main,
        "kind": record.kind,
        "joined": record.joined,
        "role": record.role.as_str(),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

type Texts<'a> = Vec<(&'a [u8], &'a [u8])>;

/// A msgpack map whose keys and values are texts, old (raw) or new (str, bin), and nothing behind it.
fn read_texts(bytes: &[u8]) -> Result<Texts<'_>, BadFile> {
    let mut rest = bytes;
    let count = match rest.split_off_first() {
        Some(marker @ 0x80..=0x8f) => usize::from(marker & 0x0f),
        _ => return Err(BadFile::NoKeyFile),
    };
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let key = read_text(&mut rest).ok_or(BadFile::NoKeyFile)?;
        fields.push((key, read_text(&mut rest).ok_or(BadFile::NoKeyFile)?));
    }
    if rest.is_empty() { Ok(fields) } else { Err(BadFile::NoKeyFile) }
}

/// One text of at most 65,535 bytes.
fn read_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match *rest.split_off_first()? {
        fix @ 0xa0..=0xbf => usize::from(fix & 0x1f),
        0xc4 | 0xd9 => usize::from(*rest.split_off_first()?),
        0xc5 | 0xda => {
            let (high, low) = (*rest.split_off_first()?, *rest.split_off_first()?);
            usize::from(u16::from_be_bytes([high, low]))
        }
        _ => return None,
    };
    rest.split_off(..length)
}

/// A map of texts in the msgpack of before 2013, which has no str8: Salt's msgpack 0.5.6 on Python 2 writes it and every
/// later one reads it. Only for maps of up to 15 fields whose texts are shorter than 64 KiB, as all of ours are.
fn write_texts(out: &mut Vec<u8>, fields: &[(&str, &[u8])]) {
    out.push(0x80 | u8::try_from(fields.len()).unwrap_or(0) & 0x0f);
    for (key, value) in fields {
        for text in [key.as_bytes(), value] {
            match u8::try_from(text.len()) {
                Ok(length @ 0..=31) => out.push(0xa0 | length),
                _ => {
                    out.push(0xda);
                    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
                }
            }
            out.extend_from_slice(text);
        }
    }
}

fn find<'a>(fields: &Texts<'a>, key: &str) -> Option<&'a [u8]> {
    fields.iter().find(|(k, _)| *k == key.as_bytes()).map(|(_, value)| *value)
}

fn key_bytes(fields: &Texts<'_>, field: &'static str, wanted: &'static str) -> Result<Zeroizing<[u8; 32]>, BadFile> {
    let digits = find(fields, field).ok_or(BadFile::Missing(field))?;
    let mut out = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut *out).map_err(|_| BadFile::Field { field, wanted })?;
    Ok(out)
}

/// Lower case: raet compares keys as texts.
fn hex_text(bytes: &[u8; 32]) -> Zeroizing<[u8; 64]> {
    let mut out = Zeroizing::new([b'0'; 64]);
    // Cannot fail: 64 is twice 32.
    let _ = hex::encode_to_slice(bytes, &mut *out);
    out
}

fn read_map(bytes: &[u8]) -> Result<Map<String, Value>, BadFile> {
    serde_json::from_slice(bytes).map_err(|_| BadFile::NoEstateFile)
}

/// Indented by two, as raet does.
fn write_map(map: Map<String, Value>) -> Vec<u8> {
    format!("{:#}", Value::Object(map)).into_bytes()
}

fn number(map: &Map<String, Value>, field: &'static str) -> Result<Option<u32>, BadFile> {
    match map.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(n) => Ok(Some(n)),
            None => Err(BadFile::Field { field, wanted: "a number below 2^32" }),
        },
    }
}

fn truth(map: &Map<String, Value>, field: &'static str) -> Result<Option<bool>, BadFile> {
    match map.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(yes)) => Ok(Some(*yes)),
        Some(_) => Err(BadFile::Field { field, wanted: "true, false or null" }),
    }
}

fn name(map: &Map<String, Value>, field: &'static str) -> Result<Name, BadFile> {
    let text = map.get(field).ok_or(BadFile::Missing(field))?;
    let legal = text.as_str().and_then(|text| Name::new(text).ok());
    legal.ok_or(BadFile::Field { field, wanted: "a name" })
}

fn address(map: &Map<String, Value>, field: &'static str) -> Result<SocketAddr, BadFile> {
    let pair = map.get(field).ok_or(BadFile::Missing(field))?;
    let wrong = BadFile::Field { field, wanted: "an IP address and a port" };
    let [host, port] = pair.as_array().map_or(&[][..], Vec::as_slice) else { return Err(wrong) };
    let host: Option<IpAddr> = host.as_str().and_then(|host| host.parse().ok());
    let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
    host.zip(port).map(SocketAddr::from).ok_or(wrong)
}

#[cfg(test)]
mod tests;
