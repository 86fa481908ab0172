//! One child process and its group, watched until it ends, runs out of time, or is killed. One thread polls everything
//! but the child's end, which a small second thread waits for. Never decides what a command means.
//!
//! The child is reaped last: until then its process group's number cannot become a stranger's.

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::Control;
use crate::base::Time;
use crate::clock::Clock;

/// What a killed command's retcode is: what a shell reports of SIGTERM.
pub(super) const KILLED: i64 = 128 + 15;
/// What the retcode is of a command that ran out of time: as timeout(1) of coreutils.
pub(super) const TIMED_OUT: i64 = 124;
/// Between the request to end (SIGTERM) and the end by force (SIGKILL).
const GRACE: Duration = Duration::from_secs(2);
/// How long output is still read after the command itself ended; a daemon it left behind may hold the pipe for ever.
const LINGER: Duration = Duration::from_secs(1);

/// What to do with a child besides starting it.
#[derive(Debug)]
pub(super) struct Plan {
    /// Written to its standard input, which is empty otherwise.
    pub(super) stdin: Option<Vec<u8>>,
    /// How long it and its group may run.
    pub(super) timeout: Option<Duration>,
    /// Which output is kept.
    pub(super) streams: Streams,
    /// Bytes of output kept; with more, none is.
    pub(super) output_max: usize,
}

/// Which output of a child is kept; the rest goes to `/dev/null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    /// Both, as one stream in the order it was written; it is reported as stdout.
    Joined,
    /// Both, apart.
    Both,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nothing.
    Neither,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Itself,
    /// It ran out of time, and its group was killed.
    TimedOut,
    /// The job was killed, and the group with it.
    Killed,
}

/// A child that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) pid: u32,
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub(super) code: i64,
    pub(super) end: End,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Bytes it wrote; more than were kept if that is beyond the plan's bound.
    pub(super) total: u64,
}

/// Starts `command` in a process group of its own and stays with it to its end.
pub(super) fn run(mut command: Command, plan: Plan, control: &Control) -> io::Result<Finished> {
    let alarm = control.alarm()?;
    let (out, err) = connect(&mut command, plan.streams)?;
    command.stdin(if plan.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.process_group(0).spawn()?;
    // With it go our copies of the ends the child writes to.
    drop(command);
    let clock = Clock::start();
    let group = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let prepared = listen(group).and_then(|exit| Ok((exit, input(&mut child, plan.stdin)?)));
    let (exit, input) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let _ = killpg(group, Signal::SIGKILL);
            child.wait()?;
            return Err(error);
        }
    };
    let mut watch = Watch {
        group,
        out: Stream { pipe: out, kept: Vec::new() },
        err: Stream { pipe: err, kept: Vec::new() },
        input,
        exit: Some(exit),
        alarm: Some(alarm),
        total: 0,
        output_max: plan.output_max,
        end: End::Itself,
        stage: Stage::Running,
        until: plan.timeout.map(|timeout| clock.now() + timeout),
        linger: None,
    };
    let watched = watch.stay(&clock);
    if watched.is_err() || watch.end != End::Itself {
        watch.signal(Signal::SIGKILL);
    }
    // Without an end to wait for even SIGKILL did not help (a dead disk, say), and neither would waiting.
    let status = if watch.exit.is_none() || watched.is_err() { Some(child.wait()?) } else { child.try_wait()? };
    watched?;
    let (end, total) = (watch.end, watch.total);
    let (stdout, stderr) = (watch.out.kept, watch.err.kept);
    Ok(Finished { pid: child.id(), code: status.map_or(KILLED, code), end, stdout, stderr, total })
}

/// What is known of a running child.
struct Watch {
    group: Pid,
    out: Stream,
    err: Stream,
    input: Option<Input>,
    /// Ends with the child; gone when it did.
    exit: Option<PipeReader>,
    /// Ends when the job is killed; gone when it was.
    alarm: Option<PipeReader>,
    total: u64,
    output_max: usize,
    end: End,
    stage: Stage,
    /// When this stage is over.
    until: Option<Time>,
    /// When a child that ended is left even though its output goes on.
    linger: Option<Time>,
}

/// How far we went to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Forced,
    GivenUp,
}

/// Output on its way; without a pipe once it ended.
struct Stream {
    pipe: Option<PipeReader>,
    kept: Vec<u8>,
}

/// What the child has yet to read.
struct Input {
    pipe: ChildStdin,
    bytes: Vec<u8>,
    written: usize,
}

/// What poll(2) may report.
#[derive(Debug, Clone, Copy)]
enum Source {
    Out,
    Err,
    Input,
    Exit,
    Alarm,
}

impl Watch {
    /// Until there is nothing more to learn.
    fn stay(&mut self, clock: &Clock) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let now = clock.now();
            self.handle_time(now);
            if self.is_over(now) {
                return Ok(());
            }
            for source in self.poll(now)? {
                self.handle(source, clock.now(), &mut buffer);
            }
        }
    }

    fn is_over(&self, now: Time) -> bool {
        let silent = self.out.pipe.is_none() && self.err.pipe.is_none();
        let left = self.stage == Stage::Running && self.linger.is_some_and(|at| at <= now);
        if left && !silent {
            tracing::info!(pid = self.group.as_raw(), "the command left processes behind that keep its output open");
        }
        self.stage == Stage::GivenUp || self.exit.is_none() && (silent || left)
    }

    fn handle_time(&mut self, now: Time) {
        if self.until.is_none_or(|until| until > now) {
            return;
        }
        match self.stage {
            Stage::Running => self.ask_to_end(now, End::TimedOut),
            Stage::Asked => {
                self.signal(Signal::SIGKILL);
                self.stage = Stage::Forced;
                self.until = Some(now + LINGER);
            }
            Stage::Forced | Stage::GivenUp => self.stage = Stage::GivenUp,
        }
    }

    fn ask_to_end(&mut self, now: Time, why: End) {
        if self.stage == Stage::Running {
            self.signal(Signal::SIGTERM);
            self.end = why;
            self.stage = Stage::Asked;
            self.until = Some(now + GRACE);
        }
    }

    fn signal(&self, signal: Signal) {
        // The group may have ended just now, which is what was wanted.
        let _ = killpg(self.group, signal);
    }

    /// What is ready, waiting for it no longer than the next deadline.
    fn poll(&self, now: Time) -> io::Result<Vec<Source>> {
        let sources: [(Source, Option<BorrowedFd<'_>>, PollFlags); 5] = [
            (Source::Out, self.out.pipe.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
            (Source::Err, self.err.pipe.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
            (Source::Input, self.input.as_ref().map(|input| input.pipe.as_fd()), PollFlags::POLLOUT),
            (Source::Exit, self.exit.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
            (Source::Alarm, self.alarm.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
        ];
        let (open, mut fds): (Vec<_>, Vec<_>) =
            sources.into_iter().filter_map(|(source, fd, flags)| Some((source, PollFd::new(fd?, flags)))).unzip();
        // Rounded up: waking a little early would mean to poll again and again.
        let wait =
            [self.until, self.linger].into_iter().flatten().min().map(|at| at.since(now) + Duration::from_millis(1));
        let wait = wait.map_or(PollTimeout::NONE, |wait| PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX));
        match poll(&mut fds, wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        Ok(open.into_iter().zip(&fds).filter(|(_, fd)| ready(fd)).map(|(source, _)| source).collect())
    }

    fn handle(&mut self, source: Source, now: Time, buffer: &mut [u8]) {
        match source {
            Source::Out | Source::Err => self.handle_output(source, buffer),
            Source::Input => {
                if self.input.as_mut().is_some_and(Input::is_over) {
                    self.input = None;
                }
            }
            Source::Exit => {
                self.exit = None;
                self.input = None;
                self.linger = (self.stage == Stage::Running).then(|| now + LINGER);
            }
            Source::Alarm => {
                self.alarm = None;
                self.ask_to_end(now, End::Killed);
            }
        }
    }

    fn handle_output(&mut self, source: Source, buffer: &mut [u8]) {
        let stream = if matches!(source, Source::Out) { &mut self.out } else { &mut self.err };
        let Some(pipe) = &mut stream.pipe else { return };
        match pipe.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => stream.pipe = None,
            Ok(count) => {
                self.total = self.total.saturating_add(count as u64);
                if self.total <= self.output_max as u64 {
                    stream.kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
                } else {
                    // It is read on, so that the command can end and we can say how much there was.
                    (self.out.kept, self.err.kept) = (Vec::new(), Vec::new());
                }
            }
        }
    }
}

impl Input {
    /// Writes what fits; says whether that was all, or the child reads no more.
    fn is_over(&mut self) -> bool {
        match self.pipe.write(self.bytes.get(self.written..).unwrap_or_default()) {
            Ok(count) => self.written += count,
            Err(error) => return !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock),
        }
        self.written >= self.bytes.len()
    }
}

/// Gives `command` its output pipes; returns our ends of standard output and standard error.
fn connect(command: &mut Command, streams: Streams) -> io::Result<(Option<PipeReader>, Option<PipeReader>)> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut ends = (None, None);
    if matches!(streams, Streams::Joined | Streams::Both | Streams::Stdout) {
        let (reader, writer) = io::pipe()?;
        if streams == Streams::Joined {
            command.stderr(writer.try_clone()?);
        }
        command.stdout(writer);
        ends.0 = Some(reader);
    }
    if matches!(streams, Streams::Both | Streams::Stderr) {
        let (reader, writer) = io::pipe()?;
        command.stderr(writer);
        ends.1 = Some(reader);
    }
    Ok(ends)
}

/// What the child is to read, behind a pipe that never blocks us.
fn input(child: &mut Child, bytes: Option<Vec<u8>>) -> io::Result<Option<Input>> {
    let (Some(pipe), Some(bytes)) = (child.stdin.take(), bytes) else { return Ok(None) };
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(Some(Input { pipe, bytes, written: 0 }))
}

/// A pipe that ends when the child does. The child is not reaped by this.
fn listen(child: Pid) -> io::Result<PipeReader> {
    let (reader, writer) = io::pipe()?;
    thread::Builder::new().name(format!("child {child}")).stack_size(64 * 1024).spawn(move || {
        while waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        drop(writer);
    })?;
    Ok(reader)
}

fn code(status: ExitStatus) -> i64 {
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).map_or(KILLED, i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        command
    }

    fn plan(streams: Streams) -> Plan {
        Plan { stdin: None, timeout: None, streams, output_max: 1 << 20 }
    }

    /// Whether a process is there and is no zombie.
    fn is_alive(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
    }

    /// Waits for a process that was killed to be gone.
    fn is_gone(pid: &str) -> bool {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !is_alive(pid)
        })
    }

    #[test]
    fn streams_and_codes() {
        let line = "echo out; echo err >&2; echo out2; exit 3";
        for (streams, stdout, stderr) in [
            (Streams::Joined, "out\nerr\nout2\n", ""),
            (Streams::Both, "out\nout2\n", "err\n"),
            (Streams::Stdout, "out\nout2\n", ""),
            (Streams::Stderr, "", "err\n"),
            (Streams::Neither, "", ""),
        ] {
            let finished = run(shell(line), plan(streams), &Control::default()).unwrap();
            assert_eq!((finished.stdout, finished.stderr), (stdout.into(), stderr.into()), "{streams:?}");
            assert_eq!((finished.code, finished.end), (3, End::Itself));
        }
        assert_eq!(run(shell("kill -9 $$"), plan(Streams::Both), &Control::default()).unwrap().code, 137);
    }

    #[test]
    fn standard_input_is_written_while_output_is_read() {
        let bytes: Vec<u8> = (0..300_000u32).map(|i| b'a' + (i % 26) as u8).collect();
        let plan = Plan { stdin: Some(bytes.clone()), ..plan(Streams::Stdout) };
        assert_eq!(run(shell("cat"), plan, &Control::default()).unwrap().stdout, bytes);
        // A child that reads nothing is no obstacle.
        let plan = Plan { stdin: Some(bytes), ..self::plan(Streams::Stdout) };
        assert_eq!(run(shell("exec true"), plan, &Control::default()).unwrap().code, 0);
        let plan = self::plan(Streams::Stdout);
        assert_eq!(run(shell("cat; echo end"), plan, &Control::default()).unwrap().stdout, b"end\n");
    }

    #[test]
    fn timeout_kills_the_whole_group_and_keeps_the_output() {
        let plan = Plan { timeout: Some(Duration::from_millis(150)), ..plan(Streams::Joined) };
        let finished = run(shell("sleep 600 & echo $!; sleep 600"), plan, &Control::default()).unwrap();
        assert_eq!((finished.end, finished.code), (End::TimedOut, 143));
        assert!(is_gone(String::from_utf8(finished.stdout).unwrap().trim()));
    }

    #[test]
    fn who_ignores_the_request_is_killed_by_force() {
        let plan = Plan { timeout: Some(Duration::from_millis(100)), ..plan(Streams::Joined) };
        let line = "trap '' TERM; (while :; do sleep 0.05; done) & echo $!; while :; do sleep 0.05; done";
        let finished = run(shell(line), plan, &Control::default()).unwrap();
        assert_eq!((finished.end, finished.code), (End::TimedOut, 137));
        assert!(is_gone(String::from_utf8(finished.stdout).unwrap().trim()));
    }

    #[test]
    fn kill_ends_the_group_of_a_silent_command() {
        let control = Arc::new(Control::default());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let line = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let runner = thread::spawn({
            let control = control.clone();
            move || run(shell(&line), plan(Streams::Neither), &control).unwrap()
        });
        let pid = (0..500).find_map(|_| {
            thread::sleep(Duration::from_millis(10));
            std::fs::read_to_string(&file).ok()
        });
        control.kill();
        assert_eq!(runner.join().unwrap().end, End::Killed);
        assert!(is_gone(pid.unwrap().trim()));
    }

    #[test]
    fn a_daemon_left_behind_neither_holds_the_job_nor_dies_with_it() {
        let finished = run(shell("sleep 600 & echo $!"), plan(Streams::Joined), &Control::default()).unwrap();
        assert_eq!((finished.end, finished.code), (End::Itself, 0));
        let pid = String::from_utf8(finished.stdout).unwrap();
        assert!(is_alive(pid.trim()));
        nix::sys::signal::kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn output_beyond_the_bound_is_counted_but_not_kept() {
        let plan = Plan { output_max: 1000, ..plan(Streams::Both) };
        let line = "head -c 900 /dev/zero; head -c 200000 /dev/zero >&2";
        let finished = run(shell(line), plan, &Control::default()).unwrap();
        assert_eq!((finished.total, finished.code), (200_900, 0));
        assert!(finished.stdout.is_empty() && finished.stderr.is_empty());
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        assert!(run(Command::new("/no/such/program"), plan(Streams::Both), &Control::default()).is_err());
    }
}
