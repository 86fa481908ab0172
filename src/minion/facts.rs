//! What the minion knows of itself, its grains and its pillar, and whether a target means it. Owns the jobs that came
//! before the first pillar did: a function that reads the pillar is not to run without, and who asks by pillar is to be
//! understood. Never asks for anything.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::{debug, warn};

use super::job::Job;
use crate::base::target::{self, Facts};
use crate::base::{Name, Time, limits};

/// How long a job waits for the first pillar: one question for it may be lost, and a master may take its time.
const HOLD: Duration = Duration::from_secs(15);

/// Grains, pillar, and the jobs that wait for it.
#[derive(Debug)]
pub(super) struct Knowledge {
    id: Name,
    pub(super) grains: Arc<Map<String, Value>>,
    pillar: Option<Arc<Map<String, Value>>>,
    early: Vec<Job>,
    /// When the jobs have waited long enough.
    until: Option<Time>,
    /// Whether jobs once waited for nothing: no further one does.
    is_resigned: bool,
}

impl Knowledge {
    pub(super) fn new(id: Name, grains: Arc<Map<String, Value>>) -> Self {
        Self { id, grains, pillar: None, early: Vec::new(), until: None, is_resigned: false }
    }

    /// Whether the job means this minion. Salt's minions match targets themselves (Salt over RAET §4).
    pub(super) fn is_for_us(&self, job: &Job) -> bool {
        let facts = Facts { id: self.id.as_str(), grains: Some(&self.grains), pillar: self.pillar.as_deref() };
        target::matches(&job.tgt_type, &job.tgt, &job.delimiter, &facts).unwrap_or_else(|why| {
            warn!(jid = job.jid, "a job whose target cannot be read, and is taken for nobody's: {why}");
            false
        })
    }

    /// Keeps a job back while there is no pillar; gives it back to be done now otherwise.
    pub(super) fn hold(&mut self, now: Time, job: Job) -> Option<Job> {
        if self.pillar.is_some() || self.is_resigned || self.early.len() >= limits::EARLY_JOBS {
            return Some(job);
        }
        debug!(jid = job.jid, "a job waits for the pillar");
        self.until.get_or_insert(now + HOLD);
        self.early.push(job);
        None
    }

    /// The functions of a job that waits.
    pub(super) fn find(&self, jid: &str) -> Option<Value> {
        self.early.iter().find(|job| job.jid == jid).map(Job::fun)
    }

    /// Here is the pillar; gives the jobs that waited for it.
    pub(super) fn on_pillar(&mut self, pillar: Arc<Map<String, Value>>) -> Vec<Job> {
        self.pillar = Some(pillar);
        self.until = None;
        std::mem::take(&mut self.early)
    }

    /// The jobs that have waited long enough.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Job> {
        if self.until.is_none_or(|until| until > now) {
            return Vec::new();
        }
        warn!("the master gives no pillar; jobs are done without. What its log says of `_pillar` may tell why");
        (self.until, self.is_resigned) = (None, true);
        std::mem::take(&mut self.early)
    }

    /// When to [`expire`](Self::expire).
    pub(super) fn deadline(&self) -> Option<Time> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Arc<Map<String, Value>> {
        Arc::new(value.as_object().unwrap().clone())
    }

    fn job(tgt_type: &str, tgt: Value) -> Job {
        Job { jid: "1".to_owned(), tgt_type: tgt_type.to_owned(), tgt, ..Job::default() }
    }

    fn knowledge() -> Knowledge {
        Knowledge::new(Name::new("web1").unwrap(), map(json!({"os": "Debian", "ipv4": ["10.0.0.7"]})))
    }

    #[test]
    fn targets_are_matched_with_our_own_facts() {
        let mut known = knowledge();
        let pillar = [("pillar", json!("tier:front")), ("compound", json!(["I@tier:front", "and", "web*"]))];
        for (tgt_type, tgt) in [
            ("glob", json!("web*")),
            ("list", json!(["web1"])),
            ("grain", json!("os:Deb*")),
            ("ipcidr", json!("10.0.0.0/8")),
            ("compound", json!("G@os:Debian and not db*")),
        ] {
            assert!(known.is_for_us(&job(tgt_type, tgt.clone())), "{tgt_type} {tgt}");
        }
        for (tgt_type, tgt) in
            [("glob", json!("db*")), ("grain", json!("os:Arch")), ("odd", json!("*")), ("pcre", json!("("))]
        {
            assert!(!known.is_for_us(&job(tgt_type, tgt.clone())), "{tgt_type} {tgt}");
        }
        assert!(pillar.iter().all(|(tgt_type, tgt)| !known.is_for_us(&job(tgt_type, tgt.clone()))));
        known.on_pillar(map(json!({"tier": "front"})));
        assert!(pillar.iter().all(|(tgt_type, tgt)| known.is_for_us(&job(tgt_type, tgt.clone()))));
    }

    #[test]
    fn jobs_wait_for_the_first_pillar() {
        let mut known = knowledge();
        assert_eq!(known.hold(Time(0), job("glob", json!("*"))), None);
        assert!(known.find("1").is_some() && known.find("2").is_none());
        assert_eq!(known.expire(Time(1)), []);
        assert_eq!(known.on_pillar(map(json!({}))).len(), 1);
        assert_eq!((known.deadline(), known.find("1")), (None, None));
        assert!(known.hold(Time(2), job("glob", json!("*"))).is_some());
    }

    #[test]
    fn but_not_for_ever() {
        let mut known = knowledge();
        for _ in 0..limits::EARLY_JOBS {
            assert_eq!(known.hold(Time(0), job("glob", json!("*"))), None);
        }
        assert!(known.hold(Time(0), job("glob", json!("*"))).is_some(), "bounded");
        assert_eq!(known.deadline(), Some(Time(0) + HOLD));
        assert_eq!(known.expire(Time(0) + HOLD).len(), limits::EARLY_JOBS);
        assert!(known.hold(Time(0) + HOLD, job("glob", json!("*"))).is_some());
    }
}
