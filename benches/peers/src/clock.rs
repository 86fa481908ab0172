//! Clocks, processor time and memory of this process. The monotonic clock is the same in every process of the machine, so
//! that one-way delays between two of them can be measured.

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock.
pub(crate) fn now() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// The same clock at its last tick.
pub(crate) fn tick() -> u64 {
    read(ClockId::CLOCK_MONOTONIC_COARSE)
}

fn read(clock: ClockId) -> u64 {
    // Cannot fail for these clocks on Linux.
    clock_gettime(clock).map_or(0, |t| t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}

/// Processor seconds, user and system, of this process.
pub(crate) fn processor() -> f64 {
    used(UsageWho::RUSAGE_SELF)
}

/// Processor seconds of the calling thread.
pub(crate) fn processor_of_thread() -> f64 {
    used(UsageWho::RUSAGE_THREAD)
}

/// Resident memory of this process in kB; 0 where `/proc` is not mounted.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or(0.0)
}

fn used(who: UsageWho) -> f64 {
    getrusage(who).map_or(0.0, |usage| {
        let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}
