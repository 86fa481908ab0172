//! What is kept on disk besides keys, and the changes an engine asks its shell to write.

use std::net::SocketAddr;

use super::role::RoleKey;
use crate::base::{Acceptance, Name};

/// Our own estate between two starts (wire v0 §7, `local/estate.json`). Address and name come from the settings, not from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalRecord {
    /// Estate numbers up to this one may have been given out.
    pub puid: u32,
}

/// Whose keep it is that Salt left (wire v0 §7, `local/estate.json`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Estate name.
    pub name: Name,
    /// Key role: the daemon's id.
    pub role: Name,
    /// The address it was bound to, where the file tells.
    pub bound: Option<SocketAddr>,
    /// The last estate number it gave out.
    pub puid: u32,
}

/// A remote estate between two starts (wire v0 §7, `remote/estate.<name>.json`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRecord {
    /// Estate name.
    pub name: Name,
    /// Key role.
    pub role: Name,
    /// Number we gave it.
    pub nuid: u32,
    /// Number it gave us; 0: not known.
    pub fuid: u32,
    /// Where its packets come from.
    pub ha: SocketAddr,
    /// Our session number towards it.
    pub sid: u32,
    /// Whether it answers vacuous joins.
    pub main: bool,
    /// Application kind.
    pub kind: u32,
    /// `Some(true)` after a finished join.
    pub joined: Option<bool>,
}

/// One change for the disk. The shell writes it, like a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A role's keys and standing.
    Role(RoleKey, Acceptance),
    /// A role is forgotten.
    DropRole(Name),
    /// Our own counters.
    Local(LocalRecord),
    /// A remote estate.
    Remote(RemoteRecord),
    /// A remote estate is forgotten.
    DropRemote(Name),
    /// A role was seen on the fast wire; forgotten with the role.
    Fast(Name),
}
