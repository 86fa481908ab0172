//! A transport without a network: one master and its minions in one process. Owns the ports and who wakes whom; what
//! the estates think of each other's keys is the [`Switch`]'s.
//!
//! For tests, and for programs that hold both sides. Key admission is the same as over the road: an unknown key knocks,
//! waits, and is let in by [`Command::Admit`] or by [`Hub::decide`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::{Acceptance, Fingerprint, Name};
use crate::transport::{Command, Event, Transport};

mod switch;

pub use switch::Switch;

/// How long an estate that is not let in waits before it knocks again.
const RETRY: Duration = Duration::from_millis(100);

/// The estates of one process.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<Shared>);

/// One estate's end of a [`Hub`].
#[derive(Debug)]
pub struct Port {
    id: Name,
    bell: Arc<Notify>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    switch: Switch,
    bells: BTreeMap<Name, Arc<Notify>>,
}

impl Hub {
    /// An estate appears, with a key, and seeks `master` unless it is one. Its keys of others are those it had when it
    /// was here before.
    pub fn attach(&self, id: &Name, key: Fingerprint, master: Option<&Name>) -> Port {
        let bell = Arc::new(Notify::new());
        self.0.change(|state| {
            state.bells.insert(id.clone(), bell.clone());
            state.switch.attach(id, key, master);
        });
        Port { id: id.clone(), bell, shared: self.0.clone() }
    }

    /// What the operator of estate `at` decides about the key it holds of `role`; says whether it holds one.
    pub fn decide(&self, at: &Name, role: &Name, acceptance: Option<Acceptance>) -> bool {
        self.0.change(|state| state.switch.decide(at, role, acceptance))
    }

    /// An estate is cut off, or no longer: as if its cable were pulled.
    pub fn cut(&self, id: &Name, cut: bool) {
        self.0.change(|state| state.switch.cut(id, cut));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the switch whole: it has no state between two calls.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the switch, lands what was sent, and wakes those that have something to hear.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let done = change(&mut state);
        while let Some(flight) = state.switch.poll_flight() {
            state.switch.arrive(flight);
            state.switch.confirm(flight);
        }
        while let Some(id) = state.switch.poll_woken() {
            if let Some(bell) = state.bells.get(&id) {
                bell.notify_one();
            }
        }
        done
    }
}

impl Transport for Port {
    fn submit(&mut self, command: Command) -> Result<(), Command> {
        let back = self.shared.change(|state| state.switch.submit(&self.id, command).err());
        back.map_or(Ok(()), Err)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let (event, seeks) =
                self.shared.change(|state| (state.switch.poll_event(&self.id), state.switch.seeks(&self.id)));
            if event.is_some() {
                return event;
            }
            if seeks {
                // A bell that is lost with the timer rings again: it keeps one permit.
                if tokio::time::timeout(RETRY, self.bell.notified()).await.is_err() {
                    self.shared.change(|state| state.switch.knock(&self.id));
                }
            } else {
                self.bell.notified().await;
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared.change(|state| {
            // Unless another port has taken its place already.
            if state.bells.get(&self.id).is_some_and(|bell| Arc::ptr_eq(bell, &self.bell)) {
                state.bells.remove(&self.id);
                state.switch.detach(&self.id);
            }
        });
    }
}
