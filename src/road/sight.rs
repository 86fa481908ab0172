//! What a road shows of itself. Changes nothing.

use super::{Road, SessionView, Stats};
use crate::keep::{RoleKey, Roll};

impl Road {
    /// The sessions of the fast wire as they are now.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.hall.as_ref().map(|hall| hall.view().collect()).unwrap_or_default()
    }

    /// Counters since the start.
    pub fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// The keys this road knows.
    pub fn roll(&self) -> &Roll {
        &self.core.roll
    }

    /// Our own public keys.
    pub fn own_key(&self) -> RoleKey {
        self.core.own_key()
    }
}
