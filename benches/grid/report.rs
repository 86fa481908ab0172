//! The outcome as text with fixed columns, and as a page with plots. No figure depends on the machine.

use std::fmt::Write;
use std::time::Duration;

use roadstead::sim::Outcome;

use super::cells::{Cell, LOSSES, RATES, TRIPS, bits, millis};

type Row<'a> = (&'a Cell, Option<&'a Outcome>);

/// A plot's inside, in pixels.
const WIDTH: f64 = 210.0;
const HEIGHT: f64 = 120.0;

const LEGEND: &str = "\
# The loss grid, simulated: what one sender's bulk messages and 1 kB messages beside them get from a link.
# goodput: message bodies that arrived, Mb/s; of: in per cent of rate x (1 - loss); late: the same in the second half.
# sent: bytes given to the link, heads included, for a byte that arrived. drop: datagrams the queue had no room for.
# wait: mean time in the queue, ms. p50, p99, p999: one-way delay of the 1 kB messages, ms. miss: not there in the end.
# ~: ended early by its number of datagrams; only the start is seen. Both directions lose alike.
";

/// The snapshot.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut out = LEGEND.to_owned();
    let heads = ["goodput", "of", "late", "sent", "drop", "wait", "p50", "p99", "p999", "miss"];
    let _ = write!(out, "{:<16}{:<38}|", "link", "trouble");
    for head in heads {
        let _ = write!(out, "{head:>9}");
    }
    out.push('\n');
    for (cell, outcome) in rows {
        let _ = write!(out, "{:<16}{:<38}|", cell.link, cell.trouble);
        match outcome {
            Some(outcome) => figures(&mut out, cell, outcome),
            None => out.push_str(" never joined"),
        }
        out.push('\n');
    }
    out
}

fn figures(out: &mut String, cell: &Cell, outcome: &Outcome) {
    let Some(flow) = outcome.flows.first() else { return };
    let share = |rate: f64| format!("{:.1}", rate / cell.limit() * 100.0);
    let delay = |per_mille| flow.delay(per_mille).map_or("-".to_owned(), milliseconds);
    let columns = [
        format!("{:.3}", flow.goodput() / 1e6),
        share(flow.goodput()),
        share(flow.steady()),
        format!("{:.3}", outcome.expense()),
        outcome.there.dropped.to_string(),
        milliseconds(outcome.there.mean_wait()),
        delay(500),
        delay(990),
        delay(999),
        flow.missing.to_string(),
    ];
    for column in columns {
        let _ = write!(out, "{column:>9}");
    }
    if outcome.is_short {
        out.push_str(" ~");
    }
    if let (Some(fairness), [_, rival, ..]) = (outcome.fairness(), outcome.flows.as_slice()) {
        let _ = write!(out, " other: {:.3}, ours over its: {fairness:.2}", rival.goodput() / 1e6);
    }
}

/// The page: a plot for each rate and round trip, then the text.
pub(crate) fn page(rows: &[Row]) -> String {
    let mut out = String::from(
        "<!doctype html><meta charset=utf-8><title>The loss grid</title><style>\
         body{font:14px/1.4 sans-serif;margin:2em;color:#222;background:#fff}table{border-spacing:6px}th{font-weight:600}\
         text{font-size:10px;fill:#555}pre{font-size:11px}.single{stroke:#0a6cbf;fill:#0a6cbf}.burst{stroke:#d06a00;fill:#d06a00}\
         polyline{fill:none!important;stroke-width:1.8}.frame{stroke:#ccc;fill:none}i{font-style:normal;font-weight:600}</style>\
         <h1>The loss grid</h1><p>Simulated; <code>cargo bench --bench grid</code> writes this page. Loss from left to right: \
         <i style='color:#0a6cbf'>single</i>, <i style='color:#d06a00'>in bursts</i>. Hollow points: only the start is seen.</p>",
    );
    section(&mut out, rows, "Goodput in the second half, per cent of rate × (1 − loss)", &|cell, outcome| {
        let flow = outcome.flows.first()?;
        Some((flow.steady() / cell.limit() * 100.0).min(100.0))
    });
    section(&mut out, rows, "p99 of 1 kB messages beside it, round trips; 10 and more at the top", &|cell, outcome| {
        let delay = outcome.flows.first()?.delay(990)?;
        let trip = cell.transfer.there.delay * 2;
        Some((delay.as_secs_f64() / trip.as_secs_f64() * 10.0).min(100.0))
    });
    let escaped = text(rows).replace('&', "&amp;").replace('<', "&lt;");
    let _ = write!(out, "<h2>All figures</h2><pre>{escaped}</pre>");
    out
}

/// Rates down, round trips across; `value` is in per cent of a plot's height.
fn section(out: &mut String, rows: &[Row], title: &str, value: &dyn Fn(&Cell, &Outcome) -> Option<f64>) {
    let _ = write!(out, "<h2>{title}</h2><table><tr><th>");
    for trip in TRIPS {
        let _ = write!(out, "<th>{}", millis(trip));
    }
    for rate in RATES {
        let _ = write!(out, "<tr><th>{}", bits(rate));
        for trip in TRIPS {
            out.push_str("<td>");
            plot(out, |loss, is_burst| {
                // Without loss both kinds are one.
                let place = Some((rate, trip, loss, is_burst && loss > 0));
                let (cell, outcome) = rows.iter().find(|(cell, _)| cell.place == place)?;
                let outcome = (*outcome)?;
                Some((value(cell, outcome)?, outcome.is_short))
            });
        }
    }
    out.push_str("</table>");
}

/// One plot over the losses: lines for single ones and bursts.
fn plot(out: &mut String, value: impl Fn(u64, bool) -> Option<(f64, bool)>) {
    let x = |n: usize| 26.0 + n as f64 * (WIDTH - 12.0) / (LOSSES.len() - 1) as f64;
    let y = |value: f64| 8.0 + HEIGHT * (1.0 - value / 100.0);
    let (width, height) = (WIDTH + 40.0, HEIGHT + 28.0);
    let _ = write!(out, "<svg width='{width}' height='{height}'>");
    for level in [0.0, 50.0, 100.0] {
        let at = y(level);
        let _ =
            write!(out, "<path class=frame d='M22 {at:.1}h{WIDTH:.0}'/><text x=2 y={:.1}>{level:.0}</text>", at + 3.0);
    }
    for (n, loss) in LOSSES.iter().enumerate() {
        let label = *loss as f64 / 1e4;
        let _ = write!(out, "<text x={:.1} y={:.1} text-anchor=middle>{label}</text>", x(n), HEIGHT + 22.0);
    }
    for (class, is_burst) in [("single", false), ("burst", true)] {
        let points = LOSSES.iter().enumerate().filter_map(|(n, loss)| Some((x(n), value(*loss, is_burst)?)));
        let points: Vec<(f64, (f64, bool))> = points.collect();
        let line: Vec<String> = points.iter().map(|(x, (value, _))| format!("{x:.1},{:.1}", y(*value))).collect();
        let _ = write!(out, "<polyline class={class} points='{}'/>", line.join(" "));
        for (x, (value, is_short)) in points {
            let fill = if is_short { " style='fill:#fff'" } else { "" };
            let _ = write!(out, "<circle class={class}{fill} cx={x:.1} cy={:.1} r=2.6 />", y(value));
        }
    }
    out.push_str("</svg>");
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}
