//! The bounded workers of a minion: works in, one outcome each out, whatever happens between. Owns the threads and the
//! queue before them; knows no function and no master.

use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::limits;
use crate::duty::{Outcome, Work};
use crate::functions::{Context, Control, Fault, Registry};

/// Works that may run at once: as many as a minion lets in, so that long ones never keep a `test.ping` waiting. They wait
/// for disks and children far more than they compute, and each costs a thread only while that many are needed.
pub const WIDTH: usize = limits::RUNNING;

/// How long a thread waits for its next work before it ends.
const REST: Duration = Duration::from_secs(10);

/// How long the end of the runner waits for its works: longer than a child gets between request and force.
const END: Duration = Duration::from_secs(4);

/// Runs works on up to `width` threads. When it is dropped, all works are killed, and their process groups with them.
#[derive(Debug)]
pub struct Runner {
    shared: Arc<Shared>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    context: Context,
    width: usize,
    rest: Duration,
    /// Unbounded, and yet bounded: an outcome is there only for a work that was let in, or refused to its caller's face.
    outcomes: mpsc::UnboundedSender<Outcome>,
    state: Mutex<State>,
    /// Told when a work waits or all is over.
    wake: Condvar,
    /// Told when a work ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Work>,
    running: BTreeMap<u64, (String, Arc<Control>)>,
    /// Numbers the running works, since two may have the same job id.
    started: u64,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Runner {
    /// A runner without threads yet; each work runs in a copy of `context` with a control of its own.
    pub fn new(registry: Registry, context: Context, width: usize) -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        let shared = Shared {
            registry,
            context,
            width: width.max(1),
            rest: REST,
            outcomes: sender,
            state: Mutex::default(),
            wake: Condvar::new(),
            ended: Condvar::new(),
        };
        Self { shared: Arc::new(shared), outcomes }
    }

    /// Lets `work` in, to run as soon as a thread is free. Never blocks: beyond
    /// [`limits::WORKS_WAITING`] the outcome is a refusal.
    pub fn start(&self, work: Work) {
        let mut state = self.shared.state();
        if state.waiting.len() >= limits::WORKS_WAITING {
            let (running, waiting) = (state.running.len(), state.waiting.len());
            let why = format!(
                "The minion has {running} jobs running and {waiting} waiting, and takes no more. Try again later."
            );
            return self.shared.refuse([work], &Fault::failed(why));
        }
        state.waiting.push_back(work);
        if state.waiting.len() > state.idle && state.threads < self.shared.width {
            self.spawn(&mut state);
        }
        self.shared.wake.notify_one();
    }

    /// Ends every work of this job id, waiting or running. Their outcomes follow as those of all works do.
    pub fn kill(&self, jid: &str) {
        let mut state = self.shared.state();
        let (killed, waiting): (VecDeque<_>, _) = state.waiting.drain(..).partition(|work| work.jid == jid);
        state.waiting = waiting;
        self.shared.refuse(killed, &Fault::killed());
        state.running.values().filter(|(running, _)| running == jid).for_each(|(_, control)| control.kill());
    }

    /// The next outcome. Cancel safe.
    pub async fn next(&mut self) -> Outcome {
        match self.outcomes.recv().await {
            Some(outcome) => outcome,
            // Cannot be: we hold a sender ourselves.
            None => future::pending().await,
        }
    }

    fn spawn(&self, state: &mut State) {
        let shared = self.shared.clone();
        let name = format!("worker {}", state.threads + 1);
        match thread::Builder::new().name(name).spawn(move || shared.work()) {
            Ok(_) => state.threads += 1,
            // Another thread will come to it.
            Err(error) if state.threads > 0 => tracing::warn!(%error, "no further worker thread could be started"),
            Err(error) => {
                let fault = Fault::failed(format!("The minion cannot start a thread to run this: {error}."));
                self.shared.refuse(state.waiting.drain(..), &fault);
            }
        }
    }
}

impl Drop for Runner {
    /// Kills what runs and waits a moment for it: a daemon that exits at once would leave process groups behind.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        self.shared.refuse(state.waiting.drain(..), &Fault::killed());
        state.running.values().for_each(|(_, control)| control.kill());
        self.shared.wake.notify_all();
        let waited = self.shared.ended.wait_timeout_while(state, END, |state| !state.running.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        for (jid, _) in state.running.values() {
            tracing::warn!(%jid, "the job did not end when it was killed");
        }
    }
}

impl Shared {
    /// A worker thread, from work to work.
    fn work(&self) {
        let mut state = self.state();
        while !state.closed {
            let Some(work) = state.waiting.pop_front() else {
                state.idle += 1;
                let woken = self.wake.wait_timeout(state, self.rest).unwrap_or_else(PoisonError::into_inner);
                state = woken.0;
                state.idle -= 1;
                if woken.1.timed_out() && state.waiting.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            let control = Arc::new(Control::default());
            let number = state.started;
            state.started += 1;
            state.running.insert(number, (work.jid.clone(), control.clone()));
            drop(state);
            let outcome = self.registry.run(&work, &Context { control, ..self.context.clone() });
            self.tell(outcome);
            state = self.state();
            state.running.remove(&number);
            self.ended.notify_all();
        }
    }

    fn refuse(&self, works: impl IntoIterator<Item = Work>, fault: &Fault) {
        for work in works {
            let value = fault.why.clone().into();
            self.tell(Outcome { jid: work.jid, value, retcode: fault.retcode, success: false });
        }
    }

    fn tell(&self, outcome: Outcome) {
        // Nobody listens any more only when the runner is gone, and then nobody wants to know.
        let _ = self.outcomes.send(outcome);
    }

    /// A panic cannot leave this half done: nothing that may panic happens under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::functions::{Call, Function, Grains, Keywords};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn runner(width: usize) -> Runner {
        let id = Name::new("web1").unwrap();
        let mut registry = Registry::standard();
        registry.add(Function {
            name: "test.broken",
            usage: "test.broken",
            doc: "Breaks.",
            keywords: Keywords::Any,
            run: |_: Call<'_>| panic!("broken"),
        });
        Runner::new(registry, Context::new(id.clone(), None, Arc::new(Grains::new(id, None, Map::new()))), width)
    }

    fn work(jid: &str, fun: &str, arg: Value) -> Work {
        let args = if arg.is_null() { vec![] } else { vec![arg] };
        Work { jid: jid.to_owned(), fun: fun.to_owned(), args, kwargs: Map::new() }
    }

    /// The next outcome, which must come.
    fn next(runner: &mut Runner) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limit = Duration::from_secs(20);
        runtime.block_on(async { tokio::time::timeout(limit, runner.next()).await }).unwrap()
    }

    #[test]
    fn blocked_works_do_not_stop_others() {
        let mut runner = runner(3);
        runner.start(work("a", "test.sleep", json!(600)));
        runner.start(work("b", "test.sleep", json!(600)));
        for i in 0..20 {
            let jid = format!("ping {i}");
            runner.start(work(&jid, "test.ping", Value::Null));
            assert_eq!(next(&mut runner), Outcome { jid, value: json!(true), retcode: 0, success: true });
        }
        runner.kill("b");
        let killed = next(&mut runner);
        assert_eq!((killed.jid.as_str(), killed.success), ("b", false));
        assert!(runner.shared.state().threads <= 3);
    }

    #[test]
    fn as_many_long_works_as_a_minion_lets_in_leave_room_for_a_short_one() {
        let mut runner = runner(WIDTH);
        Arc::get_mut(&mut runner.shared).unwrap().rest = Duration::from_millis(20);
        for _ in 1..limits::RUNNING {
            runner.start(work("long", "test.sleep", json!(600)));
        }
        runner.start(work("short", "test.ping", Value::Null));
        assert_eq!(next(&mut runner).jid, "short");
        runner.kill("long");
        for _ in 1..limits::RUNNING {
            assert_eq!(next(&mut runner).jid, "long");
        }
        let ended = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(5));
            runner.shared.state().threads == 0
        });
        assert!(ended, "idle threads end");
        runner.start(work("short", "test.ping", Value::Null));
        assert_eq!(next(&mut runner).jid, "short");
    }

    #[test]
    fn beyond_the_queue_a_work_is_refused_at_once() {
        let mut runner = runner(1);
        runner.start(work("blocks", "test.sleep", json!(600)));
        for _ in 0..=limits::WORKS_WAITING {
            runner.start(work("waits", "test.ping", Value::Null));
        }
        runner.start(work("last", "test.ping", Value::Null));
        let refused = next(&mut runner);
        assert!(!refused.success && refused.value.as_str().unwrap().contains("Try again later"), "{refused:?}");
        runner.kill("waits");
        runner.start(work("last", "test.ping", Value::Null));
        runner.kill("blocks");
        while next(&mut runner).jid != "last" {}
    }

    #[test]
    fn the_end_of_the_runner_ends_process_groups() {
        let mut runner = runner(2);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let line = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        runner.start(work("a", "cmd.run", json!(line)));
        let pid = (0..1000).find_map(|_| {
            thread::sleep(Duration::from_millis(5));
            std::fs::read_to_string(&file).ok()
        });
        let pid = pid.unwrap();
        runner.start(work("b", "test.ping", Value::Null));
        assert_eq!(next(&mut runner).jid, "b");
        drop(runner);
        let is_gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
        };
        assert!((0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            is_gone()
        }));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Start(usize, &'static str, Value),
        Kill(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let call = prop_oneof![
            Just(("test.ping", Value::Null)),
            Just(("test.sleep", json!(0.001))),
            Just(("test.sleep", json!(600))),
            Just(("test.broken", Value::Null)),
            Just(("no.such", Value::Null)),
        ];
        prop_oneof![
            3 => (0usize..6, call).prop_map(|(jid, (fun, arg))| Step::Start(jid, fun, arg)),
            1 => (0usize..6).prop_map(Step::Kill),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_work_has_exactly_one_outcome(width in 1usize..4, steps in proptest::collection::vec(step(), 0..30)) {
            let mut runner = runner(width);
            let mut owed = [0; 6];
            for step in steps {
                match step {
                    Step::Start(jid, fun, arg) => {
                        runner.start(work(&jid.to_string(), fun, arg));
                        owed[jid] += 1;
                    }
                    Step::Kill(jid) => runner.kill(&jid.to_string()),
                }
            }
            while owed.iter().sum::<i32>() > 0 {
                // Sleepers end when they are killed, those that waited behind them too.
                (0..6).for_each(|jid| runner.kill(&jid.to_string()));
                let jid: usize = next(&mut runner).jid.parse().unwrap();
                owed[jid] -= 1;
                prop_assert!(owed[jid] >= 0);
            }
            prop_assert!(runner.outcomes.try_recv().is_err());
        }
    }
}
