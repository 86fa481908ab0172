//! Where Salt's files are, whether a daemon runs, and the settings that take a Salt daemon's place. Changes nothing but a
//! settings file that is not there yet.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use roadstead::base::Name;
use roadstead::host::settings::{DutyKind, Settings};
use roadstead::keep::store::SaltReading;

use super::fail;
use crate::args::{Args, Move};
use crate::{Failure, print, say};

/// The files of one Salt daemon.
pub(super) struct Place {
    pub(super) pki_dir: PathBuf,
    /// What `/` is to a Salt whose directories are the usual ones.
    root: Option<PathBuf>,
    /// Where it remembers estates.
    pub(super) estate_dir: Option<PathBuf>,
    /// Its id, if its estates tell.
    pub(super) id: Option<Name>,
    duty: DutyKind,
}

impl Place {
    /// The place of these arguments; of several estates that were kept there, the one the settings name.
    pub(super) fn find(moved: &Move, duty: DutyKind, settings: Option<&Settings>) -> Result<Self, Failure> {
        let mut place = Self::of(moved, duty)?;
        let Some(raet) = place.raet_dir(moved)? else { return Ok(place) };
        let (ends, other) = (format!("_{duty}"), if duty == DutyKind::Master { "_minion" } else { "_master" });
        let names =
            || fs::read_dir(&raet).into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
        let mut ids: Vec<Name> = names().filter_map(|name| Name::new(name.strip_suffix(&ends)?).ok()).collect();
        ids.sort();
        if let Some(settings) = settings
            && ids.contains(&settings.id)
        {
            ids = vec![settings.id.clone()];
        }
        match &ids[..] {
            [id] => {
                place.estate_dir = Some(raet.join(format!("{id}_{duty}")));
                place.id = Some(id.clone());
            }
            [] if names().any(|name| name.ends_with(other)) => {
                let advice = if duty == DutyKind::Master { "add --minion" } else { "leave out --minion" };
                let (dir, other) = (raet.display(), &other[1..]);
                return Err(fail(format!(
                    "{dir}: estates of a {other}, not of a {duty}: {advice}, or give another cachedir"
                )));
            }
            [] => {}
            [..] => {
                let ids: Vec<_> = ids.iter().map(Name::as_str).collect();
                let (dir, ids) = (raet.display(), ids.join(", "));
                return Err(fail(format!(
                    "{dir}: estates of several {duty}s ({ids}): set `id:` in our settings to one of them"
                )));
            }
        }
        Ok(place)
    }

    /// The place to write to: named as we are.
    pub(super) fn find_for_export(moved: &Move, settings: &Settings) -> Result<Self, Failure> {
        let duty = settings.duty;
        let mut place = Self::of(moved, duty)?;
        if !place.pki_dir.is_dir() {
            let dir = place.pki_dir.display();
            return Err(fail(format!(
                "{dir}: no such directory; give the pki_dir of Salt's {duty}, and make it if it is new"
            )));
        }
        let is_usual = place.root.is_some() || moved.cachedir.is_some();
        if duty == DutyKind::Master && !is_usual {
            return Err(fail(
                "where Salt remembers its estates cannot be guessed: give its cachedir with --cachedir".into(),
            ));
        }
        if duty == DutyKind::Master {
            let cachedir = moved.cachedir.clone().or_else(|| place.cachedir());
            place.estate_dir = cachedir.map(|dir| dir.join("raet").join(settings.estate_name().as_str()));
        }
        Ok(place)
    }

    fn of(moved: &Move, duty: DutyKind) -> Result<Self, Failure> {
        let pki_dir = std::path::absolute(&moved.pki_dir)
            .map_err(|error| fail(format!("cannot use '{}': {error}", moved.pki_dir.display())))?;
        let root = pki_dir.ends_with(format!("etc/salt/pki/{duty}")).then(|| pki_dir.ancestors().nth(4)).flatten();
        let root = root.map(Path::to_path_buf);
        Ok(Self { pki_dir, root, estate_dir: None, id: None, duty })
    }

    fn cachedir(&self) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join("var/cache/salt").join(self.duty.as_str()))
    }

    /// `<cachedir>/raet`, if it is there; one that was named must be.
    fn raet_dir(&self, moved: &Move) -> Result<Option<PathBuf>, Failure> {
        match &moved.cachedir {
            Some(dir) if dir.join("raet").is_dir() => Ok(Some(dir.join("raet"))),
            Some(dir) => {
                Err(fail(format!("{}: no estates there (no directory 'raet'); give Salt's cachedir", dir.display())))
            }
            None => Ok(self.cachedir().map(|dir| dir.join("raet")).filter(|dir| dir.is_dir())),
        }
    }

    /// Where Salt listens for its own command lines while it runs (Salt over RAET §1).
    pub(super) fn salt_socket(&self, settings: &Settings) -> PathBuf {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        let dir = root.join("var/run/salt").join(self.duty.as_str());
        dir.join(format!("{}.manor.uxd", lane(settings)))
    }

    /// Settings that take its place; `None` while something is missing that nobody can guess.
    pub(super) fn settings(&self, duty: DutyKind, reading: &SaltReading) -> Option<String> {
        let id = self.id.as_ref()?;
        let mut text = format!("# Written by `estate-keys import-salt` from {}\nid: {id}\n", self.pki_dir.display());
        let bound = reading.identity.as_ref().and_then(|identity| identity.bound);
        if let Some(bound) = bound {
            if !bound.ip().is_unspecified() {
                text += &format!("interface: {}\n", bound.ip());
            }
            text += &format!("raet_port: {}\n", bound.port());
        }
        if duty == DutyKind::Minion {
            let master = reading.view.remotes.iter().find(|record| record.main)?;
            text += &format!("master: {}\nmaster_port: {}\n", master.ha.ip(), master.ha.port());
        }
        Some(text + "wires: [fast, classic]\n")
    }

    /// What else has to be so for Salt's peers to come back.
    pub(super) fn advise(&self, duty: DutyKind, settings: &Settings, reading: &SaltReading) {
        if !settings.wires.classic {
            say("note: `wires` leaves out classic, the only wire Salt speaks: set `wires: [fast, classic]`");
        }
        let bound = reading.identity.as_ref().and_then(|identity| identity.bound);
        if let Some(port) = bound.map(|bound| bound.port()).filter(|port| *port != settings.raet_port) {
            let ours = settings.raet_port;
            say(&format!(
                "note: Salt's port was {port}, and ours is {ours}: set `raet_port: {port}`, or nobody finds it"
            ));
        }
        if duty == DutyKind::Master && self.estate_dir.is_none() {
            say(
                "note: Salt's estates were not found (give its cachedir with --cachedir); without them its minions come back \
                 only when they are restarted, and if our id is the one it had",
            );
        }
    }
}

/// Where the settings are or are to be.
pub(super) fn settings_path(args: &Args, duty: DutyKind) -> PathBuf {
    match &args.config {
        Some(path) if path.is_dir() => path.join(duty.as_str()),
        Some(path) => path.clone(),
        None => args.root_dir.as_deref().unwrap_or(Path::new("/")).join("etc/roadstead").join(duty.as_str()),
    }
}

/// The settings there are.
pub(super) fn settings(args: &Args, duty: DutyKind) -> Result<Settings, Failure> {
    let loaded = Settings::load(duty, args.config.as_deref(), args.root_dir.as_deref());
    loaded.map(|(settings, _)| settings).map_err(|error| fail(error.to_string()))
}

/// The settings of a text that is to be theirs.
pub(super) fn parse(args: &Args, duty: DutyKind, text: &str, path: &Path) -> Result<Settings, Failure> {
    let root =
        args.root_dir.as_deref().map(std::path::absolute).transpose().map_err(|error| fail(error.to_string()))?;
    let parsed = Settings::parse(duty, text, path, root.as_deref());
    parsed.map(|(settings, _)| settings).map_err(|error| fail(error.to_string()))
}

/// Writes a settings file that is not there yet.
pub(super) fn write_settings(path: &Path, text: &str, dry: bool) -> Result<(), Failure> {
    let failure = |error| fail(format!("cannot write {}: {error}", path.display()));
    if !dry {
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failure)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path).map_err(failure)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failure)?;
    }
    print(&format!("Settings {} {}:\n", path.display(), if dry { "would be written" } else { "written" }))?;
    text.lines().try_for_each(|line| print(&format!("    {line}\n")))
}

/// Where our daemon listens for command lines while it runs.
pub(super) fn socket(settings: &Settings) -> PathBuf {
    settings.sock_dir.join(format!("{}.manor.uxd", lane(settings)))
}

/// Whether somebody listens there: the file stays behind when a daemon is killed.
pub(super) fn is_running(socket: &Path) -> bool {
    UnixDatagram::unbound().and_then(|end| end.connect(socket)).is_ok()
}

fn lane(settings: &Settings) -> String {
    match settings.duty {
        DutyKind::Master => "master".to_owned(),
        DutyKind::Minion => settings.estate_name().to_string(),
    }
}
