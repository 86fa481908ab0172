//! Names and globs to keys of the roll. Decides what is meant; changes nothing.

use roadstead::base::glob;
use roadstead::base::{Acceptance, Name};
use roadstead::keep::{RoleKey, Roll};

use crate::{Failure, say};

/// A key and its standing.
pub(crate) type Item = (RoleKey, Acceptance);

/// One argument: an exact name, or a glob.
pub(crate) enum Asked {
    Name(Name),
    Glob(String),
}

/// The standings that globs reach. Exact names reach all.
#[derive(Clone, Copy)]
pub(crate) struct Scope(&'static [Acceptance]);

/// What the arguments stand for.
#[derive(Default)]
pub(crate) struct Found {
    /// Sorted by name, each once.
    pub(crate) picked: Vec<Item>,
    /// A sentence for each argument that stands for nothing.
    pub(crate) missing: Vec<String>,
}

impl Asked {
    /// Checks the arguments: what is no glob must be a legal name.
    pub(crate) fn read(names: &[String]) -> Result<Vec<Self>, Failure> {
        names.iter().map(|text| Self::read_one(text)).collect()
    }

    fn read_one(text: &str) -> Result<Self, Failure> {
        if glob::is_glob(text) {
            return Ok(Self::Glob(text.into()));
        }
        let name = Name::new(text);
        name.map(Self::Name).map_err(|why| Failure { code: 2, sentence: format!("'{}': {why}", text.escape_debug()) })
    }
}

impl Scope {
    pub(crate) const ALL: Self = Self(&[Acceptance::Accepted, Acceptance::Pending, Acceptance::Rejected]);
    pub(crate) const PENDING: Self = Self(&[Acceptance::Pending]);
    pub(crate) const NOT_ACCEPTED: Self = Self(&[Acceptance::Pending, Acceptance::Rejected]);
    pub(crate) const NOT_REJECTED: Self = Self(&[Acceptance::Pending, Acceptance::Accepted]);

    fn has(self, standing: Acceptance) -> bool {
        self.0.contains(&standing)
    }
}

impl Found {
    /// Says what stands for nothing; the exit code.
    pub(crate) fn tell_missing(&self) -> u8 {
        for sentence in &self.missing {
            say(sentence);
        }
        u8::from(!self.missing.is_empty())
    }
}

/// All keys.
pub(crate) fn all(roll: &Roll) -> Found {
    within(roll, Scope::ALL)
}

/// All keys of some standings.
pub(crate) fn within(roll: &Roll, scope: Scope) -> Found {
    let items = roll.iter().filter(|(_, standing)| scope.has(*standing));
    Found { picked: items.map(|(key, standing)| (key.clone(), standing)).collect(), missing: Vec::new() }
}

/// The keys that `asked` stands for.
pub(crate) fn find(roll: &Roll, asked: &[Asked], scope: Scope) -> Found {
    let mut found = Found::default();
    for asked in asked {
        match asked {
            Asked::Name(name) => match roll.find(name) {
                Some((key, standing)) => found.picked.push((key.clone(), standing)),
                None => found.missing.push(format!("no key of '{name}'")),
            },
            Asked::Glob(pattern) => {
                let fits = |(key, _): &(&RoleKey, Acceptance)| glob::matches(pattern, key.role.as_str());
                let before = found.picked.len();
                let mut outside = 0;
                for (key, standing) in roll.iter().filter(fits) {
                    match scope.has(standing) {
                        true => found.picked.push((key.clone(), standing)),
                        false => outside += 1,
                    }
                }
                if found.picked.len() == before {
                    found.missing.push(no_match(pattern, outside));
                }
            }
        }
    }
    found.picked.sort_by(|a, b| a.0.role.cmp(&b.0.role));
    found.picked.dedup_by(|a, b| a.0.role == b.0.role);
    found
}

fn no_match(pattern: &str, outside: usize) -> String {
    let pattern = pattern.escape_debug();
    match outside {
        0 => format!("no key matches '{pattern}'"),
        1 => format!("no undecided key matches '{pattern}'; 1 decided before does: give its whole name"),
        _ => format!("no undecided key matches '{pattern}'; {outside} decided before do: give their whole names"),
    }
}

#[cfg(test)]
mod tests {
    use roadstead::base::Random;
    use roadstead::keep::OwnKeys;

    use super::*;

    fn roll() -> Roll {
        let (mut roll, mut random) = (Roll::default(), Random::from_number(1));
        for (role, standing) in [
            ("db1", Acceptance::Rejected),
            ("web1", Acceptance::Accepted),
            ("web2", Acceptance::Pending),
            ("web3", Acceptance::Pending),
        ] {
            roll.set(OwnKeys::generate(&mut random).public(Name::new(role).unwrap()), standing);
        }
        roll
    }

    fn found(names: &[&str], scope: Scope) -> (Vec<String>, Vec<String>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = find(&roll(), &Asked::read(&names).unwrap(), scope);
        (found.picked.iter().map(|(key, _)| key.role.to_string()).collect(), found.missing)
    }

    #[test]
    fn names_reach_all_and_globs_their_scope() {
        assert_eq!(found(&["db1", "web1"], Scope::PENDING).0, ["db1", "web1"]);
        assert_eq!(found(&["*"], Scope::PENDING).0, ["web2", "web3"]);
        assert_eq!(found(&["web3", "web?", "*3"], Scope::NOT_REJECTED).0, ["web1", "web2", "web3"]);
        assert_eq!(found(&["*1"], Scope::NOT_ACCEPTED).0, ["db1"]);
        assert_eq!(found(&["*"], Scope::ALL).0.len(), 4);
    }

    #[test]
    fn what_stands_for_nothing_is_told() {
        let (picked, missing) = found(&["web9", "x*", "db*", "web2"], Scope::PENDING);
        assert_eq!(picked, ["web2"]);
        assert_eq!(
            missing,
            [
                "no key of 'web9'",
                "no key matches 'x*'",
                "no undecided key matches 'db*'; 1 decided before does: give its whole name",
            ]
        );
    }

    #[test]
    fn names_are_checked() {
        let failure = Asked::read(&["../x".to_owned()]).err().unwrap();
        let sentence = "'../x': a name has only letters, digits, '.', '_' and '-', not '/'".to_owned();
        assert_eq!(failure, Failure { code: 2, sentence });
    }
}
