//! A daemon's loop: one duty, one transport, one lane and, for minions, one runner, brought together on one thread.
//! Decides nothing; carries values from where they are to where they belong.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Name;
use crate::clock::Clock;
use crate::drive::lane::{LaneError, LanePort};
use crate::duty::request::Reply;
use crate::duty::{Duty, Outcome, Output};
use crate::host::library::Desk;
use crate::host::runner::Runner;
use crate::message::{Address, Message, Route};
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

/// Inputs in a row before timer and lane come first for once, and the system is asked for signals.
const ROW: usize = 32;

/// What comes in.
enum Input {
    Stop,
    Outcome(Outcome),
    Served((u64, Option<Bytes>)),
    Event(Option<Event>),
    Page((Name, u32, Message)),
    Timer,
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
    /// Where its peers' requests are answered; minions are asked nothing.
    pub desk: Option<Desk>,
    /// The time.
    pub clock: Clock,
}

/// How long to wait when the duty has nothing to wait for.
const LONGEST: Duration = Duration::from_secs(3600);

impl<D: Duty, T: Transport> Daemon<D, T> {
    /// Runs until `stop` is done or the duty cannot go on. `before` sees every event first.
    pub async fn run(mut self, stop: impl Future<Output = ()>, before: impl FnMut(&mut D, &Event)) -> Result<(), Stop> {
        let end = self.serve(stop, before).await;
        // However it ends, the others are told.
        self.transport.close().await;
        end
    }

    async fn serve(
        &mut self,
        stop: impl Future<Output = ()>,
        mut before: impl FnMut(&mut D, &Event),
    ) -> Result<(), Stop> {
        tokio::pin!(stop);
        let mut row = 0;
        loop {
            self.settle()?;
            row += 1;
            let is_fair = row > ROW;
            if is_fair {
                row = 0;
                // Events that never stop would keep the runtime from looking at timers, signals and other sockets.
                tokio::task::yield_now().await;
            }
            match self.input(stop.as_mut(), is_fair).await {
                Input::Stop => return Ok(()),
                Input::Outcome(outcome) => self.duty.handle_outcome(self.clock.now(), outcome),
                Input::Served((number, answer)) => self.duty.handle_served(self.clock.now(), number, answer),
                Input::Event(Some(event)) => {
                    before(&mut self.duty, &event);
                    self.duty.handle_event(self.clock.now(), event);
                }
                Input::Event(None) => return Err(Stop { code: 2, why: "the transport ended".to_owned() }),
                Input::Page((yard, uid, message)) => {
                    self.duty.handle_page(self.clock.now(), self.clock.wall(), yard, uid, message);
                }
                Input::Timer => self.duty.handle_timeout(self.clock.now()),
            }
        }
    }

    /// The next input: answers first, since they make room for questions; when it `is_fair`, what waited behind them.
    async fn input(&mut self, stop: impl Future<Output = ()>, is_fair: bool) -> Input {
        let timeout = self.duty.poll_timeout().unwrap_or_else(|| self.clock.now() + LONGEST);
        let timer = tokio::time::sleep_until(self.clock.instant(timeout).into());
        if is_fair {
            tokio::select! {
                biased;
                () = stop => Input::Stop,
                () = timer => Input::Timer,
                page = self.lane.next(&self.clock) => Input::Page(page),
                outcome = next_outcome(&mut self.runner) => Input::Outcome(outcome),
                served = next_served(&mut self.desk) => Input::Served(served),
                event = self.transport.next() => Input::Event(event),
            }
        } else {
            tokio::select! {
                biased;
                () = stop => Input::Stop,
                outcome = next_outcome(&mut self.runner) => Input::Outcome(outcome),
                served = next_served(&mut self.desk) => Input::Served(served),
                event = self.transport.next() => Input::Event(event),
                page = self.lane.next(&self.clock) => Input::Page(page),
                () = timer => Input::Timer,
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
            Output::Page { yard, message } => self.page(&yard, &message),
            Output::Links { yard, share } => {
                let dst = Address { estate: None, yard: Some(yard.clone()), share };
                let reply = Reply::Links { links: self.transport.links() };
                match Message::new(Route { src: Address::default(), dst }, "return", &reply) {
                    Ok(message) => self.page(&yard, &message),
                    Err(error) => tracing::error!(%error, "the sessions cannot be told"),
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
            Output::Serve(asked) => match &self.desk {
                Some(desk) => desk.start(asked),
                None => self.duty.handle_served(self.clock.now(), asked.number, None),
            },
            Output::Remember { id, facts } => {
                if let Some(desk) = &self.desk {
                    desk.remember(id, facts);
                }
            }
            Output::Kill { jid } => self.runner.iter().for_each(|runner| runner.kill(&jid)),
            Output::Fatal(why) => return Err(Stop { code: 5, why }),
        }
        Ok(())
    }

    fn page(&mut self, yard: &Name, message: &Message) {
        if let Err(error) = self.lane.send(yard, message) {
            tracing::debug!(%yard, %error, "a page was not sent");
            // One that left so much unread is as good as gone.
            if matches!(error, LaneError::Gone { .. } | LaneError::Full { .. }) {
                self.duty.handle_gone(self.clock.now(), yard);
            }
        }
    }
}

async fn next_outcome(runner: &mut Option<Runner>) -> Outcome {
    match runner {
        Some(runner) => runner.next().await,
        None => std::future::pending().await,
    }
}

async fn next_served(desk: &mut Option<Desk>) -> (u64, Option<Bytes>) {
    match desk {
        Some(desk) => desk.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Random, Time, Wall};
    use crate::drive::lane::{LaneClient, MANOR};
    use crate::transport::Command;

    /// Always has an event, until it ends.
    struct Flood(u32);

    impl Transport for Flood {
        fn submit(&mut self, _: Command) -> Result<(), Command> {
            Ok(())
        }

        async fn next(&mut self) -> Option<Event> {
            self.0 = self.0.checked_sub(1)?;
            Some(Event::Room)
        }
    }

    /// Waits for a page and for its timer, and says when it has seen both.
    struct Patient {
        page: bool,
        timer: bool,
        done: std::sync::Arc<tokio::sync::Notify>,
    }

    impl Patient {
        fn saw(&self) {
            if self.page && self.timer {
                self.done.notify_one();
            }
        }
    }

    impl Duty for Patient {
        fn handle_event(&mut self, _: Time, _: Event) {}
        fn handle_page(&mut self, _: Time, _: Wall, _: Name, _: u32, _: Message) {
            self.page = true;
            self.saw();
        }
        fn handle_outcome(&mut self, _: Time, _: Outcome) {}
        fn handle_returned(&mut self, _: Command) {}
        fn handle_timeout(&mut self, _: Time) {
            self.timer = true;
            self.saw();
        }
        fn poll_command(&mut self) -> Option<Command> {
            None
        }
        fn poll_output(&mut self) -> Option<Output> {
            None
        }
        fn poll_timeout(&self) -> Option<Time> {
            (!self.timer).then_some(Time(2_000))
        }
    }

    #[tokio::test]
    async fn a_flood_of_events_starves_nobody() {
        let name = |text| Name::new(text).unwrap();
        let dir = tempfile::TempDir::new().unwrap();
        let lane = LanePort::bind(dir.path(), &name("master"), &name(MANOR), Random::from_number(1)).unwrap();
        let mut client = LaneClient::open(dir.path(), &name("master"), Random::from_number(2)).unwrap();
        let dst = Address { yard: Some(name(MANOR)), ..Address::default() };
        client.send(&Message::new(Route { dst, ..Route::default() }, "load", &1).unwrap()).unwrap();
        let done = std::sync::Arc::new(tokio::sync::Notify::new());
        let duty = Patient { page: false, timer: false, done: done.clone() };
        let daemon = Daemon { duty, transport: Flood(300_000), lane, runner: None, desk: None, clock: Clock::start() };
        // As a signal, this is seen only when the runtime gets its turn.
        let stop = async {
            done.notified().await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        assert_eq!(daemon.run(stop, |_, _| ()).await, Ok(()));
    }
}
