//! The two ends of a measurement as processes of this same program: what the parent says to them and what they print.
//!
//! `serve` prints where it is, and its figures once its input is closed; `drive` prints its figures when it is done and
//! stays until its input is closed.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::meter::Meter;
use crate::peers::{End, Found, Peer, named};
use crate::work::{Figures, Job};

/// How long an end may take beyond its job before it is given up.
const GRACE: Duration = Duration::from_secs(20);

/// Runs one end, as the parent's arguments say: `serve|drive peer work milliseconds ip folder [address key]`.
pub(crate) fn run(arguments: &[String]) -> Result<Infallible> {
    let [role, peer, work, time, ip, folder, rest @ ..] = arguments else { bail!("too few arguments") };
    // A thousand connections need more files than a shell allows.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let job = Job { work: work.parse()?, time: Duration::from_millis(time.parse()?) };
    let folder = PathBuf::from(folder);
    let (peer, end) = (named(peer)?, End { ip: ip.parse()?, folder: &folder });
    if role == "serve" { serve(peer, &end, job) } else { drive(peer, &end, job, rest) }
}

fn serve(peer: &dyn Peer, end: &End, job: Job) -> Result<Infallible> {
    let meter = Arc::new(Meter::new(job));
    let counted = Arc::clone(&meter);
    at_end_of_input(move || print!("{}", counted.figures()));
    let stands = Arc::clone(&meter);
    peer.serve(end, meter, &|found| {
        stands.stands();
        say(&format!("found {} {}", found.at, found.key));
    })
}

fn drive(peer: &dyn Peer, end: &End, job: Job, rest: &[String]) -> Result<Infallible> {
    let [at, key] = rest else { bail!("drive whom?") };
    at_end_of_input(|| {});
    let found = Found { at: at.parse()?, key: key.clone() };
    peer.drive(end, &found, job, &|figures| say(&format!("{figures}done")))
}

fn at_end_of_input(then: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        then();
        let _ = std::io::stdout().flush();
        std::process::exit(0);
    });
}

fn say(text: &str) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}

/// One end, from outside; it is killed with this value.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    patience: Duration,
}

/// What the ends of one measurement have in common.
pub(crate) struct Setting<'a> {
    pub(crate) peer: &'a dyn Peer,
    pub(crate) job: Job,
    pub(crate) folder: &'a Path,
}

impl Setting<'_> {
    /// Starts an end, in a namespace or not.
    pub(crate) fn start(&self, role: &str, space: Option<&str>, ip: IpAddr, to: Option<&Found>) -> Result<Process> {
        let own = std::env::current_exe()?;
        let mut command = match space {
            Some(space) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", space]).arg(own);
                command
            }
            None => Command::new(own),
        };
        let time = self.job.time.as_millis().to_string();
        command.args([role, self.peer.name(), &self.job.work.to_string(), &time, &ip.to_string()]).arg(self.folder);
        if let Some(to) = to {
            command.args([&to.at.to_string(), &to.key]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Process { child, lines, patience: self.job.time + GRACE })
    }
}

impl Process {
    /// Where the server is.
    pub(crate) fn found(&mut self) -> Result<Found> {
        let line = self.lines.recv_timeout(GRACE).map_err(|_| anyhow!("the server does not come up"))?;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["found", at, key] => Ok(Found { at: at.parse()?, key: key.to_owned() }),
            _ => bail!("the server says: {line}"),
        }
    }

    /// The figures of a client that is done; it keeps its connections.
    pub(crate) fn done(&mut self) -> Result<Figures> {
        let (mut figures, end) = (Figures::default(), Instant::now() + self.patience);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line == "done" => return Ok(figures),
                Ok(line) => figures.read(&line),
                Err(RecvTimeoutError::Timeout) => bail!("the client did not finish in time"),
                Err(RecvTimeoutError::Disconnected) => bail!("the client failed"),
            }
        }
    }

    /// Ends a server and takes its figures.
    pub(crate) fn end(mut self) -> Result<Figures> {
        drop(self.child.stdin.take());
        let mut figures = Figures::default();
        while let Ok(line) = self.lines.recv_timeout(GRACE) {
            figures.read(&line);
        }
        Ok(figures)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
