//! The peers: who can be measured, and what each must be able to do. A peer is one protocol in one configuration; its two
//! ends run in two processes.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};

use crate::meter::Meter;
use crate::work::{Figures, Job, Work};

pub(crate) mod certificates;
pub(crate) mod kcp;
pub(crate) mod quic;
pub(crate) mod raw;
pub(crate) mod roadstead;
pub(crate) mod s2n;
pub(crate) mod stream;
pub(crate) mod tls;
#[cfg(feature = "zeromq")]
pub(crate) mod zeromq;

/// One protocol in one configuration.
pub(crate) trait Peer: Sync {
    /// As the tables call it.
    fn name(&self) -> &'static str;

    /// Whether it has an answer to this workload.
    fn can(&self, work: Work) -> bool;

    /// Whether it is UDP, so that the relay can carry it.
    fn datagrams(&self) -> bool {
        true
    }

    /// The congestion control to be set on the path, for one that cannot set it on its sockets.
    fn congestion(&self) -> Option<&'static str> {
        None
    }

    /// The serving end: binds, says through `tell` where it is to be found, and serves for ever.
    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible>;

    /// The driving end: does the job, says through `tell` what it measured, and keeps its connections for ever.
    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible>;
}

/// What an end is given.
pub(crate) struct End<'a> {
    /// The address to bind.
    pub(crate) ip: IpAddr,
    /// Where certificates are kept.
    pub(crate) folder: &'a Path,
}

/// Where a server is, and what a client must know of it beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) at: SocketAddr,
    /// Its public key or nothing.
    pub(crate) key: String,
}

/// Everybody, in the order of the tables.
pub(crate) fn all() -> Vec<&'static dyn Peer> {
    vec![
        &roadstead::AES,
        &roadstead::NACL,
        &roadstead::FREE,
        &roadstead::CUBIC,
        &roadstead::CLASSIC,
        &quic::CUBIC,
        &quic::BBR,
        &s2n::CUBIC,
        &tls::CUBIC,
        &tls::BBR,
        #[cfg(feature = "zeromq")]
        &zeromq::CURVE,
        #[cfg(feature = "zeromq")]
        &zeromq::CURVE_BBR,
        &kcp::KCP,
        &tls::CLEAR,
        &raw::RAW,
    ]
}

/// The peer of that name.
pub(crate) fn named(name: &str) -> Result<&'static dyn Peer> {
    all().into_iter().find(|peer| peer.name() == name).ok_or_else(|| anyhow!("no peer is called {name}"))
}

/// A runtime on the calling thread: one core for each end, as the machine has two.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
