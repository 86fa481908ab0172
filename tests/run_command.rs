//! `roadstead run` and `roadstead jobs` as their user meets it: transcripts against a scripted master on a real lane.

#![cfg(feature = "daemon")]
// Tests say what must be so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use roadstead::base::{Name, Random};
use roadstead::clock::Clock;
use roadstead::drive::lane::LanePort;
use roadstead::master::request::{Publish, Reply, Request, Return, Summary, Target};
use roadstead::message::{Address, Message, Route};
use serde_json::{Value, json};

const JID: &str = "20261120082140169414";

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn started(minions: &[&str]) -> Reply {
    Reply::Started { jid: JID.to_owned(), minions: minions.iter().map(|id| name(id)).collect() }
}

fn returned(id: &str, value: Value, retcode: i64) -> Reply {
    let fun = "test.fun".to_owned();
    Reply::Returned(Return { jid: JID.to_owned(), id: name(id), fun, value, retcode, success: retcode == 0 })
}

fn missing(id: &str) -> Reply {
    Reply::Missing { jid: JID.to_owned(), id: name(id), why: "it is not connected".to_owned() }
}

fn ended() -> Reply {
    Reply::Ended { jid: JID.to_owned() }
}

/// What the scripted master does after it was asked.
enum Step {
    Say(Reply),
    /// Until the test says go on.
    Wait,
}

/// A root directory with a master's settings, and a master when one is started.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        let settings = root.0.path().join("etc/roadstead");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("master"), "id: m1\n").unwrap();
        root
    }

    fn sock_dir(&self) -> std::path::PathBuf {
        self.0.path().join("var/run/roadstead/master")
    }

    /// A master that plays `steps` once, and ends. Joining it gives what it was asked.
    fn master(&self, steps: Vec<Step>) -> (JoinHandle<Request>, mpsc::Sender<()>) {
        let (bound, ready) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let dir = self.sock_dir();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let clock = Clock::start();
                let mut port = LanePort::bind(&dir, &name("master"), &name("manor"), Random::from_number(1)).unwrap();
                bound.send(()).unwrap();
                let (yard, _, message) = port.next(&clock).await;
                assert_eq!(message.kind, "load");
                assert_eq!(message.route.dst.share, Some(name("local_cmd")));
                assert_eq!(message.route.src.yard.as_ref(), Some(&yard));
                let asked = message.read::<Request>().unwrap();
                for step in steps {
                    match step {
                        Step::Say(reply) => say(&mut port, &yard, &reply),
                        Step::Wait => go_on.recv().unwrap(),
                    }
                }
                asked
            })
        });
        ready.recv().unwrap();
        (thread, go)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        // Words of another command bring its name along.
        let is_run = !words.first().is_some_and(|word| ["jobs", "call"].contains(word));
        command.args(is_run.then_some("run")).args(words).arg("--root-dir").arg(self.0.path());
        command.env_remove("ROADSTEAD_LOG").env_remove("SUDO_USER").stdin(Stdio::null());
        command
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs to the end: what was printed, with the root's path as ROOT.
    fn transcript(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = format!(
            "{}--\n{}-- {}\n",
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
            status.code().unwrap()
        );
        assert!(self.no_yards_left());
        text.replace(&self.0.path().display().to_string(), "ROOT")
    }

    fn no_yards_left(&self) -> bool {
        let files = std::fs::read_dir(self.sock_dir()).into_iter().flatten().flatten();
        !files.map(|file| file.file_name()).any(|file| file.to_string_lossy().contains("client"))
    }

    /// The transcript against a master that says `replies`, and what it was asked.
    fn ask(&self, replies: Vec<Reply>, words: &[&str]) -> (String, Request) {
        let (master, _) = self.master(replies.into_iter().map(Step::Say).collect());
        let text = self.transcript(words);
        (text, master.join().unwrap())
    }

    fn play(&self, replies: Vec<Reply>, words: &[&str]) -> (String, Publish) {
        match self.ask(replies, words) {
            (text, Request::Publish(asked)) => (text, asked),
            other => panic!("not a job: {other:?}"),
        }
    }
}

fn say(port: &mut LanePort, yard: &Name, reply: &Reply) {
    let dst = Address { yard: Some(yard.clone()), ..Address::default() };
    let message = Message::new(Route { src: Address::default(), dst }, "return", reply).unwrap();
    // The command may have had enough already.
    let _ = port.send(yard, &message);
}

#[test]
fn all_well() {
    let root = Root::new();
    let replies = vec![
        started(&["web1", "web2"]),
        returned("web2", json!({"a": [1, "two\nlines"], "b": null}), 0),
        returned("web1", json!(true), 0),
        ended(),
    ];
    let words = ["web*", "test.fun", "5", "text", "[1, {\"x\": true}]", "key=yes", "--timeout", "7.5"];
    let (text, asked) = root.play(replies, &words);
    assert_eq!(
        text,
        "\
web2:
    a:
        - 1
        - two
          lines
    b: None
web1:
    True
--
-- 0
"
    );
    assert_eq!(asked.target, Target::Glob("web*".to_owned()));
    assert_eq!((asked.fun.as_str(), asked.timeout), ("test.fun", 7.5));
    assert_eq!(asked.arg, [json!(5), json!("text"), json!([1, {"x": true}])]);
    assert_eq!(Value::Object(asked.kwargs), json!({"key": "yes"}));
    assert!(!asked.user.is_empty());
}

#[test]
fn some_fail_and_some_are_missing() {
    let replies = || {
        vec![
            started(&["db1", "web1", "web2"]),
            returned("db1", json!("No such file"), 2),
            returned("web1", json!(true), 0),
            missing("web2"),
            ended(),
        ]
    };
    let (text, asked) = Root::new().play(replies(), &["-L", "web1, web2,db1", "test.fun"]);
    assert_eq!(
        text,
        "\
db1:
    No such file
web1:
    True
web2:
    Minion did not return. [it is not connected]
--
2 of 3 minions failed or did not return: db1, web2
-- 1
"
    );
    assert_eq!(asked.target, Target::List(["web1", "web2", "db1"].map(str::to_owned).to_vec()));
    assert_eq!(asked.timeout, 5.0);

    let (text, _) = Root::new().play(replies(), &["*", "test.fun", "--json"]);
    assert_eq!(
        text,
        r#"{"jid":"20261120082140169414","id":"db1","fun":"test.fun","return":"No such file","retcode":2,"success":false}
{"jid":"20261120082140169414","id":"web1","fun":"test.fun","return":true,"retcode":0,"success":true}
{"jid":"20261120082140169414","id":"web2","missing":"it is not connected"}
--
2 of 3 minions failed or did not return: db1, web2
-- 1
"#
    );
}

#[test]
fn nobody() {
    let (text, _) = Root::new().play(vec![started(&[]), ended()], &["x*", "test.ping"]);
    assert_eq!(text, "--\nno minion matches; `estate-keys list` shows whom the master has accepted\n-- 3\n");
    let (text, _) = Root::new().play(vec![started(&["web1"]), missing("web1"), ended()], &["*", "test.ping"]);
    assert_eq!(
        text,
        "\
web1:
    Minion did not return. [it is not connected]
--
1 of 1 minions did not return: web1
-- 3
"
    );
}

#[test]
fn what_kind_of_target() {
    let kinds = [
        ("-E", Target::Pcre as fn(String) -> Target),
        ("-G", Target::Grain),
        ("--grain-pcre", Target::GrainPcre),
        ("-N", Target::Nodegroup),
        ("-C", Target::Compound),
        ("-I", Target::Pillar),
        ("-J", Target::PillarPcre),
        ("-S", Target::Ipcidr),
    ];
    for (option, kind) in kinds {
        let (text, asked) = Root::new().play(
            vec![started(&["web1"]), returned("web1", json!(true), 0), ended()],
            &[option, "G@os|x* and not web1", "test.ping", "--delimiter", "|"],
        );
        assert_eq!(text, "web1:\n    True\n--\n-- 0\n", "{option}");
        assert_eq!((asked.target, asked.delimiter.as_str()), (kind("G@os|x* and not web1".to_owned()), "|"));
    }
    let (text, _) = Root::new().play(vec![started(&[]), ended()], &["-G", "os:Plan9", "test.ping"]);
    assert_eq!(
        text,
        "--\nno minion matches; one that has not told the master its grains since its key was accepted matches none\n-- 3\n"
    );
    let both = Root::new().transcript(&["-G", "-I", "a:b", "test.ping"]);
    assert!(both.contains("'--grain' cannot be used with '--pillar'") && both.ends_with("-- 2\n"), "{both}");
}

#[test]
fn refused() {
    let refusal = Reply::Refused { why: "\"x\" is no function name; write module.function, as test.ping".to_owned() };
    let (text, _) = Root::new().play(vec![refusal], &["*", "x"]);
    assert_eq!(
        text,
        "--\nroadstead: the master refuses: \"x\" is no function name; write module.function, as test.ping\n-- 5\n"
    );
}

#[test]
fn no_master() {
    let root = Root::new();
    let expected = "--\nroadstead: no master answers on ROOT/var/run/roadstead/master/master.manor.uxd; \
                    start it with `roadstead master -c FILE`\n-- 4\n";
    assert_eq!(root.transcript(&["*", "test.ping"]), expected);
    // Nor one that died and left its socket.
    std::fs::create_dir_all(root.sock_dir()).unwrap();
    drop(std::os::unix::net::UnixDatagram::bind(root.sock_dir().join("master.manor.uxd")).unwrap());
    assert_eq!(root.transcript(&["*", "test.ping"]), expected);
}

#[test]
fn bad_usage_and_settings() {
    let root = Root::new();
    let text = root.transcript(&["*"]);
    assert!(text.contains("<FUNCTION>") && text.ends_with("-- 2\n"), "{text}");
    assert!(root.transcript(&["*", "test.ping", "-t", "never"]).contains("not a number of seconds above 0"));
    assert!(root.transcript(&["*", "test.ping", "--nonsense"]).ends_with("-- 2\n"));
    assert_eq!(
        root.transcript(&["*", "test.echo", "a=1", "a=2"]),
        "--\nroadstead: the keyword argument 'a' is given twice\n-- 2\n"
    );
    std::fs::write(root.0.path().join("etc/roadstead/master"), "timeuot: 5\n").unwrap();
    let text = root.transcript(&["*", "test.ping"]);
    assert!(text.starts_with("--\nroadstead: ROOT/etc/roadstead/master") && text.ends_with("-- 2\n"), "{text}");
    let help = root.command(&["--help"]).output().unwrap();
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("is a keyword argument"));
}

#[test]
fn too_deep_arguments_are_said_here() {
    let root = Root::new();
    let _silent = std::os::unix::net::UnixDatagram::bind(prepared(&root).join("master.manor.uxd")).unwrap();
    let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
    assert_eq!(
        root.transcript(&["*", "test.echo", &deep]),
        "--\nroadstead: the arguments are nested too deeply\n-- 2\n"
    );
}

fn prepared(root: &Root) -> std::path::PathBuf {
    let dir = root.sock_dir();
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn answers_come_before_the_end() {
    let root = Root::new();
    let steps = vec![
        Step::Say(started(&["web1", "web2"])),
        Step::Say(returned("web1", json!(true), 0)),
        Step::Wait,
        Step::Say(returned("web2", json!(true), 0)),
        Step::Say(ended()),
    ];
    let (master, go) = root.master(steps);
    let mut child = root.start(&["*", "test.ping"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.by_ref().take(2).collect::<Vec<_>>(), ["web1:", "    True"]);
    go.send(()).unwrap();
    assert_eq!(lines.collect::<Vec<_>>(), ["web2:", "    True"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    master.join().unwrap();
}

#[test]
fn a_reader_that_has_enough() {
    let root = Root::new();
    let mut steps = vec![Step::Say(started(&["web1"])), Step::Say(returned("web1", json!("first"), 0)), Step::Wait];
    steps.extend((0..50).map(|_| Step::Say(returned("web1", json!("x".repeat(5000)), 0))));
    let (master, go) = root.master(steps);
    let mut child = root.start(&["*", "test.ping"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "web1:");
    drop(lines);
    go.send(()).unwrap();
    assert_eq!(ending(&mut child), (Some(0), String::new()));
    assert!(root.no_yards_left());
    master.join().unwrap();
}

#[test]
fn interrupted_from_the_keyboard() {
    let root = Root::new();
    let steps = vec![Step::Say(started(&["web1", "web2"])), Step::Say(returned("web1", json!(true), 0)), Step::Wait];
    let (master, go) = root.master(steps);
    let mut child = root.start(&["*", "test.ping"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "web1:");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let said = format!("interrupted; job {JID} goes on, its further answers are not shown\n");
    assert_eq!(ending(&mut child), (Some(130), said));
    assert!(root.no_yards_left());
    go.send(()).unwrap();
    master.join().unwrap();
}

/// The master ends in the middle of a job; what the command says then.
fn orphaned(root: &Root, again: bool) -> (Option<i32>, String) {
    let steps = vec![Step::Say(started(&["web1", "web2"])), Step::Say(returned("web1", json!(true), 0))];
    let (master, _) = root.master(steps);
    let mut child = root.start(&["*", "test.ping"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "web1:");
    master.join().unwrap();
    let _second = again.then(|| std::os::unix::net::UnixDatagram::bind(root.sock_dir().join("master.manor.uxd")));
    ending(&mut child)
}

#[test]
fn the_master_ends_meanwhile() {
    let root = Root::new();
    let path = root.sock_dir().join("master.manor.uxd");
    let start = "start it with `roadstead master -c FILE`";
    let said = format!("roadstead: no master answers on {}; {start} (job {JID})\n", path.display());
    assert_eq!(orphaned(&root, false), (Some(4), said));
}

#[test]
fn the_master_is_started_anew_meanwhile() {
    let said = format!("roadstead: the master was started anew meanwhile; ask again (job {JID})\n");
    assert_eq!(orphaned(&Root::new(), true), (Some(4), said));
}

/// Exit code and what was said on standard error.
fn ending(child: &mut Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_directory_below_nothing() {
    let root = Root::new();
    let long = "d".repeat(90);
    std::fs::write(root.0.path().join("etc/roadstead/master"), format!("id: m1\nsock_dir: {long}\n")).unwrap();
    let text = root.transcript(&["*", "test.ping"]);
    assert!(text.starts_with(&format!("--\nroadstead: the socket path ROOT/{long}/master.manor.uxd has ")), "{text}");
    assert!(text.ends_with("set a shorter sock_dir\n-- 2\n"), "{text}");
}

#[test]
fn jobs_that_were() {
    let summary = |target: Target, ended| Summary {
        jid: JID.to_owned(),
        fun: "test.ping".to_owned(),
        target,
        user: "alice".to_owned(),
        minions: 3,
        returned: 2,
        ended,
    };
    let jobs = || {
        let list = Target::List(vec!["web1".to_owned(), "web2".to_owned()]);
        vec![Reply::Jobs { jobs: vec![summary(Target::Glob("*".to_owned()), true), summary(list, false)] }]
    };
    let (text, asked) = Root::new().ask(jobs(), &["jobs", "list"]);
    assert_eq!(
        text,
        "\
20261120082140169414  test.ping on * by alice: 2 of 3 answered
20261120082140169414  test.ping on web1,web2 by alice: 2 of 3 answered, still running
--
-- 0
"
    );
    assert_eq!(asked, Request::Jobs);
    let (text, _) = Root::new().ask(jobs(), &["jobs", "list", "--json"]);
    let first = text.lines().next().unwrap();
    let Reply::Jobs { jobs } = jobs().remove(0) else { panic!("jobs") };
    assert_eq!(serde_json::from_str::<Summary>(first).unwrap(), jobs[0]);

    let answers = vec![started(&["web1"]), returned("web1", json!(true), 0), ended()];
    let (text, asked) = Root::new().ask(answers, &["jobs", "show", JID]);
    assert_eq!((text.as_str(), asked), ("web1:\n    True\n--\n-- 0\n", Request::Lookup { jid: JID.to_owned() }));
    let (text, _) =
        Root::new().ask(vec![Reply::Refused { why: "no job \"x\"\u{1b}".to_owned() }], &["jobs", "show", "x"]);
    assert_eq!(text, "--\nroadstead: the master refuses: no job \"x\"\\x1b\n-- 5\n");
}

#[test]
fn call_needs_no_daemon() {
    let root = Root::new();
    std::fs::write(root.0.path().join("etc/roadstead/minion"), "id: web1\nmaster: 127.0.0.1\n").unwrap();
    assert_eq!(root.transcript(&["call", "test.ping"]), "local:\n    True\n--\n-- 0\n");
    assert_eq!(
        root.transcript(&["call", "test.nonsense", "--json"]),
        r#"{"jid":"","id":"web1","fun":"test.nonsense","return":"'test.nonsense' is not available.","retcode":254,"success":false}
--
-- 1
"#
    );
}
