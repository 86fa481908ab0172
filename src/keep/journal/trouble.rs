//! What keeps somebody out, in one sentence each, with what to do about it.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::base::{Fingerprint, Name};

/// Somebody is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Why.
    #[serde(flatten)]
    pub kind: Kind,
    /// Whose key it is about, as far as anybody can tell: a claim, unless the key is known.
    pub role: Option<Name>,
    /// Where it came from.
    pub from: Option<SocketAddr>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// No RAET at all.
    NotRaet {
        /// Our port, if we know it.
        what: String,
    },
    /// A RAET packet of another version.
    Version {
        /// The version.
        found: u32,
    },
    /// A head written in a way nobody reads.
    HeadKind {
        /// Its number.
        found: u32,
    },
    /// An id with characters no id may have.
    Id {
        /// The id, made safe to show.
        shown: String,
    },
    /// A request to join that lacks something.
    Join {
        /// What is wrong with it.
        what: String,
    },
    /// The estate's name and the key's role do not go together.
    Misnamed {
        /// The estate's name.
        name: Name,
    },
    /// Another key under a known role.
    Clash {
        /// The key we hold.
        known: String,
        /// The key that was presented.
        presented: String,
    },
    /// A known estate that is not as it was.
    Changed {
        /// What has changed.
        what: String,
    },
    /// Somebody counts on a number that is nobody's here.
    Stale,
    /// A name that is somebody else's.
    Taken {
        /// The name.
        name: Name,
    },
    /// A classic join where only the fast wire is spoken.
    Classic,
    /// A classic join of somebody met on the fast wire.
    WasFast,
    /// Nobody else can be written down.
    Full,
    /// A TCP connection to our port.
    Tcp,
    /// A minion that takes us for its master.
    NoMaster,
}

impl Trouble {
    /// Another key was presented than the one we hold.
    pub fn clash(role: Name, known: Fingerprint, presented: Fingerprint) -> Self {
        let kind = Kind::Clash { known: known.to_string(), presented: presented.to_string() };
        Self { kind, role: Some(role), from: None }
    }

    /// Whether both are about the same: the role where there is one, the host where there is none.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind.number() == other.kind.number()
            && self.role == other.role
            && (self.role.is_some() || self.from.map(|from| from.ip()) == other.from.map(|from| from.ip()))
    }

    /// Whether both say the same, but for the port: that may be another one every time.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.from.map(|from| from.ip()) == other.from.map(|from| from.ip())
    }

    /// Whether it is over now that this role came in from there. That the holder of a key is here says nothing about who
    /// presents another one.
    pub(super) fn is_over_with(&self, role: &Name, from: SocketAddr) -> bool {
        let is_its = match &self.role {
            Some(of) => of == role,
            None => self.from == Some(from),
        };
        is_its && !matches!(self.kind, Kind::Clash { .. })
    }
}

impl Kind {
    /// One number for each kind.
    pub fn number(&self) -> u8 {
        match self {
            Self::NotRaet { .. } => 0,
            Self::Version { .. } => 1,
            Self::HeadKind { .. } => 2,
            Self::Id { .. } => 3,
            Self::Join { .. } => 4,
            Self::Misnamed { .. } => 5,
            Self::Clash { .. } => 6,
            Self::Changed { .. } => 7,
            Self::Stale => 8,
            Self::Taken { .. } => 9,
            Self::Classic => 10,
            Self::WasFast => 11,
            Self::Full => 12,
            Self::Tcp => 13,
            Self::NoMaster => 14,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = Where(self.from);
        match &self.kind {
            Kind::NotRaet { what } => write!(
                f,
                "{from} sends what is no RAET ({what}): whatever runs there has the wrong port, or is a Salt daemon without \
                 `transport: raet`"
            ),
            Kind::Version { found } => write!(
                f,
                "{from} speaks version {found} of RAET, and there is only version 0: install raet 0.6.8 (with Salt 2014.7 to \
                 2018.3) or roadstead there"
            ),
            Kind::HeadKind { found } => write!(
                f,
                "{from} writes packet heads of kind {found}, and only raet (0) and json (1) are read: set its stack back to one \
                 of those, as Salt has it"
            ),
            Kind::Id { shown } => write!(
                f,
                "{from} calls itself '{shown}', which is no id: set one there of letters, digits, '.', '_' and '-', at most 64, \
                 without leading dot or '..'"
            ),
            Kind::Tcp => write!(
                f,
                "{from} came over TCP, and RAET is UDP: if it is a Salt minion, set `transport: raet` there and restart it"
            ),
            other => self.of_role(other, f),
        }
    }
}

impl Trouble {
    /// The sentence about somebody who says who it is.
    fn of_role(&self, kind: &Kind, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, id) = (Who(self), self.role.as_ref().map_or("?", Name::as_str));
        match kind {
            Kind::Join { what } => write!(
                f,
                "{role} asks to join with a request that cannot be used ({what}): install raet 0.6.8 (with Salt 2014.7 to 2018.3) \
                 or roadstead there"
            ),
            Kind::Misnamed { name } => write!(
                f,
                "{role} calls its estate '{name}', which is not its id with _minion behind it: let Salt make the name of `id`"
            ),
            Kind::Clash { known, presented } => write!(
                f,
                "another key than the known one was presented as {id} (known {known}, presented {presented}): if the machine was set \
                 up anew, run `estate-keys delete {id}` and accept its new key; if not, two machines have this id, and one needs \
                 another"
            ),
            Kind::Changed { what } => write!(
                f,
                "{role} comes back with another {what} than it is known with, which may not change: put its settings back, or \
                 set `raet_mutable: True` here until it is in"
            ),
            Kind::Stale => write!(
                f,
                "{role} counts on a number that is not known here, as if from before this daemon lost its estates: if it does not \
                 come back by itself, restart it, or bring them with `estate-keys import-salt`"
            ),
            Kind::Taken { name } => write!(
                f,
                "{role} calls its estate '{name}', and that is somebody else's name here: give one of the two another `id`"
            ),
            Kind::Classic => write!(
                f,
                "{role} asks to join on the classic wire, which is not spoken here: set `wires: [fast, classic]` here, or move \
                 it to roadstead"
            ),
            Kind::WasFast => write!(
                f,
                "{role} asks to join on the classic wire, and was met on the fast one: if it was moved back on purpose, run \
                 `estate-keys delete {id}` and accept it anew"
            ),
            Kind::Full => write!(
                f,
                "so many keys wait for a decision that strangers are not heard any more, {role} among them: accept, reject or \
                 delete some"
            ),
            Kind::NoMaster => {
                write!(f, "{role} asks to be taken in, and this is no master: set `master` and `master_port` there")
            }
            // Of whom nobody knows who it is.
            Kind::NotRaet { .. } | Kind::Version { .. } | Kind::HeadKind { .. } | Kind::Id { .. } | Kind::Tcp => Ok(()),
        }
    }
}

/// An address for people.
struct Where(Option<SocketAddr>);

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(from) => from.fmt(f),
            None => f.write_str("somebody"),
        }
    }
}

/// A role and where it is.
struct Who<'a>(&'a Trouble);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.role, self.0.from) {
            (Some(role), Some(from)) => write!(f, "{role} ({from})"),
            (Some(role), None) => role.fmt(f),
            (None, from) => Where(from).fmt(f),
        }
    }
}
