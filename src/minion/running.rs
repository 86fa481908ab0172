//! The functions that run now, the job ids seen before, and the questions about them (`saltutil`). Owns both tables.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::job::{Call, Job};
use super::returns::Ending;
use crate::base::glob::matches;
use crate::base::{Time, limits};
use crate::duty::{Outcome, Output};

/// The running functions and the jobs seen.
#[derive(Debug, Default)]
pub(super) struct Running {
    jobs: BTreeMap<String, Entry>,
    seen: BTreeSet<String>,
    seen_order: VecDeque<String>,
}

/// A job that runs: its calls one after the other.
#[derive(Debug)]
struct Entry {
    job: Job,
    started: Time,
    /// What became of the first calls.
    outcomes: Vec<Outcome>,
    is_killed: bool,
}

/// The answer to a question about jobs, and whether it is a good one.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) value: Value,
    pub(super) success: bool,
    pub(super) outputs: Vec<Output>,
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
        let entry = Entry { started: now, outcomes: Vec::new(), is_killed: false, job };
        self.jobs.insert(entry.job.jid.clone(), entry);
    }

    /// What the job is to call now; `None` when nothing is left.
    pub(super) fn next(&self, jid: &str) -> Option<&Call> {
        let entry = self.jobs.get(jid)?;
        entry.job.calls.get(entry.outcomes.len()).filter(|_| !entry.is_killed || entry.outcomes.is_empty())
    }

    /// A call of the job came to its end; says whether there is such a job.
    pub(super) fn record(&mut self, outcome: Outcome) -> bool {
        let Some(entry) = self.jobs.get_mut(&outcome.jid) else { return false };
        entry.outcomes.push(outcome);
        true
    }

    /// Takes the job off the table, with all that came of it.
    pub(super) fn finish(&mut self, jid: &str) -> Option<(Job, Ending)> {
        let Entry { job, outcomes, .. } = self.jobs.remove(jid)?;
        let ending = if job.is_list { together(&job, outcomes) } else { outcomes.into_iter().next().map(Ending::from) };
        ending.map(|ending| (job, ending))
    }

    /// Answers a question that needs no worker, for the job `asker`; `None`: it is no such question. `returning` names the
    /// function of a job that has ended and whose return is still on its way: the master must go on waiting for it.
    pub(super) fn answer(
        &mut self,
        now: Time,
        asker: &str,
        call: &Call,
        returning: impl Fn(&str) -> Option<Value>,
    ) -> Option<Answer> {
        let (args, kwargs) = call.arguments();
        let argument = |place: usize, key: &str| args.get(place).or_else(|| kwargs.get(key)).cloned();
        let jid = || argument(0, "jid").map(|jid| text(&jid)).unwrap_or_default();
        Some(match call.fun.as_str() {
            "saltutil.running" => Answer::good(self.list(now, asker, |_| true)),
            "saltutil.is_running" => {
                let pattern = argument(0, "fun").map(|fun| text(&fun)).unwrap_or_default();
                Answer::good(self.list(now, asker, |job| job.calls.iter().any(|call| matches(&pattern, &call.fun))))
            }
            "saltutil.find_job" => {
                let jid = jid();
                Answer::good(match self.jobs.get(&jid) {
                    Some(entry) => entry.describe(now),
                    None => returning(&jid)
                        .map_or_else(|| json!({}), |fun| json!({"jid": jid, "fun": fun, "returning": true})),
                })
            }
            "saltutil.kill_job" => self.signal(&jid(), &json!(9)),
            "saltutil.term_job" => self.signal(&jid(), &json!(15)),
            "saltutil.signal_job" => self.signal(&jid(), &argument(1, "sig").unwrap_or_default()),
            "saltutil.kill_all_jobs" => self.signal_all(asker, 9),
            "saltutil.term_all_jobs" => self.signal_all(asker, 15),
            _ => return None,
        })
    }

    fn list(&self, now: Time, asker: &str, wanted: impl Fn(&Job) -> bool) -> Value {
        let others = self.jobs.values().filter(|entry| entry.job.jid != asker && wanted(&entry.job));
        others.map(|entry| entry.describe(now)).collect()
    }

    /// Ends a job, in Salt's words; none when it does not run here. What a signal would do to a program of Salt's, we can
    /// only do if it ends one.
    fn signal(&mut self, jid: &str, signal: &Value) -> Answer {
        let Some(entry) = self.jobs.get_mut(jid) else { return Answer::good("".into()) };
        let number = signal.as_u64().or_else(|| signal.as_str()?.parse().ok());
        match number {
            Some(number @ (1 | 2 | 3 | 9 | 15)) => {
                entry.is_killed = true;
                let value = format!("Signal {number} sent to job {jid}").into();
                Answer { value, success: true, outputs: vec![Output::Kill { jid: jid.to_owned() }] }
            }
            _ => {
                let value = format!("A job can be ended with signal 1, 2, 3, 9 or 15; nothing was done for {signal}.");
                Answer { value: value.into(), ..Answer::default() }
            }
        }
    }

    fn signal_all(&mut self, asker: &str, signal: u64) -> Answer {
        let jids: Vec<String> = self.jobs.keys().filter(|jid| *jid != asker).cloned().collect();
        let answers: Vec<Answer> = jids.iter().map(|jid| self.signal(jid, &signal.into())).collect();
        let value = answers.iter().map(|answer| answer.value.clone()).collect();
        Answer { value, success: true, outputs: answers.into_iter().flat_map(|answer| answer.outputs).collect() }
    }
}

/// Whether only the minion itself can answer this, and does so at once.
pub(super) fn is_question(fun: &str) -> bool {
    let questions =
        ["running", "is_running", "find_job", "kill_job", "term_job", "signal_job", "kill_all_jobs", "term_all_jobs"];
    fun.strip_prefix("saltutil.").is_some_and(|fun| questions.contains(&fun))
}

impl Entry {
    fn describe(&self, now: Time) -> Value {
        let Job { jid, tgt, tgt_type, user, ret, .. } = &self.job;
        let (fun, arg, seconds) = (self.job.fun(), self.job.arg(), now.since(self.started).as_secs_f64());
        json!({
            "jid": jid, "fun": fun, "arg": arg, "tgt": tgt, "tgt_type": tgt_type, "user": user, "ret": ret,
            "seconds": seconds,
        })
    }
}

impl Answer {
    fn good(value: Value) -> Self {
        Self { value, success: true, outputs: Vec::new() }
    }
}

/// The outcomes by function. Those of a killed job that did not run say so.
fn together(job: &Job, outcomes: Vec<Outcome>) -> Option<Ending> {
    let mut outcomes = outcomes.into_iter();
    let (mut values, mut retcodes, mut successes) = (Map::new(), Map::new(), Map::new());
    for Call { fun, .. } in &job.calls {
        let (value, retcode, success) = match outcomes.next() {
            Some(Outcome { value, retcode, success, .. }) => (value, retcode, success),
            None => ("The job was killed before this function ran.".into(), 1, false),
        };
        values.insert(fun.clone(), value);
        retcodes.insert(fun.clone(), retcode.into());
        successes.insert(fun.clone(), success.into());
    }
    Some(Ending { value: values.into(), retcode: retcodes.into(), success: successes.into() })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(fun: &str, arg: Vec<Value>) -> Call {
        Call { fun: fun.to_owned(), arg }
    }

    fn job(jid: &str, calls: Vec<Call>) -> Job {
        let is_list = calls.len() > 1;
        let (jid, tgt_type, user) = (jid.to_owned(), "glob".to_owned(), "root".to_owned());
        Job { jid, calls, is_list, tgt: json!("*"), tgt_type, user, ..Job::default() }
    }

    fn outcome(jid: &str, retcode: i64) -> Outcome {
        Outcome { jid: jid.to_owned(), value: json!(retcode), retcode, success: retcode == 0 }
    }

    fn ask(running: &mut Running, fun: &str, args: Value) -> Answer {
        let call = call(fun, args.as_array().unwrap().clone());
        assert!(is_question(fun));
        running.answer(Time(2_000_000), "9", &call, |jid| (jid == "5").then(|| json!("a.b"))).unwrap()
    }

    #[test]
    fn questions_about_jobs() {
        let mut running = Running::default();
        running.start(Time(500_000), job("1", vec![call("cmd.run", vec![json!("sleep")])]));
        running.start(Time(500_000), job("9", vec![call("saltutil.running", vec![])]));
        let found = ask(&mut running, "saltutil.find_job", json!(["1"])).value;
        let expected = json!({"jid": "1", "fun": "cmd.run", "arg": ["sleep"], "tgt": "*", "tgt_type": "glob",
                              "user": "root", "ret": "", "seconds": 1.5});
        assert_eq!(found, expected);
        assert_eq!(ask(&mut running, "saltutil.find_job", json!(["2"])).value, json!({}));
        assert_eq!(ask(&mut running, "saltutil.find_job", json!(["5"])).value["returning"], json!(true));
        assert_eq!(ask(&mut running, "saltutil.running", json!([])).value, json!([expected]), "not the asker");
        assert_eq!(ask(&mut running, "saltutil.is_running", json!(["cmd.*"])).value[0]["fun"], json!("cmd.run"));
        assert_eq!(ask(&mut running, "saltutil.is_running", json!(["state.*"])).value, json!([]));
        assert!(running.answer(Time(0), "9", &call("test.ping", vec![]), |_| None).is_none());
        assert!(!is_question("test.ping") && !is_question("saltutil.sync_all"));
    }

    #[test]
    fn signals_end_jobs_or_do_nothing() {
        let mut running = Running::default();
        running.start(Time(0), job("1", vec![call("cmd.run", vec![])]));
        let kill = vec![Output::Kill { jid: "1".to_owned() }];
        for (fun, args) in [("kill_job", json!(["1"])), ("term_job", json!([{"jid": 1, "__kwarg__": true}]))] {
            let answer = ask(&mut running, &format!("saltutil.{fun}"), args);
            assert!(answer.success && answer.value.as_str().unwrap().ends_with("sent to job 1"), "{answer:?}");
            assert_eq!(answer.outputs, kill);
        }
        assert_eq!(ask(&mut running, "saltutil.signal_job", json!(["1", "15"])).outputs, kill);
        let odd = ask(&mut running, "saltutil.signal_job", json!(["1", 10]));
        assert!(!odd.success && odd.outputs.is_empty());
        let nobody = ask(&mut running, "saltutil.kill_job", json!(["2"]));
        assert_eq!((nobody.value, nobody.success), (json!(""), true), "as Salt answers");
        let all = ask(&mut running, "saltutil.term_all_jobs", json!([]));
        assert_eq!((all.value, all.outputs), (json!(["Signal 15 sent to job 1"]), kill));
    }

    #[test]
    fn a_list_of_functions_is_answered_by_function() {
        let mut running = Running::default();
        running.start(Time(0), job("1", vec![call("a.b", vec![]), call("c.d", vec![]), call("e.f", vec![])]));
        assert_eq!(running.next("1").map(|call| call.fun.as_str()), Some("a.b"));
        assert!(running.record(outcome("1", 0)) && !running.record(outcome("2", 0)));
        assert_eq!(running.next("1").map(|call| call.fun.as_str()), Some("c.d"));
        ask(&mut running, "saltutil.kill_job", json!(["1"]));
        assert!(running.record(outcome("1", 3)));
        assert_eq!(running.next("1"), None, "killed");
        let ending = running.finish("1").unwrap().1;
        assert_eq!(ending.retcode, json!({"a.b": 0, "c.d": 3, "e.f": 1}));
        assert_eq!(ending.success, json!({"a.b": true, "c.d": false, "e.f": false}));
        assert_eq!((&ending.value["a.b"], &ending.value["c.d"]), (&json!(0), &json!(3)));
        assert!(ending.value["e.f"].as_str().unwrap().contains("killed"));
        assert_eq!(ask(&mut running, "saltutil.running", json!([])).value, json!([]));
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
