//! Masters and minions of ours and of Salt 2018.3.5 in every couple that can talk, over RAET, and Salt over ZeroMQ beside
//! them: how long an operator waits for a key, an answer, a large return, a file. Real daemons on the loopback.
//!
//! Needs what `tests/salt` needs. `cargo bench --bench salt`; a word after `--` picks the couples whose name has it, and
//! `--quick` leaves the file out, which takes minutes with a Salt minion over RAET.

// A bench is a program of its own; what it shares with the tests is test code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used, dead_code)]

#[path = "../tests/salt/fleet.rs"]
mod fleet;
#[path = "../tests/interop/salt.rs"]
mod kit;
#[path = "../tests/interop/python.rs"]
mod python;

use std::time::Duration;

use fleet::{BOSS, Fleet, HUB, Told, large_returns};
use kit::salt;

const ID: &str = "mate1x";
const LINE: &str =
    "one hundred characters of plain text, which is what most programs that an operator starts will print\n";
/// Longer waits are given up and shown as a dash.
const GIVEN_UP: &str = "100";

#[derive(Clone, Copy, PartialEq)]
enum Make {
    Ours(&'static str),
    Salt(&'static str),
}

use Make::{Ours, Salt};

/// Name, master, minion.
const COUPLES: [(&str, Make, Make); 6] = [
    ("ours, ours, fast wire", Ours(""), Ours("fast")),
    ("ours, ours, classic wire", Ours(""), Ours("classic")),
    ("our master, Salt minion", Ours(""), Salt("raet")),
    ("Salt master, our minion", Salt("raet"), Ours("classic")),
    ("Salt, Salt, RAET", Salt("raet"), Salt("raet")),
    ("Salt, Salt, ZeroMQ", Salt("zeromq"), Salt("zeromq")),
];

const HEADS: [&str; 7] = ["to pending", "to answer", "test.ping", "1 kB", "1 MB", "10 MB", "100 MB file"];

fn main() {
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let is_quick = flags.iter().any(|flag| flag == "--quick");
    let Some(salt) = salt() else { return };
    if !large_returns() {
        println!(
            "returns beyond 200 kB will not leave a Salt minion: sysctl net.core.wmem_default=33554432 net.unix.max_dgram_qlen=2048"
        );
    }
    println!("seconds; whole commands, their start within; medians of three but for the first two and the file");
    println!("{:26}{}", "master, minion", HEADS.map(|head| format!("{head:>12}")).concat());
    for (name, master, minion) in COUPLES {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            let figures = Couple::new(salt, name, master, minion).measure(is_quick);
            let shown = |figure: &Option<Duration>| match figure {
                Some(took) => format!("{:>12.2}", took.as_secs_f64()),
                None => format!("{:>12}", "–"),
            };
            println!("{name:26}{}", figures.iter().map(shown).collect::<String>());
        }
    }
}

struct Couple {
    fleet: Fleet,
    master: Make,
    minion: Make,
}

impl Couple {
    fn new(salt: &'static python::Python, name: &str, master: Make, minion: Make) -> Self {
        Self { fleet: Fleet::new(salt, name), master, minion }
    }

    fn measure(mut self, is_quick: bool) -> Vec<Option<Duration>> {
        self.fleet.write("srv/large.txt", LINE.repeat(1 << 20));
        let roots = format!("file_roots:\n  base: [{}]\n", self.fleet.path("srv").display());
        match self.master {
            Ours(_) => self.fleet.our_master(&roots),
            Salt(transport) => self.fleet.salt_master(transport, &roots),
        }
        // The master's own start is not the minion's wait.
        std::thread::sleep(Duration::from_secs(if matches!(self.master, Ours(_)) { 1 } else { 12 }));
        match self.minion {
            Ours(wires) => self.fleet.our_minion(ID, wires, ""),
            Salt(transport) => self.fleet.salt_minion(ID, transport, ""),
        }
        let keys = match self.master {
            Ours(_) => self.fleet.path(HUB).join("etc/roadstead/pki/master"),
            Salt(_) => self.fleet.path(BOSS).join("etc/salt/pki/master"),
        };
        let folder = if self.master == Salt("zeromq") { "minions_pre" } else { "pending" };
        let waits = keys.join(folder).join(ID);
        let mut figures = vec![Some(self.fleet.until("its key waits", || waits.exists()))];
        match self.master {
            Ours(_) => self.fleet.keys(&["accept", "-y", ID]),
            Salt(_) => self.fleet.salt("salt-key", &["-y", "-a", ID]),
        };
        figures.push(Some(self.fleet.until("it answers", || self.ask(&["test.ping"], "2").out.contains("True"))));
        figures.push(self.median(|| self.ask(&["test.ping"], "15"), |told| told.out.contains("True")));
        for kilobytes in [1, 1_000, 10_000] {
            let file = self.fleet.write("text", LINE.repeat(kilobytes * 10));
            let command = format!("cat {}", file.display());
            let is_whole = |told: &Told| told.out.matches(LINE.trim_end()).count() == kilobytes * 10;
            figures.push(self.median(|| self.ask(&["cmd.run", &command], GIVEN_UP), is_whole));
        }
        let copy = self.fleet.path("copy");
        let words = ["cp.get_file", "salt://large.txt", copy.to_str().unwrap()];
        let is_whole = |_: &Told| std::fs::metadata(&copy).is_ok_and(|file| file.len() == (LINE.len() << 20) as u64);
        figures.push(match self.minion {
            Salt(_) if !is_quick => Some(self.ask(&words, GIVEN_UP)).filter(is_whole).map(|told| told.took),
            _ => None,
        });
        figures
    }

    fn ask(&self, words: &[&str], patience: &str) -> Told {
        match self.master {
            Ours(_) => self.fleet.run(&[&[ID], words, &["--timeout", patience]].concat()),
            Salt(_) => self.fleet.salt("salt", &[&["-t", patience, ID], words].concat()),
        }
    }

    /// Of three; nothing if the first of them fails.
    fn median(&self, ask: impl Fn() -> Told, is_good: impl Fn(&Told) -> bool) -> Option<Duration> {
        let mut took = Vec::new();
        for _ in 0..3 {
            let told = ask();
            if !is_good(&told) {
                return None;
            }
            took.push(told.took);
        }
        took.sort_unstable();
        took.get(1).copied()
    }
}
