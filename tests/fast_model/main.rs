//! Random operations on a small world of the fast wire against a reference model: first nothing bad may happen (delivered
//! whole, once, to and from the right estate, never past a refusal, nothing of a session that has ended; every ticket
//! answered once), then all links heal and everybody must talk again and hold nothing.
//!
//! `FAST_MODEL_SEEDS` and `FAST_MODEL_START` say how many seeds from which one on; a failure prints its seed and story.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod model;

use common::seeds;
use model::{Fate, run};
use roadstead::base::Random;

fn story(seed: u64) {
    run(seed, Fate::Seed(Box::new(Random::from_number(seed ^ 0xfa57))), false);
}

/// The same with streams and casts.
fn flowing(seed: u64) {
    run(seed, Fate::Seed(Box::new(Random::from_number(seed ^ 0xf10e))), true);
}

#[test]
fn safety_then_progress() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let start = number("FAST_MODEL_START").unwrap_or(0);
    let count = number("FAST_MODEL_SEEDS").unwrap_or(200);
    seeds(start..start + count, story);
    seeds(start..start + count, flowing);
}

/// Stories that found something once; what they found has its named test where there is one.
#[test]
fn seeds_that_failed() {
    // Moved sessions that could not ask, lost deadlines; a rate of nothing.
    seeds([42, 51, 90, 94, 99, 113, 130, 171, 185, 193, 958], story);
}

/// Any bytes are a story, as a fuzzer tells them.
#[test]
fn scripts_are_stories() {
    seeds(0..40, |seed| {
        let mut random = Random::from_number(seed);
        let script: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
        run(seed, Fate::Script(script.into_iter()), seed % 2 == 0);
    });
}
