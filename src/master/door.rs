//! Key admission: which standing every role has, and what to decide about strangers. Owns the roster and the policy;
//! the keys themselves are the transport's.

use std::collections::BTreeMap;

use tracing::{info, warn};

use crate::base::glob::matches;
use crate::base::{Acceptance, Fingerprint, Name};
use crate::transport::Command;

/// Whom to let in without asking anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Everybody, whatever key they present. For a laboratory.
    pub open_mode: bool,
    /// Everybody new.
    pub auto_accept: bool,
    /// New roles that match one of these shell patterns. Empty lines and those that begin with `#` mean nothing.
    pub autosign: Vec<String>,
    /// New roles that match one of these are rejected, before anything else is asked.
    pub autoreject: Vec<String>,
}

/// The standing of all roles, and the policy for new ones.
#[derive(Debug)]
pub(super) struct Door {
    policy: Policy,
    roster: BTreeMap<Name, (Fingerprint, Acceptance)>,
    /// Impostors already reported: a key that knocks again and again is worth one warning.
    reported: BTreeMap<Name, Fingerprint>,
}

impl Door {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, roster: BTreeMap::new(), reported: BTreeMap::new() }
    }

    /// Another policy; decides about everybody who waits.
    pub(super) fn set_policy(&mut self, policy: Policy) -> Vec<Command> {
        self.policy = policy;
        let waiting = self.roster.iter().filter(|(_, (_, acceptance))| *acceptance == Acceptance::Pending);
        waiting.filter_map(|(role, (fingerprint, _))| self.decide(role, *fingerprint)).collect()
    }

    /// A stranger's key wants in.
    pub(super) fn on_knock(&self, role: &Name, fingerprint: Fingerprint) -> Option<Command> {
        let decision = self.decide(role, fingerprint);
        if decision.is_none() {
            info!(%role, %fingerprint, "a new key waits for acceptance");
        }
        decision
    }

    /// A key's standing changed or is told at the start. A pending one is decided again: the policy may have changed
    /// since it was kept.
    pub(super) fn on_standing(
        &mut self,
        role: &Name,
        key: Fingerprint,
        acceptance: Option<Acceptance>,
    ) -> Option<Command> {
        let Some(acceptance) = acceptance else {
            self.roster.remove(role);
            self.reported.remove(role);
            info!(%role, fingerprint = %key, "the key is forgotten");
            return None;
        };
        if self.roster.insert(role.clone(), (key, acceptance)) != Some((key, acceptance)) {
            info!(%role, fingerprint = %key, "the key is {acceptance}");
        }
        (acceptance == Acceptance::Pending).then(|| self.decide(role, key)).flatten()
    }

    /// A known role presented another key. Whether it is the first time this one is seen, and in open mode the command
    /// that makes room for it: the known key is forgotten, and the new one is admitted when it knocks again.
    pub(super) fn on_clash(
        &mut self,
        role: &Name,
        known: Fingerprint,
        presented: Fingerprint,
    ) -> (bool, Option<Command>) {
        let fresh = self.reported.insert(role.clone(), presented) != Some(presented);
        if self.policy.open_mode {
            warn!(%role, %known, %presented, "open mode: the known key makes room for the one presented");
            let command = Command::Admit { role: role.clone(), fingerprint: known, acceptance: None };
            return (fresh, Some(command));
        }
        if fresh {
            warn!(
                %role, %known, %presented,
                "another key than the known one was presented; a key is never replaced. If the machine was set up anew: \
                 estate-keys delete {role}, then accept its new key",
            );
        }
        (fresh, None)
    }

    /// Whether the role's key is accepted.
    #[cfg(test)]
    pub(super) fn is_accepted(&self, role: &Name) -> bool {
        self.roster.get(role).is_some_and(|(_, acceptance)| *acceptance == Acceptance::Accepted)
    }

    /// The roles whose keys are accepted, sorted.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &Name> {
        self.roster.iter().filter(|(_, (_, acceptance))| *acceptance == Acceptance::Accepted).map(|(role, _)| role)
    }

    /// The accepted role of this name, if there is one.
    pub(super) fn accepted_one(&self, role: &str) -> Option<&Name> {
        self.roster.get_key_value(role).filter(|(_, (_, a))| *a == Acceptance::Accepted).map(|(role, _)| role)
    }

    /// The accepted roles with their keys, sorted.
    pub(super) fn accepted_keys(&self) -> impl Iterator<Item = (&Name, Fingerprint)> {
        let accepted = self.roster.iter().filter(|(_, (_, acceptance))| *acceptance == Acceptance::Accepted);
        accepted.map(|(role, (key, _))| (role, *key))
    }

    /// The role's key, if one is known.
    pub(super) fn key(&self, role: &Name) -> Option<Fingerprint> {
        self.roster.get(role).map(|(key, _)| *key)
    }

    fn decide(&self, role: &Name, fingerprint: Fingerprint) -> Option<Command> {
        let listed = |lines: &[String]| {
            let patterns = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty() && !l.starts_with('#'));
            patterns.into_iter().any(|pattern| matches(pattern, role.as_str()))
        };
        let policy = &self.policy;
        let acceptance = if policy.open_mode {
            Acceptance::Accepted
        } else if listed(&policy.autoreject) {
            Acceptance::Rejected
        } else if policy.auto_accept || listed(&policy.autosign) {
            Acceptance::Accepted
        } else {
            return None;
        };
        Some(Command::Admit { role: role.clone(), fingerprint, acceptance: Some(acceptance) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Fingerprint = Fingerprint([1; 32]);
    const OTHER: Fingerprint = Fingerprint([2; 32]);

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn verdict(policy: &Policy, role: &str) -> Option<Acceptance> {
        match Door::new(policy.clone()).on_knock(&name(role), KEY) {
            Some(Command::Admit { acceptance, .. }) => acceptance,
            _ => None,
        }
    }

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn who_gets_in() {
        let nobody = Policy::default();
        assert_eq!(verdict(&nobody, "web1"), None);
        let lists = Policy { autosign: lines(&["# ours", "", " web* "]), autoreject: lines(&["web9"]), ..nobody };
        assert_eq!(verdict(&lists, "web1"), Some(Acceptance::Accepted));
        assert_eq!(verdict(&lists, "web9"), Some(Acceptance::Rejected));
        assert_eq!(verdict(&lists, "db1"), None);
        let all = Policy { auto_accept: true, ..lists };
        assert_eq!(verdict(&all, "db1"), Some(Acceptance::Accepted));
        assert_eq!(verdict(&all, "web9"), Some(Acceptance::Rejected));
        assert_eq!(verdict(&Policy { open_mode: true, ..all }, "web9"), Some(Acceptance::Accepted));
    }

    #[test]
    fn a_new_policy_decides_about_those_who_wait() {
        let mut door = Door::new(Policy::default());
        assert_eq!(door.on_standing(&name("web1"), KEY, Some(Acceptance::Pending)), None);
        door.on_standing(&name("web2"), KEY, Some(Acceptance::Rejected));
        let decided = door.set_policy(Policy { autosign: lines(&["web?"]), ..Policy::default() });
        let admit = Command::Admit { role: name("web1"), fingerprint: KEY, acceptance: Some(Acceptance::Accepted) };
        assert_eq!(decided, [admit]);
    }

    #[test]
    fn the_roster_follows_standings() {
        let mut door = Door::new(Policy::default());
        door.on_standing(&name("web1"), KEY, Some(Acceptance::Accepted));
        assert!(door.is_accepted(&name("web1")));
        assert_eq!(door.accepted_one("web1"), Some(&name("web1")));
        door.on_standing(&name("web1"), KEY, Some(Acceptance::Rejected));
        assert_eq!(door.accepted().count(), 0);
        door.on_standing(&name("web1"), KEY, None);
        assert_eq!(door.accepted_one("web1"), None);
    }

    #[test]
    fn a_clash_replaces_nothing_unless_open() {
        let mut door = Door::new(Policy::default());
        assert_eq!(door.on_clash(&name("web1"), KEY, OTHER), (true, None));
        assert_eq!(door.on_clash(&name("web1"), KEY, OTHER), (false, None));
        let mut open = Door::new(Policy { open_mode: true, ..Policy::default() });
        let forget = Command::Admit { role: name("web1"), fingerprint: KEY, acceptance: None };
        assert_eq!(open.on_clash(&name("web1"), KEY, OTHER), (true, Some(forget)));
    }
}
