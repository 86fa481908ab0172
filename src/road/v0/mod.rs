//! The classic road's transactions (wire v0 §3 "Dispatch", §4), each a small state machine in a file of its own.

pub(crate) mod alive;
pub(crate) mod allowent;
pub(crate) mod allower;
mod asked;
pub(crate) mod batch;
mod burst;
mod dispatch;
pub(crate) mod inbox;
pub(crate) mod joinent;
pub(crate) mod joiner;
pub(crate) mod messengent;
pub(crate) mod messenger;
pub(crate) mod outbox;
pub(crate) mod redo;
mod stale;

pub(super) use dispatch::{handle, turn_away};

use super::core::Core;
use super::estate::{PROBATION, Remote};

/// Time has passed for an estate: every transaction of it looks at its timer, then the estate itself.
pub(super) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    joiner::on_timeout(core, remote);
    joinent::on_timeout(core, remote);
    allower::on_timeout(core, remote);
    allowent::on_timeout(core, remote);
    alive::on_timeout(core, remote);
    messenger::on_timeout(core, remote);
    messengent::on_timeout(core, remote);
    if remote.rest.is_some_and(|rest| rest <= core.now) {
        remote.rest = None;
        look_after(core, remote);
    }
}

/// What an estate needs after a rest: a join, a session, or a sign of life.
fn look_after(core: &mut Core, remote: &mut Remote) {
    // A hello proves nothing yet, and may be an old one sent again and again: a live session is looked after all the same.
    if remote.is_busy_with_what_counts() {
        let wait = core.config.timers.presence;
        remote.rest_for(core, wait);
    } else if !remote.joined || !remote.proven || remote.fuid == 0 {
        if remote.home.is_some() {
            joiner::start(core, remote);
        } else if remote.may_stay(core) {
            if remote.willing {
                allower::start(core, remote);
            } else {
                remote.rest_for(core, PROBATION);
            }
        }
        // Any other stranger that said no more after its join is forgotten.
    } else if remote.session.is_none() {
        allower::start(core, remote);
    } else {
        alive::start(core, remote);
    }
}
