//! The bounded workers of a minion: works in, one outcome each out, whatever happens between, and what the works ask their
//! minion meanwhile. Owns the threads and the queue before them; knows no function and no master.

use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::base::limits;
use crate::duty::{Ask, Outcome, Work};
use crate::functions::{Context, Control, Fault, Line, Registry};

/// Works that may run at once: as many as a minion lets in, so that long ones never keep a `test.ping` waiting. They wait
/// for disks and children far more than they compute, and each costs a thread only while that many are needed.
pub const WIDTH: usize = limits::RUNNING;

/// How long a thread waits for its next work before it ends.
const REST: Duration = Duration::from_secs(10);

/// How long the end of the runner waits for its works: longer than a child gets between request and force.
const END: Duration = Duration::from_secs(4);

/// How often a function that waits for an answer looks whether it was killed.
const GLANCE: Duration = Duration::from_millis(100);

/// What comes out of a runner.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A work's end.
    Outcome(Outcome),
    /// A running work asks its minion; [`Runner::answer`] answers.
    Ask(u64, Ask),
}

/// Runs works on up to `width` threads. When it is dropped, all works are killed, and their process groups with them.
#[derive(Debug)]
pub struct Runner {
    shared: Arc<Shared>,
    told: mpsc::UnboundedReceiver<Told>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    context: Context,
    width: usize,
    rest: Duration,
    /// Whether works can ask a minion.
    has_minion: bool,
    /// Unbounded, and yet bounded: an outcome is there only for a work that was let in, or refused to its caller's face,
    /// and each work asks one thing at a time.
    told: mpsc::UnboundedSender<Told>,
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
    /// Who waits for an answer.
    asks: BTreeMap<u64, SyncSender<Result<Value, String>>>,
    asked: u64,
}

impl Runner {
    /// A runner without threads yet; each work runs in a copy of `context` with a control of its own, and has no minion to
    /// ask.
    pub fn new(registry: Registry, context: Context, width: usize) -> Self {
        Self::with(registry, context, width, false)
    }

    /// As [`new`](Self::new), for a minion that answers what works ask.
    pub fn of_minion(registry: Registry, context: Context, width: usize) -> Self {
        Self::with(registry, context, width, true)
    }

    fn with(registry: Registry, context: Context, width: usize, has_minion: bool) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let shared = Shared {
            registry,
            context,
            width: width.max(1),
            rest: REST,
            has_minion,
            told: sender,
            state: Mutex::default(),
            wake: Condvar::new(),
            ended: Condvar::new(),
        };
        Self { shared: Arc::new(shared), told }
    }

    /// What was asked under this number is this.
    pub fn answer(&self, number: u64, answer: Result<Value, String>) {
        let waiting = self.shared.state().asks.remove(&number);
        // One that was killed does not wait any more.
        let _ = waiting.map(|waiting| waiting.try_send(answer));
    }

    /// The minion's pillar is this from now on, for running works too.
    pub fn set_pillar(&self, pillar: Arc<Map<String, Value>>) {
        self.shared.context.pillar.set(pillar);
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

    /// The next outcome or question. Cancel safe.
    pub async fn next(&mut self) -> Told {
        match self.told.recv().await {
            Some(told) => told,
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
    fn work(self: &Arc<Self>) {
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
            let line = self.has_minion.then(|| self.clone() as Arc<dyn Line>);
            let outcome = self.registry.run(&work, &Context { control, line, ..self.context.clone() });
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
        let _ = self.told.send(Told::Outcome(outcome));
    }

    /// A panic cannot leave this half done: nothing that may panic happens under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line for Shared {
    fn ask(&self, ask: Ask, control: &Control) -> Result<Value, Fault> {
        let (sender, answer) = sync_channel(1);
        let number = {
            let mut state = self.state();
            state.asked += 1;
            let number = state.asked;
            state.asks.insert(number, sender);
            number
        };
        let _ = self.told.send(Told::Ask(number, ask));
        loop {
            match answer.recv_timeout(GLANCE) {
                Ok(answer) => return answer.map_err(Fault::unanswered),
                Err(RecvTimeoutError::Timeout) if !control.is_killed() => {}
                Err(_) => {
                    self.state().asks.remove(&number);
                    return Err(Fault::killed());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::functions::{Call, Function, Grains, Keywords};
    use proptest::prelude::*;
    use serde_json::json;

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
        match told(runner) {
            Told::Outcome(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn told(runner: &mut Runner) -> Told {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limit = Duration::from_secs(20);
        runtime.block_on(async { tokio::time::timeout(limit, runner.next()).await }).unwrap()
    }

    #[test]
    fn works_ask_their_minion_and_wait() {
        let mut runner = runner(2);
        Arc::get_mut(&mut runner.shared).unwrap().has_minion = true;
        runner.start(work("a", "saltutil.refresh_pillar", Value::Null));
        let Told::Ask(number, ask) = told(&mut runner) else { panic!("an outcome") };
        assert_eq!(ask, Ask::Pillar(None));
        runner.start(work("b", "test.ping", Value::Null));
        assert_eq!(next(&mut runner).jid, "b", "nobody waits behind it");
        runner.answer(number + 1, Ok(json!(1)));
        runner.answer(number, Ok(json!(true)));
        assert_eq!(next(&mut runner), Outcome { jid: "a".to_owned(), value: json!(true), retcode: 0, success: true });
        runner.start(work("c", "mine.flush", Value::Null));
        let Told::Ask(number, _) = told(&mut runner) else { panic!("an outcome") };
        runner.answer(number, Err("it is away".to_owned()));
        assert_eq!(next(&mut runner).value, json!("The master gave no answer: it is away."));
        runner.start(work("d", "mine.flush", Value::Null));
        assert!(matches!(told(&mut runner), Told::Ask(..)));
        runner.kill("d");
        assert!(!next(&mut runner).success);
        assert!(runner.shared.state().asks.is_empty());
        runner.set_pillar(Arc::new(json!({"a": "b"}).as_object().unwrap().clone()));
        runner.start(work("e", "pillar.get", json!("a")));
        assert_eq!(next(&mut runner).value, json!("b"));
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
            prop_assert!(runner.told.try_recv().is_err());
        }
    }
}
