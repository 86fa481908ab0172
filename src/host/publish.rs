//! `roadstead run` and `roadstead jobs`: what a job's minions answered, shown as it comes.
//! Blocking, no runtime: a command line lives for milliseconds.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use super::fault::{Exit, Fault};
use super::line::DaemonLine;
use super::settings::Settings;
use super::show::{self, Form};
use crate::base::Name;
use crate::master::request::{Publish, Reply, Request, Return, Target};

/// How long we wait before we look whether somebody pressed Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);
/// Minions named one by one at the end.
const NAMED: usize = 10;

/// Asks for a job to be published, or for what became of one, and writes the answers to `out`. The exit code says how the
/// job went.
pub fn run(settings: &Settings, request: &Request, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let mut line = DaemonLine::open(settings)?;
    line.ask(request)?;
    let mut tally = Tally::default();
    if let Request::Publish(Publish { target, .. }) = request {
        tally.needs_facts = target.needs_facts();
        if let Target::List(ids) = target {
            tally.unknown.extend(ids.iter().cloned());
        }
    }
    match follow(&mut line, form, out, &mut tally) {
        Ok(exit) => Ok(exit),
        Err(Stop::Write(error)) => written(error),
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

/// Writes the jobs the master remembers.
pub fn list(settings: &Settings, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let mut line = DaemonLine::open(settings)?;
    line.ask(&Request::Jobs)?;
    loop {
        match line.take(SLICE)? {
            Some(Reply::Jobs { jobs }) => {
                let all = jobs.iter().try_for_each(|job| show::job(out, form, job)).and_then(|()| out.flush());
                return all.map_or_else(written, |()| Ok(Exit::Well));
            }
            Some(Reply::Refused { why }) => return Err(refused(&why)),
            _ if line.interrupted() => return Ok(Exit::Interrupted),
            Some(_) => {}
            None => line.doubt()?,
        }
    }
}

pub(super) fn refused(why: &str) -> Fault {
    Fault::new(Exit::Refused, format!("the master refuses: {}", show::plain(why)))
}

/// Our answers could not be written.
pub(super) fn written(error: io::Error) -> Result<Exit, Fault> {
    match error.kind() {
        // Whoever read them (`head`, `less`) has enough.
        io::ErrorKind::BrokenPipe => Ok(Exit::Well),
        _ => Err(Fault::new(Exit::Failed, format!("the answers cannot be written: {error}"))),
    }
}

/// Takes answers until everything has been said.
fn follow(line: &mut DaemonLine, form: Form, out: &mut impl Write, tally: &mut Tally) -> Result<Exit, Stop> {
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
            Some(Reply::Started { jid, minions }) => tally.on_start(jid, &minions),
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
            Some(Reply::Refused { why }) => return Err(refused(&why).into()),
            Some(Reply::Here { .. } | Reply::Jobs { .. } | Reply::Links { .. }) => {}
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
    /// Ids that were asked for and that the master does not have.
    unknown: BTreeSet<String>,
    /// Whether the target asked for more than ids.
    needs_facts: bool,
}

impl Tally {
    fn on_start(&mut self, jid: String, minions: &[Name]) {
        tracing::debug!(%jid, minions = minions.len(), "the job has started");
        self.jid = Some(jid);
        self.minions = minions.len();
        minions.iter().for_each(|id| {
            self.unknown.remove(id.as_str());
        });
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
            let hint = if self.needs_facts {
                "one that has not told the master its grains since its key was accepted matches none"
            } else {
                "`estate-keys list` shows whom the master has accepted"
            };
            eprintln!("no minion matches; {hint}");
            return Exit::Nobody;
        }
        for id in &self.unknown {
            eprintln!("no accepted minion is called {}", show::plain(id));
        }
        let bad = self.failed + self.missing;
        if bad == 0 {
            return if self.unknown.is_empty() { Exit::Well } else { Exit::Failed };
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
