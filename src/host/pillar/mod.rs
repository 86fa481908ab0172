//! The pillar of a minion: what only it is told. For now nobody is told anything.

use serde_json::{Map, Value};

use crate::base::Name;
use crate::host::settings::Settings;

/// What a minion's pillar depends on (Salt over RAET §3, §6).
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose pillar, as the session has it.
    pub id: &'a Name,
    /// What it says of itself: never to be believed where it matters.
    pub grains: &'a Map<String, Value>,
    /// The environment of its states; none: all.
    pub saltenv: Option<&'a str>,
    /// The environment of its pillar; none: all.
    pub pillarenv: Option<&'a str>,
    /// What the minion's caller wants on top of it.
    pub pillar_override: &'a Map<String, Value>,
}

/// Where pillars come from.
#[derive(Debug)]
pub struct Pillar;

impl Pillar {
    /// As the settings say.
    pub fn new(_settings: &Settings) -> Self {
        Self
    }

    /// The pillar of a minion. May take its time: it runs on a thread of its own.
    pub fn compile(&self, _question: &Question<'_>) -> Map<String, Value> {
        Map::new()
    }
}
