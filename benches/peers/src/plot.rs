//! The plots: goodput over loss, and delays, as one SVG drawn by hand. It computes nothing that the tables do not have.

use std::fmt::Write;

use crate::link::Spec;
use crate::link::spec::{CURVE, GRID};
use crate::report::{Results, possible};
use crate::work::Work;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;
/// Where the names of the lines stand.
const RIGHT: f64 = 760.0;
const BOTTOM: f64 = 350.0;
/// Colours that are told apart by most eyes.
const COLOURS: &[&str] =
    &["#d62728", "#ff7f0e", "#8c564b", "#1f77b4", "#17becf", "#2ca02c", "#98df8a", "#9467bd", "#c5b0d5", "#7f7f7f"];

/// The whole picture.
pub(crate) fn svg(results: &Results) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        2.0 * HEIGHT
    );
    goodput(&mut out, results);
    delays(&mut out, results);
    out.push_str("</svg>\n");
    out
}

/// Goodput over random loss, a line for each peer.
fn goodput(out: &mut String, results: &Results) {
    let links: Vec<&Spec> = GRID.iter().take(CURVE).filter(|spec| results.links.contains(spec)).collect();
    let x = |at: usize| LEFT + (at as f64 + 0.5) * (RIGHT - LEFT) / links.len() as f64;
    let y = |rate: f64| BOTTOM - rate / 100.0 * (BOTTOM - TOP);
    text(out, LEFT, 25.0, "start", "black", "Goodput in Mb/s over random loss: 100 Mb/s, 20 ms round trip");
    for rate in (0..=100).step_by(20) {
        line(out, &[(LEFT, y(f64::from(rate))), (RIGHT, y(f64::from(rate)))], "#ddd", 1.0);
        text(out, LEFT - 8.0, y(f64::from(rate)) + 4.0, "end", "black", &rate.to_string());
    }
    for (at, link) in links.iter().enumerate() {
        text(out, x(at), BOTTOM + 20.0, "middle", "black", &format!("{} %", link.loss.average() * 100.0));
    }
    let limit: Vec<_> = links.iter().enumerate().map(|(at, link)| (x(at), y(possible(link)))).collect();
    line(out, &limit, "#bbb", 5.0);
    let mut names = Vec::new();
    for (index, peer) in results.peers.iter().enumerate() {
        let rate = |link: &&Spec| results.of(Some(link.name), peer, Work::Bulk, "rate");
        let points: Vec<_> = links.iter().enumerate().filter_map(|(at, l)| Some((x(at), y(rate(l)?)))).collect();
        let Some((_, last)) = points.last() else { continue };
        line(out, &points, colour(index), 2.5);
        names.push((*last, index, *peer));
    }
    legend(out, names);
}

/// The delays of paced messages at each loss rate: a bar to the median and a thin one to the 99th percentile.
fn delays(out: &mut String, results: &Results) {
    let top = HEIGHT;
    let has = |link: &&Spec| results.measured.iter().any(|m| m.link.as_ref() == Some(link) && m.work == Work::Paced);
    let links: Vec<&Spec> = results.links.iter().filter(has).collect();
    // Logarithmic, 5 ms to 5 s.
    let y = |delay: f64| top + BOTTOM - (delay.clamp(5.0, 5_000.0) / 5.0).log10() / 3.0 * (BOTTOM - TOP);
    let title = "One-way delay of 1 kB messages in ms, p50 (wide) and p99 (thin), 200 a second";
    text(out, LEFT, top + 25.0, "start", "black", title);
    for delay in [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 5_000.0] {
        line(out, &[(LEFT, y(delay)), (RIGHT, y(delay))], "#ddd", 1.0);
        text(out, LEFT - 8.0, y(delay) + 4.0, "end", "black", &delay.to_string());
    }
    let group = (RIGHT - LEFT) / links.len().max(1) as f64;
    let of = |link: &Spec, peer: &str, figure| results.of(Some(link.name), peer, Work::Paced, figure);
    let peers: Vec<(usize, &str)> = results.peers.iter().copied().enumerate().collect();
    let shown: Vec<_> = peers.iter().filter(|(_, peer)| links.iter().any(|l| of(l, peer, "p50").is_some())).collect();
    let wide = group * 0.85 / shown.len().max(1) as f64;
    for (at, link) in links.iter().enumerate() {
        let left = LEFT + at as f64 * group;
        text(out, left + group / 2.0, top + BOTTOM + 20.0, "middle", "black", link.name);
        for (place, (index, peer)) in shown.iter().enumerate() {
            let (Some(p50), Some(p99)) = (of(link, peer, "p50"), of(link, peer, "p99")) else { continue };
            let x = left + (place as f64 + 0.9) * wide;
            line(out, &[(x, y(5.0)), (x, y(p50))], colour(*index), wide * 0.8);
            line(out, &[(x, y(5.0)), (x, y(p99))], colour(*index), wide * 0.25);
        }
    }
    let ends = shown.iter().enumerate().map(|(at, (index, peer))| (top + TOP + at as f64 * 18.0, *index, *peer));
    legend(out, ends.collect());
}

/// Names at the right, at the height they belong to, pushed apart where they would touch.
fn legend(out: &mut String, mut names: Vec<(f64, usize, &str)>) {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0_f64;
    // Whatever is pushed down must still fit.
    let room = names.len() as f64 * 16.0;
    for (at, (height, index, name)) in names.iter().enumerate() {
        let lowest = (height / HEIGHT).floor() * HEIGHT + BOTTOM - room + at as f64 * 16.0;
        let height = height.min(lowest.max(TOP)).max(free);
        text(out, RIGHT + 12.0, height + 4.0, "start", colour(*index), name);
        free = height + 16.0;
    }
}

fn colour(index: usize) -> &'static str {
    COLOURS.get(index % COLOURS.len()).copied().unwrap_or("black")
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>");
}

fn line(out: &mut String, points: &[(f64, f64)], colour: &str, width: f64) {
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    let _ =
        writeln!(out, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"/>");
}
