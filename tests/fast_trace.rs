//! `--trace`: the file of a session tells the whole of a transfer, so that it can be plotted; and a trace that cannot be
//! written costs nobody anything.

#![cfg(all(test, feature = "daemon"))]
// Tests say what must be so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use roadstead::host::trace::Trace;
use roadstead::road::{Config, Wires};
use roadstead::sim::{Link, Outcome, Transfer};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

/// Two seconds over 50 Mb/s and 20 ms, one datagram in fifty lost.
fn transfer() -> Outcome {
    let back = Link { delay: Duration::from_millis(10), mtu: 1472, ..Link::default() };
    let mut there = Link { rate: 50_000_000, loss_ppm: 20_000, ..back };
    there.queue = there.bandwidth_delay();
    let fast = |config: &mut Config| config.wires = Wires::FAST;
    let time = Duration::from_secs(2);
    Transfer { seed: 1, there, back, pairs: vec![fast], time, ..Transfer::default() }.run().expect("joined")
}

fn traced(dir: &Path) -> Outcome {
    let trace = Trace::new(dir).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(trace.layer()), transfer)
}

/// Head and events of the file that a session of the side `vantage` wrote.
fn read(dir: &Path, vantage: &str) -> (Value, Vec<Value>) {
    let files = fs::read_dir(dir).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let parse = |text: String| {
        assert!(text.ends_with('\n'));
        let records = text.split('\u{1e}').skip(1).map(|record| serde_json::from_str(record).unwrap());
        let mut records: Vec<Value> = records.collect();
        (records.remove(0), records)
    };
    files.map(parse).find(|(head, _)| head["trace"]["vantage_point"]["type"] == vantage).expect("a file")
}

fn named<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["name"] == name).map(|event| &event["data"])
}

fn sum<'a>(events: impl Iterator<Item = &'a Value>, pointer: &str) -> u64 {
    events.map(|data| data.pointer(pointer).unwrap().as_u64().unwrap()).sum()
}

#[test]
fn a_file_tells_the_whole_transfer() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = traced(dir.path());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "a file for each end");
    let (head, events) = read(dir.path(), "server");
    assert_eq!((&head["qlog_format"], &head["qlog_version"]), (&"JSON-SEQ".into(), &"0.3".into()));
    let times: Vec<f64> = events.iter().map(|event| event["time"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "times go on");

    let payload = outcome.flows[0].payload();
    let acked = sum(named(&events, "roadstead:packets_acked"), "/bytes");
    assert!((payload..payload * 12 / 10 + (2 << 20)).contains(&acked), "{acked} acknowledged, {payload} received");
    let lost = sum(named(&events, "recovery:packet_lost"), "/packets");
    let dropped = outcome.there.lost + outcome.there.dropped;
    assert!(lost.abs_diff(dropped) <= dropped / 5 + 20, "{lost} taken for lost, {dropped} were");
    let numbers: Vec<u64> =
        named(&events, "transport:packet_sent").map(|data| data["header"]["packet_number"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "packet numbers grow");
    assert!(sum(named(&events, "transport:packet_sent"), "/raw/length") >= acked, "more was sent than acknowledged");
    let rtts: Vec<f64> = named(&events, "recovery:metrics_updated")
        .filter(|data| data["bytes_in_flight"].as_u64().unwrap() > 0)
        .map(|data| data["min_rtt"].as_f64().unwrap())
        .collect();
    assert!(rtts.last().is_some_and(|rtt| (20.0..22.0).contains(rtt)), "{:?}", rtts.last());
}

#[test]
fn what_was_there_stays_and_the_transfer_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let first = traced(dir.path());
    let before = read(dir.path(), "server");
    // The same seed, hence the same sessions: their files are there already.
    let second = traced(dir.path());
    assert_eq!(read(dir.path(), "server"), before);
    assert_eq!(first.flows[0].payload(), second.flows[0].payload(), "a trace changes nothing");
    assert_eq!(transfer().flows[0].payload(), first.flows[0].payload());
}
