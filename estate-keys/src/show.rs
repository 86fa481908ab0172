//! Keys as text and as JSON. Pure.

use std::fmt::Write;

use roadstead::base::Acceptance;
use roadstead::keep::RoleKey;
use serde_json::{Value, json};

use crate::select::Item;

/// The sections in the order and with the words Salt's users know.
const SECTIONS: [(Acceptance, &str, &str); 3] = [
    (Acceptance::Accepted, "Accepted Keys:", "accepted"),
    (Acceptance::Pending, "Unaccepted Keys:", "unaccepted"),
    (Acceptance::Rejected, "Rejected Keys:", "rejected"),
];

/// All sections, with fingerprints when `long`.
pub(crate) fn list(items: &[Item], long: bool) -> String {
    let width = items.iter().map(|(key, _)| key.role.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    for (standing, heading, _) in SECTIONS {
        line(&mut out, heading);
        for key in of(items, standing) {
            match long {
                true => line(&mut out, &format!("{:width$}  {}", key.role, key.fingerprint())),
                false => line(&mut out, key.role.as_str()),
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

/// `{"accepted": [{"name": …, "fingerprint": …}], "unaccepted": […], "rejected": […]}`
pub(crate) fn list_json(items: &[Item]) -> String {
    pretty(&Value::Object(SECTIONS.iter().map(|section| section_json(items, section)).collect()))
}

/// As [`list_json`], with our own key (or null) as `local` before.
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
