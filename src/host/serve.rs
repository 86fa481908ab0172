//! A daemon's loop: one duty, one transport, one lane and, for minions, one runner, brought together on one thread.
//! Decides nothing; carries values from where they are to where they belong.

use std::time::Duration;

use crate::clock::Clock;
use crate::drive::lane::{LaneError, LanePort};
use crate::duty::{Duty, Outcome, Output};
use crate::host::runner::Runner;
use crate::transport::{Event, Transport};

/// Why a daemon ended, other than by a signal: one sentence, and the exit code that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Stop {
    /// 2: settings or this host; 5: refused.
    pub code: u8,
    /// What happened and what to do next.
    pub why: String,
}

impl Stop {
    /// Something about the settings or this host.
    pub fn config(error: impl std::fmt::Display) -> Self {
        Self { code: 2, why: error.to_string() }
    }
}

/// A running daemon.
pub struct Daemon<D, T> {
    /// What it does.
    pub duty: D,
    /// How it talks to other hosts.
    pub transport: T,
    /// How it talks to this host's command lines.
    pub lane: LanePort,
    /// Where its functions run; masters have none.
    pub runner: Option<Runner>,
    /// The time.
    pub clock: Clock,
}

/// Turns between two looks at signals and timers, should events never stop coming.
const LONGEST: Duration = Duration::from_secs(3600);

impl<D: Duty, T: Transport> Daemon<D, T> {
    /// Runs until `stop` is done or the duty cannot go on. `before` sees every event first.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        mut before: impl FnMut(&mut D, &Event),
    ) -> Result<(), Stop> {
        tokio::pin!(stop);
        loop {
            self.settle()?;
            let timeout = self.duty.poll_timeout().unwrap_or_else(|| self.clock.now() + LONGEST);
            let timer = tokio::time::sleep_until(self.clock.instant(timeout).into());
            tokio::select! {
                // Answers first: they make room for questions.
                biased;
                () = &mut stop => return Ok(()),
                outcome = next_outcome(&mut self.runner) => self.duty.handle_outcome(self.clock.now(), outcome),
                event = self.transport.next() => match event {
                    Some(event) => {
                        before(&mut self.duty, &event);
                        self.duty.handle_event(self.clock.now(), event);
                    }
                    None => return Err(Stop { code: 2, why: "the transport ended".to_owned() }),
                },
                (yard, uid, message) = self.lane.next(&self.clock) => {
                    self.duty.handle_page(self.clock.now(), self.clock.wall(), yard, uid, message);
                }
                () = timer => self.duty.handle_timeout(self.clock.now()),
            }
        }
    }

    /// Carries everything the duty wants to where it goes.
    fn settle(&mut self) -> Result<(), Stop> {
        loop {
            let mut is_idle = true;
            while let Some(command) = self.duty.poll_command() {
                is_idle = false;
                if let Err(command) = self.transport.submit(command) {
                    self.duty.handle_returned(command);
                    break;
                }
            }
            while let Some(output) = self.duty.poll_output() {
                is_idle = false;
                self.carry(output)?;
            }
            if is_idle {
                return Ok(());
            }
        }
    }

    fn carry(&mut self, output: Output) -> Result<(), Stop> {
        match output {
            Output::Page { yard, message } => {
                if let Err(error) = self.lane.send(&yard, &message) {
                    tracing::debug!(%yard, %error, "a page was not sent");
                    // One that left so much unread is as good as gone.
                    if matches!(error, LaneError::Gone { .. } | LaneError::Full { .. }) {
                        self.duty.handle_gone(self.clock.now(), &yard);
                    }
                }
            }
            Output::Work(work) => match &self.runner {
                Some(runner) => runner.start(work),
                None => {
                    let value = "this daemon runs no functions".into();
                    let outcome = Outcome { jid: work.jid, value, retcode: 1, success: false };
                    self.duty.handle_outcome(self.clock.now(), outcome);
                }
            },
            Output::Kill { jid } => self.runner.iter().for_each(|runner| runner.kill(&jid)),
            Output::Fatal(why) => return Err(Stop { code: 5, why }),
        }
        Ok(())
    }
}

async fn next_outcome(runner: &mut Option<Runner>) -> Outcome {
    match runner {
        Some(runner) => runner.next().await,
        None => std::future::pending().await,
    }
}
