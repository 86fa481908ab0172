//! A daemon's journal while it runs: takes notes, says troubles that are news, and has the whole written now and then.
//! Decides nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Time;
use crate::clock::Clock;
use crate::drive::ear::Ear;
use crate::keep::journal::{Journal, Kind, Note, Trouble};
use crate::keep::store::Store;
use crate::transport::Event;

/// The journal, and when it is due.
pub(super) struct Logbook {
    journal: Journal,
    clock: Clock,
    /// Something changed since it was written.
    is_news: bool,
    written: Time,
    ear: Option<Ear>,
}

/// Least time between two writes.
const REST: Duration = Duration::from_secs(5);
/// And for each estate in it: a journal of twenty thousand is a megabyte.
const REST_EACH: Duration = Duration::from_millis(1);
/// How often it is written where nothing changes but the time when somebody was seen last.
const BEAT: Duration = Duration::from_secs(60);

impl Logbook {
    /// Goes on with what an earlier process wrote. A journal that cannot be read begins anew: nothing is decided by it.
    pub(super) fn open(store: &Arc<Store>, clock: Clock) -> Self {
        let mut journal = store.journal().unwrap_or_else(|error| {
            tracing::warn!(%error, "begun anew");
            None
        });
        if let Some(journal) = &mut journal {
            journal.all_left(journal.as_of);
        }
        let written = clock.now();
        Self { journal: journal.unwrap_or_default(), clock, is_news: false, written, ear: None }
    }

    /// Notes from now on who comes to this port over TCP.
    pub(super) fn listen(&mut self, ear: Ear) {
        self.ear = Some(ear);
    }

    /// Takes a note.
    pub(super) fn note(&mut self, note: Note) {
        let now = self.now();
        self.is_news = true;
        // Of another key the duty speaks, which may do something about it.
        let sentence = match &note {
            Note::Trouble(trouble) if !matches!(trouble.kind, Kind::Clash { .. }) => Some(trouble.to_string()),
            _ => None,
        };
        if self.journal.note(now, note)
            && let Some(sentence) = sentence
        {
            tracing::warn!("{sentence}");
        }
    }

    /// Looks at what the duty is told: who comes and goes, and whose key is deleted.
    pub(super) fn look(&mut self, event: &Event) {
        match event {
            Event::Joined { peer } => self.journal.back(peer),
            Event::Left { peer, .. } => self.journal.left(self.now(), peer),
            Event::Standing { role, acceptance: None, .. } => self.journal.forget(role),
            _ => return,
        }
        self.is_news = true;
    }

    /// The journal to write now, if it is time.
    pub(super) fn poll(&mut self) -> Option<Journal> {
        if let Some(from) = self.ear.as_mut().and_then(Ear::poll) {
            self.note(Note::Trouble(Trouble { kind: Kind::Tcp, role: None, from: Some(from) }));
        }
        let now = self.clock.now();
        let since = now.since(self.written);
        let each = REST_EACH * u32::try_from(self.journal.seen.len()).unwrap_or(u32::MAX);
        if self.is_news && since >= REST + each {
            return Some(self.take(now));
        }
        if since < BEAT + each {
            return None;
        }
        self.written = now;
        self.journal.has_guests().then(|| self.take(now))
    }

    /// The last word, when the daemon ends: nobody is there any more.
    pub(super) fn close(&mut self) -> Journal {
        self.journal.all_left(self.now());
        self.take(self.clock.now())
    }

    fn take(&mut self, now: Time) -> Journal {
        (self.is_news, self.written) = (false, now);
        self.journal.as_of = self.now();
        self.journal.expire(self.journal.as_of);
        self.journal.clone()
    }

    /// Seconds since 1970.
    fn now(&self) -> u64 {
        self.clock.wall().0 / 1_000_000
    }
}
