//! One YAML map to entries that know their line. Judges the syntax; what the keys mean is not known here.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Error, Spanned, UserMessageFormatter};

use super::SettingsError;

/// One line of the settings.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) value: Value,
}

/// The entries of a settings file in its order; an empty file has none.
///
/// As in YAML 1.2, `yes` and `no` are texts; a setting that wants a truth value takes them all the same.
pub(super) fn read(text: &str, origin: &Path) -> Result<Vec<Entry>, SettingsError> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    // Without a node there is no document to ask for.
    if text.lines().all(|line| matches!(line.trim(), "" | "---" | "...") || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    match serde_saphyr::from_str_with_options::<Entries>(text, options) {
        Ok(entries) => Ok(entries.0),
        Err(error) => Err(sentence(&error, origin)),
    }
}

/// Where and what, without the excerpt the library would draw.
fn sentence(error: &Error, origin: &Path) -> SettingsError {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let whole = error.render_with_formatter(&UserMessageFormatter);
    // The library ends its sentence with the place, which stands at the beginning of ours.
    let message = match whole.rfind(" at line ") {
        Some(place) => whole.get(..place).unwrap_or(&whole),
        None => &whole,
    };
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    SettingsError::Yaml { path: origin.into(), line, column, message }
}

struct Entries(Vec<Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings as 'name: value' lines")
    }

    fn visit_unit<E>(self) -> Result<Entries, E> {
        Ok(Entries(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push(Entry { line: key.referenced.line(), key: key.value, value: map.next_value()? });
        }
        Ok(Entries(entries))
    }
}
