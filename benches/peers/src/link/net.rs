//! Two network namespaces with a TUN device each, made with `ip` and gone with the value. Needs root; never touches the
//! machine's own addresses, routes or settings.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// Ethernet's payload: what almost every path carries.
pub(crate) const MTU: u16 = 1_500;
/// Packets the kernel holds for us while we are not looking; the link's own queue is in `core`.
const KERNEL_QUEUE: u32 = 2_000;

/// The namespaces: the near one sends and dials, the far one serves.
pub(crate) struct Net {
    near: String,
    far: String,
    congestion: Cell<&'static str>,
}

impl Net {
    pub(crate) const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
    pub(crate) const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2));

    /// Makes the namespaces and the devices, which are ours to read and write.
    pub(crate) fn up() -> Result<(Self, [SyncDevice; 2])> {
        ensure!(nix::unistd::geteuid().is_root(), "network namespaces need root");
        if Command::new("ip").arg("-V").output().is_err() {
            bail!("`ip` is missing: install iproute2 (Debian: apt-get install iproute2)");
        }
        sweep();
        let id = std::process::id();
        let (near, far) = (format!("roadstead-near-{id}"), format!("roadstead-far-{id}"));
        let net = Self { near, far, congestion: Cell::new("") };
        let near = net.side(&net.near, Self::NEAR, Self::FAR)?;
        let far = net.side(&net.far, Self::FAR, Self::NEAR)?;
        Ok((net, [near, far]))
    }

    /// The namespace that dials.
    pub(crate) fn near(&self) -> &str {
        &self.near
    }

    /// The namespace that serves.
    pub(crate) fn far(&self) -> &str {
        &self.far
    }

    /// What TCP uses on the path for sockets that do not choose themselves. A route outranks a socket's choice, so that the
    /// next run must set its own.
    pub(crate) fn set_congestion(&self, name: &'static str) -> Result<()> {
        if self.congestion.replace(name) != name {
            for (space, own, other) in [(&self.near, Self::NEAR, Self::FAR), (&self.far, Self::FAR, Self::NEAR)] {
                let (own, other) = (own.to_string(), other.to_string());
                let route = ["-n", space, "route", "replace", &other, "dev", &device(space == &self.near), "src", &own];
                ip(&[&route[..], &["congctl", name]].concat())?;
                let local =
                    "route replace table local local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1 congctl";
                ip(&[&["-n", space], &local.split(' ').collect::<Vec<_>>()[..], &[name]].concat())?;
            }
        }
        Ok(())
    }

    fn side(&self, space: &str, own: IpAddr, other: IpAddr) -> Result<SyncDevice> {
        ip(&["netns", "add", space])?;
        let name = device(own == Self::NEAR);
        let device = DeviceBuilder::new()
            .name(&name)
            .layer(Layer::L3)
            .mtu(MTU)
            .with(|linux| {
                linux.tx_queue_len(KERNEL_QUEUE);
            })
            .enable(false)
            .build_sync()
            .context("no TUN device: is /dev/net/tun there?")?;
        device.set_nonblocking(true)?;
        ip(&["link", "set", &name, "netns", space])?;
        ip(&["-n", space, "addr", "add", &own.to_string(), "peer", &other.to_string(), "dev", &name])?;
        ip(&["-n", space, "link", "set", "lo", "up"])?;
        ip(&["-n", space, "link", "set", &name, "up"])?;
        // What TCP remembers of a path would carry one run's losses into the next.
        let settings = "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save; \
                        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null; true";
        ip(&["netns", "exec", space, "sh", "-c", settings])?;
        Ok(device)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for space in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", space]).output();
        }
    }
}

/// Deletes what runs that were killed have left behind.
fn sweep() {
    let listed = Command::new("ip").args(["netns", "list"]).output().map(|output| output.stdout).unwrap_or_default();
    for space in String::from_utf8_lossy(&listed).lines().filter_map(|line| line.split_whitespace().next()) {
        let id = space.strip_prefix("roadstead-near-").or_else(|| space.strip_prefix("roadstead-far-"));
        if id.is_some_and(|id| !std::path::Path::new("/proc").join(id).exists()) {
            let _ = Command::new("ip").args(["netns", "del", space]).output();
        }
    }
}

/// An interface's name has 15 characters at most.
fn device(near: bool) -> String {
    format!("{}{}", if near { "rsn" } else { "rsf" }, std::process::id())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}
