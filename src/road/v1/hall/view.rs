//! A session as an operator sees it: values only.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::{Name, Time};
use crate::nacl::Suite;
use crate::road::v1::tally::Tally;

/// One session as an operator sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The estate.
    pub name: Name,
    /// Where it is.
    pub remote: SocketAddr,
    /// When something of it came last.
    pub heard: Time,
    /// Smoothed round trip.
    pub rtt: Duration,
    /// Shortest round trip.
    pub rtt_min: Duration,
    /// Congestion window, bytes.
    pub window: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Pace, bytes a second.
    pub rate: u64,
    /// Bytes of a datagram the path takes.
    pub mtu: u16,
    /// Bytes of messages waiting or in flight.
    pub going: usize,
    /// Bytes of messages under reassembly.
    pub coming: usize,
    /// How packets are sealed.
    pub suite: Suite,
    /// Share of packets lost lately, 0 to 1.
    pub loss: f64,
    /// Counters.
    pub tally: Tally,
}
