//! The processes and the directory of one demo. Owns both to their end: whatever happens, no child is left running and
//! no file is left behind.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Failure;
use crate::host::settings::DutyKind;

/// How long a daemon may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);
/// How long one command may take.
const COMMAND: Duration = Duration::from_secs(60);
/// Lines of each log shown after a failure.
const LOG_LINES: usize = 12;

/// Everything that plays in the demo.
pub(super) struct Cast {
    program: PathBuf,
    daemons: Vec<Daemon>,
    // Last: fields are dropped in order, and daemons write into it.
    dir: Dir,
}

struct Daemon {
    name: String,
    duty: DutyKind,
    log: PathBuf,
    child: Child,
}

/// A directory of our own that goes with us.
struct Dir(PathBuf);

impl Cast {
    /// An empty directory and no processes; `program` is what will be started.
    pub(super) fn new(program: &Path, above: &Path) -> Result<Self, Failure> {
        let name = |i: u32| above.join(format!("roadstead-demo-{}-{i}", std::process::id()));
        for path in (0..100).map(name) {
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { program: program.into(), daemons: Vec::new(), dir: Dir(path) }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::file("create", &path, error)),
            }
        }
        Err(Failure::file("create", &name(0), ErrorKind::AlreadyExists.into()))
    }

    /// Where it all lies.
    pub(super) fn dir(&self) -> &Path {
        &self.dir.0
    }

    /// The root directory of one daemon.
    pub(super) fn root(&self, name: &str) -> PathBuf {
        self.dir.0.join(name)
    }

    /// Writes the settings of a daemon and starts it.
    pub(super) fn start(&mut self, duty: DutyKind, name: &str, settings: &str) -> Result<(), Failure> {
        let root = self.root(name);
        let folder = root.join("etc/roadstead");
        fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, error))?;
        let file = folder.join(duty.as_str());
        fs::write(&file, settings).map_err(|error| Failure::file("write", &file, error))?;
        let log = self.dir.0.join(format!("{name}.log"));
        let sink = File::create(&log).map_err(|error| Failure::file("create", &log, error))?;
        let again = sink.try_clone().map_err(|error| Failure::file("open", &log, error))?;
        let mut command = Command::new(&self.program);
        command.arg(duty.as_str()).arg("--root-dir").arg(&root);
        // A group of its own: on Ctrl-C it is we who end it, in order.
        command.stdin(Stdio::null()).stdout(sink).stderr(again).process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| Failure::file("start", &self.program, error))?;
        self.daemons.push(Daemon { name: name.to_owned(), duty, log, child });
        Ok(())
    }

    /// Fails if a daemon has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        for daemon in &mut self.daemons {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                let what = format!("The {} {} ended by itself ({status}).", daemon.duty, daemon.name);
                return Err(Failure::Story(what));
            }
        }
        Ok(())
    }

    /// Runs the program with these arguments to its end.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Output, Failure> {
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        match timeout(COMMAND, command.output()).await {
            Ok(output) => output.map_err(|error| Failure::file("start", &self.program, error)),
            Err(_) => {
                let line = args.join(" ");
                Err(Failure::Story(format!("`roadstead {line}` did not end within {} seconds.", COMMAND.as_secs())))
            }
        }
    }

    /// The last lines every daemon logged, to understand a failure.
    pub(super) fn logs(&self) -> String {
        let mut text = String::new();
        for daemon in &self.daemons {
            let log = fs::read(&daemon.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            text.push_str(&format!("The last lines of the {} {}:\n", daemon.duty, daemon.name));
            for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
                text.push_str(&format!("    {line}\n"));
            }
            if lines.is_empty() {
                text.push_str("    (nothing)\n");
            }
        }
        text
    }

    /// Ends all daemons, minions first, and removes the directory. Says which daemons did not end when asked.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        let mut stubborn = Vec::new();
        while let Some(mut daemon) = self.daemons.pop() {
            if let Some(pid) = daemon.child.id().and_then(|pid| i32::try_from(pid).ok()) {
                // It is our child and not reaped yet, so the number is its own.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            if timeout(END, daemon.child.wait()).await.is_err() {
                let _ = daemon.child.kill().await;
                stubborn.push(daemon.name);
            }
        }
        let path = self.dir.0.clone();
        fs::remove_dir_all(&path).map_err(|error| Failure::file("remove", &path, error))?;
        match stubborn.as_slice() {
            [] => Ok(()),
            names => Err(Failure::Story(format!("These daemons had to be killed by force: {}.", names.join(", ")))),
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Usually it is gone already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Free UDP ports of the loopback, all different.
pub(super) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until the last is found, or one might come twice.
    let mut sockets = Vec::with_capacity(N);
    for port in &mut ports {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = socket.local_addr()?.port();
        sockets.push(socket);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program that logs its arguments and then does as `line` says.
    fn program(dir: &Path, line: &str) -> PathBuf {
        let path = dir.join("program");
        fs::write(&path, format!("#!/bin/sh\necho started as $1\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn is_empty(dir: &Path) -> bool {
        fs::read_dir(dir).unwrap().all(|entry| entry.unwrap().file_name() == "program")
    }

    #[test]
    fn starts_ends_and_leaves_nothing() {
        let above = tempfile::tempdir().unwrap();
        let program = program(above.path(), "exec sleep 600");
        let pid = block_on(async {
            let mut cast = Cast::new(&program, above.path()).unwrap();
            cast.start(DutyKind::Minion, "web1", "id: web1\n").unwrap();
            let settings = cast.root("web1").join("etc/roadstead/minion");
            assert_eq!(fs::read_to_string(settings).unwrap(), "id: web1\n");
            while !cast.logs().contains("started as minion") {
                cast.check().unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let pid = cast.daemons[0].child.id().unwrap();
            cast.end().await.unwrap();
            pid
        });
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(is_empty(above.path()));
    }

    #[test]
    fn a_daemon_that_ends_early_is_noticed_and_its_log_kept() {
        let above = tempfile::tempdir().unwrap();
        let program = program(above.path(), "exit 7");
        block_on(async {
            let mut cast = Cast::new(&program, above.path()).unwrap();
            cast.start(DutyKind::Master, "hub", "").unwrap();
            let failure = loop {
                if let Err(failure) = cast.check() {
                    break failure;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            assert!(failure.to_string().contains("The master hub ended by itself"), "{failure}");
            assert!(cast.logs().contains("started as master"));
            // Dropped instead of ended: nothing stays either.
        });
        assert!(is_empty(above.path()));
    }

    #[test]
    fn ports_are_all_different() {
        let mut ports: [u16; 8] = free_ports().unwrap();
        ports.sort_unstable();
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]) && ports[0] > 0);
    }
}
