//! `import-salt` and `export-salt`: a Salt RAET daemon's keys and estates become ours, and Salt's again. Decides where things
//! are and what to say; what moves is [`roadstead::keep::adopt`]'s business.

mod place;

use std::collections::BTreeSet;

use roadstead::host::settings::{DutyKind, Settings};
use roadstead::keep::adopt::{Plan, View};
use roadstead::keep::store::{SaltKeep, SaltReading};
use roadstead::keep::{Change, KeepError, OwnKeys, Store};

use crate::args::{Args, Move};
use crate::{Desk, Failure, explain, print, say};
use place::Place;

/// Which way it goes, in words.
#[derive(Clone, Copy)]
struct Way {
    done: &'static str,
    force: &'static str,
}

const IN: Way = Way { done: "imported", force: "with --force Salt's replaces it" };
const OUT: Way = Way { done: "exported", force: "with --force ours replaces it" };

/// Takes over what Salt has.
pub(crate) fn import(args: &Args, moved: &Move) -> Result<u8, Failure> {
    let duty = if args.minion { DutyKind::Minion } else { DutyKind::Master };
    let path = place::settings_path(args, duty);
    let is_new = matches!(path.try_exists(), Ok(false));
    let settings = match is_new {
        true => None,
        false => Some(place::settings(args, duty)?),
    };
    let place = Place::find(moved, duty, settings.as_ref())?;
    let failure = |error: KeepError| fail(error.to_string());
    let salt = SaltKeep::open(&place.pki_dir, place.estate_dir.as_deref()).map_err(failure)?;
    let mut reading = salt.read().map_err(failure)?;
    let text = is_new.then(|| place.settings(duty, &reading)).flatten();
    let settings = match (settings, &text) {
        (Some(settings), _) => settings,
        (None, Some(text)) => place::parse(args, duty, text, &path)?,
        // With an id that is guessed nobody would know us.
        (None, None) if place.id.is_none() => {
            let path = path.display();
            return Err(fail(format!(
                "Salt's id cannot be told without its estates: give its cachedir with --cachedir, or write `id: NAME` into {path}"
            )));
        }
        (None, None) => place::settings(args, duty)?,
    };
    check_id(&settings, &place, &path)?;
    check_stopped(moved, &place.salt_socket(&settings), &format!("salt-{duty}"), "its estates would change meanwhile")?;
    check_stopped(moved, &place::socket(&settings), &format!("`roadstead {duty}`"), "it would not see its estates")?;
    if let Some(text) = text {
        place::write_settings(&path, &text, moved.dry_run)?;
    }
    // A dry run makes no directories.
    let is_there = settings.pki_dir.is_dir();
    let estate_dir = settings.estate_dir();
    let store = if moved.dry_run && !is_there {
        None
    } else {
        let has_estates = duty == DutyKind::Master && (estate_dir.is_dir() || !moved.dry_run);
        let estates = has_estates.then_some(&*estate_dir);
        Some(Store::open(&settings.pki_dir, estates).map_err(|error| explain(&error, &settings))?)
    };
    let there = store.as_ref().map(Store::view).transpose().map_err(|error| explain(&error, &settings))?;
    let (there, bad) = there.unwrap_or_default();
    if duty == DutyKind::Minion {
        // A minion joins afresh at every start: its number for its master stays the same.
        reading.view.remotes.clear();
        reading.view.puid = 0;
    } else if let Some(store) = &store {
        forget_fast(store, &mut reading.view).map_err(|error| explain(&error, &settings))?;
    }
    let plan = plan(&reading.view, &there, moved, &settings, IN)?;
    let mut out = Carrier { way: IN, dry: moved.dry_run, code: 0 };
    out.tell_bad(reading.errors.iter().chain(&bad));
    let own = |keys: &OwnKeys| match &store {
        Some(store) => store.create_own_keys(keys, true),
        None => Ok(()),
    };
    let apply = |change: &Change| store.as_ref().map_or(Ok(()), |store| store.apply(change));
    out.carry(&plan, &settings, own, apply)?;
    place.advise(duty, &settings, &reading);
    Ok(out.code)
}

/// Gives Salt what it had, and what was decided since.
pub(crate) fn export(desk: &Desk, moved: &Move) -> Result<u8, Failure> {
    let settings = &desk.settings;
    let duty = settings.duty;
    let place = Place::find_for_export(moved, settings)?;
    let failure = |error: KeepError| fail(error.to_string());
    check_stopped(
        moved,
        &place::socket(settings),
        &format!("`roadstead {duty}`"),
        "its estates would change meanwhile",
    )?;
    check_stopped(moved, &place.salt_socket(settings), &format!("salt-{duty}"), "it would write over its estates")?;
    let estates = place.estate_dir.as_deref().filter(|dir| dir.is_dir() || !moved.dry_run);
    let salt = match SaltKeep::open(&place.pki_dir, estates.filter(|dir| dir.is_dir())) {
        // A new place for Salt's keys; the directory itself is there.
        Err(KeepError::NoSalt { .. }) => None,
        other => Some(other.map_err(failure)?),
    };
    let there = salt.as_ref().map(SaltKeep::read).transpose().map_err(failure)?.unwrap_or_default();
    let ours = settings.estate_dir();
    let ours = (duty == DutyKind::Master && ours.is_dir()).then_some(ours);
    let store = Store::open(&settings.pki_dir, ours.as_deref()).map_err(|error| desk.explain(&error))?;
    let (view, bad) = store.view().map_err(|error| desk.explain(&error))?;
    if view.own.is_none() {
        return Err(fail(format!("no own key yet: there is nothing to export from {}", settings.pki_dir.display())));
    }
    let plan = plan(&view, &there.view, moved, settings, OUT)?;
    let target = match moved.dry_run {
        true => None,
        false => Some(SaltKeep::create(&place.pki_dir, estates).map_err(failure)?),
    };
    let mut out = Carrier { way: OUT, dry: moved.dry_run, code: 0 };
    out.tell_bad(bad.iter().chain(&there.errors));
    let own = |keys: &OwnKeys| target.as_ref().map_or(Ok(()), |salt| salt.write_own(keys));
    let apply = |change: &Change| target.as_ref().map_or(Ok(()), |salt| salt.apply(change));
    out.carry(&plan, settings, own, apply)?;
    if duty == DutyKind::Master {
        tell_rest(&store, &view, &there, &apply).map_err(|error| desk.explain(&error))?;
    }
    Ok(out.code)
}

fn fail(sentence: String) -> Failure {
    Failure { code: 2, sentence }
}

fn check_id(settings: &Settings, place: &Place, path: &std::path::Path) -> Result<(), Failure> {
    match &place.id {
        Some(id) if *id != settings.id => Err(fail(format!(
            "Salt's {} is called '{id}', and ours '{}': minions know it by its name, so set `id: {id}` in {}",
            settings.duty,
            settings.id,
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn check_stopped(moved: &Move, socket: &std::path::Path, who: &str, why: &str) -> Result<(), Failure> {
    if !place::is_running(socket) {
        return Ok(());
    }
    if moved.dry_run || moved.force {
        say(&format!("note: {who} is running; {why}"));
        return Ok(());
    }
    Err(fail(format!("{who} is running, and {why}: stop it first ({})", socket.display())))
}

fn plan(source: &View, target: &View, moved: &Move, settings: &Settings, way: Way) -> Result<Plan, Failure> {
    Plan::new(source, target, moved.force).map_err(|_| {
        let finger = |view: &View| view.own.as_ref().map(|own| own.public(settings.id.clone()).fingerprint());
        let (coming, there) = (finger(source), finger(target));
        let show =
            |print: Option<_>| print.map_or_else(String::new, |print: roadstead::base::Fingerprint| print.to_string());
        fail(format!(
            "the own key there is another one ({}, not {}); {}, and whoever knows it must forget it",
            show(there),
            show(coming),
            way.force
        ))
    })
}

/// Who was met here on the fast wire is not looked for on the classic one.
fn forget_fast(store: &Store, view: &mut View) -> Result<(), KeepError> {
    let fast = store.fast()?.0;
    view.remotes.retain(|record| !fast.contains(&record.role));
    Ok(())
}

/// What Salt will find and we would not expect.
fn tell_rest(
    store: &Store,
    ours: &View,
    salt: &SaltReading,
    apply: &impl Fn(&Change) -> Result<(), KeepError>,
) -> Result<(), KeepError> {
    let fast = store.fast()?.0;
    let known: BTreeSet<_> = ours.roll.iter().map(|(key, _)| &key.role).collect();
    for (key, standing) in salt.view.roll.iter().filter(|(key, _)| !known.contains(&key.role)) {
        let role = &key.role;
        say(&format!("note: Salt knows {role} as {standing}, and we do not; if it is to stay out: salt-key -d {role}"));
    }
    for role in fast {
        say(&format!(
            "note: {role} was met on the fast wire, which Salt does not speak: set `wires: [classic]` there and restart it"
        ));
        // Remembered as it was before it came to us: Salt would refuse it for what has changed since.
        for old in salt.view.remotes.iter().filter(|record| record.role == role) {
            apply(&Change::DropRemote(old.name.clone()))?;
        }
    }
    Ok(())
}

/// Carries a plan out, or only tells it.
struct Carrier {
    way: Way,
    dry: bool,
    code: u8,
}

impl Carrier {
    fn tell_bad<'a>(&mut self, errors: impl Iterator<Item = &'a KeepError>) {
        for error in errors {
            say(&format!("left out: {error}"));
            self.code = 1;
        }
    }

    fn carry(
        &mut self,
        plan: &Plan,
        settings: &Settings,
        own: impl Fn(&OwnKeys) -> Result<(), KeepError>,
        apply: impl Fn(&Change) -> Result<(), KeepError>,
    ) -> Result<(), Failure> {
        let done = if self.dry { format!("would be {}", self.way.done) } else { self.way.done.to_owned() };
        if let Some(keys) = &plan.own {
            own(keys).map_err(|error| explain(&error, settings))?;
            let print_of = keys.public(settings.id.clone()).fingerprint();
            print(&format!("Own key of {} {done}: {print_of}\n", settings.id))?;
        }
        for conflict in &plan.conflicts {
            say(&format!("left as it is: {conflict}; --force changes it"));
            self.code = 1;
        }
        let (mut roles, mut estates) = (0, 0);
        for change in plan.changes() {
            match (apply(&change), &change) {
                (Ok(()), Change::Role(key, standing)) => {
                    roles += 1;
                    print(&format!("Key of {} {done}: {standing}\n", key.role))?;
                }
                (Ok(()), Change::Remote(_)) => estates += 1,
                (Ok(()), Change::DropRemote(name)) => {
                    say(&format!("note: {name} is forgotten: another estate has its number; it joins anew"));
                }
                (Ok(()), _) => {}
                (Err(error @ KeepError::Blocked { .. }), _) => {
                    say(&format!("left out: {error}"));
                    self.code = 1;
                }
                (Err(error), _) => return Err(explain(&error, settings)),
            }
        }
        let count = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        print(&format!(
            "{} and {} {done}, {} there already.\n",
            count(roles, "key"),
            count(estates, "estate"),
            count(plan.same, "key")
        ))?;
        if self.dry { print("Nothing was changed.\n") } else { Ok(()) }
    }
}
