//! The roll: who is pending, accepted, rejected, and with which keys. Pure; the disk learns of it through `Change`.

use std::collections::BTreeMap;

use super::role::RoleKey;
use crate::base::{Acceptance, Name};

/// The keys of all known roles and their standing.
#[derive(Debug, Clone, Default)]
pub struct Roll {
    /// Boxed: most estates know one key, and a tree makes room for eleven.
    entries: BTreeMap<Name, Box<(RoleKey, Acceptance)>>,
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
    /// Whether a key waits under this role and nobody has decided about it.
    pub fn is_undecided(&self, role: &Name) -> bool {
        self.find(role).is_some_and(|(_, acceptance)| acceptance == Acceptance::Pending)
    }

    /// What the roll says of `key`. A rejected role stays rejected whatever key it presents (wire v0 §6).
    pub fn verdict(&self, key: &RoleKey) -> Verdict {
        match self.entries.get(&key.role) {
            None => Verdict::Unknown,
            Some(entry) if entry.1 == Acceptance::Rejected => Verdict::Known(Acceptance::Rejected),
            Some(entry) if entry.0.same_keys(key) => Verdict::Known(entry.1),
            Some(_) => Verdict::Clash,
        }
    }

    /// The keys and standing of a role.
    pub fn find(&self, role: &Name) -> Option<(&RoleKey, Acceptance)> {
        self.entries.get(role).map(|entry| (&entry.0, entry.1))
    }

    /// Writes a role's keys and standing, replacing what was there; says whether anything changed.
    pub fn set(&mut self, key: RoleKey, acceptance: Acceptance) -> bool {
        let (role, new) = (key.role.clone(), (key, acceptance));
        if self.entries.get(&role).is_some_and(|old| **old == new) {
            return false;
        }
        self.entries.insert(role, Box::new(new));
        true
    }

    /// Forgets a role.
    pub fn remove(&mut self, role: &Name) -> Option<(RoleKey, Acceptance)> {
        self.entries.remove(role).map(|entry| *entry)
    }

    /// All entries, sorted by role.
    pub fn iter(&self) -> impl Iterator<Item = (&RoleKey, Acceptance)> {
        self.entries.values().map(|entry| (&entry.0, entry.1))
    }

    /// How many roles wait for a decision.
    pub fn pending(&self) -> usize {
        self.entries.values().filter(|entry| entry.1 == Acceptance::Pending).count()
    }
}
