//! The loss grid, simulated: bulk goodput, what it costs on the link, and the delay of 1 kB messages beside it, for rates
//! from 1 Mb/s to 10 Gb/s, round trips from 0.2 to 600 ms and losses to 30 %, single and in bursts; then links with one
//! trouble each, links shared with CUBIC and with itself, and a few of the classic wire's. Seeded: two runs of one source are equal to the digit.
//!
//! Why: a transport is judged by its worst link. `cargo bench --bench grid` writes `grid/snapshot.txt`, whose changes are
//! reviewed, and `grid/report.html`, the same as plots; `-- --quick` runs a part and shows what differs from the snapshot, `-- --only TEXT` the cells of which that is a part.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use roadstead::sim::Outcome;

#[path = "grid/cells.rs"]
mod cells;
#[path = "grid/report.rs"]
mod report;
use cells::Cell;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let only = arguments.iter().position(|argument| argument == "--only").map(|at| arguments[at + 1].clone());
    let is_quick = only.is_some() || arguments.iter().any(|argument| argument == "--quick");
    let start = Instant::now();
    let mut cells = cells::all();
    match &only {
        Some(name) => cells.retain(|cell| format!("{} {}", cell.link, cell.trouble).contains(name)),
        None if is_quick => cells.retain(Cell::is_quick),
        None => {}
    }
    let results = run(&cells);
    let rows: Vec<(&Cell, Option<&Outcome>)> = cells.iter().zip(results.iter().map(Option::as_ref)).collect();
    let datagrams: u64 = results.iter().flatten().map(|o| o.there.datagrams + o.back.datagrams).sum();
    let text = report::text(&rows);
    println!("{text}");
    println!("{} links, {datagrams} datagrams, {:.0} s", cells.len(), start.elapsed().as_secs_f64());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/grid");
    let snapshot = folder.join("snapshot.txt");
    if is_quick {
        return compare(&fs::read_to_string(snapshot).unwrap_or_default(), &text);
    }
    fs::write(snapshot, text).unwrap();
    fs::write(folder.join("report.html"), report::page(&rows)).unwrap();
}

/// Every cell, on as many threads as there are cores. Which thread runs it makes no difference to what comes of it.
fn run(cells: &[Cell]) -> Vec<Option<Outcome>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                while let Some((n, cell)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, cells.get(n)?)))
                {
                    let start = Instant::now();
                    let outcome = cell.transfer.run();
                    eprintln!("{:>7.2} s  {} {}", start.elapsed().as_secs_f64(), cell.link, cell.trouble);
                    tell.send((n, outcome)).unwrap();
                }
            });
        }
    });
    drop(tell);
    let mut results: Vec<Option<Outcome>> = cells.iter().map(|_| None).collect();
    for (n, outcome) in told {
        results[n] = outcome;
    }
    results
}

/// Shows the lines that differ from the snapshot's.
fn compare(snapshot: &str, text: &str) {
    let keyed = |text: &str| -> BTreeMap<String, String> {
        let rows = text.lines().filter_map(|line| line.split_once('|'));
        rows.map(|(key, figures)| (key.trim().to_owned(), figures.to_owned())).collect()
    };
    let old = keyed(snapshot);
    let changed = keyed(text).into_iter().filter(|(key, figures)| old.get(key) != Some(figures));
    let changed: Vec<_> = changed.collect();
    println!("{} lines differ from the snapshot", changed.len());
    for (key, figures) in changed {
        println!("- {key} |{}", old.get(&key).map_or(" nothing", String::as_str));
        println!("+ {key} |{figures}");
    }
}
