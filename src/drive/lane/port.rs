//! A daemon's main yard: takes messages from every yard of the lane and answers them, without ever waiting for one.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::time::sleep_until;

use super::LaneError;
use super::gate::Gate;
use super::ground::{Lock, claim};
use super::outbox::Outbox;
use super::socket::{self, Datagram, Socket};
use crate::base::{Name, Random, Time};
use crate::clock::Clock;
use crate::lane::{Lane, file_name, page};
use crate::message::Message;

/// Pause after an error of the system that should not happen, so that it does not become a hot loop.
const PAUSE: Duration = Duration::from_millis(50);

/// The daemon side of a lane.
#[derive(Debug)]
pub struct LanePort {
    lane: Lane,
    name: Name,
    /// The same socket as `socket`, as tokio waits for it. Sends go past tokio: whether a yard has room is not the socket's
    /// readiness.
    readiness: UnixDatagram,
    socket: Socket,
    gate: Gate,
    outbox: Outbox,
    buffer: Vec<u8>,
    // After the socket: the lane is given up when its socket is gone.
    _lock: Lock,
}

impl LanePort {
    /// Claims `lane` in `dir` and binds `yard` there. Must be called within a tokio runtime.
    pub fn bind(dir: &Path, lane: &Name, yard: &Name, random: Random) -> Result<Self, LaneError> {
        let path = socket::path_of(dir, lane, yard)?;
        // What a command line will need, said now and here instead of there and later.
        if let Ok(longest) = Name::new(&format!("client{:018x}", 0)) {
            socket::path_of(dir, lane, &longest)?;
        }
        let lock = claim(dir, lane)?;
        let socket = Socket::bind(path)?;
        let readiness = socket.datagrams.try_clone().and_then(UnixDatagram::from_std);
        let readiness = readiness.map_err(|e| LaneError::from_io(&socket.path, e))?;
        tracing::debug!(path = %socket.path.display(), "the lane is open");
        Ok(Self {
            lane: Lane::new(lane.clone(), yard.clone(), random),
            name: lane.clone(),
            readiness,
            gate: Gate::for_group(socket.group),
            outbox: Outbox::new(dir, lane.clone()),
            buffer: socket::buffer(),
            socket,
            _lock: lock,
        })
    }

    /// The next message, with the yard it came from and its user; meanwhile sends what waits. Cancel safe.
    pub async fn next(&mut self, clock: &Clock) -> (Name, u32, Message) {
        loop {
            let now = clock.now();
            self.lane.handle_timeout(now);
            for yard in self.outbox.flush(&self.socket.datagrams, now) {
                self.lane.forget(&yard);
            }
            let wake = [self.outbox.poll_timeout(), self.lane.poll_timeout()].into_iter().flatten().min();
            let timer = async {
                match wake {
                    Some(time) => sleep_until(clock.instant(time).into()).await,
                    None => std::future::pending().await,
                }
            };
            let ready = tokio::select! {
                ready = self.readiness.readable() => ready,
                () = timer => continue,
            };
            let taken = ready.and_then(|()| {
                self.readiness.try_io(Interest::READABLE, || socket::receive(&self.readiness, &mut self.buffer))
            });
            match taken {
                Ok(datagram) => {
                    if let Some(message) = self.take(clock.now(), datagram) {
                        return message;
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => {
                    tracing::warn!(%error, "the lane's socket cannot be read");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends `message` to `yard`: at once, or from [`next`](Self::next) when the yard is slow.
    pub fn send(&mut self, yard: &Name, message: &Message) -> Result<(), LaneError> {
        let pages = self.lane.send(yard, message)?;
        let pushed = self.outbox.push(&self.socket.datagrams, yard, pages);
        if matches!(pushed, Err(LaneError::Gone { .. })) {
            self.lane.forget(yard);
        }
        pushed
    }

    /// Judges the datagram in the buffer and takes it in.
    fn take(&mut self, now: Time, datagram: Datagram) -> Option<(Name, u32, Message)> {
        let Some((uid, gid)) = datagram.sender else {
            tracing::warn!(from = ?datagram.from, "a page without its sender's user is dropped");
            return None;
        };
        if !self.gate.admits(uid, gid) {
            tracing::warn!(uid, gid, "a page of a user who may not use this lane is dropped");
            return None;
        }
        let bytes = self.buffer.get(..datagram.length)?;
        // Answers go to the yard the page names: it must be the one that sent it.
        let named = page::read(bytes).ok().map(|page| file_name(&self.name, &page.from));
        if named.is_some() && named != datagram.from {
            tracing::warn!(uid, yard = ?named, socket = ?datagram.from, "a page under another yard's name is dropped");
            return None;
        }
        match self.lane.handle_page(now, bytes) {
            Ok(message) => message.map(|(yard, message)| (yard, uid, message)),
            Err(why) => {
                tracing::warn!(uid, from = ?datagram.from, %why, "a page is dropped");
                None
            }
        }
    }
}
