//! The running jobs and their indexes: by id, by awaited minion, by next turn. Owns them so that nothing ever scans all
//! jobs or all minions.

use std::collections::{BTreeMap, BTreeSet};

use super::jid::Jid;
use super::job::{Job, Wait};
use crate::base::{Name, Time, limits};

/// The running jobs.
#[derive(Debug, Default)]
pub(super) struct Desk {
    jobs: BTreeMap<Jid, Job>,
    waiting: BTreeMap<Name, BTreeSet<Jid>>,
    agenda: BTreeSet<(Time, Jid)>,
    /// Our questions, and the job each is about.
    asks: BTreeMap<Jid, Jid>,
}

impl Desk {
    pub(super) fn is_full(&self) -> bool {
        self.jobs.len() >= limits::JOBS
    }

    /// A new job.
    pub(super) fn open(&mut self, job: Job) {
        for id in job.waits.keys() {
            self.waiting.entry(id.clone()).or_default().insert(job.jid);
        }
        self.agenda.insert((job.due, job.jid));
        self.jobs.insert(job.jid, job);
    }

    pub(super) fn job(&mut self, jid: Jid) -> Option<&mut Job> {
        self.jobs.get_mut(&jid)
    }

    /// The jobs that await `id`, oldest first.
    pub(super) fn waiting_for(&self, id: &Name) -> Vec<Jid> {
        self.waiting.get(id).into_iter().flatten().copied().collect()
    }

    /// No longer awaits `id`; `None` when it was not awaited.
    pub(super) fn take(&mut self, jid: Jid, id: &Name) -> Option<Wait> {
        let wait = self.jobs.get_mut(&jid)?.waits.remove(id)?;
        if let Some(jids) = self.waiting.get_mut(id) {
            jids.remove(&jid);
            if jids.is_empty() {
                self.waiting.remove(id);
            }
        }
        Some(wait)
    }

    /// Ends the job if nobody is awaited any more.
    pub(super) fn close(&mut self, jid: Jid) -> Option<Job> {
        self.jobs.get(&jid).filter(|job| job.waits.is_empty())?;
        let job = self.jobs.remove(&jid)?;
        self.agenda.remove(&(job.due, jid));
        job.asks.iter().for_each(|ask| {
            self.asks.remove(ask);
        });
        Some(job)
    }

    /// When the next turn comes.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// A job whose turn has come; [`schedule`](Self::schedule) it again.
    pub(super) fn due(&mut self, now: Time) -> Option<&mut Job> {
        let (at, jid) = self.agenda.first().copied().filter(|(at, _)| *at <= now)?;
        self.agenda.remove(&(at, jid));
        self.jobs.get_mut(&jid)
    }

    /// Puts the job back on the agenda.
    pub(super) fn schedule(&mut self, jid: Jid) {
        if let Some(job) = self.jobs.get(&jid) {
            self.agenda.insert((job.due, jid));
        }
    }

    /// The answers to `ask` are about the job `jid`.
    pub(super) fn on_asked(&mut self, jid: Jid, ask: Jid) {
        if let Some(job) = self.jobs.get_mut(&jid) {
            self.asks.insert(ask, jid);
            if let Some(old) = job.on_asked(ask) {
                self.asks.remove(&old);
            }
        }
    }

    /// The job that a question was about.
    pub(super) fn asked_about(&mut self, ask: Jid) -> Option<&mut Job> {
        self.jobs.get_mut(self.asks.get(&ask)?)
    }

    /// A yard is gone: its jobs go on without it.
    pub(super) fn forget(&mut self, yard: &Name) {
        for job in self.jobs.values_mut() {
            if job.asker.as_ref().is_some_and(|asker| asker.yard == *yard) {
                job.asker = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::jid::Jids;
    use super::super::job::Asker;
    use super::*;

    #[test]
    fn an_ended_job_leaves_nothing_behind() {
        let (mut desk, mut jids) = (Desk::default(), Jids::default());
        let ids = ["web1", "web2"].map(|id| Name::new(id).unwrap());
        let [first, second] = [1, 2].map(|patience| {
            let (jid, asker) = (jids.next(Time(0)), Asker { yard: ids[0].clone(), share: None });
            desk.open(Job::new(Time(0), jid, asker, Bytes::new(), Duration::from_secs(patience), &ids));
            jid
        });
        assert_eq!(desk.deadline(), Some(Time(1_000_000)));
        assert_eq!(desk.waiting_for(&ids[1]), [first, second]);
        let asks: Vec<Jid> = (0..9).map(|_| jids.next(Time(0))).collect();
        asks.iter().for_each(|ask| desk.on_asked(first, *ask));
        assert!(desk.asked_about(asks[0]).is_none(), "old rounds are forgotten");
        assert_eq!(desk.asked_about(asks[8]).map(|job| job.jid), Some(first));
        assert!(desk.take(first, &ids[0]).is_some() && desk.take(first, &ids[0]).is_none());
        assert!(desk.close(first).is_none(), "web2 is awaited");
        assert!(desk.take(first, &ids[1]).is_some() && desk.close(first).is_some());
        assert_eq!((desk.deadline(), desk.asks.len()), (Some(Time(2_000_000)), 0));
        ids.iter().for_each(|id| assert!(desk.take(second, id).is_some()));
        assert!(desk.close(second).is_some());
        assert_eq!((desk.deadline(), desk.waiting.len(), desk.jobs.len()), (None, 0, 0));
    }
}
