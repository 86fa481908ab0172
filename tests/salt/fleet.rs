//! One fleet of real daemons, ours and Salt's, on the loopback. Processes and files are gone when it is dropped.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use roadstead::clock::Clock;

use crate::python::{Python, say};

/// Our master's id, and that of Salt's.
pub(crate) const HUB: &str = "hub";
pub(crate) const BOSS: &str = "boss";
/// Longer than anything takes, on a busy machine too: Salt's workers have been seen to take 25 s to start.
pub(crate) const LONG: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// Whether this kernel lets a Salt minion's job process hand a return of more than 200 kB, up to 10 MB, to its main
/// process, which it tries once and never again.
pub(crate) fn large_returns() -> bool {
    let number = |name: &str| {
        fs::read_to_string(Path::new("/proc/sys/net").join(name))
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok())
            .unwrap_or(0)
    };
    number("core/wmem_default") >= 32 << 20 && number("unix/max_dgram_qlen") >= 2048
}

/// A process group that ends with us.
struct Daemon {
    name: String,
    child: Child,
}

impl Daemon {
    fn signal(&self, signal: Signal) {
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), signal);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) out: String,
    pub(crate) errors: String,
    pub(crate) code: Option<i32>,
    pub(crate) took: Duration,
}

pub(crate) struct Fleet {
    salt: &'static Python,
    daemons: Vec<Daemon>,
    clock: Clock,
    /// The master's UDP port.
    pub(crate) port: u16,
    // After the daemons, which write into it.
    dir: tempfile::TempDir,
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Fleet {
    pub(crate) fn new(salt: &'static Python, what: &str) -> Self {
        say(&format!("\n== {what}"));
        let dir = tempfile::tempdir().unwrap();
        Self { salt, daemons: Vec::new(), clock: Clock::start(), port: free_port(), dir }
    }

    /// A path of this fleet's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and the folders it is in.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(&format!("{name}.log"))).unwrap_or_default()).into_owned()
    }

    /// `roadstead master`, for either wire.
    pub(crate) fn our_master(&mut self, settings: &str) {
        self.write_our_master(HUB, settings);
        self.start_ours(HUB, "master");
    }

    /// Its settings only.
    pub(crate) fn write_our_master(&self, id: &str, settings: &str) {
        let (root, port) = (self.path(HUB), self.port);
        let text = format!(
            "id: {id}\nroot_dir: {}\nwires: [fast, classic]\ninterface: 127.0.0.1\nraet_port: {port}\nsock_dir: s\n\
             log_level: info\ntimeout: 15\n{settings}",
            root.display()
        );
        self.write(&format!("{HUB}/master"), text);
    }

    /// `roadstead minion`, on a wire of its own.
    pub(crate) fn our_minion(&mut self, id: &str, wires: &str, settings: &str) {
        let (root, port, own) = (self.path(id), self.port, free_port());
        let text = format!(
            "id: {id}\nroot_dir: {}\nwires: [{wires}]\nmaster: 127.0.0.1\nmaster_port: {port}\nraet_port: {own}\n\
             sock_dir: s\nlog_level: info\n{settings}",
            root.display()
        );
        self.write(&format!("{id}/minion"), text);
        self.start_ours(id, "minion");
    }

    /// `salt-master` over this transport.
    pub(crate) fn salt_master(&mut self, transport: &str, settings: &str) {
        let (root, port) = (self.path(BOSS), self.port);
        let ports = match transport {
            "raet" => format!("raet_port: {port}"),
            _ => format!("ret_port: {port}\npublish_port: {}", free_port()),
        };
        let text = format!(
            "id: {BOSS}\ntransport: {transport}\ninterface: 127.0.0.1\n{ports}\nroot_dir: {}\nuser: root\ntimeout: 15\n\
             max_event_size: 100000000\nsock_dir: s\n{settings}",
            root.display()
        );
        self.write(&format!("{BOSS}/master"), text);
        self.start_salt(BOSS, "salt-master");
    }

    /// `salt-minion` over this transport; its port stays its own over restarts.
    pub(crate) fn salt_minion(&mut self, id: &str, transport: &str, settings: &str) {
        let (root, port, own) = (self.path(id), self.port, free_port());
        let publish = match transport {
            "raet" => format!("raet_port: {own}"),
            _ => fs::read_to_string(self.path(BOSS).join("master"))
                .unwrap()
                .lines()
                .find(|line| line.starts_with("publish_port"))
                .unwrap()
                .to_owned(),
        };
        let text = format!(
            "id: {id}\ntransport: {transport}\nmaster: 127.0.0.1\nmaster_port: {port}\n{publish}\nroot_dir: {}\nuser: root\n\
             sock_dir: s\nacceptance_wait_time: 1\n{settings}",
            root.display()
        );
        self.write(&format!("{id}/minion"), text);
        self.start_salt(id, "salt-minion");
    }

    pub(crate) fn start_ours(&mut self, name: &str, duty: &str) {
        let mut command = self.ours(&[duty, "-c", self.path(name).join(duty).to_str().unwrap()]);
        self.spawn(name, &mut command);
    }

    pub(crate) fn start_salt(&mut self, name: &str, program: &str) {
        let mut command = self.theirs(program, name, &[]);
        self.spawn(name, &mut command);
    }

    fn spawn(&mut self, name: &str, command: &mut Command) {
        let log = File::options().create(true).append(true).open(self.path(&format!("{name}.log"))).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        self.daemons.push(Daemon { name: name.to_owned(), child: command.spawn().unwrap() });
    }

    fn ours(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        command.args(words).env_remove("ROADSTEAD_LOG").env_remove("SUDO_USER");
        command
    }

    fn theirs(&self, program: &str, config: &str, words: &[&str]) -> Command {
        let mut command = self.salt.run();
        let script = self.salt.packages.join("bin").join(program);
        command.arg(script).arg("-c").arg(self.path(config)).args(words).env_remove("SUDO_USER");
        command
    }

    /// Ends a daemon's processes and waits until the first is gone.
    pub(crate) fn stop(&mut self, name: &str, signal: Signal) {
        let at = self.daemons.iter().position(|daemon| daemon.name == name).unwrap();
        let mut daemon = self.daemons.remove(at);
        daemon.signal(signal);
        self.until("it ends", || daemon.child.try_wait().unwrap().is_some());
        // Salt's children outlive a parent that was ended so.
        daemon.signal(Signal::SIGKILL);
        // Nobody else removes what a killed Salt leaves: it refuses to start over its own sockets.
        let _ = fs::remove_dir_all(self.path(name).join("s"));
    }

    pub(crate) fn is_alive(&mut self, name: &str) -> bool {
        self.daemons.iter_mut().any(|daemon| daemon.name == name && daemon.child.try_wait().unwrap().is_none())
    }

    fn told(&self, mut command: Command) -> Told {
        let began = self.clock.now();
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Told { out: text(stdout), errors: text(stderr), code: status.code(), took: self.clock.now().since(began) }
    }

    /// `roadstead run …` at our master.
    pub(crate) fn run(&self, words: &[&str]) -> Told {
        let config = self.path(HUB).join("master");
        self.told(self.ours(&[&["run", "-c", config.to_str().unwrap()], words].concat()))
    }

    /// `estate-keys …` at our master.
    pub(crate) fn keys(&self, words: &[&str]) -> Told {
        let mut command = Command::new(estate_keys());
        command.args(words).arg("-c").arg(self.path(HUB).join("master"));
        self.told(command)
    }

    /// `salt`, `salt-key` or `salt-run` at their master.
    pub(crate) fn salt(&self, program: &str, words: &[&str]) -> Told {
        self.salt_within("180", program, words)
    }

    /// The same, given up after so many seconds: one that asks a master whose workers are not up yet waits for ever.
    pub(crate) fn salt_within(&self, seconds: &str, program: &str, words: &[&str]) -> Told {
        let theirs = self.theirs(program, BOSS, words);
        let mut command = Command::new("timeout");
        command.arg(seconds).arg(theirs.get_program()).args(theirs.get_args());
        for (name, value) in theirs.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.told(command)
    }

    /// Looks until it is so, and says how long that took.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
        let began = self.clock.now();
        loop {
            if is_so() {
                return self.clock.now().since(began);
            }
            let waited = self.clock.now().since(began);
            assert!(waited < LONG, "in vain for {waited:?}: {what}\n{}", self.logs());
            thread::sleep(LOOK);
        }
    }

    /// The ends of all logs, for a failure.
    pub(crate) fn logs(&self) -> String {
        let of = |daemon: &Daemon| {
            let log = self.log(&daemon.name);
            let lines: Vec<&str> = log.lines().collect();
            let text: Vec<String> = lines.iter().rev().take(40).rev().map(|l| l.chars().take(300).collect()).collect();
            format!("--- {}\n{}\n", daemon.name, text.join("\n"))
        };
        self.daemons.iter().map(of).collect()
    }
}

/// Built when it is first wanted: it is another package's.
fn estate_keys() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let ours = Path::new(env!("CARGO_BIN_EXE_roadstead"));
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", "estate-keys"]);
        if ours.parent().is_some_and(|folder| folder.ends_with("release")) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "estate-keys does not build");
        ours.with_file_name("estate-keys")
    })
}
