//! The minion's side of trust: the one master it serves. Owns what is pinned and what was said about it; it decides,
//! the transport keeps the keys.

use tracing::{error, info, warn};

use crate::base::{Acceptance, Fingerprint, Name};
use crate::transport::{Command, Refusal};

/// The one master, and who else asked to be it.
#[derive(Debug)]
pub(super) struct Door {
    /// Our own id and key, for the operator to compare.
    id: Name,
    finger: Fingerprint,
    /// What the settings demand of the master's key.
    master_finger: Option<Fingerprint>,
    /// Whether the first master met is trusted; else the operator decides.
    auto_accept: bool,
    pinned: Option<(Name, Fingerprint)>,
    /// The last refusal that was said; a joiner that tries again says nothing new.
    said: Option<Refusal>,
    /// The last key that was reported as not the master's.
    reported: Option<Fingerprint>,
}

/// What to do about a key: a decision, and perhaps the sentence to end with. Only settings that contradict the keys on
/// disk end a minion: what an unproven datagram says may cost a line in the log and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    pub(super) command: Option<Command>,
    pub(super) fatal: Option<String>,
}

impl Door {
    pub(super) fn new(id: Name, finger: Fingerprint, master_finger: Option<Fingerprint>, auto_accept: bool) -> Self {
        Self { id, finger, master_finger, auto_accept, pinned: None, said: None, reported: None }
    }

    /// Whether `peer` is the master we serve.
    pub(super) fn is_master(&self, peer: &Name) -> bool {
        self.master() == Some(peer)
    }

    /// The master we serve.
    pub(super) fn master(&self) -> Option<&Name> {
        self.pinned.as_ref().map(|(name, _)| name)
    }

    /// A key that we do not know says that it is a master's.
    pub(super) fn on_knock(&mut self, role: Name, fingerprint: Fingerprint) -> Verdict {
        if let Some((master, pinned)) = self.pinned.as_ref().filter(|pinned| **pinned != (role.clone(), fingerprint)) {
            error!(
                %role, %fingerprint, %master, %pinned,
                "{role} is not the master that this minion serves; it is rejected. If the minion is to change masters, on \
                 it: estate-keys --minion delete {master} {role}, then start it again",
            );
            return Verdict::admit(role, fingerprint, Some(Acceptance::Rejected));
        }
        if let Some(why) = self.mismatch(&role, fingerprint) {
            self.report(fingerprint, &why);
            // Forgotten, not rejected: the right master may be known by this very name.
            return Verdict::admit(role, fingerprint, None);
        }
        match self.master_finger {
            None if !self.auto_accept && self.pinned.is_none() => {
                if self.reported.replace(fingerprint) != Some(fingerprint) {
                    info!(
                        "first contact: the master {role} presents the key {fingerprint} and waits for a decision. Compare \
                         with `estate-keys finger` on the master, then on this minion: estate-keys --minion accept {role}"
                    );
                }
                return Verdict::default();
            }
            Some(_) => info!(%role, %fingerprint, "the master's key is the one in the settings"),
            None => info!(%role, %fingerprint, "first contact: this master's key is trusted from now on"),
        }
        Verdict::admit(role, fingerprint, Some(Acceptance::Accepted))
    }

    /// A key's standing changed or is told at the start.
    pub(super) fn on_standing(
        &mut self,
        role: Name,
        fingerprint: Fingerprint,
        acceptance: Option<Acceptance>,
    ) -> Verdict {
        match acceptance {
            Some(Acceptance::Accepted) => {
                if let Some(fatal) = self.mismatch(&role, fingerprint) {
                    error!("{fatal}");
                    return Verdict { fatal: Some(fatal), command: None };
                }
                match &self.pinned {
                    Some((master, _)) if *master != role => {
                        warn!(%role, %master, "more than one master's key is accepted; the first one is served");
                    }
                    _ => self.pinned = Some((role, fingerprint)),
                }
                Verdict::default()
            }
            // A key kept from an earlier run, before anybody decided.
            Some(Acceptance::Pending) => self.on_knock(role, fingerprint),
            Some(Acceptance::Rejected) | None => {
                if self.is_master(&role) {
                    warn!(%role, %fingerprint, "the master's key is no longer accepted here");
                    self.pinned = None;
                }
                Verdict::default()
            }
        }
    }

    /// Another key than the pinned one was presented under its name.
    pub(super) fn on_clash(&mut self, role: &Name, known: Fingerprint, presented: Fingerprint) {
        let why = format!(
            "the master {role} presents the key {presented}, but {known} is pinned: refused, and asked again later. \
             Somebody may be posing as it; if it was set up anew on purpose, on this minion: \
             estate-keys --minion delete {role}"
        );
        self.report(presented, &why);
    }

    /// Says it once per key: whoever poses as the master does so with every answer.
    fn report(&mut self, presented: Fingerprint, why: &str) {
        if self.reported.replace(presented) != Some(presented) {
            error!("{why}");
        }
    }

    /// The far side does not let us in.
    pub(super) fn on_refused(&mut self, by: &str, why: Refusal) {
        if self.said.replace(why) == Some(why) {
            return;
        }
        let Self { id, finger, .. } = self;
        match why {
            Refusal::Pending => {
                info!(
                    "our key {finger} waits at {by} for acceptance; on the master: estate-keys accept {id}, or, where \
                     that is Salt's, salt-key -a {id}"
                )
            }
            Refusal::Rejected => error!(
                "{by} rejects our key {finger}, or knows another key or another address under the id {id}. If this \
                 machine is the right one, on the master: estate-keys delete {id}, then accept it; where that is Salt's, \
                 salt-key -a {id} --include-rejected for a rejected key, else stop it, salt-key -d {id}, delete \
                 raet/*/remote/*{id}_minion.json below its cachedir, start it and accept us. Trying again every 15 s or so",
            ),
            Refusal::Busy => info!("{by} cannot take us now; trying again"),
            Refusal::Silent => warn!(
                "no answer from {by}; is its master up, are `master` and `master_port` right, does a firewall let UDP \
                 through? Trying on"
            ),
        }
    }

    /// We are in: the next refusal is news again.
    pub(super) fn on_joined(&mut self) {
        (self.said, self.reported) = (None, None);
    }

    fn mismatch(&self, role: &Name, fingerprint: Fingerprint) -> Option<String> {
        let demanded = self.master_finger.filter(|demanded| *demanded != fingerprint)?;
        Some(format!(
            "the master {role} presents the key {fingerprint}, but the setting master_finger demands {demanded}. Compare \
             with `estate-keys finger` on the master; if {fingerprint} is right, correct master_finger and start this minion again"
        ))
    }
}

impl Verdict {
    fn admit(role: Name, fingerprint: Fingerprint, acceptance: Option<Acceptance>) -> Self {
        Self { command: Some(Command::Admit { role, fingerprint, acceptance }), fatal: None }
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

    fn door(master_finger: Option<Fingerprint>) -> Door {
        Door::new(name("web1"), Fingerprint([9; 32]), master_finger, true)
    }

    #[test]
    fn first_contact_is_trusted_and_then_nobody_else() {
        let mut door = door(None);
        assert_eq!(door.on_knock(name("m"), KEY), Verdict::admit(name("m"), KEY, Some(Acceptance::Accepted)));
        assert_eq!(door.master(), None, "the transport has the last word");
        door.on_standing(name("m"), KEY, Some(Acceptance::Accepted));
        assert!(door.is_master(&name("m")));
        assert_eq!(door.on_knock(name("evil"), OTHER), Verdict::admit(name("evil"), OTHER, Some(Acceptance::Rejected)));
        door.on_standing(name("evil"), OTHER, Some(Acceptance::Accepted));
        assert!(door.is_master(&name("m")));
        door.on_standing(name("m"), KEY, None);
        assert_eq!(door.master(), None);
    }

    #[test]
    fn without_auto_accept_the_operator_decides() {
        let mut door = Door { auto_accept: false, ..door(None) };
        assert_eq!(door.on_knock(name("m"), KEY), Verdict::default());
        assert_eq!(door.on_standing(name("m"), KEY, Some(Acceptance::Pending)), Verdict::default());
        assert_eq!((door.master(), door.reported), (None, Some(KEY)));
        door.on_standing(name("m"), KEY, Some(Acceptance::Accepted));
        assert!(door.is_master(&name("m")));
        // A demanded key is a decision.
        let mut door = Door { auto_accept: false, master_finger: Some(KEY), ..door };
        door.on_standing(name("m"), KEY, None);
        assert_eq!(door.on_knock(name("m"), KEY), Verdict::admit(name("m"), KEY, Some(Acceptance::Accepted)));
    }

    #[test]
    fn a_demanded_key_is_the_only_one() {
        let mut door = door(Some(KEY));
        assert_eq!(door.on_knock(name("m"), KEY), Verdict::admit(name("m"), KEY, Some(Acceptance::Accepted)));
        assert_eq!(door.on_knock(name("m"), OTHER), Verdict::admit(name("m"), OTHER, None));
        let fatal = door.on_standing(name("m"), OTHER, Some(Acceptance::Accepted)).fatal.unwrap();
        assert!(fatal.contains(&KEY.to_string()) && fatal.contains(&OTHER.to_string()), "{fatal}");
        assert_eq!(door.master(), None);
    }
}
