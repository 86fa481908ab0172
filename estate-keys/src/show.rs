//! Keys as text and as JSON. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use roadstead::base::{Acceptance, Name};
use roadstead::keep::RoleKey;
use serde_json::{Value, json};

use crate::select::Item;

/// Which wires estates were met on, as far as the keep knows.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    /// Roles seen on the fast wire.
    pub(crate) fast: BTreeSet<Name>,
    /// Roles that are remembered from the classic one.
    pub(crate) classic: BTreeSet<Name>,
}

impl Wires {
    fn of(&self, role: &Name) -> &'static str {
        match (self.fast.contains(role), self.classic.contains(role)) {
            (true, _) => "fast",
            (false, true) => "classic",
            (false, false) => "unknown",
        }
    }
}

/// The sections in the order and with the words Salt's users know.
const SECTIONS: [(Acceptance, &str, &str); 3] = [
    (Acceptance::Accepted, "Accepted Keys:", "accepted"),
    (Acceptance::Pending, "Unaccepted Keys:", "unaccepted"),
    (Acceptance::Rejected, "Rejected Keys:", "rejected"),
];

/// All sections; with the wires `long` tells of, fingerprints as well.
pub(crate) fn list(items: &[Item], long: Option<&Wires>) -> String {
    let width = items.iter().map(|(key, _)| key.role.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    for (standing, heading, _) in SECTIONS {
        line(&mut out, heading);
        for key in of(items, standing) {
            match long {
                Some(wires) if standing == Acceptance::Accepted => {
                    let wire = wires.of(&key.role);
                    line(&mut out, &format!("{:width$}  {}  {wire}", key.role, key.fingerprint()));
                }
                Some(_) => line(&mut out, &format!("{:width$}  {}", key.role, key.fingerprint())),
                None => line(&mut out, key.role.as_str()),
            }
        }
    }
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

/// `{"accepted": [{"name": …, "fingerprint": …, "wire": …}], "unaccepted": […], "rejected": […]}`, the latter two without
/// wires.
pub(crate) fn list_json(items: &[Item], wires: &Wires) -> String {
    let entry = |key: &RoleKey, standing| {
        let mut entry = key_json(key);
        if let (Acceptance::Accepted, Value::Object(fields)) = (standing, &mut entry) {
            fields.insert("wire".into(), wires.of(&key.role).into());
        }
        entry
    };
    let sections = SECTIONS.iter().map(|(standing, _, name)| {
        ((*name).to_owned(), of(items, *standing).map(|key| entry(key, *standing)).collect::<Value>())
    });
    pretty(&Value::Object(sections.collect()))
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
