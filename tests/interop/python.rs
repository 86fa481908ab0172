//! A Python that can run RAET 0.6.8, and stacks of it as child processes (`peer.py`). Says loudly when there is none.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is installed beside an interpreter, and how to see that it works.
pub(crate) struct Kit {
    /// Above the versions' folders below `target/interop-py`; empty: none.
    pub(crate) folder: &'static str,
    /// As a person calls it.
    pub(crate) what: &'static str,
    /// As `pip` wants them.
    pub(crate) packages: &'static [&'static str],
    /// Versions of Python it runs on, best first.
    pub(crate) versions: &'static [&'static str],
    /// A program that ends well if all is there.
    pub(crate) check: &'static str,
}

/// What a live peer is made of. ioflo 1.7.7 refuses Pythons after 3.7.4; libnacl loads Debian's libsodium23; Python 2.7
/// writes json heads that nobody can read (quirk of its own).
const RAET: Kit = Kit {
    folder: "",
    what: "RAET 0.6.8",
    packages: &["raet==0.6.8", "ioflo==1.7.7", "libnacl==1.7.2", "msgpack==0.5.6"],
    versions: &["3.6", "2.7", "3.7"],
    check: "import libnacl, msgpack, raet.road.stacking",
};
/// `require` makes a missing Python a failure; anything else a loud skip.
const SWITCH: &str = "ROADSTEAD_INTEROP";
/// Picks one of the versions, to try another than the first that is there.
const CHOICE: &str = "ROADSTEAD_PYTHON";

/// An interpreter with RAET beside it.
pub(crate) struct Python {
    program: PathBuf,
    /// Where the kit is.
    pub(crate) packages: PathBuf,
    /// As `3.6`.
    pub(crate) version: String,
}

impl Python {
    /// Json heads that peers can read come from Python 3 only.
    pub(crate) fn writes_json_heads(&self) -> bool {
        self.version.starts_with('3')
    }

    /// `peer.py` with these arguments.
    pub(crate) fn peer(&self, arguments: &[&str]) -> Command {
        let mut command = self.script("tests/interop/peer.py");
        command.args(arguments);
        command
    }

    /// A script of this package.
    pub(crate) fn script(&self, path: &str) -> Command {
        let mut command = self.run();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        command
    }

    /// The interpreter, with the kit on its path.
    pub(crate) fn run(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PYTHONPATH", &self.packages).env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The Python of this machine, made ready once; `None` after saying loudly why there is none.
pub(crate) fn python() -> Option<&'static Python> {
    static FOUND: OnceLock<Option<Python>> = OnceLock::new();
    FOUND.get_or_init(|| with(&RAET)).as_ref()
}

/// A Python with this kit; `None` after saying loudly why there is none.
pub(crate) fn with(kit: &Kit) -> Option<Python> {
    let what = kit.what;
    match find(kit) {
        Ok(python) => {
            say(&format!("live peers: {what} on Python {} ({})", python.version, python.program.display()));
            Some(python)
        }
        Err(why) if std::env::var(SWITCH).is_ok_and(|value| value == "require") => {
            panic!("{SWITCH}=require, but there is no live {what}: {why}")
        }
        Err(why) => {
            say(&format!("\n*** SKIPPED: tests against live {what} peers ***\n*** {why} ***\n"));
            None
        }
    }
}

/// Past the test harness, which keeps the prints of tests that pass to itself.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn find(kit: &Kit) -> Result<Python, String> {
    let mut tried = String::new();
    for (program, version) in candidates(kit.versions) {
        match prepare(kit, &program, version) {
            Ok(python) => return Ok(python),
            Err(why) => {
                let _ = write!(tried, "{}: {why}; ", program.display());
            }
        }
    }
    match tried.is_empty() {
        true => Err(format!("no Python {} in ~/.pyenv/versions or on the PATH", kit.versions.join(" or "))),
        false => Err(tried.trim_end_matches("; ").to_owned()),
    }
}

fn candidates(versions: &[&'static str]) -> Vec<(PathBuf, &'static str)> {
    let home = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let mut installed: Vec<PathBuf> = home
        .and_then(|home| fs::read_dir(home.join("versions")).ok())
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default();
    installed.sort();
    let choice = std::env::var(CHOICE).ok();
    let mut found = Vec::new();
    for &version in versions.iter().filter(|version| choice.as_deref().is_none_or(|choice| choice == **version)) {
        let named = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(version));
        found.extend(installed.iter().filter(named).map(|path| (path.join("bin/python"), version)));
        found.push((PathBuf::from(format!("python{version}")), version));
    }
    found.retain(|(program, version)| {
        let print = "import sys; print('%d.%d' % sys.version_info[:2])";
        let output = Command::new(program).args(["-c", print]).stderr(Stdio::null()).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == *version)
    });
    found
}

/// Installs the packages beside the interpreter, once: a stamp of what they are ends the work.
fn prepare(kit: &Kit, program: &Path, version: &str) -> Result<Python, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop-py").join(kit.folder);
    let packages = home.join(version);
    let python = Python { program: program.to_owned(), packages, version: version.to_owned() };
    let stamp = kit.packages.join("\n");
    if fs::read_to_string(python.packages.join("stamp")).is_ok_and(|text| text == stamp) {
        return check(kit, python);
    }
    fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    // Aside first, then moved: two test binaries may do this at once.
    let aside = tempfile::tempdir_in(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let mut pip = Command::new(program);
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--target"]).arg(aside.path()).args(kit.packages);
    let output = pip.output().map_err(|e| format!("pip: {e}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = |word: &str| text.lines().find(|line| line.contains(word)).map(str::trim);
        let why = told("FAIL").or_else(|| told("rror")).unwrap_or("no reason given");
        return Err(format!("pip could not install {}: {why}", kit.what));
    }
    fs::write(aside.path().join("stamp"), stamp).map_err(|e| format!("stamp: {e}"))?;
    let _ = fs::remove_dir_all(&python.packages);
    if let Err(e) = fs::rename(aside.path(), &python.packages) {
        // Somebody else was quicker, or the disk is to blame; what is there now decides.
        return check(kit, python).map_err(|why| format!("{e}; {why}"));
    }
    check(kit, python)
}

fn check(kit: &Kit, python: Python) -> Result<Python, String> {
    let output = python.run().args(["-c", kit.check]).output();
    let output = output.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(python),
        false => {
            Err(format!("{} does not start: {} (libsodium23 missing?)", kit.what, text.lines().last().unwrap_or("")))
        }
    }
}

/// One running `peer.py`. Ends with its owner.
pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    events: Receiver<Value>,
    /// Everything it has said.
    pub(crate) said: Vec<Value>,
    /// The UDP port of its stack.
    pub(crate) port: u16,
}

impl Peer {
    /// A process and its stack; `settings` as `peer.py` lists them under `start`.
    pub(crate) fn start(python: &Python, settings: Value) -> Self {
        let mut child = python.peer(&[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| json!({"event": "error", "text": line}));
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let mut peer = Self { child, stdin, events, said: Vec::new(), port: 0 };
        let mut command = settings;
        command["do"] = json!("start");
        peer.tell(&command);
        peer.wait("started", Duration::from_secs(20), |peer| peer.saw("started", |_| true));
        peer.port = peer.said[0]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap();
        peer
    }

    pub(crate) fn tell(&mut self, command: &Value) {
        writeln!(self.stdin, "{command}").and_then(|()| self.stdin.flush()).unwrap();
    }

    /// Takes in what it says within `wait`; a crash of the Python stack fails the test with its traceback.
    pub(crate) fn listen(&mut self, wait: Duration) {
        let mut wait = wait;
        loop {
            match self.events.recv_timeout(wait) {
                Ok(event) if event["event"] == "error" => {
                    panic!("the Python stack failed:\n{}", event["text"].as_str().unwrap_or(""))
                }
                Ok(event) => self.said.push(event),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("the Python stack ended; it said {:?}", self.said.last()),
            }
            wait = Duration::ZERO;
        }
    }

    /// Listens until `done`, at most for `limit`.
    pub(crate) fn wait(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) {
        let clock = roadstead::clock::Clock::start();
        while !done(self) {
            assert!(
                clock.now().since(roadstead::base::Time::ZERO) < limit,
                "no {what} within {limit:?}: {:#?}",
                self.said
            );
            self.listen(Duration::from_millis(20));
        }
    }

    pub(crate) fn saw(&self, event: &str, test: impl Fn(&Value) -> bool) -> bool {
        self.said.iter().any(|said| said["event"] == event && test(said))
    }

    /// Whether the last word about the remote estate `name` has `flag` set (`joined`, `allowed`).
    pub(crate) fn has(&self, name: &str, flag: &str) -> bool {
        let mut about = self.said.iter().rev().filter(|said| said["peer"] == name);
        about.next().is_some_and(|said| said["event"] == "remote" && said[flag] == true)
    }

    /// Whether a message whose text has this digest has arrived, once.
    pub(crate) fn received(&self, digest: &str) -> bool {
        let count = self.said.iter().filter(|said| said["event"] == "received" && said["sha256"] == digest).count();
        assert!(count < 2, "a message arrived {count} times");
        count == 1
    }

    /// How many of its messages the other side has confirmed.
    pub(crate) fn delivered(&self) -> u64 {
        let mut counts = self.said.iter().rev().filter(|said| said["event"] == "delivered");
        counts.next().and_then(|said| said["count"].as_u64()).unwrap_or(0)
    }

    pub(crate) fn stop(mut self) {
        self.tell(&json!({"do": "stop"}));
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text that `peer.py` makes of a tag and a size.
pub(crate) fn text(tag: &str, size: usize) -> String {
    let mut text = String::with_capacity(size + 64);
    for i in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&digest(&format!("{tag}:{i}")));
    }
    text.truncate(size);
    text
}

/// SHA-256 in hex, as `peer.py` reports what it received.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
