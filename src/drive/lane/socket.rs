//! One yard's socket: made so that every datagram carries its sender's user, and its file removed with it.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrLike, UnixAddr, UnixCredentials, bind,
    recvmsg, setsockopt, socket, sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use super::LaneError;
use crate::base::Name;
use crate::base::limits::PAGE_MAX;
use crate::lane::file_name;

/// Longest path of a socket on Linux, bytes: 108 and a zero (unix(7)).
pub(super) const PATH_MAX: usize = 107;
/// What we ask for unread pages we sent; the system gives less unless we are root.
const SEND_BUFFER: usize = 8 << 20;
/// Owner and group may talk to a yard.
const MODE: u32 = 0o660;

/// A bound socket and its file.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) datagrams: UnixDatagram,
    pub(super) path: PathBuf,
    /// The group of the file.
    pub(super) group: u32,
}

/// A received datagram: its bytes are in the caller's buffer.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) length: usize,
    /// User and group of the sender as the kernel told.
    pub(super) sender: Option<(u32, u32)>,
    /// The file name of the sender's socket, when it has one.
    pub(super) from: Option<String>,
}

/// The path of a yard's socket, if it fits an address.
pub(super) fn path_of(dir: &Path, lane: &Name, yard: &Name) -> Result<PathBuf, LaneError> {
    let path = dir.join(file_name(lane, yard));
    let length = path.as_os_str().len();
    if length > PATH_MAX { Err(LaneError::PathTooLong { path, length }) } else { Ok(path) }
}

/// A buffer for [`receive`]; one byte more than a page, so that a longer datagram shows.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; PAGE_MAX + 1]
}

impl Socket {
    /// Binds `path`. The file must not exist.
    pub(super) fn bind(path: PathBuf) -> Result<Self, LaneError> {
        let datagrams = bind_datagrams(&path).map_err(|e| LaneError::from_io(&path, e.into()))?;
        let mut bound = Self { datagrams, path, group: 0 };
        let settle = |path: &Path| {
            // The umask may have taken more than it should.
            std::fs::set_permissions(path, PermissionsExt::from_mode(MODE))?;
            std::fs::symlink_metadata(path)
        };
        let file = settle(&bound.path).map_err(|e| LaneError::from_io(&bound.path, e))?;
        bound.group = file.gid();
        Ok(bound)
    }
}

impl Socket {
    /// Lets `user` talk to this yard. Only root can, and only root needs to: the daemon it talks to may be less.
    pub(super) fn admit(&self, user: u32) -> Result<(), LaneError> {
        if !geteuid().is_root() || user == 0 {
            return Ok(());
        }
        std::os::unix::fs::lchown(&self.path, Some(user), None).map_err(|e| LaneError::from_io(&self.path, e))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn bind_datagrams(path: &Path) -> nix::Result<UnixDatagram> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd: OwnedFd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    // Before the bind: no datagram may come without its sender, and nobody else may come at all.
    setsockopt(&fd, sockopt::PassCred, &true)?;
    fchmod(&fd, Mode::from_bits_truncate(MODE))?;
    if setsockopt(&fd, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
        let _ = setsockopt(&fd, sockopt::SndBuf, &SEND_BUFFER);
    }
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd.into())
}

/// Takes one datagram, without waiting.
pub(super) fn receive(datagrams: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Datagram> {
    // Room for the sender and nothing else: file descriptors somebody passes are not taken in by the kernel.
    let mut control = nix::cmsg_space!(UnixCredentials);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let taken = recvmsg::<UnixAddr>(datagrams.as_raw_fd(), &mut slices, Some(&mut control), flags)?;
    // Truncated control data: the sender sent more than we want, and is not believed.
    let sender = taken.cmsgs().ok().and_then(|mut all| {
        all.find_map(|message| match message {
            ControlMessageOwned::ScmCredentials(who) => Some((who.uid(), who.gid())),
            _ => None,
        })
    });
    // A sender without a name leaves an address of no length, and nix 0.31 panics when asked for its path.
    let named = taken.address.as_ref().filter(|address| address.len() as usize > size_of::<nix::libc::sa_family_t>());
    let from = named.and_then(UnixAddr::path).and_then(Path::file_name);
    let from = from.and_then(|name| name.to_str()).map(str::to_owned);
    Ok(Datagram { length: taken.bytes, sender, from })
}

/// Whether somebody listens at `path`.
pub(super) fn probe(path: &Path) -> io::Result<()> {
    UnixDatagram::unbound()?.connect(path)
}
