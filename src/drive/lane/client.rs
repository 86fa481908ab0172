//! A command line's yard: talks to one daemon, waits for it, and leaves nothing behind.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::geteuid;

use super::gate::Gate;
use super::socket::{self, Socket};
use super::{LaneError, MANOR, daemon_of};
use crate::base::{Name, Random, Time};
use crate::clock::Clock;
use crate::lane::Lane;
use crate::message::Message;

/// Pause before a full daemon is tried again.
const RETRY: Duration = Duration::from_millis(1);
/// Datagrams read before what they say is looked at.
const BATCH: usize = 64;
/// A daemon that takes no page for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command line side of a lane. Blocking, without threads.
#[derive(Debug)]
pub struct LaneClient {
    lane: Lane,
    name: Name,
    manor: Name,
    path: PathBuf,
    /// Which file `path` was when we opened it.
    identity: (u64, i64, i64),
    socket: Socket,
    gate: Gate,
    clock: Clock,
    buffer: Vec<u8>,
    ready: VecDeque<Message>,
}

impl LaneClient {
    /// Opens a yard of its own beside the daemon's on `lane` in `dir`.
    pub fn open(dir: &Path, lane: &Name, mut random: Random) -> Result<Self, LaneError> {
        let (manor, yard) = names(&mut random);
        let path = socket::path_of(dir, lane, &manor)?;
        socket::probe(&path).map_err(|e| missing(lane, &path, e))?;
        let file = std::fs::symlink_metadata(&path).map_err(|e| missing(lane, &path, e))?;
        let above = std::fs::metadata(dir).map_err(|e| missing(lane, &path, e))?;
        if !is_trusted(file.uid(), above.uid()) {
            return Err(LaneError::Impostor { path, user: file.uid() });
        }
        let socket = Socket::bind(socket::path_of(dir, lane, &yard)?)?;
        socket.admit(file.uid())?;
        Ok(Self {
            lane: Lane::new(lane.clone(), yard, random),
            name: lane.clone(),
            manor,
            path,
            socket,
            identity: identity(&file),
            gate: Gate::for_user(file.uid()),
            clock: Clock::start(),
            buffer: socket::buffer(),
            ready: VecDeque::new(),
        })
    }

    /// This yard, for the source of messages.
    pub fn yard(&self) -> &Name {
        self.lane.yard()
    }

    /// Sends `message` to the daemon's main yard; returns when all of it is on its way. A daemon started anew knows
    /// nothing of what we asked its predecessor, so it is told apart.
    pub fn send(&mut self, message: &Message) -> Result<(), LaneError> {
        let file = std::fs::symlink_metadata(&self.path).map_err(|e| missing(&self.name, &self.path, e))?;
        if identity(&file) != self.identity {
            return Err(LaneError::Restarted { daemon: daemon_of(&self.name) });
        }
        let mut moved = self.clock.now();
        for page in self.lane.send(&self.manor, message)? {
            loop {
                match self.socket.datagrams.send_to(&page, &self.path) {
                    Ok(_) => break moved = self.clock.now(),
                    Err(error) if is_full(&error) && self.clock.now().since(moved) < PATIENCE => {
                        // The daemon may be waiting for us to read.
                        self.wait(RETRY)?;
                    }
                    Err(error) => return Err(missing(&self.name, &self.path, error)),
                }
            }
        }
        Ok(())
    }

    /// The next message from the daemon; `None` when none came within `timeout`.
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Message>, LaneError> {
        let end = self.clock.now() + timeout;
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(message));
            }
            let now = self.clock.now();
            self.lane.handle_timeout(now);
            self.wait(end.since(now))?;
            if self.ready.is_empty() && self.clock.now() >= end {
                return Ok(None);
            }
        }
    }

    /// Waits until there is something to read, at most `length`, and reads what is there.
    fn wait(&mut self, length: Duration) -> Result<(), LaneError> {
        let mut fds = [PollFd::new(self.socket.datagrams.as_fd(), PollFlags::POLLIN)];
        // Rounded up: waking early would be a hot loop.
        let length = length.as_micros().div_ceil(1000).min(60_000) as u16;
        match poll(&mut fds, PollTimeout::from(length)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(LaneError::from_io(&self.socket.path, error.into())),
        }
        for _ in 0..BATCH {
            match socket::receive(&self.socket.datagrams, &mut self.buffer) {
                Ok(datagram) => self.take(self.clock.now(), &datagram),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LaneError::from_io(&self.socket.path, error)),
            }
        }
        Ok(())
    }

    fn take(&mut self, now: Time, datagram: &socket::Datagram) {
        if !datagram.sender.is_some_and(|(uid, gid)| self.gate.admits(uid, gid)) {
            tracing::warn!(sender = ?datagram.sender, "a page that is not the daemon's is dropped");
            return;
        }
        match self.lane.handle_page(now, self.buffer.get(..datagram.length).unwrap_or_default()) {
            Ok(Some((yard, message))) if yard == self.manor => self.ready.push_back(message),
            Ok(Some((yard, _))) => tracing::debug!(%yard, "a message of another yard is ignored"),
            Ok(None) => {}
            Err(why) => tracing::warn!(%why, "a page is dropped"),
        }
    }
}

/// The daemon's yard and ours.
#[allow(clippy::expect_used)] // Both texts are letters and digits, far shorter than a name may be.
fn names(random: &mut Random) -> (Name, Name) {
    let own = format!("client{}", hex::encode(random.bytes::<9>()));
    (Name::new(MANOR).expect("a name"), Name::new(&own).expect("a name"))
}

/// Whether a main yard's owner may be a daemon: a group that is let into the directory may make sockets there too.
fn is_trusted(owner: u32, above: u32) -> bool {
    [0, geteuid().as_raw(), above].contains(&owner)
}

/// The daemon's socket cannot be used: not there, dead, or not for us.
fn missing(lane: &Name, path: &Path, error: io::Error) -> LaneError {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, WouldBlock};
    match error.kind() {
        NotFound | ConnectionRefused | ConnectionReset | WouldBlock => {
            LaneError::NoDaemon { daemon: daemon_of(lane), path: path.to_owned() }
        }
        _ => LaneError::from_io(path, error),
    }
}

/// Inode numbers alone are used again at once by some file systems.
fn identity(file: &std::fs::Metadata) -> (u64, i64, i64) {
    (file.ino(), file.ctime(), file.ctime_nsec())
}

fn is_full(error: &io::Error) -> bool {
    use nix::errno::Errno;
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR)
    )
}
