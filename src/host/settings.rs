//! The settings of a master or a minion: a YAML file with Salt's names (`/etc/roadstead/master`, `/etc/roadstead/minion`).
//! Owns names, types and defaults. Reads the settings file and the host's name, and nothing else.

mod error;
mod files;
mod options;
mod value;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;

pub use error::SettingsError;
pub use files::{FileSettings, HashType};
use options::Standing;
use yaml::Entry;

use crate::base::target::Groups;
use crate::base::{Fingerprint, Name};
use crate::nacl::Suite;
use crate::road::Wires;
use crate::road::v1::window::Algorithm;

/// Whether this is a master or a minion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DutyKind {
    /// Publishes jobs and decides on keys.
    Master,
    /// Runs jobs.
    Minion,
}

/// All settings of a daemon, checked, with defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Master or minion.
    pub duty: DutyKind,
    /// Our id and key role.
    pub id: Name,
    /// The address to bind.
    pub interface: IpAddr,
    /// Which wires the road speaks.
    pub wires: Wires,
    /// Ciphers of the fast wire, best first.
    pub ciphers: Vec<Suite>,
    /// Congestion control of the fast wire.
    pub congestion: Algorithm,
    /// The UDP port to bind.
    pub raet_port: u16,
    /// Roads at that port, each with a thread of its own; a minion has one.
    pub shards: u32,
    /// Where the master is: a host name or an address. A minion always has one.
    pub master: Option<String>,
    /// The master's UDP port.
    pub master_port: u16,
    /// What relative paths and defaults are below.
    pub root_dir: PathBuf,
    /// Key files.
    pub pki_dir: PathBuf,
    /// What is kept between two starts besides keys.
    pub cachedir: PathBuf,
    /// Sockets of the lane.
    pub sock_dir: PathBuf,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// The user to run as.
    pub user: Option<String>,
    /// Whether strangers' keys are accepted. On by default for a minion, which meets one master only.
    pub auto_accept: bool,
    /// Whether keys are not checked at all.
    pub open_mode: bool,
    /// Ids and patterns whose keys are accepted at once.
    pub autosign_file: Option<PathBuf>,
    /// Ids and patterns whose keys are rejected at once.
    pub autoreject_file: Option<PathBuf>,
    /// The only master key a minion takes.
    pub master_finger: Option<Fingerprint>,
    /// The file with the site's secret: without it nobody on the fast wire gets any answer.
    pub site_secret_file: Option<PathBuf>,
    /// The file with an enrolment token: how this minion is let in at first contact, and knows its master.
    pub enrolment_file: Option<PathBuf>,
    /// How long a command waits for its minions.
    pub timeout: Duration,
    /// Directories of pillar files, by environment.
    pub pillar_roots: BTreeMap<String, Vec<PathBuf>>,
    /// Names for target expressions.
    pub nodegroups: Groups,
    /// What a master serves its minions.
    pub files: FileSettings,
    /// Facts about this minion that only its operator knows.
    pub grains: Map<String, Value>,
    /// Whether a known estate may come back with another address or name.
    pub raet_mutable: bool,
}

/// The largest settings file read.
const FILE_MAX: u64 = 1 << 20;

impl Settings {
    /// Reads the settings of a duty, with the warnings to log.
    ///
    /// `file` is the file, or the directory it is in, that the operator named: it must exist. Without it the default file,
    /// below `root_dir` when that is given, is read if it exists.
    pub fn load(
        duty: DutyKind,
        file: Option<&Path>,
        root_dir: Option<&Path>,
    ) -> Result<(Self, Vec<String>), SettingsError> {
        let (text, path, root) = read_file(duty, file, root_dir)?;
        Self::parse(duty, &text, &path, root.as_deref())
    }

    /// Reads the settings of this host's minion for a command that needs no master, as [`load`](Self::load) does.
    pub fn load_alone(file: Option<&Path>, root_dir: Option<&Path>) -> Result<(Self, Vec<String>), SettingsError> {
        let (text, path, root) = read_file(DutyKind::Minion, file, root_dir)?;
        Self::parse_alone(DutyKind::Minion, &text, &path, root.as_deref())
    }

    /// Makes settings of `text`, which came from `origin`. `root_dir` goes before the file's own.
    pub fn parse(
        duty: DutyKind,
        text: &str,
        origin: &Path,
        root_dir: Option<&Path>,
    ) -> Result<(Self, Vec<String>), SettingsError> {
        let (settings, warnings) = Self::parse_alone(duty, text, origin, root_dir)?;
        if duty == DutyKind::Minion && settings.master.is_none() {
            return Err(SettingsError::NoMaster { path: origin.into() });
        }
        Ok((settings, warnings))
    }

    /// As [`parse`](Self::parse), where a minion may have no master.
    fn parse_alone(
        duty: DutyKind,
        text: &str,
        origin: &Path,
        root_dir: Option<&Path>,
    ) -> Result<(Self, Vec<String>), SettingsError> {
        let sheet = Sheet { origin, entries: yaml::read(text, origin)? };
        let mut warnings = sheet.judge_keys(duty)?;
        sheet.find("transport", value::transport)?;
        let root = match root_dir {
            Some(root) => root.to_path_buf(),
            None => sheet.find("root_dir", value::root)?.unwrap_or_else(|| "/".into()),
        };
        // A path in the file stands as it is when it is absolute; `join` sees to that.
        let below = |key, default: &str| {
            let path = sheet.find(key, value::path)?.unwrap_or_else(|| default.replace("DUTY", duty.as_str()).into());
            Ok(root.join(path))
        };
        let list = |key| Ok(sheet.find(key, value::path)?.map(|path| root.join(path)));
        let id = match sheet.find("id", value::id)? {
            Some(id) => id,
            None => host_id(duty, origin, &mut warnings)?,
        };
        let settings = Self {
            duty,
            id,
            interface: sheet.find("interface", value::interface)?.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            wires: sheet.find("wires", value::wires)?.unwrap_or_default(),
            ciphers: sheet.find("ciphers", value::ciphers)?.unwrap_or_else(|| Suite::preferred().to_vec()),
            congestion: sheet.find("congestion", value::congestion)?.unwrap_or_default(),
            raet_port: sheet.find("raet_port", value::own_port)?.unwrap_or(duty.default_port()),
            shards: sheet.find("shards", value::shards)?.filter(|_| duty == DutyKind::Master).unwrap_or(1),
            master: sheet.find("master", value::master)?,
            master_port: sheet.find("master_port", value::port)?.unwrap_or(DutyKind::Master.default_port()),
            pki_dir: below("pki_dir", "etc/roadstead/pki/DUTY")?,
            cachedir: below("cachedir", "var/cache/roadstead/DUTY")?,
            sock_dir: below("sock_dir", "var/run/roadstead/DUTY")?,
            log_level: sheet.find("log_level", value::level)?.unwrap_or(LevelFilter::WARN),
            user: sheet.find("user", value::user)?,
            auto_accept: sheet.find("auto_accept", value::truth)?.unwrap_or(duty == DutyKind::Minion),
            open_mode: sheet.find("open_mode", value::truth)?.unwrap_or(false),
            autosign_file: list("autosign_file")?,
            autoreject_file: list("autoreject_file")?,
            master_finger: sheet.find("master_finger", value::fingerprint)?.flatten(),
            site_secret_file: list("site_secret_file")?,
            enrolment_file: list("enrolment_file")?,
            timeout: sheet.find("timeout", value::seconds)?.unwrap_or(Duration::from_secs(5)),
            pillar_roots: match sheet.find("pillar_roots", files::roots)? {
                Some(roots) => below_root(roots, &root),
                None => BTreeMap::from([("base".to_owned(), vec![root.join("srv/pillar")])]),
            },
            nodegroups: sheet.find("nodegroups", value::groups)?.unwrap_or_default(),
            files: files::read(&sheet, &root)?,
            grains: sheet.find("grains", value::grains)?.unwrap_or_default(),
            raet_mutable: sheet.find("raet_mutable", value::truth)?.unwrap_or(false),
            root_dir: root,
        };
        if settings.shards > 1 && !settings.wires.fast {
            // The classic wire's numbers are one table.
            sheet.find("shards", |_| Err::<u32, _>("1 where `wires` leaves out the fast wire".into()))?;
        }
        Ok((settings, warnings))
    }

    /// The log level of this name, one of Salt's.
    pub fn level(name: &str) -> Result<LevelFilter, String> {
        value::level(&name.into()).map_err(|wanted| format!("it must be {wanted}"))
    }

    /// Where estates are kept (wire v0 §7): `<cachedir>/raet/<estate name>`.
    pub fn estate_dir(&self) -> PathBuf {
        self.cachedir.join("raet").join(self.estate_name().as_str())
    }

    /// The name of our estate on the road: `<id>_master` or `<id>_minion`.
    pub fn estate_name(&self) -> Name {
        // Always a name: an id is one, and leaves room for what follows it (limits::NAME_MAX).
        Name::new(&format!("{}_{}", self.id, self.duty)).unwrap_or_else(|_| self.id.clone())
    }
}

impl DutyKind {
    /// `master` or `minion`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Minion => "minion",
        }
    }

    /// The UDP port Salt gives it (salt-over-raet §1).
    fn default_port(self) -> u16 {
        match self {
            Self::Master => 4506,
            Self::Minion => 4510,
        }
    }
}

impl fmt::Display for DutyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The entries of one file.
struct Sheet<'a> {
    origin: &'a Path,
    entries: Vec<Entry>,
}

impl Sheet<'_> {
    /// Refuses keys nobody knows and warns of those that do nothing here.
    fn judge_keys(&self, duty: DutyKind) -> Result<Vec<String>, SettingsError> {
        let is_others = |key: &str| match duty {
            DutyKind::Master => options::MINION.contains(&key),
            DutyKind::Minion => options::is_masters(key),
        };
        let mut warnings = Vec::new();
        for Entry { key, line, .. } in &self.entries {
            let place = format!("{}:{line}", self.origin.display());
            match options::standing(key) {
                Standing::Ours if !is_others(key) => {}
                Standing::Ours => warnings.push(format!("{place}: '{key}' does nothing in the settings of a {duty}")),
                Standing::Salt => {
                    warnings.push(format!("{place}: '{key}' is an option of Salt that has no effect here"))
                }
                Standing::Unknown(nearest) => {
                    let (path, line, key) = (self.origin.into(), *line, key.clone());
                    return Err(SettingsError::Unknown { path, line, key, nearest });
                }
            }
        }
        Ok(warnings)
    }

    /// The value of a setting; `None` when it is not there or empty (`master:`).
    fn find<T>(&self, key: &'static str, read: fn(&Value) -> Result<T, String>) -> Result<Option<T>, SettingsError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.key == key) else { return Ok(None) };
        if entry.value.is_null() {
            return Ok(None);
        }
        read(&entry.value).map(Some).map_err(|wanted| SettingsError::Value {
            path: self.origin.into(),
            line: entry.line,
            key,
            wanted,
            found: value::describe(&entry.value),
        })
    }
}

/// The text of a settings file, where it came from, and the root directory made absolute.
fn read_file(
    duty: DutyKind,
    file: Option<&Path>,
    root_dir: Option<&Path>,
) -> Result<(String, PathBuf, Option<PathBuf>), SettingsError> {
    let path = match file {
        // As in Salt, whose `-c` takes the directory.
        Some(file) if file.is_dir() => file.join(duty.as_str()),
        Some(file) => file.into(),
        None => root_dir.unwrap_or(Path::new("/")).join("etc/roadstead").join(duty.as_str()),
    };
    let text = match read_text(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && file.is_none() => String::new(),
        other => other.map_err(|source| SettingsError::Read { path: path.clone(), source })?,
    };
    let absolute = root_dir.map(std::path::absolute).transpose();
    let absolute = absolute.map_err(|source| SettingsError::Read { path: path.clone(), source })?;
    Ok((text, path, absolute))
}

/// Relative directories are below the root directory, as all relative paths of the settings.
fn below_root(roots: BTreeMap<String, Vec<PathBuf>>, root: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let below = |paths: Vec<PathBuf>| paths.into_iter().map(|path| root.join(path)).collect();
    roots.into_iter().map(|(environment, paths)| (environment, below(paths))).collect()
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// The id of a host that has none in its settings: its name, for a master as Salt makes one of it (salt-over-raet §1).
fn host_id(duty: DutyKind, origin: &Path, warnings: &mut Vec<String>) -> Result<Name, SettingsError> {
    let read = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let host = read.unwrap_or_default().trim().to_owned();
    if host.starts_with("localhost") {
        let path = origin.display();
        warnings.push(format!("this host is called '{host}', as others are; add `id: NAME` to {path}"));
    }
    let id = if duty == DutyKind::Master { format!("{host}_{duty}") } else { host.clone() };
    let why = if host.is_empty() { Err("it is empty".into()) } else { value::legal_id(&id) };
    why.map_err(|why| SettingsError::HostName { path: origin.into(), host, why })
}

#[cfg(test)]
mod tests;
