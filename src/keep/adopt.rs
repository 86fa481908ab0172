//! What it takes to move keys and estates from one keep to another, Salt's or ours, without undoing what was decided
//! there. Pure: reads two views and says what to change; [`super::store`] reads and writes.

use std::collections::BTreeMap;

use super::record::{Change, LocalRecord, RemoteRecord};
use super::role::{OwnKeys, RoleKey};
use super::roll::Roll;
use crate::base::{Acceptance, Fingerprint, Name, wrap};

/// What one keep holds.
#[derive(Debug, Default)]
pub struct View {
    /// Its own keys, if there are any.
    pub own: Option<OwnKeys>,
    /// All roles with their keys and standing.
    pub roll: Roll,
    /// The estates it remembers.
    pub remotes: Vec<RemoteRecord>,
    /// The last estate number it gave out; 0 where nobody knows.
    pub puid: u32,
}

/// What moves, and what does not.
#[derive(Debug, Default)]
pub struct Plan {
    /// The source's own keys, where the target has none or others that are to be replaced.
    pub own: Option<OwnKeys>,
    /// Keys and standings to write, in order of roles.
    pub roles: Vec<(RoleKey, Acceptance)>,
    /// Roles that are there already, with the same key and the same decision, or with a decision where the source has none.
    pub same: usize,
    /// Roles that stay as they are in the target.
    pub conflicts: Vec<Conflict>,
    /// Estates to write, and those of the target whose number one of them has.
    pub remotes: Vec<RemoteRecord>,
    /// Estates of the target to forget: another one has their number now.
    pub dropped: Vec<Name>,
    /// The counter to write, if it goes up.
    pub local: Option<LocalRecord>,
}

/// Why a role is not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another key is known there.
    #[error("{role}: another key is known under this id (here {coming}, there {there})")]
    Key {
        /// The role.
        role: Name,
        /// The key that was to be taken over.
        coming: Fingerprint,
        /// The key that is there.
        there: Fingerprint,
    },
    /// Somebody decided otherwise.
    #[error("{role}: {coming} here and {there} there")]
    Standing {
        /// The role.
        role: Name,
        /// The standing that was to be taken over.
        coming: Acceptance,
        /// The standing it has there.
        there: Acceptance,
    },
}

/// The two own keys are different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherOwnKey;

impl Plan {
    /// What moving `source` to `target` takes. With `force` the source has the last word about everything; without it an own
    /// key of the target that is another one is an error, and contradictions are left as they are.
    pub fn new(source: &View, target: &View, force: bool) -> Result<Self, OtherOwnKey> {
        let mut plan = Self { own: own(source, target, force)?, ..Self::default() };
        let mut after = target.roll.clone();
        for (key, coming) in source.roll.iter() {
            match compare(&target.roll, key, coming) {
                Step::Same => plan.same += 1,
                Step::Conflict(conflict) if !force => plan.conflicts.push(conflict),
                Step::Write | Step::Conflict(_) => {
                    after.set(key.clone(), coming);
                    plan.roles.push((key.clone(), coming));
                }
            }
        }
        plan.estates(source, target, &after, force);
        Ok(plan)
    }

    /// Estates are worth something while their key is accepted, and the source's: their minions know no other.
    fn estates(&mut self, source: &View, target: &View, after: &Roll, force: bool) {
        let there: BTreeMap<&Name, &RemoteRecord> =
            target.remotes.iter().map(|record| (&record.name, record)).collect();
        for record in source.remotes.iter().filter(|record| record.joined == Some(true)) {
            let is_good = source.roll.find(&record.role).is_some_and(|(key, _)| {
                after.find(&record.role).is_some_and(|(k, a)| a == Acceptance::Accepted && k.same_keys(key))
            });
            let is_news = match there.get(&record.name) {
                None => true,
                // Sessions are counted up by whoever has the minions: the higher number is the later life.
                Some(known) => *known != record && (force || is_later(record, known)),
            };
            if is_good && is_news {
                self.remotes.push(record.clone());
            }
        }
        let coming: BTreeMap<u32, &Name> = self.remotes.iter().map(|record| (record.nuid, &record.name)).collect();
        let is_displaced = |known: &&RemoteRecord| coming.get(&known.nuid).is_some_and(|name| **name != known.name);
        self.dropped = target.remotes.iter().filter(is_displaced).map(|known| known.name.clone()).collect();
        // Salt's counter lags behind: what it says was given out, and whatever stands in its estates too.
        let highest = source.remotes.iter().map(|record| record.nuid).chain([source.puid]).max().unwrap_or(0);
        self.local = (highest > target.puid).then_some(LocalRecord { puid: highest });
    }

    /// All changes of roles and estates, in the order in which to write them: a crash in between leaves fewer of them.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        let roles = self.roles.iter().map(|(key, standing)| Change::Role(key.clone(), *standing));
        let dropped = self.dropped.iter().cloned().map(Change::DropRemote);
        let remotes = self.remotes.iter().cloned().map(Change::Remote);
        roles.chain(self.local.map(Change::Local)).chain(dropped).chain(remotes)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.own.is_none() && self.changes().next().is_none()
    }
}

enum Step {
    Same,
    Write,
    Conflict(Conflict),
}

fn own(source: &View, target: &View, force: bool) -> Result<Option<OwnKeys>, OtherOwnKey> {
    let same = |one: &OwnKeys, other: &OwnKeys| {
        one.sign.verify_key() == other.sign.verify_key() && one.secret.public() == other.secret.public()
    };
    match (&source.own, &target.own) {
        (None, _) => Ok(None),
        (Some(coming), Some(there)) if same(coming, there) => Ok(None),
        (Some(_), Some(_)) if !force => Err(OtherOwnKey),
        (Some(coming), _) => Ok(Some(coming.clone())),
    }
}

fn compare(there: &Roll, key: &RoleKey, coming: Acceptance) -> Step {
    let Some((known, standing)) = there.find(&key.role) else { return Step::Write };
    let role = key.role.clone();
    if !known.same_keys(key) {
        return Step::Conflict(Conflict::Key { role, coming: key.fingerprint(), there: known.fingerprint() });
    }
    match (coming, standing) {
        (coming, standing) if coming == standing => Step::Same,
        // Waiting is no decision: it gives way to one, and takes none back.
        (Acceptance::Pending, _) => Step::Same,
        (_, Acceptance::Pending) => Step::Write,
        (coming, there) => Step::Conflict(Conflict::Standing { role, coming, there }),
    }
}

fn is_later(coming: &RemoteRecord, known: &RemoteRecord) -> bool {
    coming.sid != known.sid && wrap::is_current(coming.sid, known.sid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn key(seed: u64, role: &str) -> RoleKey {
        OwnKeys::generate(&mut Random::from_number(seed)).public(name(role))
    }

    fn remote(role: &str, nuid: u32, sid: u32) -> RemoteRecord {
        let (ha, role) = ("127.0.0.1:4510".parse().unwrap(), name(role));
        let name = name(&format!("{role}_minion"));
        RemoteRecord { name, role, nuid, fuid: 2, ha, sid, main: false, kind: 1, joined: Some(true) }
    }

    fn view(own: u64, roles: &[(u64, &str, Acceptance)], remotes: &[RemoteRecord]) -> View {
        let mut view = View { own: Some(OwnKeys::generate(&mut Random::from_number(own))), ..View::default() };
        for (seed, role, standing) in roles {
            view.roll.set(key(*seed, role), *standing);
        }
        view.remotes = remotes.to_vec();
        view.puid = remotes.iter().map(|record| record.nuid).max().unwrap_or(0);
        view
    }

    /// The target once the plan is carried out.
    fn applied(plan: &Plan, target: View) -> View {
        let mut after = target;
        after.own = plan.own.clone().or(after.own);
        for change in plan.changes() {
            match change {
                Change::Role(key, standing) => _ = after.roll.set(key, standing),
                Change::Local(record) => after.puid = record.puid,
                Change::DropRemote(name) => after.remotes.retain(|record| record.name != name),
                Change::Remote(record) => {
                    after.remotes.retain(|known| known.name != record.name);
                    after.remotes.push(record);
                }
                _ => {}
            }
        }
        after
    }

    use Acceptance::{Accepted, Pending, Rejected};

    #[test]
    fn everything_moves_once() {
        let roles = [(1, "web1", Accepted), (2, "web2", Pending), (3, "web3", Rejected)];
        let source = view(9, &roles, &[remote("web1", 3, 2), remote("web2", 4, 1)]);
        let plan = Plan::new(&source, &View::default(), false).unwrap();
        assert_eq!((plan.roles.len(), plan.same, plan.conflicts.len()), (3, 0, 0));
        // Of an estate that waits there is nothing to remember.
        assert_eq!(plan.remotes, [remote("web1", 3, 2)]);
        assert_eq!(plan.local, Some(LocalRecord { puid: 4 }));
        assert!(plan.own.is_some());
        let again = Plan::new(&source, &applied(&plan, View::default()), false).unwrap();
        assert!(again.is_empty() && again.conflicts.is_empty());
        assert_eq!(again.same, 3);
    }

    #[test]
    fn what_was_decided_stays() {
        let target = view(9, &[(1, "a", Rejected), (2, "b", Accepted), (3, "c", Pending), (9, "d", Pending)], &[]);
        let source = view(9, &[(1, "a", Accepted), (2, "b", Pending), (3, "c", Rejected), (4, "d", Accepted)], &[]);
        let plan = Plan::new(&source, &target, false).unwrap();
        assert_eq!(plan.roles, [(key(3, "c"), Rejected)]);
        assert_eq!(plan.same, 1);
        let told: Vec<_> = plan.conflicts.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "a: accepted here and rejected there");
        assert!(told[1].starts_with("d: another key is known under this id (here "), "{}", told[1]);
        let forced = Plan::new(&source, &target, true).unwrap();
        assert_eq!(forced.roles.len(), 3);
        assert!(forced.conflicts.is_empty());
    }

    #[test]
    fn another_own_key_is_replaced_by_force_only() {
        let (source, target) = (view(1, &[], &[]), view(2, &[], &[]));
        assert_eq!(Plan::new(&source, &target, false).err(), Some(OtherOwnKey));
        let forced = Plan::new(&source, &target, true).unwrap().own.unwrap();
        assert_eq!(forced.secret.public(), source.own.unwrap().secret.public());
    }

    #[test]
    fn the_later_life_of_an_estate_counts() {
        let roles = [(1, "a", Accepted), (2, "b", Accepted)];
        let source = view(9, &roles, &[remote("a", 3, 7), remote("b", 4, 2)]);
        let target = view(9, &roles, &[remote("a", 9, 6), remote("b", 4, 5)]);
        let plan = Plan::new(&source, &target, false).unwrap();
        assert_eq!(plan.remotes, [remote("a", 3, 7)]);
        let forced = Plan::new(&source, &target, true).unwrap();
        assert_eq!(forced.remotes, source.remotes);
    }

    #[test]
    fn no_two_estates_have_one_number() {
        let source = view(9, &[(1, "a", Accepted)], &[remote("a", 2, 3)]);
        let target = view(9, &[(5, "z", Accepted)], &[remote("z", 2, 8)]);
        let plan = Plan::new(&source, &target, false).unwrap();
        assert_eq!(plan.dropped, [name("z_minion")]);
        assert_eq!(applied(&plan, target).remotes, [remote("a", 2, 3)]);
    }

    #[test]
    fn an_estate_of_another_key_stays_out() {
        let source = view(9, &[(1, "a", Accepted)], &[remote("a", 2, 3)]);
        let target = view(9, &[(5, "a", Accepted)], &[]);
        let plan = Plan::new(&source, &target, false).unwrap();
        assert!(plan.remotes.is_empty() && plan.conflicts.len() == 1);
    }
}
