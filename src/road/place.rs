//! Puts a road into a state by hand, for tests against recorded packets. Only with feature `sim`; no product calls it.

use super::Road;
use super::estate::Remote;
use crate::base::Acceptance;
use crate::keep::{RemoteRecord, RoleKey};
use crate::nacl::{PublicKey, SecretKey, SharedBox};

/// A remote estate in the middle of its life.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What a disk would say of it.
    pub record: RemoteRecord,
    /// Its long-term public keys.
    pub key: RoleKey,
    /// Their standing.
    pub standing: Acceptance,
    /// The last session number seen of it.
    pub rsid: u32,
    /// Our short-term secret and its short-term key, when it is allowed.
    pub short: Option<(SecretKey, PublicKey)>,
}

impl Road {
    /// Places a remote estate in the table, in place of nobody.
    pub fn place(&mut self, placed: Placed) {
        let Placed { record, key, standing, rsid, short } = placed;
        let mut remote = Remote::restore(&record, key.clone());
        remote.sid = record.sid;
        remote.rsid = rsid;
        if let Some((ours, theirs)) = short {
            remote.session = Some(SharedBox::new(&theirs, &ours));
            remote.present = true;
        }
        self.core.decide(key, Some(standing));
        self.table.adopt(remote);
        self.settle(record.nuid);
    }
}
