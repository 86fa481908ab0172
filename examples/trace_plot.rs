//! Plots a transfer from a trace that `roadstead master --trace DIR` wrote: `cargo run --example trace_plot -- FILE > plot.svg`.
//!
//! Three panels over time: bytes acknowledged (and where packets were lost), window and bytes in flight, round trip.

// serde_json gives null for what is not there.
#![allow(clippy::indexing_slicing)]

use std::error::Error;
use std::fs;

use serde_json::Value;

/// Points of one line, seconds and whatever its panel shows.
type Line = Vec<(f64, f64)>;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 180.0;
const MARGIN: f64 = 60.0;

/// What is drawn.
#[derive(Default)]
struct Plot {
    acked: Line,
    lost: Line,
    window: Line,
    in_flight: Line,
    rtt: Line,
}

impl Plot {
    fn read(text: &str) -> Result<Self, Box<dyn Error>> {
        let (mut plot, mut total, mut start) = (Self::default(), 0.0, None);
        for record in text.split('\u{1e}').skip(1) {
            let Ok(event) = serde_json::from_str::<Value>(record) else { continue };
            let Some(time) = event["time"].as_f64() else { continue };
            let at = (time - *start.get_or_insert(time)) / 1000.0;
            let data = |name: &str| event["data"][name].as_f64().unwrap_or_default();
            match event["name"].as_str() {
                Some("roadstead:packets_acked") => {
                    total += data("bytes");
                    plot.acked.push((at, total / 1e6));
                }
                Some("recovery:packet_lost") => plot.lost.push((at, total / 1e6)),
                Some("recovery:metrics_updated") => {
                    plot.window.push((at, data("congestion_window") / 1e3));
                    plot.in_flight.push((at, data("bytes_in_flight") / 1e3));
                    plot.rtt.push((at, data("smoothed_rtt")));
                }
                _ => {}
            }
        }
        if plot.acked.is_empty() { Err("no transfer in this file".into()) } else { Ok(plot) }
    }

    fn svg(&self) -> String {
        let end = self.acked.last().map_or(1.0, |(at, _)| at.max(1e-6));
        let panels = [
            panel(0.0, end, "MB acknowledged; a dot where packets were lost", &[("#36c", &self.acked)], &self.lost),
            panel(1.0, end, "kB: window (grey), in flight", &[("#aaa", &self.window), ("#36c", &self.in_flight)], &[]),
            panel(2.0, end, "ms round trip, smoothed", &[("#36c", &self.rtt)], &[]),
        ];
        let (width, height) = (WIDTH + 2.0 * MARGIN, 3.0 * (HEIGHT + MARGIN));
        let paper = format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">{paper}{}</svg>",
            panels.concat()
        )
    }
}

fn panel(row: f64, end: f64, title: &str, lines: &[(&str, &Line)], dots: &[(f64, f64)]) -> String {
    let top = row * (HEIGHT + MARGIN) + MARGIN / 2.0;
    let most = lines.iter().flat_map(|(_, line)| line.iter()).map(|(_, y)| *y).fold(1e-9, f64::max);
    let place = |(x, y): (f64, f64)| (MARGIN + x / end * WIDTH, top + HEIGHT * (1.0 - y / most));
    let mut svg = format!(
        "<text x=\"{MARGIN}\" y=\"{:.0}\">{title}</text><rect x=\"{MARGIN}\" y=\"{top}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" fill=\"none\" stroke=\"#ccc\"/><text x=\"4\" y=\"{:.0}\">{most:.1}</text>\
         <text x=\"{:.0}\" y=\"{:.0}\">{end:.1} s</text>",
        top - 5.0,
        top + 10.0,
        MARGIN + WIDTH - 30.0,
        top + HEIGHT + 14.0,
    );
    for (colour, line) in lines {
        let points: Vec<String> =
            line.iter().map(|point| place(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        svg += &format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", points.join(" "));
    }
    for (x, y) in dots.iter().map(|dot| place(*dot)) {
        svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"#c33\"/>");
    }
    svg
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a .sqlog file of a `--trace` directory")?;
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    println!("{}", Plot::read(&text)?.svg());
    Ok(())
}
