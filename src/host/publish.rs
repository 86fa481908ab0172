//! `roadstead run`: asks the master over the lane to publish one job, and shows the answers as they come.
//! Blocking, no runtime: a command line lives for milliseconds.

use std::io::{self, Write};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::fault::{Exit, Fault};
use super::settings::Settings;
use super::show::{self, Form};
use crate::base::{Name, Random, Time};
use crate::clock::Clock;
use crate::drive::entropy::seed;
use crate::drive::lane::{LaneClient, MANOR};
use crate::master::request::{Publish, Reply, Request, Return};
use crate::message::{self, Address, Message, Route};

/// The master's lane (Salt over RAET §1).
const LANE: &str = "master";
/// The share of its main yard that takes requests.
const SHARE: &str = "local_cmd";
/// How long we wait before we look whether somebody pressed Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);
/// Silence after which the master is asked whether it is there.
const DOUBT: Duration = Duration::from_secs(2);
/// Silence after which it is not.
const SILENCE: Duration = Duration::from_secs(20);
/// Minions named one by one at the end.
const NAMED: usize = 10;

/// Publishes `job` and writes the answers to `out`. The exit code says how the job went.
pub fn run(settings: &Settings, job: Publish, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let mut line = Line::open(settings)?;
    line.ask(&Request::Publish(job))?;
    let mut tally = Tally::default();
    match follow(&mut line, form, out, &mut tally) {
        Ok(exit) => Ok(exit),
        // Whoever read our answers (`head`, `less`) has enough of them.
        Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Well),
        Err(Stop::Write(error)) => Err(Fault::new(Exit::Failed, format!("the answers cannot be written: {error}"))),
        Err(Stop::Fault(fault)) => {
            // What came is shown, whatever happened then.
            let _ = out.flush();
            Err(match &tally.jid {
                Some(jid) => Fault::new(fault.exit, format!("{fault} (job {jid})")),
                None => fault,
            })
        }
    }
}

/// Takes answers until everything has been said.
fn follow(line: &mut Line, form: Form, out: &mut impl Write, tally: &mut Tally) -> Result<Exit, Stop> {
    loop {
        // Written out before each wait, and not between answers that are there already.
        let reply = match line.take(Duration::ZERO)? {
            Some(reply) => Some(reply),
            None => {
                out.flush()?;
                line.take(SLICE)?
            }
        };
        if line.interrupted() {
            out.flush()?;
            return Ok(tally.interrupted());
        }
        match reply {
            None => line.doubt()?,
            Some(Reply::Started { jid, minions }) => tally.on_start(jid, minions.len()),
            Some(Reply::Returned(answer)) => {
                show::answer(out, form, &answer)?;
                tally.on_answer(&answer);
            }
            Some(Reply::Missing { jid, id, why }) => {
                show::missing(out, form, &jid, &id, &why)?;
                tally.missing += 1;
                tally.name(&id);
            }
            Some(Reply::Ended { .. }) => {
                out.flush()?;
                return Ok(tally.end());
            }
            Some(Reply::Refused { why }) => {
                return Err(Fault::new(Exit::Refused, format!("the master refuses: {}", show::plain(&why))).into());
            }
            Some(Reply::Here { .. } | Reply::Jobs { .. }) => {}
        }
    }
}

/// Why following a job stopped early.
enum Stop {
    Write(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The lane to the master, with a watch on its silence and on the keyboard.
struct Line {
    client: LaneClient,
    clock: Clock,
    heard: Time,
    asked: Time,
    keyboard: Option<SignalFd>,
}

impl Line {
    fn open(settings: &Settings) -> Result<Self, Fault> {
        let lane = Name::new(LANE).map_err(|e| Fault::new(Exit::Usage, e))?;
        let client = LaneClient::open(&settings.sock_dir, &lane, Random::new(seed()?))?;
        let clock = Clock::start();
        Ok(Self { client, clock, heard: clock.now(), asked: clock.now(), keyboard: watch_keyboard() })
    }

    fn ask(&mut self, request: &Request) -> Result<(), Fault> {
        let src = Address { yard: Some(self.client.yard().clone()), ..Address::default() };
        let dst = Address { estate: None, yard: Name::new(MANOR).ok(), share: Name::new(SHARE).ok() };
        let message = Message::new(Route { src, dst }, "load", request).map_err(|e| Fault::new(Exit::Usage, e))?;
        // The master would drop it unread.
        message::check(&message.body).map_err(|_| Fault::new(Exit::Usage, "the arguments are nested too deeply"))?;
        Ok(self.client.send(&message)?)
    }

    fn take(&mut self, timeout: Duration) -> Result<Option<Reply>, Fault> {
        let Some(message) = self.client.receive(timeout)? else { return Ok(None) };
        self.heard = self.clock.now();
        let unread = |why| {
            let advice = "is this command as new as the master?";
            Fault::new(Exit::NoMaster, format!("the master's answer cannot be read: {why}; {advice}"))
        };
        message.read().map(Some).map_err(unread)
    }

    /// Nothing came: asks whether the master is still there, or gives it up.
    fn doubt(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        if now.since(self.heard) >= SILENCE {
            let silence = now.since(self.heard).as_secs();
            return Err(Fault::new(
                Exit::NoMaster,
                format!("the master has said nothing for {silence} s; look at its log, it may have refused this user"),
            ));
        }
        if now.since(self.heard.max(self.asked)) >= DOUBT {
            self.asked = now;
            self.ask(&Request::Ping)?;
        }
        Ok(())
    }

    fn interrupted(&self) -> bool {
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

/// How a job went so far.
#[derive(Debug, Default)]
struct Tally {
    jid: Option<String>,
    minions: usize,
    answered: usize,
    failed: usize,
    missing: usize,
    /// The first of those that failed or are missing.
    named: Vec<String>,
}

impl Tally {
    fn on_start(&mut self, jid: String, minions: usize) {
        tracing::debug!(%jid, minions, "the job has started");
        self.jid = Some(jid);
        self.minions = minions;
    }

    fn on_answer(&mut self, answer: &Return) {
        self.answered += 1;
        if answer.retcode != 0 || !answer.success {
            self.failed += 1;
            self.name(&answer.id);
        }
    }

    fn name(&mut self, id: &Name) {
        if self.named.len() < NAMED {
            self.named.push(id.to_string());
        }
    }

    fn interrupted(&self) -> Exit {
        match &self.jid {
            Some(jid) => eprintln!("interrupted; job {jid} goes on, its further answers are not shown"),
            None => eprintln!("interrupted"),
        }
        Exit::Interrupted
    }

    fn end(&self) -> Exit {
        if self.minions == 0 {
            eprintln!("no minion matches; `estate-keys list` shows whom the master has accepted");
            return Exit::Nobody;
        }
        let bad = self.failed + self.missing;
        if bad == 0 {
            return Exit::Well;
        }
        let more = if bad > self.named.len() { format!(" and {} more", bad - self.named.len()) } else { String::new() };
        let what = match (self.failed, self.missing) {
            (_, 0) => "failed",
            (0, _) => "did not return",
            _ => "failed or did not return",
        };
        eprintln!("{bad} of {} minions {what}: {}{more}", self.minions, self.named.join(", "));
        if self.answered == 0 { Exit::Nobody } else { Exit::Failed }
    }
}
