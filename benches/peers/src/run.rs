//! One measurement after the other: the ends are started where the link is, and their figures put together.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};

use crate::ends::Setting;
use crate::link::carrier::Counts;
use crate::link::net::Net;
use crate::link::relay::Relay;
use crate::link::{Emulator, Spec};
use crate::peers::stream::MARGIN;
use crate::peers::{Peer, certificates};
use crate::work::{Figures, Job};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where measurements are made.
pub(crate) struct Ground {
    /// Namespaces and the emulator between them; `None` when we are not root.
    tun: Option<(Net, Emulator)>,
    folder: PathBuf,
}

impl Ground {
    /// Makes namespaces and certificates; `without` says why there are no namespaces.
    pub(crate) fn prepare(without: &mut Option<String>) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("roadstead-peers-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        certificates::make(&folder).context("certificates")?;
        let tun = match Net::up() {
            Ok((net, devices)) => Some((net, Emulator::start(devices))),
            Err(error) => {
                *without = Some(format!("{error:#}"));
                None
            }
        };
        Ok(Self { tun, folder })
    }

    /// Whether this peer can be measured over an emulated link here.
    pub(crate) fn carries(&self, peer: &dyn Peer) -> bool {
        self.tun.is_some() || peer.datagrams()
    }

    /// One measurement over bare loopback.
    pub(crate) fn loopback(&self, peer: &dyn Peer, job: Job) -> Result<Figures> {
        let setting = Setting { peer, job, folder: &self.folder };
        let space = self.tun.as_ref().map(|(net, _)| net.near());
        self.congestion(peer)?;
        let mut server = setting.start("serve", space, LOOPBACK, None)?;
        let found = server.found()?;
        let mut client = setting.start("drive", space, LOOPBACK, Some(&found))?;
        let near = client.done()?;
        Ok(together(near, server.end()?, job))
    }

    /// One measurement over a link with that seed, and what happened on the link.
    pub(crate) fn over(&self, spec: &Spec, seed: u64, peer: &dyn Peer, job: Job) -> Result<(Figures, Counts)> {
        let setting = Setting { peer, job, folder: &self.folder };
        self.congestion(peer)?;
        if let Some((net, emulator)) = &self.tun {
            emulator.set(spec, seed)?;
            let mut server = setting.start("serve", Some(net.far()), Net::FAR, None)?;
            let found = server.found()?;
            let mut client = setting.start("drive", Some(net.near()), Net::NEAR, Some(&found))?;
            let near = client.done()?;
            let counts = emulator.counts();
            return Ok((together(near, server.end()?, job), counts));
        }
        if !peer.datagrams() {
            return Err(anyhow!("TCP needs namespaces"));
        }
        let mut server = setting.start("serve", None, LOOPBACK, None)?;
        let mut found = server.found()?;
        let (ports, front) = Relay::to(found.at)?;
        let emulator = Emulator::start(ports);
        emulator.set(spec, seed)?;
        found.at = front;
        let mut client = setting.start("drive", None, LOOPBACK, Some(&found))?;
        let near = client.done()?;
        let counts = emulator.counts();
        Ok((together(near, server.end()?, job), counts))
    }

    fn congestion(&self, peer: &dyn Peer) -> Result<()> {
        match (&self.tun, peer.congestion()) {
            (Some((net, _)), Some(name)) => net.set_congestion(name),
            _ => Ok(()),
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Both ends' figures, and the processor time both spend on a gigabyte.
fn together(near: Figures, far: Figures, job: Job) -> Figures {
    let mut all = far;
    all.0.extend(near.0);
    if let (Some(near), Some(far), Some(bytes)) = (all.of("near-processor"), all.of("far-processor"), all.of("bytes")) {
        // The near end works on for the margin.
        let near = near * job.time.as_secs_f64() / (job.time + MARGIN).as_secs_f64();
        all.set("per-gigabyte", (near + far) / (bytes / 1e9));
    }
    all
}
