//! The table of remote estates, found by number, by name, by role, and by address while a first join is on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::estate::Remote;
use crate::base::{Name, limits, wrap};

/// All remote estates.
#[derive(Default)]
pub(crate) struct Table {
    remotes: BTreeMap<u32, Remote>,
    names: BTreeMap<Name, u32>,
    roles: BTreeSet<(Name, u32)>,
    joins: BTreeMap<(SocketAddr, u32), u32>,
    dialed: Vec<u32>,
    puid: u32,
}

/// Under what the table lists a remote now; kept in the remote so that changes are seen.
#[derive(Default, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    name: Option<Name>,
    role: Option<Name>,
    join: Option<(SocketAddr, u32)>,
}

impl Table {
    /// An empty table; `puid` is the last number given out by an earlier process.
    pub(crate) fn new(puid: u32) -> Self {
        // The local estate takes 1 (wire v0 §3 "uid allocation").
        Self { puid: puid.max(1), ..Self::default() }
    }

    /// The last number given out.
    pub(crate) fn puid(&self) -> u32 {
        self.puid
    }

    /// Whether there is no room for another remote.
    pub(crate) fn is_full(&self) -> bool {
        self.remotes.len() >= limits::ESTATES
    }

    /// A new remote with a fresh number, unless the table is full.
    pub(crate) fn create(&mut self, ha: SocketAddr) -> Option<&mut Remote> {
        if self.is_full() {
            return None;
        }
        loop {
            self.puid = wrap::next(self.puid);
            if self.puid != 1 && !self.remotes.contains_key(&self.puid) {
                break;
            }
        }
        Some(self.remotes.entry(self.puid).or_insert_with(|| Remote::new(self.puid, ha)))
    }

    /// A new remote that we join, and join again whenever it is lost.
    pub(crate) fn dial(&mut self, ha: SocketAddr) -> Option<&mut Remote> {
        let nuid = self.create(ha)?.nuid;
        self.dialed.push(nuid);
        let remote = self.find(nuid)?;
        remote.home = Some(ha);
        Some(remote)
    }

    /// Whether we join somebody at this address already, or do from now on: an estate we know from there.
    pub(crate) fn is_dialed(&mut self, ha: SocketAddr) -> bool {
        if self.remotes.values().any(|r| r.home == Some(ha)) {
            return true;
        }
        let Some(remote) = self.remotes.values_mut().find(|r| r.ha == ha) else { return false };
        remote.home = Some(ha);
        self.dialed.push(remote.nuid);
        true
    }

    /// Takes in a remote that has its number already; not if the number is none or another's.
    pub(crate) fn adopt(&mut self, remote: Remote) {
        let nuid = remote.nuid;
        if nuid <= 1 || self.remotes.contains_key(&nuid) {
            return;
        }
        self.puid = self.puid.max(nuid);
        self.remotes.insert(nuid, remote);
        self.relist(nuid);
    }

    pub(crate) fn find(&mut self, nuid: u32) -> Option<&mut Remote> {
        self.remotes.get_mut(&nuid)
    }

    pub(crate) fn named(&self, name: &Name) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The remote whose first join came from here with this number for us.
    pub(crate) fn joining(&self, from: SocketAddr, se: u32) -> Option<u32> {
        self.joins.get(&(from, se)).copied()
    }

    /// The remotes that use a role's keys.
    pub(crate) fn of_role(&self, role: &Name) -> Vec<u32> {
        let all = (role.clone(), 0)..=(role.clone(), u32::MAX);
        self.roles.range(all).map(|(_, nuid)| *nuid).collect()
    }

    /// The remotes whose key of this role waits here while we join them.
    pub(crate) fn numbers_held_for(&self, role: &Name) -> Vec<u32> {
        let is_held = |r: &&Remote| r.peer.is_none() && super::v0::joiner::held_role(r) == Some(role);
        self.dialed.iter().filter_map(|nuid| self.remotes.get(nuid)).filter(is_held).map(|r| r.nuid).collect()
    }

    /// The remote we are joining for the first time at this address.
    pub(crate) fn prospect(&self, ha: SocketAddr) -> Option<u32> {
        let is_it = |r: &&Remote| r.peer.is_none() && r.joiner.is_some() && r.ha == ha;
        self.dialed.iter().filter_map(|nuid| self.remotes.get(nuid)).find(is_it).map(|r| r.nuid)
    }

    pub(crate) fn remove(&mut self, nuid: u32) {
        if let Some(remote) = self.remotes.remove(&nuid) {
            self.unlist(nuid, &remote.listing);
        }
    }

    /// Brings the lists in step with what the remote says of itself now.
    pub(crate) fn relist(&mut self, nuid: u32) {
        let Some(remote) = self.remotes.get_mut(&nuid) else { return };
        let listing = Listing {
            name: remote.peer.as_ref().map(|p| p.name.clone()),
            role: remote.peer.as_ref().map(|p| p.key.role.clone()),
            join: remote.joinent.as_ref().and_then(|j| j.first_join()),
        };
        if listing == remote.listing {
            return;
        }
        let old = std::mem::replace(&mut remote.listing, listing.clone());
        self.unlist(nuid, &old);
        if let Some(name) = listing.name {
            self.names.insert(name, nuid);
        }
        if let Some(role) = listing.role {
            self.roles.insert((role, nuid));
        }
        if let Some(join) = listing.join {
            self.joins.insert(join, nuid);
        }
    }

    fn unlist(&mut self, nuid: u32, listing: &Listing) {
        if let Some(name) = &listing.name
            && self.names.get(name) == Some(&nuid)
        {
            self.names.remove(name);
        }
        if let Some(role) = &listing.role {
            self.roles.remove(&(role.clone(), nuid));
        }
        if let Some(join) = &listing.join
            && self.joins.get(join) == Some(&nuid)
        {
            self.joins.remove(join);
        }
    }
}
