//! The tables: figures by peer over loopback, goodput and delays over the grid, and each as a multiple of quinn's.

use std::fmt::Write;

use crate::link::Spec;
use crate::work::{Figures, Work};

/// One measurement and where it was made; `link` is `None` for bare loopback.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) link: Option<Spec>,
    pub(crate) peer: &'static str,
    pub(crate) work: Work,
    pub(crate) figures: Figures,
}

/// Everything measured in a run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) peers: Vec<&'static str>,
    pub(crate) links: Vec<Spec>,
    pub(crate) measured: Vec<Measured>,
    /// What a reader must know: what could not run and why, how good the emulator was.
    pub(crate) notes: Vec<String>,
}

/// The peer the multiples refer to.
const BASE: &str = "quinn CUBIC";

/// A column of the loopback table: title, workload, figure, factor, digits.
type Column = (&'static str, Work, &'static str, f64, usize);

const COLUMNS: &[Column] = &[
    ("bulk Gb/s", Work::Bulk, "rate", 1e-3, 2),
    ("CPU s/GB", Work::Bulk, "per-gigabyte", 1.0, 2),
    ("64 B ask p50 µs", Work::Request, "p50", 1.0, 0),
    ("p99 µs", Work::Request, "p99", 1.0, 0),
    ("64 B msg k/s", Work::Flood, "messages", 1e-3, 0),
    ("handshakes/s", Work::Handshake, "rate", 1.0, 0),
    ("16 at a time", Work::Handshakes, "rate", 1.0, 0),
    ("idle kB, dialling", Work::Idle, "near-resident", 1e-3, 1),
    ("serving", Work::Idle, "far-resident", 1e-3, 1),
];

impl Results {
    /// A figure, if it was measured; the median where the run repeated itself.
    pub(crate) fn of(&self, link: Option<&str>, peer: &str, work: Work, figure: &str) -> Option<f64> {
        let here = |m: &&Measured| m.link.as_ref().map(|spec| spec.name) == link && m.peer == peer && m.work == work;
        let mut values: Vec<f64> =
            self.measured.iter().filter(here).filter_map(|measured| measured.figures.of(figure)).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// All tables.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        self.loopback(&mut text);
        self.goodput(&mut text);
        self.delays(&mut text);
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    fn loopback(&self, text: &mut String) {
        let titles: Vec<&str> = COLUMNS.iter().map(|column| column.0).collect();
        let value = |peer: &str, column: &Column| self.of(None, peer, column.1, column.2).map(|v| v * column.3);
        let plain = |peer: &str, column: &Column| value(peer, column).map(|v| format!("{v:.*}", column.4));
        let times = |peer: &str, column: &Column| Some(format!("{:.2}", value(peer, column)? / value(BASE, column)?));
        for (title, cell) in [
            ("Loopback".to_owned(), &plain as &dyn Fn(&str, &Column) -> Option<String>),
            (format!("Loopback, multiples of {BASE}"), &times),
        ] {
            let here = |peer: &&&str| self.measured.iter().any(|m| m.link.is_none() && m.peer == **peer);
            let rows =
                self.peers.iter().filter(here).map(|peer| (*peer, COLUMNS.iter().map(|c| cell(peer, c)).collect()));
            table(text, &title, &titles, rows.collect());
        }
    }

    fn goodput(&self, text: &mut String) {
        let value = |spec: &Spec, peer: &str| self.of(Some(spec.name), peer, Work::Bulk, "rate");
        let plain = |spec: &Spec, peer: &str| value(spec, peer).map(|v| format!("{v:.1}"));
        let share = |spec: &Spec, peer: &str| value(spec, peer).map(|v| format!("{:.0} %", v / possible(spec) * 100.0));
        let times = |spec: &Spec, peer: &str| Some(format!("{:.1}", value(spec, peer)? / value(spec, BASE)?));
        for (title, cell) in [
            ("Goodput over a lossy link, Mb/s", &plain as &dyn Fn(&Spec, &str) -> Option<String>),
            ("The same as a share of rate × (1 − loss)", &share),
            ("The same as multiples of quinn CUBIC", &times),
        ] {
            self.grid(text, title, Work::Bulk, cell);
        }
    }

    fn delays(&self, text: &mut String) {
        let value = |spec: &Spec, peer: &str, figure| self.of(Some(spec.name), peer, Work::Paced, figure);
        let cell = |spec: &Spec, peer: &str| {
            let (p50, p99) = (value(spec, peer, "p50")?, value(spec, peer, "p99")?);
            let missing = value(spec, peer, "missing")? > 0.0;
            Some(format!("{p50:.1}/{p99:.0}{}", if missing { "+" } else { "" }))
        };
        let title = "1 kB messages, 200 a second: one-way delay in ms, p50/p99 (+: some had not come by the end)";
        self.grid(text, title, Work::Paced, &cell);
    }

    fn grid(&self, text: &mut String, title: &str, work: Work, cell: &dyn Fn(&Spec, &str) -> Option<String>) {
        let has = |link: &Spec, peer: &str| {
            let here = |m: &Measured| m.link.as_ref() == Some(link) && m.peer == peer && m.work == work;
            self.measured.iter().any(here)
        };
        let peers: Vec<&str> =
            self.peers.iter().copied().filter(|peer| self.links.iter().any(|link| has(link, peer))).collect();
        let links = self.links.iter().filter(|link| peers.iter().any(|peer| has(link, peer)));
        let rows = links.map(|link| (link.name, peers.iter().map(|peer| cell(link, peer)).collect()));
        table(text, title, &peers, rows.collect());
    }
}

/// Most that a link of this kind lets through, Mb/s, heads included.
pub(crate) fn possible(spec: &Spec) -> f64 {
    spec.rate as f64 / 1e6 * (1.0 - spec.loss.average())
}

fn table(text: &mut String, title: &str, columns: &[&str], rows: Vec<(&str, Vec<Option<String>>)>) {
    if rows.is_empty() {
        return;
    }
    let first = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let wide = |at: usize| {
        let cells = rows.iter().filter_map(|(_, cells)| cells.get(at)?.as_ref().map(|cell| cell.chars().count()));
        cells.chain(columns.get(at).map(|title| title.chars().count())).max().unwrap_or(0)
    };
    let _ = writeln!(text, "{title}");
    let _ = write!(text, "{:first$}", "");
    for (at, column) in columns.iter().enumerate() {
        let _ = write!(text, "  {column:>0$}", wide(at));
    }
    for (name, cells) in &rows {
        let _ = write!(text, "\n{name:first$}");
        for (at, cell) in cells.iter().enumerate() {
            let _ = write!(text, "  {:>1$}", cell.as_deref().unwrap_or("-"), wide(at));
        }
    }
    let _ = writeln!(text, "\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::spec::GRID;

    fn measured(peer: &'static str, work: Work, link: Option<&Spec>, figures: &[(&str, f64)]) -> Measured {
        let mut all = Figures::default();
        figures.iter().for_each(|(name, value)| all.set(name, *value));
        Measured { link: link.cloned(), peer, work, figures: all }
    }

    #[test]
    fn tables_hold_medians_and_multiples() {
        let mut results =
            Results { peers: vec!["quinn CUBIC", "other"], links: vec![GRID[2].clone()], ..Results::default() };
        for rate in [9_000.0, 8_000.0, 1_000.0] {
            results.measured.push(measured("quinn CUBIC", Work::Bulk, None, &[("rate", rate)]));
        }
        results.measured.push(measured("other", Work::Bulk, None, &[("rate", 4_000.0)]));
        results.measured.push(measured("other", Work::Bulk, Some(&GRID[2]), &[("rate", 49.5)]));
        let delays = [("p50", 10.2), ("p99", 35.0), ("missing", 1.0)];
        results.measured.push(measured("other", Work::Paced, Some(&GRID[2]), &delays));
        let text = results.tables();
        for part in ["8.00", "4.00", "0.50", "49.5", "50 %", "10.2/35+"] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        assert!(!text.contains("9.00"), "the median, not the best:\n{text}");
    }
}
