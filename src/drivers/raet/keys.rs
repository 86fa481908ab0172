//! The key files of a daemon beside its road: takes over what somebody changes there, and writes what the road decides.
//! What nobody can read, and what could not be written, changes nothing on the road.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Acceptance, Name, Time};
use crate::keep::store::{KeepError, Reading, Stamp, Store};
use crate::keep::{Change, RoleKey, Roll, Token};
use crate::road::Road;
use crate::road::front::Front;
use crate::transport::Command;

/// How often the key directories are looked at: `estate-keys` moves files, and what it decides must hold at once.
pub(super) const KEYS_EVERY: Duration = Duration::from_millis(250);
/// How often every key file is: somebody may have written one in its place.
const FILES_EVERY: Duration = Duration::from_secs(10);
/// How often while something could not be read or written.
const TROUBLE_EVERY: Duration = Duration::from_secs(1);
/// Full looks after a change: another one within the same tick of the kernel's file clock leaves the directory's mark as it
/// is.
const LOOKS: u8 = 2;

/// Whoever goes by a roll.
pub(super) trait Roller {
    /// The roll it goes by.
    fn roll(&self) -> &Roll;
    /// What the disk says of a key now.
    fn handle_roll(&mut self, now: Time, key: RoleKey, acceptance: Option<Acceptance>);
    /// The tokens the disk has now.
    fn set_tokens(&mut self, now: Time, tokens: Vec<Token>);
}

/// What a daemon knows of its key files.
pub(super) struct KeyFiles {
    store: Arc<Store>,
    /// As of the last time everything could be read.
    stamp: Option<Stamp>,
    glance: Stamp,
    look_at_keys: Time,
    look_at_files: Time,
    /// Full looks still to be taken, whatever the glance says.
    looks: u8,
    /// Roles whose standing nobody can tell.
    blocked: BTreeSet<Name>,
    /// Changes that could not be written yet.
    unwritten: BTreeMap<Name, Change>,
    /// What was said of broken files, so that it is said once.
    said: BTreeSet<String>,
    /// The same of tokens.
    bad_tokens: BTreeSet<String>,
    /// As of the last time tokens were read.
    tokens_stamp: Option<Stamp>,
}

impl KeyFiles {
    /// Reads the roll.
    pub(super) fn open(store: Arc<Store>, now: Time) -> Result<(Self, Roll), KeepError> {
        let (glance, stamp) = (store.glance(), store.stamp());
        let reading = store.roll()?;
        let mut keys = Self {
            store,
            stamp: None,
            glance,
            look_at_keys: now + KEYS_EVERY,
            look_at_files: now + FILES_EVERY,
            looks: LOOKS,
            blocked: BTreeSet::new(),
            unwritten: BTreeMap::new(),
            said: BTreeSet::new(),
            bad_tokens: BTreeSet::new(),
            tokens_stamp: None,
        };
        let roll = keys.take(now, stamp, reading);
        Ok((keys, roll))
    }

    /// The roles an earlier process saw on the fast wire. What is left of deleted ones is cleared away.
    pub(super) fn fast(&self, roll: &Roll) -> Result<BTreeSet<Name>, KeepError> {
        let (mut roles, errors) = self.store.fast()?;
        for error in errors {
            tracing::warn!(%error, "taken for what its name says");
        }
        roles.retain(|role| {
            let is_known = roll.find(role).is_some() || self.is_blocked(role);
            if !is_known {
                self.forget_fast(role);
            }
            is_known
        });
        Ok(roles)
    }

    /// Tells the road the enrolment tokens; those that cannot be read enrol nobody.
    pub(super) fn tokens(&mut self, now: Time, road: &mut impl Roller) {
        self.tokens_stamp = Some(self.store.tokens_stamp());
        let (tokens, errors) = match self.store.tokens() {
            Ok((tokens, errors)) => (Some(tokens), errors),
            // Those that are known stay.
            Err(error) => (None, vec![error]),
        };
        let errors: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
        errors.difference(&self.bad_tokens).for_each(|error| tracing::warn!(%error, "token left out"));
        self.bad_tokens = errors;
        if let Some(tokens) = tokens {
            road.set_tokens(now, tokens);
        }
    }

    fn forget_fast(&self, role: &Name) {
        if let Err(error) = self.store.forget_fast(role) {
            tracing::warn!(%error, "left where it is");
        }
    }

    /// When to [`poll`](Self::poll) next.
    pub(super) fn due(&self) -> Time {
        self.look_at_keys
    }

    /// Whether nobody can tell what was decided about a role: then nobody but the operator decides.
    pub(super) fn is_blocked(&self, role: &Name) -> bool {
        self.blocked.contains(role)
    }

    /// Whether a decision is about such a role; says so.
    pub(super) fn is_undecidable(&self, command: &Command) -> bool {
        let is_it = matches!(command, Command::Admit { role, .. } if self.is_blocked(role));
        if let Command::Admit { role, .. } = command
            && is_it
        {
            tracing::warn!(%role, "not decided: what is kept of its key cannot be read");
        }
        is_it
    }

    /// Writes a role's change. One that fails holds on the road, and is tried again.
    pub(super) fn write(&mut self, change: Change) {
        let role = match &change {
            Change::Role(key, _) => key.role.clone(),
            Change::DropRole(role) => role.clone(),
            _ => return,
        };
        match self.store.apply(&change) {
            Ok(()) => _ = self.unwritten.remove(&role),
            Err(error) => {
                tracing::error!(%error, "not written; it holds until this daemon ends, or can write it");
                if matches!(error, KeepError::Blocked { .. }) {
                    self.blocked.insert(role.clone());
                }
                self.unwritten.insert(role, change);
                self.stamp = None;
            }
        }
    }

    /// Takes over what somebody changed in the key directories. Every decision of `road` must have been written before.
    pub(super) fn poll(&mut self, now: Time, road: &mut impl Roller) {
        if now < self.look_at_keys {
            return;
        }
        self.look_at_keys = now + KEYS_EVERY;
        let glance = self.store.glance();
        if glance == self.glance && self.looks == 0 && now < self.look_at_files {
            return;
        }
        self.looks = if glance == self.glance { self.looks.saturating_sub(1) } else { LOOKS };
        self.glance = glance;
        self.look_at_files = now + FILES_EVERY;
        if !self.bad_tokens.is_empty() {
            self.look_at_files = now + TROUBLE_EVERY;
        }
        if self.tokens_stamp != Some(self.store.tokens_stamp()) || !self.bad_tokens.is_empty() {
            self.tokens(now, road);
        }
        let stamp = self.store.stamp();
        if self.stamp == Some(stamp) {
            return;
        }
        if self.stamp.is_some() {
            self.looks = LOOKS;
        }
        match self.store.roll() {
            Ok(reading) => {
                let disk = self.take(now, stamp, reading);
                let held = self.retry(&disk);
                self.compare(now, &disk, &held, road);
            }
            Err(error) => {
                self.stamp = None;
                self.look_at_files = now + TROUBLE_EVERY;
                self.say(&[error]);
            }
        }
    }

    /// Remembers a reading; what could not be read is read again soon.
    fn take(&mut self, now: Time, stamp: Stamp, reading: Reading) -> Roll {
        let Reading { roll, blocked, errors } = reading;
        let is_whole = errors.iter().all(|error| matches!(error, KeepError::BadName { .. }));
        let is_settled = is_whole && self.unwritten.is_empty();
        self.stamp = is_settled.then_some(stamp);
        if !is_settled {
            self.look_at_files = now + TROUBLE_EVERY;
        }
        self.blocked = blocked;
        self.say(&errors);
        roll
    }

    /// Tells of broken files, of each once while it is broken; how many were news.
    fn say(&mut self, errors: &[KeepError]) -> usize {
        let errors: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
        let news = errors.difference(&self.said).inspect(|error| tracing::warn!(%error, "left out")).count();
        self.said = errors;
        news
    }

    /// Tries again what could not be written, unless somebody decided on the disk meanwhile; the roles of which the disk
    /// does not say what the road does.
    fn retry(&mut self, disk: &Roll) -> BTreeSet<Name> {
        self.unwritten.retain(|_, change| !is_decided(change, disk));
        let held = self.unwritten.keys().cloned().collect();
        let store = &self.store;
        self.unwritten.retain(|_, change| store.apply(change).is_err());
        held
    }

    /// Tells the road what differs on the disk.
    fn compare(&self, now: Time, disk: &Roll, held: &BTreeSet<Name>, road: &mut impl Roller) {
        let is_gone = |role: &Name| disk.find(role).is_none() && !self.is_blocked(role) && !held.contains(role);
        let gone: Vec<_> = road.roll().iter().map(|(key, _)| key).filter(|key| is_gone(&key.role)).cloned().collect();
        for key in gone {
            tracing::debug!(role = %key.role, "its key file is gone");
            self.forget_fast(&key.role);
            road.handle_roll(now, key, None);
        }
        for (key, acceptance) in disk.iter().filter(|(key, _)| !held.contains(&key.role)) {
            if road.roll().find(&key.role) != Some((key, acceptance)) {
                road.handle_roll(now, key.clone(), Some(acceptance));
            }
        }
    }
}

impl Roller for Road {
    fn roll(&self) -> &Roll {
        self.roll()
    }

    fn handle_roll(&mut self, now: Time, key: RoleKey, acceptance: Option<Acceptance>) {
        self.handle_roll(now, key, acceptance);
    }

    fn set_tokens(&mut self, now: Time, tokens: Vec<Token>) {
        self.set_tokens(now, tokens);
    }
}

impl Roller for Front {
    fn roll(&self) -> &Roll {
        self.roll()
    }

    fn handle_roll(&mut self, _: Time, key: RoleKey, acceptance: Option<Acceptance>) {
        self.handle_roll(key, acceptance);
    }

    fn set_tokens(&mut self, _: Time, tokens: Vec<Token>) {
        self.set_tokens(tokens);
    }
}

/// Whether the disk holds another decision than the one `change` was to replace: a newcomer's key has none there, and one
/// that waits can be decided by a daemon.
fn is_decided(change: &Change, disk: &Roll) -> bool {
    match change {
        Change::Role(key, _) => {
            disk.find(&key.role).is_some_and(|(known, standing)| standing != Acceptance::Pending || known != key)
        }
        Change::DropRole(role) => disk.find(role).is_some_and(|(_, standing)| standing == Acceptance::Rejected),
        Change::Local(_) | Change::Remote(_) | Change::DropRemote(_) | Change::Fast(_) => false,
    }
}

#[cfg(test)]
mod tests;
