//! The roll: who is pending, accepted, rejected, and with which keys. Pure; the disk learns of it through `Change`.

use std::collections::BTreeMap;

use super::role::RoleKey;
use crate::base::{Acceptance, Name};

/// The keys of all known roles and their standing.
#[derive(Debug, Clone, Default)]
pub struct Roll {
    entries: BTreeMap<Name, (RoleKey, Acceptance)>,
}

/// What the roll says of presented keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The role is not on the roll.
    Unknown,
    /// It is, with these keys and this standing.
    Known(Acceptance),
    /// It is, with other keys: never silently replaced (wire v0 §6, "keys equal: no").
    Clash,
}

impl Roll {
    /// What the roll says of `key`. A rejected role stays rejected whatever key it presents (wire v0 §6).
    pub fn verdict(&self, key: &RoleKey) -> Verdict {
        match self.entries.get(&key.role) {
            None => Verdict::Unknown,
            Some((_, Acceptance::Rejected)) => Verdict::Known(Acceptance::Rejected),
            Some((known, acceptance)) if known.same_keys(key) => Verdict::Known(*acceptance),
            Some(_) => Verdict::Clash,
        }
    }

    /// The keys and standing of a role.
    pub fn find(&self, role: &Name) -> Option<(&RoleKey, Acceptance)> {
        self.entries.get(role).map(|(key, acceptance)| (key, *acceptance))
    }

    /// Writes a role's keys and standing, replacing what was there; says whether anything changed.
    pub fn set(&mut self, key: RoleKey, acceptance: Acceptance) -> bool {
        let new = (key.role.clone(), (key, acceptance));
        match self.entries.get(&new.0) {
            Some(old) if *old == new.1 => false,
            _ => {
                self.entries.insert(new.0, new.1);
                true
            }
        }
    }

    /// Forgets a role.
    pub fn remove(&mut self, role: &Name) -> Option<(RoleKey, Acceptance)> {
        self.entries.remove(role)
    }

    /// All entries, sorted by role.
    pub fn iter(&self) -> impl Iterator<Item = (&RoleKey, Acceptance)> {
        self.entries.values().map(|(key, acceptance)| (key, *acceptance))
    }

    /// How many roles wait for a decision.
    pub fn pending(&self) -> usize {
        self.entries.values().filter(|(_, a)| *a == Acceptance::Pending).count()
    }
}
