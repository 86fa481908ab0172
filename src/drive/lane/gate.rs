//! Who may talk on a lane: root, the daemon's own user, and members of the socket's group.
//! The kernel names user and primary group with every datagram; other groups are looked up once per user.

use std::collections::BTreeSet;
use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist};

/// Users we remember as members; beyond that they are looked up each time.
const MEMBERS: usize = 256;

/// The rule of one socket.
#[derive(Debug)]
pub(super) struct Gate {
    users: [u32; 2],
    group: Option<u32>,
    members: BTreeSet<u32>,
}

impl Gate {
    /// Lets in root, our own user and the members of `group`.
    pub(super) fn for_group(group: u32) -> Self {
        Self { users: [0, geteuid().as_raw()], group: Some(group), members: BTreeSet::new() }
    }

    /// Lets in root and `user`.
    pub(super) fn for_user(user: u32) -> Self {
        Self { users: [0, user], group: None, members: BTreeSet::new() }
    }

    /// Whether a process of this user and group may talk.
    pub(super) fn admits(&mut self, uid: u32, gid: u32) -> bool {
        if self.users.contains(&uid) || self.group == Some(gid) || self.members.contains(&uid) {
            return true;
        }
        let member = self.group.is_some_and(|group| is_member(uid, gid, group));
        if member && self.members.len() < MEMBERS {
            self.members.insert(uid);
        }
        member
    }
}

fn is_member(uid: u32, gid: u32, group: u32) -> bool {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let name = user.and_then(|user| CString::new(user.name).ok());
    let groups = name.and_then(|name| getgrouplist(&name, Gid::from_raw(gid)).ok());
    groups.is_some_and(|groups| groups.contains(&Gid::from_raw(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may() {
        let own = geteuid().as_raw();
        let (stranger, group) = (own + 4_000_000, 4_100_000);
        let mut gate = Gate::for_group(group);
        assert!(gate.admits(0, 5) && gate.admits(own, 5));
        assert!(gate.admits(stranger, group));
        assert!(!gate.admits(stranger, group + 1));
        let mut gate = Gate::for_user(stranger);
        assert!(gate.admits(0, 0) && gate.admits(stranger, 7));
        assert!(!gate.admits(stranger + 1, 7));
    }
}
