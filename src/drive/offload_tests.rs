//! Trains, marks and refusals on real loopback sockets, and what a refusal says of segmentation.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::*;
use crate::drive::train::Departure;
use crate::road::Mark;

struct Port {
    socket: UdpSocket,
    offload: Offload,
}

fn port(address: SocketAddr) -> io::Result<Port> {
    let socket = UdpSocket::bind(address)?;
    let offload = Offload::new(&socket)?;
    Ok(Port { socket, offload })
}

fn local() -> Port {
    port(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

impl Port {
    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn send(&mut self, transmit: Transmit, bytes: &[u8]) {
        let mut departure = Departure::default();
        departure.load(|out| {
            out.extend_from_slice(bytes);
            Some(transmit)
        });
        assert!(departure.unload(|transmit, left| self.offload.send(&self.socket, transmit, left).ok()));
    }

    /// The next `count` datagrams: their marks and bytes.
    fn take(&self, count: usize) -> Vec<(Mark, Vec<u8>)> {
        let (mut arrivals, mut came) = (Arrivals::default(), Vec::new());
        while came.len() < count {
            let patience = PollTimeout::try_from(Duration::from_secs(10)).unwrap();
            assert!(poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], patience).unwrap() > 0);
            self.offload.receive(&self.socket, &mut arrivals).unwrap();
            arrivals.unload(|datagrams| came.extend(datagrams.iter().map(|d| (d.mark, d.bytes.to_vec()))));
        }
        came
    }
}

fn train(to: SocketAddr, size: usize, segment: usize, mark: Mark) -> (Transmit, Vec<u8>) {
    let bytes = (0..size).map(|n| (n / segment) as u8 ^ n as u8).collect();
    (Transmit { to, size, segment: Some(segment), mark }, bytes)
}

fn arrives_whole(mut from: Port, to: &Port) {
    // Longer than one call may be in segments or bytes; the last shorter; a single; one that just fits loopback under IPv6.
    for (size, segment) in [(63_888, 1452), (150 * 100 + 7, 100), (130_000, 1200), (500, 1000), (65_488, 65_488)] {
        for mark in [Mark::NotEct, Mark::Ect1, Mark::Ect0, Mark::Ce] {
            let (transmit, bytes) = train(to.address(), size, segment, mark);
            from.send(transmit, &bytes);
            let expected: Vec<_> = bytes.chunks(segment).map(|datagram| (mark, datagram.to_vec())).collect();
            assert!(to.take(expected.len()) == expected, "{size} bytes in datagrams of {segment}, {mark:?}");
        }
    }
}

#[test]
fn trains_arrive_whole_and_marked() {
    arrives_whole(local(), &local());
}

#[test]
fn so_they_do_without_segmentation() {
    for segments in [1, 7] {
        let mut from = local();
        from.offload.limit_segments(segments);
        arrives_whole(from, &local());
    }
}

#[test]
fn so_they_do_over_ipv6() {
    let any = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    // Not every machine has it.
    let (Ok(from), Ok(to)) = (port(any), port(any)) else { return };
    arrives_whole(from, &to);
}

#[test]
fn what_is_refused_is_lost_and_nothing_else() {
    let (mut from, to) = (local(), local());
    let able = from.offload.segments;
    let nobody = local().address();
    // Too long; to nobody; to a port that is none; from an address that cannot get there.
    from.send(Transmit::one(to.address(), 65_508), &[0; 65_508]);
    from.send(Transmit::one(nobody, 5), b"hello");
    from.send(Transmit::one(SocketAddr::from(([127, 0, 0, 1], 0)), 5), b"hello");
    from.send(Transmit::one(SocketAddr::from(([192, 0, 2, 1], 9)), 5), b"hello");
    from.send(Transmit::one(SocketAddr::from((Ipv6Addr::LOCALHOST, 9)), 5), b"hello");
    let _ = from.offload.receive(&from.socket, &mut Arrivals::default());
    assert_eq!(from.offload.segments, able);
    let (transmit, bytes) = train(to.address(), 40_000, 1000, Mark::Ect0);
    from.send(transmit, &bytes);
    let came = to.take(40);
    assert!(came.iter().all(|(mark, _)| *mark == Mark::Ect0), "and marks are still written");
    assert!(came.into_iter().flat_map(|(_, bytes)| bytes).eq(bytes));
}

#[test]
fn a_failed_train_is_sent_singly_from_then_on() {
    let mut segments = Segments::new(64);
    assert_eq!(segments.portion(1000, 100_000), 64_000);
    assert!(segments.on_failure(true, Errno::EIO), "again, singly");
    assert_eq!(segments.portion(1000, 100_000), 1000);
    segments.on_sent(false);
    assert!(!segments.on_failure(false, Errno::ENOBUFS));
    assert_eq!(segments, Segments::new(1), "it was the train");
}

#[test]
fn datagrams_too_long_for_the_way_are_no_fault_of_the_train() {
    let mut segments = Segments::new(64);
    assert!(segments.on_failure(true, Errno::EINVAL));
    assert!(!segments.on_failure(false, Errno::EMSGSIZE));
    assert_eq!(segments, Segments::new(64));
    assert!(!segments.on_failure(true, Errno::EMSGSIZE), "newer kernels say so at once");
    assert!(!segments.on_failure(true, Errno::ENETUNREACH));
    assert_eq!(segments, Segments::new(64));
}

#[test]
fn portions_fit_udp_and_the_limit() {
    for limit in [1, 2, 44, 64] {
        for segment in [1, 100, 1452, 9000, 40_000, 65_507] {
            for left in [1, 99, 1452, 1453, 65_507, 130_000] {
                let size = Segments::new(limit).portion(segment, left);
                assert!(size > 0 && size <= left);
                assert!(size <= limits::UDP_MAX && size <= limit * segment);
                assert!(size == left || size.is_multiple_of(segment), "whole datagrams");
            }
        }
    }
}
