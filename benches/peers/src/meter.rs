//! What the serving end counts. The window opens with the first byte and is as long as the job says; what comes later is
//! not counted.

use std::sync::Mutex;

use crate::clock;
use crate::work::{Figures, Job, PACE, PACED, Work};

/// Counts bytes, messages and delays; shared by all connections of a serving process.
pub(crate) struct Meter {
    job: Job,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Memory before the first connection, kB.
    resident: f64,
    opened: Option<Opened>,
    bytes: u64,
    messages: u64,
    /// Milliseconds.
    delays: Vec<f64>,
    first_due: Option<u64>,
    /// Processor seconds used in the window, once it is over.
    used: Option<f64>,
}

#[derive(Clone, Copy)]
struct Opened {
    at: u64,
    processor: f64,
}

impl Meter {
    /// Nothing counted yet.
    pub(crate) fn new(job: Job) -> Self {
        Self { job, state: Mutex::default() }
    }

    /// The server stands and has no connection yet: memory is counted from here.
    pub(crate) fn stands(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.resident = clock::resident();
        }
    }

    /// The job it measures.
    pub(crate) fn job(&self) -> Job {
        self.job
    }

    /// `bytes` of payload in `messages` messages have come.
    pub(crate) fn take(&self, bytes: usize, messages: u64) {
        // To the tick, a few milliseconds: asked for more, the clock takes longer than a small message.
        let now = clock::tick();
        let Ok(mut state) = self.state.lock() else { return };
        let opened = *state.opened.get_or_insert_with(|| Opened { at: clock::now(), processor: clock::processor() });
        if now.saturating_sub(opened.at) <= self.job.time.as_nanos() as u64 {
            state.bytes += bytes as u64;
            state.messages += messages;
        } else if state.used.is_none() {
            state.used = Some(clock::processor() - opened.processor);
        }
    }

    /// A paced message has come whole.
    pub(crate) fn paced(&self, message: &[u8]) {
        let Some(due) = message.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else { return };
        let now = clock::now();
        let Ok(mut state) = self.state.lock() else { return };
        state.delays.push(now.saturating_sub(due) as f64 / 1e6);
        let first = state.first_due.get_or_insert(due);
        *first = due.min(*first);
    }

    /// The figures so far.
    pub(crate) fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        let Ok(mut state) = self.state.lock() else { return figures };
        figures.set("far-resident", clock::resident() - state.resident);
        if let Some(opened) = state.opened {
            let used = state.used.unwrap_or_else(|| clock::processor() - opened.processor);
            let open = (clock::now() - opened.at).min(self.job.time.as_nanos() as u64) as f64 / 1e9;
            figures.set("far-processor", used);
            figures.set("bytes", state.bytes as f64);
            figures.set("rate", state.bytes as f64 * 8.0 / open / 1e6);
            figures.set("messages", state.messages as f64 / open);
        }
        if self.job.work == Work::Paced {
            let missing = state.missing(self.job);
            figures.set("missing", missing.len() as f64);
            let mut delays = std::mem::take(&mut state.delays);
            delays.extend(missing);
            figures.spread(delays);
        }
        figures
    }
}

impl State {
    /// How old those messages are by now that never came: no more than that is known of their delay.
    fn missing(&self, job: Job) -> Vec<f64> {
        let due = job.time.as_millis() as u64 * PACE / 1_000;
        let now = clock::now();
        let age = |n: u64| now.saturating_sub(self.first_due.unwrap_or(now) + n * 1_000_000_000 / PACE) as f64 / 1e6;
        (self.delays.len() as u64..due).map(age).collect()
    }
}

/// A paced message that is due now.
pub(crate) fn due(into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(&clock::now().to_be_bytes());
    into.resize(PACED, 7);
}
