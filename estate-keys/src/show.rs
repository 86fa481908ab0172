//! Keys as text and as JSON. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use roadstead::base::{Acceptance, Name};
use roadstead::keep::journal::Line;
use roadstead::keep::{Journal, RoleKey, Wire};
use serde_json::{Value, json};

use crate::select::Item;
use crate::shown;

/// What the keep knows of estates besides their keys.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Roles seen on the fast wire.
    pub(crate) fast: BTreeSet<Name>,
    /// Roles that are remembered from the classic one.
    pub(crate) classic: BTreeSet<Name>,
    /// What the daemon noted.
    pub(crate) journal: Journal,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

/// A journal is written once a minute at least while somebody is there: an older one is of a daemon that does not run.
const FRESH: u64 = 150;

impl Known {
    /// The wire an estate speaks, or spoke last.
    fn wire(&self, role: &Name) -> Option<Wire> {
        // Whoever was seen on the fast wire is spoken to on no other, whatever came later.
        if self.fast.contains(role) {
            return Some(Wire::Fast);
        }
        let noted = self.journal.seen.get(role).map(|sighting| sighting.wire);
        noted.or(self.classic.contains(role).then_some(Wire::Classic))
    }

    /// Whether it is there now, and else when it was last, seconds since 1970.
    fn seen(&self, role: &Name) -> (bool, Option<u64>) {
        let Some(sighting) = self.journal.seen.get(role) else { return (false, None) };
        let at = if sighting.here { sighting.at.max(self.journal.as_of) } else { sighting.at };
        (sighting.here && self.now.saturating_sub(at) < FRESH, Some(at))
    }

    /// Wire and time in words.
    fn met(&self, role: &Name) -> String {
        let Some(wire) = self.wire(role) else { return "never met".to_owned() };
        match self.seen(role) {
            (true, _) => format!("{:7}  here", wire.as_str()),
            (false, Some(at)) => format!("{:7}  seen {}", wire.as_str(), self.ago(at)),
            (false, None) => wire.as_str().to_owned(),
        }
    }

    fn ago(&self, at: u64) -> String {
        match self.now.saturating_sub(at) {
            0..60 => "just now".to_owned(),
            seconds @ 60..3600 => format!("{} min ago", seconds / 60),
            seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
            seconds => format!("{} days ago", seconds / 86_400),
        }
    }

    /// A trouble as one line.
    fn sentence(&self, line: &Line) -> String {
        let times = if line.count > 1 { format!("{} times, last ", line.count) } else { String::new() };
        format!("{} [{times}{}]", shown(&line.trouble.to_string()), self.ago(line.last))
    }

    /// Leaves the troubles of these alone, if not all are asked for.
    pub(crate) fn only(&mut self, items: &[Item]) {
        let is_asked = |role: &Name| items.iter().any(|(key, _)| key.role == *role);
        self.journal.troubles.retain(|line| line.trouble.role.as_ref().is_some_and(is_asked));
    }
}

/// The sections in the order and with the words Salt's users know.
const SECTIONS: [(Acceptance, &str, &str); 3] = [
    (Acceptance::Accepted, "Accepted Keys:", "accepted"),
    (Acceptance::Pending, "Unaccepted Keys:", "unaccepted"),
    (Acceptance::Rejected, "Rejected Keys:", "rejected"),
];

/// All sections, and troubles below; when `long`, with fingerprints, and wires and troubles of each estate beside it.
pub(crate) fn list(items: &[Item], known: &Known, long: bool) -> String {
    let width = items.iter().map(|(key, _)| key.role.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    for (standing, heading, _) in SECTIONS {
        line(&mut out, heading);
        for key in of(items, standing) {
            if !long {
                line(&mut out, key.role.as_str());
                continue;
            }
            let met = if standing == Acceptance::Accepted { known.met(&key.role) } else { String::new() };
            line(&mut out, format!("{:width$}  {}  {met}", key.role, key.fingerprint()).trim_end());
            for trouble in known.journal.troubles.iter().filter(|line| line.trouble.role.as_ref() == Some(&key.role)) {
                line(&mut out, &format!("    {}", known.sentence(trouble)));
            }
        }
    }
    let is_shown = |role: &Name| long && items.iter().any(|(key, _)| key.role == *role);
    let mut rest =
        known.journal.troubles.iter().filter(|line| !line.trouble.role.as_ref().is_some_and(is_shown)).peekable();
    if rest.peek().is_some() {
        line(&mut out, "Trouble:");
    }
    rest.for_each(|trouble| line(&mut out, &known.sentence(trouble)));
    out
}

/// The sections that hold something, in the way of [`list`].
pub(crate) fn sections(items: &[Item]) -> String {
    let mut out = String::new();
    for (standing, heading, _) in SECTIONS {
        if of(items, standing).next().is_some() {
            line(&mut out, heading);
        }
        of(items, standing).for_each(|key| line(&mut out, key.role.as_str()));
    }
    out
}

/// Fingerprints: our own, then the sections that hold something.
pub(crate) fn fingers(own: Option<&RoleKey>, items: &[Item]) -> String {
    let mut out = String::new();
    if let Some(own) = own {
        line(&mut out, "Local Keys:");
        line(&mut out, &format!("{}:  {}", own.role, own.fingerprint()));
    }
    for (standing, heading, _) in SECTIONS {
        if of(items, standing).next().is_some() {
            line(&mut out, heading);
        }
        of(items, standing).for_each(|key| line(&mut out, &format!("{}:  {}", key.role, key.fingerprint())));
    }
    out
}

/// `{"accepted": [{"name": …, "fingerprint": …, "wire": …, "here": …, "seen": …}], "unaccepted": […], "rejected": […],
/// "trouble": […]}`, the two in the middle without wires and times. Times are seconds since 1970.
pub(crate) fn list_json(items: &[Item], known: &Known) -> String {
    let entry = |key: &RoleKey, standing| {
        let mut entry = key_json(key);
        if let (Acceptance::Accepted, Value::Object(fields)) = (standing, &mut entry) {
            let (here, seen) = known.seen(&key.role);
            fields.insert("wire".into(), known.wire(&key.role).map(Wire::as_str).into());
            fields.insert("here".into(), here.into());
            fields.insert("seen".into(), seen.into());
        }
        entry
    };
    let sections = SECTIONS.iter().map(|(standing, _, name)| {
        ((*name).to_owned(), of(items, *standing).map(|key| entry(key, *standing)).collect::<Value>())
    });
    let troubles = known.journal.troubles.iter().map(|line| {
        let Line { trouble, count, first, last } = line;
        let from = trouble.from.map(|from| from.to_string());
        let role = trouble.role.as_ref().map(Name::as_str);
        json!({"name": role, "from": from, "says": trouble.to_string(), "count": count, "first": first, "last": last})
    });
    let troubles = ("trouble".to_owned(), troubles.collect::<Value>());
    pretty(&Value::Object(sections.chain([troubles]).collect()))
}

/// The same without wires, with our own key (or null) as `local` before.
pub(crate) fn fingers_json(own: Option<&RoleKey>, items: &[Item]) -> String {
    let local = ("local".to_owned(), own.map_or(Value::Null, key_json));
    let sections = SECTIONS.iter().map(|section| section_json(items, section));
    pretty(&Value::Object([local].into_iter().chain(sections).collect()))
}

fn section_json(items: &[Item], (standing, _, name): &(Acceptance, &str, &str)) -> (String, Value) {
    ((*name).into(), of(items, *standing).map(key_json).collect())
}

fn key_json(key: &RoleKey) -> Value {
    json!({"name": key.role.as_str(), "fingerprint": key.fingerprint().to_string()})
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn of(items: &[Item], standing: Acceptance) -> impl Iterator<Item = &RoleKey> {
    items.iter().filter(move |item| item.1 == standing).map(|(key, _)| key)
}

fn line(out: &mut String, text: &str) {
    // A string takes everything.
    let _ = writeln!(out, "{text}");
}
