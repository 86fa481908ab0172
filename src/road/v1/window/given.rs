//! What the window is given, in the shape the session's other parts agree on. Owns nothing; the window's tests build these.

use std::time::Duration;

use crate::base::Time;

/// What one ACK or loss timeout meant: all the window and the pacer need.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Verdict {
    pub acked_bytes: u64,
    pub acked_packets: u32,
    pub lost_bytes: u64,
    pub lost_packets: u32,
    pub in_flight_before: u64,
    pub in_flight: u64,
    pub newest_acked: Option<u64>,
    pub newest_acked_sent: Option<Time>,
    pub oldest_lost_sent: Option<Time>,
    pub newest_lost_sent: Option<Time>,
    pub newest_lost: Option<u64>,
    pub is_persistent: bool,
    pub spurious: u32,
    pub rtt_sample: Option<Duration>,
    pub rate: Option<Rate>,
    pub lost_mtu_probe: Option<u32>,
    pub acked_mtu_probe: Option<u32>,
    pub acked_largest_size: u32,
    pub lost_sizes_max: u32,
    pub acked_ect: u32,
}

/// A delivery rate sample (draft-ietf-ccwg-bbr §4.1.2).
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Rate {
    pub bytes_per_second: u64,
    pub delivered: u64,
    pub prior_delivered: u64,
    pub interval: Duration,
    pub is_app_limited: bool,
    pub tx_in_flight: u64,
    pub lost: u64,
}

/// Round-trip times (RFC 9002 §5).
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Rtt {
    pub latest: Duration,
    pub smoothed: Duration,
    pub min: Duration,
}

#[allow(missing_docs)]
impl Rtt {
    pub fn latest(&self) -> Duration {
        self.latest
    }
    pub fn smoothed(&self) -> Duration {
        self.smoothed
    }
    pub fn min(&self) -> Duration {
        self.min
    }
}
