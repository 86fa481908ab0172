//! The functions that run now, the job ids seen before, and the questions about them (`saltutil`). Owns both tables.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::job::Job;
use crate::base::glob::matches;
use crate::base::{Time, limits};
use crate::duty::Output;

/// The running functions and the jobs seen.
#[derive(Debug, Default)]
pub(super) struct Running {
    jobs: BTreeMap<String, (Job, Time)>,
    seen: BTreeSet<String>,
    seen_order: VecDeque<String>,
}

/// The answer to a question about jobs, and whether it is a good one.
pub(super) struct Answer {
    pub(super) value: Value,
    pub(super) success: bool,
    pub(super) output: Option<Output>,
}

impl Running {
    /// Remembers a job id; says whether it is new.
    pub(super) fn see(&mut self, jid: &str) -> bool {
        if !self.seen.insert(jid.to_owned()) {
            return false;
        }
        self.seen_order.push_back(jid.to_owned());
        if self.seen_order.len() > limits::SEEN_JOBS
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.jobs.len() >= limits::RUNNING
    }

    pub(super) fn start(&mut self, now: Time, job: Job) {
        self.jobs.insert(job.jid.clone(), (job, now));
    }

    pub(super) fn finish(&mut self, jid: &str) -> Option<Job> {
        self.jobs.remove(jid).map(|(job, _)| job)
    }

    /// Answers a question that needs no worker; `None`: it is no such question. `returning` names the function of a job
    /// that has ended and whose return is still on its way: the master must go on waiting for it.
    pub(super) fn answer<'a>(
        &self,
        now: Time,
        job: &Job,
        returning: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Answer> {
        let (args, kwargs) = job.arguments();
        let first = |key: &str| match args.first().or_else(|| kwargs.get(key)) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let good = |value| Answer { value, success: true, output: None };
        Some(match job.fun.as_str() {
            "saltutil.running" => good(self.list(now, |_| true)),
            "saltutil.is_running" => {
                let pattern = first("fun");
                good(self.list(now, |job| matches(&pattern, &job.fun)))
            }
            "saltutil.find_job" => {
                let jid = first("jid");
                good(match self.jobs.get(&jid) {
                    Some((job, started)) => describe(now, job, *started),
                    None => returning(&jid)
                        .map_or_else(|| json!({}), |fun| json!({"jid": jid, "fun": fun, "returning": true})),
                })
            }
            "saltutil.kill_job" | "saltutil.term_job" => {
                let jid = first("jid");
                match self.jobs.get(&jid) {
                    Some((job, _)) => {
                        let value = Value::from(format!("{} of job {jid} is being ended", job.fun));
                        Answer { value, success: true, output: Some(Output::Kill { jid }) }
                    }
                    None => Answer { value: format!("no job {jid:?} runs here").into(), success: false, output: None },
                }
            }
            _ => return None,
        })
    }

    fn list(&self, now: Time, wanted: impl Fn(&Job) -> bool) -> Value {
        self.jobs.values().filter(|(job, _)| wanted(job)).map(|(job, started)| describe(now, job, *started)).collect()
    }
}

fn describe(now: Time, job: &Job, started: Time) -> Value {
    let Job { jid, fun, arg, tgt, tgt_type, user } = job;
    let seconds = now.since(started).as_secs_f64();
    json!({"jid": jid, "fun": fun, "arg": arg, "tgt": tgt, "tgt_type": tgt_type, "user": user, "seconds": seconds})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(jid: &str, fun: &str, arg: Vec<Value>) -> Job {
        let (jid, fun) = (jid.to_owned(), fun.to_owned());
        Job { jid, fun, arg, tgt: json!("*"), tgt_type: "glob".to_owned(), user: "root".to_owned() }
    }

    fn ask(running: &Running, fun: &str, arg: &str) -> Answer {
        running.answer(Time(2_000_000), &job("9", fun, vec![json!(arg)]), |jid| (jid == "5").then_some("a.b")).unwrap()
    }

    #[test]
    fn questions_about_jobs() {
        let mut running = Running::default();
        running.start(Time(500_000), job("1", "cmd.run", vec![json!("sleep")]));
        assert_eq!(ask(&running, "saltutil.find_job", "1").value["seconds"], json!(1.5));
        assert_eq!(ask(&running, "saltutil.find_job", "2").value, json!({}));
        assert_eq!(ask(&running, "saltutil.find_job", "5").value["returning"], json!(true));
        assert_eq!(ask(&running, "saltutil.running", "").value[0]["jid"], json!("1"));
        assert_eq!(ask(&running, "saltutil.is_running", "cmd.*").value[0]["fun"], json!("cmd.run"));
        assert_eq!(ask(&running, "saltutil.is_running", "state.*").value, json!([]));
        assert_eq!(ask(&running, "saltutil.kill_job", "1").output, Some(Output::Kill { jid: "1".to_owned() }));
        assert!(!ask(&running, "saltutil.term_job", "2").success);
        assert!(running.answer(Time(0), &job("9", "test.ping", vec![]), |_| None).is_none());
        assert_eq!(running.finish("1").map(|job| job.fun), Some("cmd.run".to_owned()));
        assert_eq!(ask(&running, "saltutil.running", "").value, json!([]));
    }

    #[test]
    fn job_ids_are_remembered_up_to_a_bound() {
        let mut running = Running::default();
        for n in 0..limits::SEEN_JOBS {
            assert!(running.see(&n.to_string()));
        }
        assert!(!running.see("0"));
        assert!(running.see("one more"));
        assert!(running.see("0"), "the oldest is forgotten");
        assert_eq!(running.seen.len(), limits::SEEN_JOBS);
    }
}
