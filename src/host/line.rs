//! A command's line to its daemon: asks over the lane, waits for what comes, notices when the daemon is gone and when
//! somebody presses Ctrl-C. Does not know what an answer means.

use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::daemon::lane_name;
use super::fault::{Exit, Fault};
use super::settings::{DutyKind, Settings};
use crate::base::{Name, Random, Time};
use crate::clock::Clock;
use crate::drive::entropy::seed;
use crate::drive::lane::{LaneClient, MANOR};
use crate::master::request::{Reply, Request};
use crate::message::{self, Address, Message, Route};

/// The share of its main yard that takes requests.
const SHARE: &str = "local_cmd";
/// Silence after which the daemon is asked whether it is there.
const DOUBT: Duration = Duration::from_secs(2);
/// Silence after which it is not.
const SILENCE: Duration = Duration::from_secs(20);

/// The lane to the daemon, with a watch on its silence and on the keyboard.
pub(super) struct DaemonLine {
    client: LaneClient,
    daemon: DutyKind,
    clock: Clock,
    heard: Time,
    asked: Time,
    keyboard: Option<SignalFd>,
}

impl DaemonLine {
    /// Opens it; an error when there is no such daemon.
    pub(super) fn open(settings: &Settings) -> Result<Self, Fault> {
        let lane = lane_name(settings);
        let client = LaneClient::open(&settings.sock_dir, &lane, Random::new(seed()?))?;
        let clock = Clock::start();
        Ok(Self {
            client,
            daemon: settings.duty,
            clock,
            heard: clock.now(),
            asked: clock.now(),
            keyboard: watch_keyboard(),
        })
    }

    /// Sends a request.
    pub(super) fn ask(&mut self, request: &Request) -> Result<(), Fault> {
        let src = Address { yard: Some(self.client.yard().clone()), ..Address::default() };
        let dst = Address { estate: None, yard: Name::new(MANOR).ok(), share: Name::new(SHARE).ok() };
        let message = Message::new(Route { src, dst }, "load", request).map_err(|e| Fault::new(Exit::Usage, e))?;
        // The daemon would drop it unread.
        message::check(&message.body).map_err(|_| Fault::new(Exit::Usage, "the arguments are nested too deeply"))?;
        Ok(self.client.send(&message)?)
    }

    /// The next part of the answer, if one comes within `timeout`.
    pub(super) fn take(&mut self, timeout: Duration) -> Result<Option<Reply>, Fault> {
        let Some(message) = self.client.receive(timeout)? else { return Ok(None) };
        self.heard = self.clock.now();
        let unread = |why| {
            let daemon = self.daemon;
            let advice = format!("is this command as new as the {daemon}?");
            Fault::new(Exit::NoMaster, format!("the {daemon}'s answer cannot be read: {why}; {advice}"))
        };
        message.read().map(Some).map_err(unread)
    }

    /// Nothing came: asks whether the daemon is still there, or gives it up.
    pub(super) fn doubt(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        if now.since(self.heard) >= SILENCE {
            let silence = now.since(self.heard).as_secs();
            return Err(Fault::new(
                Exit::NoMaster,
                format!(
                    "the {} has said nothing for {silence} s; look at its log, it may have refused this user",
                    self.daemon
                ),
            ));
        }
        if now.since(self.heard.max(self.asked)) >= DOUBT {
            self.asked = now;
            self.ask(&Request::Ping)?;
        }
        Ok(())
    }

    /// Whether somebody pressed Ctrl-C.
    pub(super) fn interrupted(&self) -> bool {
        self.keyboard.as_ref().is_some_and(|keyboard| matches!(keyboard.read_signal(), Ok(Some(_))))
    }
}

/// Ctrl-C becomes something to read, so that our socket is removed and the job's id is said.
fn watch_keyboard() -> Option<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    let keyboard = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok()?;
    signals.thread_block().ok()?;
    Some(keyboard)
}
