//! Whether the emulator keeps its word: what was asked of a link beside what TCP and UDP find on it.

use std::time::Duration;

use anyhow::Result;

use super::Spec;
use super::spec::GRID;
use crate::peers::{named, tls};
use crate::run::Ground;
use crate::work::{Job, Work};

/// Prints a line for each link: asked and measured.
pub(crate) fn check(ground: &Ground) -> Result<()> {
    println!(
        "{:<36} {:>15} {:>23} {:>15} {:>13} {:>6}",
        "asked → measured", "rate Mb/s", "RTT ms p50 p99", "loss %", "late ms p99", "CPU"
    );
    let (tcp, udp) = (named("TCP, clear")?, named("UDP, GSO/GRO")?);
    let bulk = named(if tls::has("bbr") { "TLS BBR" } else { "TLS CUBIC" })?;
    let job = |work| Job { work, time: Duration::from_secs(4) };
    for (seed, spec) in (1..).zip(GRID.iter().chain(&[Spec::plain("1 Gb/s 2 ms", 1_000, 2, 0.0)])) {
        let clean = spec.loss.average() == 0.0 && spec.reorder == 0.0;
        let (figures, counts) = ground.over(spec, seed, if clean { tcp } else { bulk }, job(Work::Bulk))?;
        let (ping, _) = ground.over(spec, seed, udp, job(Work::Request))?;
        let side = counts.sides[0];
        // 1,448 bytes of each 1,500 are TCP's payload.
        let rate = figures.of("rate").unwrap_or(0.0) * 1_500.0 / 1_448.0;
        println!(
            "{:<36} {:>5} → {:>6.1}  {:>6} → {:>6.2} {:>6.2} {:>6.2} → {:>5.2} {:>13.2} {:>4.0} %",
            spec.name,
            spec.rate / 1_000_000,
            rate,
            spec.delay as f64 / 500.0,
            ping.of("p50").unwrap_or(0.0) / 1e3,
            ping.of("p99").unwrap_or(0.0) / 1e3,
            spec.loss.average() * 100.0,
            side.lost as f64 / (side.lost + side.carried).max(1) as f64 * 100.0,
            counts.lateness(0.01),
            counts.processor / counts.seconds * 100.0,
        );
    }
    Ok(())
}
