//! The same seat, the same events, two implementations: random scripts of joins, messages, losses, restarts and changes of
//! keys are played with a RAET 0.6.8 stack of Python in one seat and with our road in the same, and outcomes are compared.
//! Opposite sits a road of ours. What differs is explained by a rule (`explain.rs`), or fails with its seed.
//!
//! `ROADSTEAD_SCRIPTS` is how many (300), `ROADSTEAD_SEED` the first seed (1). `ROADSTEAD_STORY=17` tells instead what
//! happens in the script of that seed, datagram by datagram.

#![cfg(test)]
#![cfg(feature = "daemon")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use compare::{Pair, What};
use end::End;
use explain::{EXPLAINED, explain};
use ours::Ours;
use python::{Python, python, say};
use script::{Script, Side};
use stage::{Run, Stage, home};
use theirs::{Seat, Theirs};

mod cases;
mod compare;
mod end;
mod explain;
mod ours;
// The live peers' tests use the rest of it.
#[allow(dead_code)]
#[path = "../interop/python.rs"]
mod python;
mod script;
mod stage;
mod theirs;

#[test]
fn random_scripts() {
    let Some(python) = python() else { return };
    if std::env::var("ROADSTEAD_STORY").is_ok() {
        return story(python, Script::draw(number("ROADSTEAD_STORY", 1)));
    }
    let first = number("ROADSTEAD_SEED", 1);
    let scripts = (first..first + number("ROADSTEAD_SCRIPTS", 300)).map(Script::draw).collect();
    let pairs = play_all(python, scripts);
    let mut failures = String::new();
    let mut counts: BTreeMap<&str, (u32, u64)> = BTreeMap::new();
    let mut equal = 0;
    for pair in &pairs {
        let found = pair.differences();
        equal += u32::from(found.is_empty());
        for what in found {
            match explain(pair, what) {
                Some(rule) => {
                    let (count, seed) = counts.entry(rule.name).or_insert((0, pair.script.seed));
                    (*count, *seed) = (*count + 1, *seed);
                }
                None => writeln!(failures, "seed {}: {}", pair.script.seed, pair.tell(what)).unwrap(),
            }
        }
    }
    say(&summary(&pairs, equal, &counts));
    assert!(failures.is_empty(), "differences nobody can explain:\n{failures}");
}

/// Tells all that happens in one script: with ours in the seat, with theirs, and with theirs in both.
fn story(python: &Python, script: Script) {
    let (mut one, mut other) = (Seat::new(python), Seat::new(python));
    say(&format!("{script:#?}"));
    let ours = with_ours(&script, true);
    let theirs = with_theirs(&script, &mut one, true);
    let both = with_both(&script, &mut one, &mut other, true);
    for (who, run) in [("ours", &ours), ("theirs", &theirs), ("theirs in both seats", &both)] {
        say(&format!("==== {who}\n{}\n{:?}, rescued {:?}", run.story.join("\n"), run.probes, run.rescued));
    }
    let pair = Pair { script, ours, theirs };
    for what in pair.differences() {
        say(&format!("{}: {:?}", pair.tell(what), explain(&pair, what).map(|rule| rule.name)));
    }
}

fn summary(pairs: &[Pair], equal: u32, counts: &BTreeMap<&str, (u32, u64)>) -> String {
    let steps: usize = pairs.iter().map(|pair| pair.script.steps.len()).sum();
    let messages: usize = pairs.iter().map(|pair| pair.ours.messages.len()).sum();
    let scripts = pairs.len();
    let mut text = format!(
        "beside RAET 0.6.8: {scripts} scripts, {steps} steps, {messages} messages each; {equal} scripts with equal outcomes\n"
    );
    for rule in EXPLAINED {
        if let Some((count, seed)) = counts.get(rule.name) {
            writeln!(text, "{count:5} {}: {} (first seed {seed})", rule.name, rule.why).unwrap();
        }
    }
    text
}

/// Plays each script with both in the seat, as many at once as there are processors.
fn play_all(python: &Python, scripts: Vec<Script>) -> Vec<Pair> {
    let next = AtomicU64::new(0);
    let pairs = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut seat = Seat::new(python);
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let pair = play_both(script.clone(), &mut seat);
                    pairs.lock().unwrap().push(pair);
                }
            });
        }
    });
    let mut pairs = pairs.into_inner().unwrap();
    pairs.sort_by_key(|pair| pair.script.seed);
    pairs
}

fn play_both(script: Script, seat: &mut Seat) -> Pair {
    let (ours, theirs) = (with_ours(&script, false), with_theirs(&script, seat, false));
    Pair { script, ours, theirs }
}

/// One script with ours in the seat.
fn with_ours(script: &Script, is_telling: bool) -> Run {
    play(script, our_end(script, script.seat, 1), is_telling)
}

/// The same with theirs.
fn with_theirs(script: &Script, seat: &mut Seat, is_telling: bool) -> Run {
    let theirs = Theirs::new(seat, script, script.seat, home(script.seat), dial(script.seat));
    play(script, Box::new(theirs), is_telling)
}

/// The same with theirs in both seats: how they would fare among themselves.
fn with_both(script: &Script, one: &mut Seat, other: &mut Seat, is_telling: bool) -> Run {
    let main = Theirs::new(one, script, Side::Main, home(Side::Main), None);
    let minion = Theirs::new(other, script, Side::Minion, home(Side::Minion), dial(Side::Minion));
    Stage::new(script.seed, Box::new(main), Box::new(minion), is_telling).play(script)
}

fn play<'a>(script: &Script, seat: Box<dyn End + 'a>, is_telling: bool) -> Run {
    let other = our_end(script, script.seat.other(), 2);
    let (main, minion) = if script.seat == Side::Main { (seat, other) } else { (other, seat) };
    Stage::new(script.seed, main, minion, is_telling).play(script)
}

fn our_end(script: &Script, side: Side, salt: u64) -> Box<dyn End> {
    Box::new(Ours::new(script, side, dial(side), script.seed * 2 + salt))
}

fn dial(side: Side) -> Option<SocketAddr> {
    (side == Side::Minion).then_some(home(Side::Main))
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|e| panic!("{variable}: {e}")),
        Err(_) => default,
    }
}

impl Pair {
    /// A difference for people.
    fn tell(&self, what: What) -> String {
        let seat = self.script.seat;
        match what {
            What::Missing(who, n) | What::Twice(who, n) | What::Damaged(who, n) | What::Untrue(who, n) => {
                format!("{what:?} ({seat:?} is the seat): {}", self.fate(who, n))
            }
            What::Crash(who, at) => format!("{what:?} ({seat:?} is the seat): {:?}", self.run(who).ends[at]),
            _ => {
                format!("{what:?} ({seat:?} is the seat): ours {:?}, theirs {:?}", self.ours.probes, self.theirs.probes)
            }
        }
    }
}
