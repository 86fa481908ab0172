//! Accepting, rejecting and deleting: what is asked before, and what is written.

use std::io::{self, BufRead, IsTerminal, Write};

use roadstead::base::Acceptance;
use roadstead::keep::Change;

use crate::args::Choice;
use crate::select::{self, Asked, Item, Scope};
use crate::{Desk, Failure, print, show};

/// What is to happen to keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Accept,
    Reject,
    Delete,
}

impl Verb {
    fn done(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Delete => "deleted",
        }
    }

    /// The standings that globs and `--all` reach.
    fn scope(self, wide: bool) -> Scope {
        match (self, wide) {
            (Self::Delete, _) => Scope::ALL,
            (_, false) => Scope::PENDING,
            (Self::Accept, true) => Scope::NOT_ACCEPTED,
            (Self::Reject, true) => Scope::NOT_REJECTED,
        }
    }

    /// The standing keys have afterwards.
    fn standing(self) -> Option<Acceptance> {
        match self {
            Self::Accept => Some(Acceptance::Accepted),
            Self::Reject => Some(Acceptance::Rejected),
            Self::Delete => None,
        }
    }

    fn change(self, (key, _): Item) -> Change {
        match self.standing() {
            Some(standing) => Change::Role(key, standing),
            None => Change::DropRole(key.role),
        }
    }
}

/// Finds the keys, asks where that is due, and changes them.
pub(crate) fn apply(desk: &Desk, verb: Verb, choice: &Choice) -> Result<u8, Failure> {
    let asked = Asked::read(&choice.names)?;
    let roll = desk.roll()?;
    let scope = verb.scope(choice.wide);
    let mut found = if choice.all { select::within(&roll, scope) } else { select::find(&roll, &asked, scope) };
    if choice.all && found.picked.is_empty() {
        found.missing.push(format!("no key to be {}", verb.done()));
    }
    let picked = std::mem::take(&mut found.picked);
    let (already, items): (Vec<Item>, Vec<Item>) = picked.into_iter().partition(|item| Some(item.1) == verb.standing());
    for (key, _) in already {
        print(&format!("Key of {} is {} already.\n", key.role, verb.done()))?;
    }
    let several = choice.all || asked.iter().any(|asked| matches!(asked, Asked::Glob(_)));
    let due = !choice.yes && (several || verb == Verb::Delete) && !items.is_empty();
    if due && !confirmed(verb, &items)? {
        print("Nothing was changed.\n")?;
        return Ok(0);
    }
    for item in items {
        let role = item.0.role.clone();
        desk.store.apply(&verb.change(item)).map_err(|error| desk.explain(&error))?;
        print(&format!("Key of {role} {}.\n", verb.done()))?;
    }
    Ok(found.tell_missing())
}

/// Asks on the terminal; where there is none, says what to do.
fn confirmed(verb: Verb, items: &[Item]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let (count, noun) = (items.len(), if items.len() == 1 { "key" } else { "keys" });
        let sentence = format!("{count} {noun} would be {}, and there is no terminal to ask on: use -y", verb.done());
        return Err(Failure { code: 2, sentence });
    }
    ask(verb, items, &mut io::stdin().lock(), &mut io::stderr().lock())
        .map_err(|error| Failure { code: 2, sentence: format!("cannot ask on this terminal: {error}") })
}

/// Shows the keys and reads the answer. Only `y` or `yes` is one; the end of input is a no.
fn ask(verb: Verb, items: &[Item], input: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    write!(out, "These keys will be {}:\n{}Proceed? [y/N] ", verb.done(), show::sections(items))?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use roadstead::base::{Name, Random};
    use roadstead::keep::OwnKeys;

    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let mut random = Random::from_number(1);
        let mut item = |role, standing| (OwnKeys::generate(&mut random).public(Name::new(role).unwrap()), standing);
        let items = [item("web1", Acceptance::Accepted), item("web2", Acceptance::Pending)];
        for (answer, yes) in
            [("y\n", true), ("YES\n", true), ("n\n", false), ("\n", false), ("", false), ("yep\n", false)]
        {
            let mut out = Vec::new();
            assert_eq!(ask(Verb::Reject, &items, &mut answer.as_bytes(), &mut out).unwrap(), yes, "{answer:?}");
            let wanted = "These keys will be rejected:\nAccepted Keys:\nweb1\nUnaccepted Keys:\nweb2\nProceed? [y/N] ";
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
