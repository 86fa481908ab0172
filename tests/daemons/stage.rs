//! One test's processes and files. Both are gone when it is dropped, a failed test included.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use roadstead::clock::Clock;

/// Longer than anything here takes, on a busy machine too.
pub(crate) const LONG: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// A daemon; it ends with us.
struct Daemon {
    name: String,
    child: Child,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// These tests on a stage of either wire, and with a master of two roads.
macro_rules! on_both_wires {
    ($($test:ident),+) => {
        mod fast {
            $(#[test] fn $test() { super::$test(crate::stage::Stage::new()); })+
        }
        mod classic {
            $(#[test] fn $test() { super::$test(crate::stage::Stage::classic()); })+
        }
        mod sharded {
            $(#[test] fn $test() { super::$test(crate::stage::Stage::sharded()); })+
        }
    };
}

pub(crate) struct Stage {
    daemons: Vec<Daemon>,
    /// A line of everybody's settings.
    wires: &'static str,
    /// A line of the master's.
    shards: &'static str,
    pub(crate) port: u16,
    // After the daemons, which write into it.
    dir: tempfile::TempDir,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) out: String,
    pub(crate) errors: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { out: text(output.stdout), errors: text(output.stderr), code: output.status.code() }
    }
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Stage {
    /// Nobody yet; the master's name is `m`. On the wire that is spoken when the settings say nothing.
    pub(crate) fn new() -> Self {
        Self { daemons: Vec::new(), wires: "", shards: "", port: free_port(), dir: tempfile::tempdir().unwrap() }
    }

    /// The same on the classic wire.
    pub(crate) fn classic() -> Self {
        Self { wires: "wires: [classic]\n", ..Self::new() }
    }

    /// A master of two roads.
    pub(crate) fn sharded() -> Self {
        Self { shards: "shards: 2\n", ..Self::new() }
    }

    /// A master and these minions, all accepted and answering.
    pub(crate) fn with(minions: &[&str]) -> Self {
        let mut stage = Self::new();
        stage.staff(minions);
        stage
    }

    /// Starts a master and these minions and waits until all are accepted and answer.
    pub(crate) fn staff(&mut self, minions: &[&str]) {
        self.master("auto_accept: True\ntimeout: 2\n");
        minions.iter().for_each(|id| self.minion(id, ""));
        self.until_answers(minions);
    }

    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The key directory of a daemon.
    pub(crate) fn pki(&self, name: &str) -> PathBuf {
        self.root(name).join("etc/roadstead/pki").join(duty(name))
    }

    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    /// Writes settings, starts nothing.
    pub(crate) fn write(&self, name: &str, settings: &str) {
        let folder = self.root(name).join("etc/roadstead");
        fs::create_dir_all(&folder).unwrap();
        let shards = if duty(name) == "master" { self.shards } else { "" };
        let text =
            format!("id: {name}\ninterface: 127.0.0.1\nsock_dir: s\nlog_level: info\n{}{shards}{settings}", self.wires);
        fs::write(folder.join(duty(name)), text).unwrap();
    }

    pub(crate) fn master(&mut self, settings: &str) {
        self.write("m", &format!("raet_port: {}\n{settings}", self.port));
        self.start("m");
    }

    pub(crate) fn minion(&mut self, id: &str, settings: &str) {
        let port = self.port;
        self.write(id, &format!("master: 127.0.0.1\nmaster_port: {port}\nraet_port: {}\n{settings}", free_port()));
        self.start(id);
    }

    /// Starts a daemon whose settings are written, anew or for the first time.
    pub(crate) fn start(&mut self, name: &str) {
        self.start_with(name, &[]);
    }

    /// The same with more on its command line.
    pub(crate) fn start_with(&mut self, name: &str, more: &[&str]) {
        let path = self.dir.path().join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(path).unwrap();
        let root = self.root(name);
        let mut command = self.command(&[&[duty(name), "--root-dir", root.to_str().unwrap()], more].concat());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.daemons.push(Daemon { name: name.to_owned(), child });
    }

    /// Sends a signal and waits until the process is gone.
    pub(crate) fn stop(&mut self, name: &str, signal: Signal) {
        let at = self.daemons.iter().position(|daemon| daemon.name == name).unwrap();
        let mut daemon = self.daemons.remove(at);
        kill(Pid::from_raw(daemon.child.id().cast_signed()), signal).unwrap();
        self.until("it ends", || daemon.child.try_wait().unwrap().is_some());
    }

    pub(crate) fn restart(&mut self, name: &str) {
        self.stop(name, Signal::SIGTERM);
        self.start(name);
    }

    pub(crate) fn pid(&self, name: &str) -> u32 {
        self.daemons.iter().find(|daemon| daemon.name == name).unwrap().child.id()
    }

    pub(crate) fn is_alive(&mut self, name: &str) -> bool {
        self.daemons.iter_mut().any(|daemon| daemon.name == name && daemon.child.try_wait().unwrap().is_none())
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        command.args(words).env_remove("ROADSTEAD_LOG").env_remove("SUDO_USER").stdin(Stdio::null());
        command
    }

    /// A daemon's command line to its own end.
    pub(crate) fn daemon(&self, name: &str, more: &[&str]) -> Told {
        let root = self.root(name);
        let words = [&[duty(name), "--root-dir", root.to_str().unwrap()], more].concat();
        self.command(&words).output().unwrap().into()
    }

    /// `roadstead run …` on the master's host, not yet started.
    pub(crate) fn job(&self, words: &[&str]) -> Command {
        let root = self.root("m");
        self.command(&[&["run", "--root-dir", root.to_str().unwrap()], words].concat())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Told {
        self.job(words).output().unwrap().into()
    }

    pub(crate) fn ping(&self) -> Told {
        self.run(&["*", "test.ping"])
    }

    /// Looks until it is so.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        self.within(LONG, what, &mut is_so);
    }

    pub(crate) fn within(&self, length: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
        let clock = Clock::start();
        let began = clock.now();
        let elapsed = || clock.now().since(began);
        while !is_so() {
            assert!(elapsed() < length, "in vain for {length:?}: {what}\n{}", self.logs());
            thread::sleep(LOOK);
        }
        eprintln!("{what}: {:.2} s", elapsed().as_secs_f64());
    }

    pub(crate) fn until_answers(&self, ids: &[&str]) {
        let mut last = None;
        let all = || {
            let told = self.run(&["-L", &ids.join(","), "test.ping"]);
            let is_so = told.code == Some(0) && ids.iter().all(|id| told.out.contains(&format!("{id}:\n    True")));
            last = Some(told);
            is_so
        };
        self.until(&format!("{ids:?} answer"), all);
    }

    pub(crate) fn until_logged(&self, name: &str, text: &str, times: usize) {
        let what = format!("{name} logs {text:?}");
        self.within(Duration::from_secs(15), &what, || self.log(name).matches(text).count() >= times);
    }

    pub(crate) fn until_pending(&self, id: &str) {
        let file = self.pki("m").join("pending").join(id);
        self.until("a key waits", || file.exists());
    }

    /// The operator's decision, as a plain move of the key's file.
    pub(crate) fn decide(&self, id: &str, from: &str, to: &str) {
        let pki = self.pki("m");
        fs::rename(pki.join(from).join(id), pki.join(to).join(id)).unwrap();
    }

    fn logs(&self) -> String {
        let of = |daemon: &Daemon| format!("--- {}\n{}", daemon.name, self.log(&daemon.name));
        self.daemons.iter().map(of).collect()
    }
}

fn duty(name: &str) -> &'static str {
    if name.starts_with('m') { "master" } else { "minion" }
}
