//! What one acknowledgement or loss timeout meant: values for the window, the pacer, the MTU search and the marks.

use std::time::Duration;

use crate::base::Time;

/// What became of something carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrived; possibly after it was taken for lost.
    Acked,
    /// It is taken for lost.
    Lost,
}

/// What one acknowledgement or loss timeout meant. Bytes and packets are those that count against the window of the current
/// path; MTU probes are reported apart and are no sign of congestion (RFC 9000 §14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Bytes newly acknowledged.
    pub acked_bytes: u64,
    /// Packets newly acknowledged.
    pub acked_packets: u32,
    /// Bytes newly lost.
    pub lost_bytes: u64,
    /// Packets newly lost.
    pub lost_packets: u32,
    /// Bytes in flight before.
    pub in_flight_before: u64,
    /// Bytes in flight now.
    pub in_flight: u64,
    /// The newest eliciting packet newly acknowledged.
    pub newest_acked: Option<u64>,
    /// When that was sent.
    pub newest_acked_sent: Option<Time>,
    /// When the oldest packet newly lost was sent.
    pub oldest_lost_sent: Option<Time>,
    /// When the newest packet newly lost was sent.
    pub newest_lost_sent: Option<Time>,
    /// The newest packet newly lost.
    pub newest_lost: Option<u64>,
    /// Everything was lost for long (RFC 9002 §7.6).
    pub is_persistent: bool,
    /// Packets declared lost whose acknowledgement came now.
    pub spurious: u32,
    /// The round trip this acknowledgement measured, the peer's delay included.
    pub rtt_sample: Option<Duration>,
    /// Delivery rate this acknowledgement measured.
    pub rate: Option<Rate>,
    /// Size of an MTU probe that was lost.
    pub lost_mtu_probe: Option<u32>,
    /// Size of an MTU probe that arrived.
    pub acked_mtu_probe: Option<u32>,
    /// Size of the largest packet newly acknowledged.
    pub acked_largest_size: u32,
    /// Size of the largest packet newly lost, MTU probes apart.
    pub lost_sizes_max: u32,
    /// Packets newly acknowledged that were sent as ECT(0).
    pub acked_ect: u32,
    /// Packets newly lost that were sent as ECT(0).
    pub lost_ect: u32,
    /// The acknowledgement raised the largest acknowledged number; only then do its ECN counts prove anything.
    pub is_newest: bool,
}

/// A delivery-rate sample (draft-ietf-ccwg-bbr §4.1.2, draft-cheng-iccrg-delivery-rate-estimation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// The sample.
    pub bytes_per_second: u64,
    /// Bytes delivered in this session so far.
    pub delivered: u64,
    /// The same when the newest acknowledged packet was sent.
    pub prior_delivered: u64,
    /// What the sample spans.
    pub interval: Duration,
    /// The sender had too little to send: the path may be faster.
    pub is_app_limited: bool,
    /// Bytes in flight just after the newest acknowledged packet was sent.
    pub tx_in_flight: u64,
    /// Bytes lost since the newest acknowledged packet was sent.
    pub lost: u64,
}
