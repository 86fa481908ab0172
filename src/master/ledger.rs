//! What became of the latest jobs. Owns the records, bounded by count and by bytes; the oldest ended job goes first.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::jid::Jid;
use super::request::{Summary, Target};
use crate::base::{Name, limits};

/// What one minion's line costs besides its body: map node, names, counters.
const LINE: usize = 128;

/// One job on record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) fun: String,
    pub(super) target: Target,
    pub(super) user: String,
    lines: BTreeMap<Name, Line>,
    returned: usize,
    ended: bool,
    /// Published by an earlier process: what it was for is known only from those who return.
    adopted: bool,
    bytes: usize,
}

/// What a minion's part in a job came to; bodies are replies as the command line gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Still awaited.
    Open,
    /// It is missing, or was.
    Missing(Bytes),
    /// It returned.
    Returned(Bytes),
    /// It returned, but there was no room to remember what.
    Dropped,
}

/// The records of the latest jobs.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    records: BTreeMap<Jid, Record>,
    ended: usize,
    bytes: usize,
}

impl Record {
    pub(super) fn new(fun: String, target: Target, user: String, minions: &[Name]) -> Self {
        let lines = minions.iter().map(|id| (id.clone(), Line::Open)).collect();
        let bytes = LINE * (1 + minions.len());
        Self { fun, target, user, lines, returned: 0, ended: false, adopted: false, bytes }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (&Name, &Line)> {
        self.lines.iter()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }
}

impl Ledger {
    pub(super) fn open(&mut self, jid: Jid, record: Record) {
        self.bytes += record.bytes;
        self.records.insert(jid, record);
        self.shrink(0);
    }

    /// Makes room for a minion's return of a job that an earlier process published: it kept the return for us.
    pub(super) fn adopt(&mut self, jid: Jid, fun: &str, id: &Name) {
        if !self.records.contains_key(&jid) {
            let (target, user) = (Target::List(vec![id.to_string()]), "before this master started".to_owned());
            self.open(jid, Record { adopted: true, ..Record::new(fun.to_owned(), target, user, &[]) });
            self.end(jid);
        }
        if let Some(record) = self.records.get_mut(&jid).filter(|r| r.adopted && !r.lines.contains_key(id)) {
            record.lines.insert(id.clone(), Line::Open);
            record.bytes += LINE;
            self.bytes += LINE;
        }
    }

    /// A minion's part in a job has come to `line`. Says whether that was news: an answer is kept once, and nothing
    /// is kept of minions that the job was not for. A late answer replaces that the minion is missing.
    pub(super) fn keep(&mut self, jid: Jid, id: &Name, mut line: Line) -> bool {
        let is_news = |old: &Line| match old {
            Line::Open => true,
            Line::Missing(_) => matches!(line, Line::Returned(_)),
            Line::Returned(_) | Line::Dropped => false,
        };
        if !self.records.get(&jid).and_then(|r| r.lines.get(id)).is_some_and(is_news) {
            return false;
        }
        let size = line.size();
        self.shrink(size);
        let Some(record) = self.records.get_mut(&jid) else { return false };
        record.returned += usize::from(matches!(line, Line::Returned(_)));
        if self.bytes + size > limits::LEDGER_BYTES && matches!(line, Line::Returned(_)) {
            line = Line::Dropped;
        }
        let added = line.size();
        let removed = record.lines.insert(id.clone(), line).map_or(0, |old| old.size());
        record.bytes = record.bytes + added - removed;
        self.bytes = self.bytes + added - removed;
        true
    }

    /// Everything has been said about a job.
    pub(super) fn end(&mut self, jid: Jid) {
        if let Some(record) = self.records.get_mut(&jid).filter(|r| !r.ended) {
            record.ended = true;
            self.ended += 1;
        }
        self.shrink(0);
    }

    pub(super) fn find(&self, jid: Jid) -> Option<&Record> {
        self.records.get(&jid)
    }

    /// One line per job, oldest first.
    pub(super) fn summaries(&self) -> Vec<Summary> {
        let summary = |(jid, record): (&Jid, &Record)| Summary {
            jid: jid.to_string(),
            fun: record.fun.clone(),
            target: record.target.clone(),
            user: record.user.clone(),
            minions: record.lines.len(),
            returned: record.returned,
            ended: record.ended,
        };
        self.records.iter().map(summary).collect()
    }

    /// Forgets the oldest ended jobs until `more` bytes fit. Running ones stay: they are bounded by count.
    fn shrink(&mut self, more: usize) {
        while self.ended > 0 && (self.ended > limits::LEDGER_JOBS || self.bytes + more > limits::LEDGER_BYTES) {
            let oldest = self.records.iter().find(|(_, record)| record.ended).map(|(jid, _)| *jid);
            let Some(record) = oldest.and_then(|jid| self.records.remove(&jid)) else { return };
            self.ended -= 1;
            self.bytes -= record.bytes;
        }
    }
}

impl Line {
    fn size(&self) -> usize {
        match self {
            Self::Missing(body) | Self::Returned(body) => body.len(),
            Self::Open | Self::Dropped => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::jid::Jids;
    use super::*;
    use crate::base::Time;

    fn record(minions: &[Name]) -> Record {
        Record::new("test.ping".to_owned(), Target::Glob("*".to_owned()), "root".to_owned(), minions)
    }

    fn returned(size: usize) -> Line {
        Line::Returned(vec![0; size].into())
    }

    #[test]
    fn a_late_answer_replaces_missing_and_nothing_replaces_an_answer() {
        let (mut ledger, jid) = (Ledger::default(), Jids::default().next(Time(0)));
        let [web1, web2] = ["web1", "web2"].map(|n| Name::new(n).unwrap());
        ledger.open(jid, record(std::slice::from_ref(&web1)));
        assert!(ledger.keep(jid, &web1, Line::Missing(Bytes::from_static(b"why"))));
        ledger.end(jid);
        assert!(ledger.keep(jid, &web1, returned(5)));
        assert!(!ledger.keep(jid, &web1, returned(9)));
        assert!(!ledger.keep(jid, &web2, returned(9)), "the job was not for it");
        assert_eq!(ledger.find(jid).unwrap().lines().collect::<Vec<_>>(), [(&web1, &returned(5))]);
        assert_eq!(ledger.summaries()[0].returned, 1);
        assert_eq!(ledger.bytes, 2 * LINE + 5);
    }

    #[test]
    fn bounded_by_count_and_bytes() {
        let (mut ledger, mut jids) = (Ledger::default(), Jids::default());
        let id = Name::new("web1").unwrap();
        let first = jids.next(Time(0));
        ledger.open(first, record(std::slice::from_ref(&id)));
        for _ in 0..limits::LEDGER_JOBS + 10 {
            let jid = jids.next(Time(0));
            ledger.open(jid, record(&[]));
            ledger.end(jid);
        }
        assert_eq!(ledger.records.len(), limits::LEDGER_JOBS + 1);
        assert!(ledger.find(first).is_some(), "a running job stays");
        assert!(ledger.keep(first, &id, returned(limits::LEDGER_BYTES)));
        assert_eq!(ledger.find(first).unwrap().lines().next(), Some((&id, &Line::Dropped)));
        assert_eq!(ledger.records.len(), 1);
        assert_eq!(ledger.bytes, 2 * LINE);
    }
}
