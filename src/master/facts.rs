//! What the master remembers of its minions to target them by: the grains each told with its request for its pillar, and
//! the pillar it was given. Owns these, packed and bounded, each bound to the key that told them; keeping them between two
//! starts is the host's.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use tracing::{debug, warn};

use super::Master;
use crate::base::target::{self, Matcher, Source};
use crate::base::{Acceptance, Fingerprint, Name, limits};
use crate::duty::Output;
use crate::message::{self, Message, Route};

/// MessagePack's null, and the head of its map of three.
const NIL: u8 = 0xc0;
const MAP_OF_THREE: u8 = 0x83;

/// The facts of all minions.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: BTreeMap<Name, Facts>,
    bytes: usize,
}

/// Those of one: maps, packed. Ten thousand minions' would fill memory as values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    /// Whose they are: a new key under an old name is another minion.
    key: Fingerprint,
    grains: Bytes,
    pillar: Option<Bytes>,
}

/// What of a request tells whether its answer is the pillar the minion has from us alone.
#[derive(Debug, Deserialize)]
struct PillarRequest {
    cmd: String,
    #[serde(default)]
    pillarenv: Option<String>,
    #[serde(default)]
    pillar_override: Option<Map<String, Value>>,
}

impl Facts {
    fn size(&self) -> usize {
        self.grains.len() + self.pillar.as_ref().map_or(0, Bytes::len)
    }

    /// As one MessagePack map, for the host to keep.
    fn pack(&self) -> Bytes {
        let mut out = vec![MAP_OF_THREE];
        // Writing texts to a vector cannot fail.
        let _ = rmp::encode::write_str(&mut out, "key");
        let _ = rmp::encode::write_str(&mut out, &hex::encode(self.key.0));
        let _ = rmp::encode::write_str(&mut out, "grains");
        out.extend_from_slice(&self.grains);
        let _ = rmp::encode::write_str(&mut out, "pillar");
        out.extend_from_slice(self.pillar.as_deref().unwrap_or(&[NIL]));
        out.into()
    }

    /// What [`pack`](Self::pack) made; nothing where it is anything else.
    fn unpack(bytes: Bytes) -> Option<Self> {
        let message = Message { route: Route::default(), kind: String::new(), body: bytes };
        let Value::Object(map) = message.read_value().ok()? else { return None };
        let mut key = [0; 32];
        hex::decode_to_slice(map.get("key")?.as_str()?, &mut key).ok()?;
        let pillar = match map.get("pillar")? {
            Value::Null => None,
            pillar => Some(pack(pillar.as_object()?)?),
        };
        Some(Self { key: Fingerprint(key), grains: pack(map.get("grains")?.as_object()?)?, pillar })
    }
}

impl Memory {
    /// Remembers, if there is room; says whether that is news.
    fn put(&mut self, id: &Name, facts: Facts) -> bool {
        let before = self.known.get(id);
        if before == Some(&facts) {
            return false;
        }
        let bytes = self.bytes - before.map_or(0, Facts::size) + facts.size();
        if bytes > limits::FACTS_BYTES {
            warn!(%id, "its facts are not remembered: those of all minions have more than {} bytes", limits::FACTS_BYTES);
            return false;
        }
        self.bytes = bytes;
        self.known.insert(id.clone(), facts);
        true
    }

    /// Forgets; says whether there was anything.
    fn remove(&mut self, id: &Name) -> bool {
        let Some(facts) = self.known.remove(id) else { return false };
        self.bytes -= facts.size();
        true
    }

    /// Whether the target means a minion, by what it told under this key.
    pub(super) fn matches(&self, matcher: &Matcher, id: &Name, key: Fingerprint) -> bool {
        let unknown = target::Facts { id: id.as_str(), grains: None, pillar: None };
        // Most targets are decided by ids alone for most minions.
        if let Some(decided) = matcher.decide(&unknown) {
            return decided;
        }
        let Some(facts) = self.known.get(id).filter(|facts| facts.key == key) else { return false };
        let grains = unpack(&facts.grains, |name| matcher.reads(Source::Grains, name));
        let pillar = facts.pillar.as_deref().and_then(|p| unpack(p, |name| matcher.reads(Source::Pillar, name)));
        matcher.matches(&target::Facts { grains: grains.as_ref(), pillar: pillar.as_ref(), ..unknown })
    }
}

impl Master {
    /// Facts the host kept since an earlier start, as [`Output::Remember`] gave them. To be called at the start.
    pub fn recall(&mut self, id: &Name, facts: Bytes) {
        match Facts::unpack(facts) {
            Some(facts) => {
                self.memory.put(id, facts);
            }
            None => debug!(%id, "facts that cannot be read are left out"),
        }
    }

    /// A minion asks for its pillar and tells its grains. Its id among them is ours to say.
    pub(super) fn learn(&mut self, from: &Name, load: &Map<String, Value>) {
        let Some(key) = self.door.key(from) else { return };
        let Some(Value::Object(grains)) = load.get("grains") else { return };
        let mut grains = grains.clone();
        grains.insert("id".to_owned(), Value::from(from.as_str()));
        let Some(grains) = pack(&grains) else { return };
        if grains.len() > limits::GRAINS_BYTES {
            let (size, most) = (grains.len(), limits::GRAINS_BYTES);
            warn!(%from, "its grains have {size} bytes and are not remembered, so no target of grains means it; {most} is the most");
            return self.forget(from);
        }
        let pillar =
            self.memory.known.get(from).filter(|facts| facts.key == key).and_then(|facts| facts.pillar.clone());
        self.remember(from, Facts { key, grains, pillar });
    }

    /// The host answered a request: if that was for a pillar, and nobody but us had a say in it, it is remembered. One
    /// that the minion asked to have laid over could make it whatever it likes.
    pub(super) fn on_pillar(&mut self, to: &Name, request: &Message, answer: Option<&Bytes>) {
        let Ok(PillarRequest { cmd, pillarenv: None, pillar_override }) = rmp_serde::from_slice(&request.body) else {
            return;
        };
        if cmd != "_pillar" || pillar_override.is_some_and(|over| !over.is_empty()) {
            return;
        }
        let Some(facts) = self.memory.known.get(to).filter(|facts| Some(facts.key) == self.door.key(to)) else {
            return;
        };
        let pillar = answer.filter(|pillar| pillar.len() <= limits::PILLAR_REMEMBERED).cloned();
        if pillar.is_none() {
            debug!(%to, "its pillar is not remembered");
        }
        let facts = Facts { pillar, ..facts.clone() };
        self.remember(to, facts);
    }

    /// A key's standing changed: with the key go the facts.
    pub(super) fn on_key(&mut self, role: &Name, acceptance: Option<Acceptance>) {
        if acceptance.is_none() {
            self.forget(role);
        }
    }

    fn remember(&mut self, id: &Name, facts: Facts) {
        let packed = facts.pack();
        if self.memory.put(id, facts) {
            self.outputs.push_back(Output::Remember { id: id.clone(), facts: Some(packed) });
        }
    }

    fn forget(&mut self, id: &Name) {
        if self.memory.remove(id) {
            self.outputs.push_back(Output::Remember { id: id.clone(), facts: None });
        }
    }
}

fn pack(map: &Map<String, Value>) -> Option<Bytes> {
    let bytes = rmp_serde::to_vec_named(map).ok()?;
    message::check(&bytes).ok().map(|()| bytes.into())
}

/// The entries of a packed map whose names are `wanted`; the others, most of them, are passed over.
fn unpack(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Option<Map<String, Value>> {
    rmp_serde::Deserializer::from_read_ref(bytes).deserialize_map(Wanted(wanted)).ok()
}

struct Wanted<F>(F);

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Wanted<F> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = map.next_key::<&str>()? {
            if (self.0)(name) {
                out.insert(name.to_owned(), map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const KEY: Fingerprint = Fingerprint([1; 32]);

    fn facts(grains: &Value, pillar: Option<&Value>) -> Facts {
        let packed = |value: &Value| pack(value.as_object().unwrap()).unwrap();
        Facts { key: KEY, grains: packed(grains), pillar: pillar.map(packed) }
    }

    #[test]
    fn a_target_asks_for_facts_of_the_same_key() {
        let (web1, other) = (Name::new("web1").unwrap(), Fingerprint([2; 32]));
        let mut memory = Memory::default();
        assert!(memory.put(&web1, facts(&json!({"os": "Debian"}), None)));
        assert!(!memory.put(&web1, facts(&json!({"os": "Debian"}), None)), "no news");
        let holds = |memory: &Memory, target: &str, key| {
            memory.matches(&Matcher::new("compound", &json!(target), "").unwrap(), &web1, key)
        };
        assert!(holds(&memory, "G@os:Debian", KEY) && !holds(&memory, "G@os:Ubuntu", KEY));
        assert!(!holds(&memory, "G@os:Debian", other) && !holds(&memory, "not G@os:Ubuntu", other));
        assert!(!holds(&memory, "I@env:prod", KEY) && !holds(&memory, "not I@env:prod", KEY));
        assert!(memory.put(&web1, facts(&json!({"os": "Debian"}), Some(&json!({"env": "prod"})))));
        assert!(holds(&memory, "I@env:prod and G@os:Debian", KEY));
        assert!(memory.remove(&web1) && !memory.remove(&web1) && memory.bytes == 0);
        assert!(holds(&memory, "web* or G@os:Debian", KEY));
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Memory::default();
        let most = facts(&json!({"x": "y".repeat(limits::GRAINS_BYTES - 20)}), None);
        let fitting = limits::FACTS_BYTES / most.size();
        let told = (0..fitting + 5).filter(|n| memory.put(&Name::new(&format!("m{n}")).unwrap(), most.clone())).count();
        assert_eq!(told, fitting);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(words in prop::collection::btree_map("\\PC{0,5}", "\\PC{0,9}", 0..9), given in any::<bool>()) {
            let value = json!(words);
            let facts = facts(&value, given.then_some(&value));
            prop_assert_eq!(Facts::unpack(facts.pack()), Some(facts.clone()));
            prop_assert_eq!(unpack(&facts.grains, |_| true).map(Value::Object), Some(value));
            prop_assert_eq!(unpack(&facts.grains, |_| false), Some(Map::new()));
        }

        #[test]
        fn any_file_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Facts::unpack(bytes.into());
        }
    }
}
