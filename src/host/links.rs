//! `roadstead road`: the sessions of the daemon of this host, as a table for people or an object a line for programs, once
//! or again and again.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::json;

use super::fault::{Exit, Fault};
use super::line::DaemonLine;
use super::publish::{refused, written};
use super::settings::Settings;
use super::show::{self, Form};
use crate::duty::request::{Reply, Request};
use crate::transport::Link;

/// How long we wait before we look whether somebody pressed Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);
/// Puts the cursor to the upper left and clears what is below.
const HOME: &[u8] = b"\x1b[H\x1b[J";
/// The table's columns; those of texts are to the left, those of numbers to the right.
const HEADS: [&str; 17] = [
    "id", "address", "wire", "cipher", "rtt", "min rtt", "loss", "window", "rate", "mtu", "flight", "msg in",
    "msg out", "in", "out", "heard", "age",
];
const TEXTS: usize = 4;

/// Writes the sessions; with `watch` again and again, that long apart, until Ctrl-C.
pub fn run(settings: &Settings, watch: Option<Duration>, form: Form, out: &mut impl Write) -> Result<Exit, Fault> {
    let mut line = DaemonLine::open(settings)?;
    let is_screen = watch.is_some() && form == Form::Text && io::stdout().is_terminal();
    loop {
        line.ask(&Request::Links)?;
        let Some(links) = take(&mut line)? else { return Ok(Exit::Interrupted) };
        if let Err(error) = write(out, form, is_screen, &links) {
            return written(error);
        }
        let Some(wait) = watch else { return Ok(Exit::Well) };
        if !rest(&line, wait) {
            // It has no other end.
            return Ok(Exit::Well);
        }
    }
}

/// The answer; `None` when somebody pressed Ctrl-C.
fn take(line: &mut DaemonLine) -> Result<Option<Vec<Link>>, Fault> {
    loop {
        match line.take(SLICE)? {
            Some(Reply::Links { links }) => return Ok(Some(links)),
            Some(Reply::Refused { why }) => return Err(refused(&why)),
            _ if line.interrupted() => return Ok(None),
            Some(_) => {}
            None => line.doubt()?,
        }
    }
}

/// Waits; says whether nobody pressed Ctrl-C.
fn rest(line: &DaemonLine, mut wait: Duration) -> bool {
    while !wait.is_zero() {
        let step = wait.min(SLICE);
        std::thread::sleep(step);
        wait -= step;
        if line.interrupted() {
            return false;
        }
    }
    true
}

fn write(out: &mut impl Write, form: Form, is_screen: bool, links: &[Link]) -> io::Result<()> {
    match form {
        Form::Json => links.iter().try_for_each(|link| writeln!(out, "{}", json!(link)))?,
        Form::Text => {
            if is_screen {
                out.write_all(HOME)?;
            }
            out.write_all(table(links).as_bytes())?;
        }
    }
    out.flush()
}

/// All sessions, one a line below the heads; a sentence when there are none.
fn table(links: &[Link]) -> String {
    if links.is_empty() {
        return "no sessions on the fast wire\n".to_owned();
    }
    let rows: Vec<[String; HEADS.len()]> =
        std::iter::once(HEADS.map(str::to_owned)).chain(links.iter().map(row)).collect();
    let mut widths = [0; HEADS.len()];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.chars().count()));
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match at < TEXTS {
            true => format!("{cell:width$}"),
            false => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(link: &Link) -> [String; HEADS.len()] {
    [
        link.id.to_string(),
        show::plain(&link.address),
        show::plain(&link.wire),
        show::plain(&link.cipher),
        milliseconds(link.rtt),
        milliseconds(link.rtt_min),
        format!("{:.1} %", link.loss * 100.0),
        bytes(link.window),
        format!("{}/s", bytes(link.rate)),
        link.mtu.to_string(),
        bytes(link.in_flight),
        link.messages_in.to_string(),
        link.messages_out.to_string(),
        bytes(link.bytes_in),
        bytes(link.bytes_out),
        span(link.heard),
        span(link.age),
    ]
}

fn milliseconds(seconds: f64) -> String {
    let ms = seconds * 1000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// With a decimal prefix: what people compare it with, link rates, have one too.
fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if unit == "B" || value >= 99.95 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// The two largest units.
fn span(seconds: f64) -> String {
    // Counted from a clock, never negative; what is too long for a u64 is as long as that.
    let s = seconds as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;

    fn link() -> Link {
        Link {
            id: Name::new("web1").unwrap(),
            address: "10.0.0.7:4510".into(),
            wire: "fast".into(),
            cipher: "aes-256-gcm".into(),
            age: 3725.0,
            heard: 42.0,
            rtt: 0.0213,
            rtt_min: 0.00421,
            loss: 0.0125,
            window: 31_400,
            rate: 12_500_000,
            mtu: 1452,
            in_flight: 0,
            going: 0,
            coming: 0,
            messages_in: 7,
            messages_out: 12,
            bytes_in: 999,
            bytes_out: 1_500_000_000,
            lost: 3,
            timeouts: 1,
            moves: 0,
        }
    }

    #[test]
    fn as_people_read_it() {
        let expected = "\
id    address        wire  cipher         rtt  min rtt   loss   window       rate   mtu  flight  msg in  msg out     in     out  heard    age
web1  10.0.0.7:4510  fast  aes-256-gcm  21 ms  4.21 ms  1.2 %  31.4 kB  12.5 MB/s  1452     0 B       7       12  999 B  1.5 GB    42s  1h02m
";
        assert_eq!(table(&[link()]), expected);
        assert_eq!(table(&[]), "no sessions on the fast wire\n");
    }

    #[test]
    fn units() {
        let all = [0, 999, 1000, 99_949, 99_951, 999_499, 999_501, 5_000_000_000_000].map(bytes);
        assert_eq!(all, ["0 B", "999 B", "1.0 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB", "5.0 TB"]);
        assert_eq!([0.0, 59.9, 60.0, 86_399.0, 90_000.0].map(span), ["0s", "59s", "1m00s", "23h59m", "1d01h"]);
    }

    #[test]
    fn a_line_each_for_programs() {
        let mut out = Vec::new();
        write(&mut out, Form::Json, false, &[link(), link()]).unwrap();
        let lines: Vec<Link> = out
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(lines, [link(), link()]);
    }
}
