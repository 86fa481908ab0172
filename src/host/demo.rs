//! `roadstead demo`: the first thing to try. One master and three minions, each a process of its own on the loopback, from
//! strangers to answers, with the commands an operator would type. Leaves nothing behind.

mod cast;

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use cast::{Cast, free_ports};

use crate::base::{Acceptance, Name, Time};
use crate::clock::Clock;
use crate::host::fault::Exit;
use crate::host::settings::DutyKind;
use crate::keep::store::{KeepError, Store};
use crate::keep::{Change, RoleKey};

/// The master's id.
const MASTER: &str = "hub";
/// The minions' ids, sorted.
const MINIONS: [&str; 3] = ["db1", "web1", "web2"];
/// How long the daemons may take to start, or to notice a decision: far longer than they need, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what we wait for.
const LOOK: Duration = Duration::from_millis(50);
/// Lines of one answer shown.
const LINES: usize = 14;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It did not go as told.
    #[error("{0}")]
    Story(String),
    /// A file or program of ours.
    #[error("Cannot {what} {path}: {source}.")]
    File {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system.
    #[error("Cannot {what}: {source}.")]
    System {
        /// The verb and its object.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Key files.
    #[error("{0}")]
    Keep(#[from] KeepError),
    /// A signal.
    #[error("Interrupted.")]
    Interrupted,
}

impl Failure {
    fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { what, path: path.into(), source }
    }

    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// Plays the demo on standard output. Success only if every part of it went well.
pub fn demo() -> Exit {
    let program = env::current_exe().map_err(Failure::system("find this program"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("start a runtime"));
    let played = program
        .and_then(|program| Ok((program, runtime?)))
        .and_then(|(program, runtime)| runtime.block_on(play(&program, &env::temp_dir(), &mut io::stdout().lock())));
    match played {
        Ok(()) => Exit::Well,
        Err(failure) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "\nThe demo failed. {failure}");
            if matches!(failure, Failure::Interrupted) { Exit::Interrupted } else { Exit::Failed }
        }
    }
}

/// The whole demo: story, end, and the daemons' logs if it ends badly.
async fn play(program: &Path, above: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut cast = Cast::new(program, above)?;
    let mut story = Story { out, clock: Clock::start(), cast: &mut cast };
    let told = tokio::select! {
        told = story.tell() => told,
        _ = interrupt.recv() => Err(Failure::Interrupted),
        _ = terminate.recv() => Err(Failure::Interrupted),
        _ = hangup.recv() => Err(Failure::Interrupted),
    };
    let told = match told {
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => Err(Failure::Story(format!("{failure}\n\n{}", cast.logs()))),
        Ok(()) => Ok(()),
    };
    let ended = cast.end().await;
    told?;
    ended?;
    say(out, "All processes are stopped and all files removed.")
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(Failure::system("listen to signals"))
}

/// What is told, with whom, to whom.
struct Story<'a, W> {
    out: &'a mut W,
    clock: Clock,
    cast: &'a mut Cast,
}

impl<W: Write> Story<'_, W> {
    async fn tell(&mut self) -> Result<(), Failure> {
        self.say(&format!(
            "One master and three minions, each a process of its own, over encrypted UDP on 127.0.0.1.\n\
             Everything is in {} and will be removed.",
            self.cast.dir().display()
        ))?;
        self.start()?;
        let pending = self.see_keys().await?;
        self.accept(&pending).await?;
        self.title("4. Jobs: one command, every minion")?;
        self.job(&["*", "test.ping"]).await?;
        self.job(&["*", "cmd.run", "uname -a"]).await?;
        self.job(&["*", "grains.items"]).await
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.title("1. Four daemons start")?;
        let [hub, minions @ ..] = free_ports::<4>().map_err(Failure::system("find free UDP ports"))?;
        self.launch(DutyKind::Master, MASTER, &format!("raet_port: {hub}\ntimeout: 5\n"))?;
        for (name, port) in MINIONS.into_iter().zip(minions) {
            self.launch(
                DutyKind::Minion,
                name,
                &format!("raet_port: {port}\nmaster: 127.0.0.1\nmaster_port: {hub}\n"),
            )?;
        }
        Ok(())
    }

    fn launch(&mut self, duty: DutyKind, name: &str, settings: &str) -> Result<(), Failure> {
        let root = self.cast.root(name);
        // Short, because the path of a Unix socket has 107 bytes at most.
        let sockets = serde_json::Value::from(root.join("s").to_string_lossy());
        let common = format!("id: {name}\ninterface: 127.0.0.1\nsock_dir: {sockets}\nlog_level: info\n");
        self.cast.start(duty, name, &format!("{common}{settings}"))?;
        self.typed(&format!("roadstead {duty} --root-dir {} &", root.display()))
    }

    /// Waits until all minions knocked, and shows their keys as both sides know them.
    async fn see_keys(&mut self) -> Result<Vec<RoleKey>, Failure> {
        let keys = store(self.cast, DutyKind::Master, MASTER)?;
        let find = async |_: &mut Cast| {
            let roll = keys.roll()?.roll;
            let pending = roll.iter().filter(|(_, standing)| *standing == Acceptance::Pending);
            let pending: Vec<RoleKey> = pending.map(|(key, _)| key.clone()).collect();
            Ok((pending.len() == MINIONS.len()).then_some(pending))
        };
        let pending = until(self.cast, "three minions that knock at the master", find).await?;
        self.title("2. The minions knock; their keys wait for a decision")?;
        self.typed(&format!("estate-keys --root-dir {} finger", self.cast.root(MASTER).display()))?;
        for key in &pending {
            let own = store(self.cast, DutyKind::Minion, key.role.as_str())?.own_keys()?;
            if own.is_none_or(|own| !own.public(key.role.clone()).same_keys(key)) {
                return Err(Failure::Story(format!("The master holds a key for {} that is not {0}'s own.", key.role)));
            }
            self.say(&format!("    {:<6}{}", key.role, key.fingerprint()))?;
        }
        self.say("  Each fingerprint is the one the minion itself has on its disk.")?;
        Ok(pending)
    }

    /// Accepts the keys and waits until every minion runs jobs.
    async fn accept(&mut self, pending: &[RoleKey]) -> Result<(), Failure> {
        self.title("3. You accept them")?;
        let keys = store(self.cast, DutyKind::Master, MASTER)?;
        for key in pending {
            keys.apply(&Change::Role(key.clone(), Acceptance::Accepted))?;
        }
        self.typed(&format!(
            "estate-keys --root-dir {} accept {}",
            self.cast.root(MASTER).display(),
            MINIONS.join(" ")
        ))?;
        let began = self.clock.now();
        let root = self.cast.root(MASTER).to_string_lossy().into_owned();
        let answer = async |cast: &mut Cast| {
            let output = cast.run(&["run", "--root-dir", &root, "*", "test.ping"]).await?;
            Ok((output.status.success() && silent(&output.stdout).is_none()).then_some(()))
        };
        until(self.cast, "answers of all three minions", answer).await?;
        let seconds = self.since(began);
        self.say(&format!("  All three joined and answer, {seconds} after the decision."))
    }

    /// Runs one job on all minions and shows what came back.
    async fn job(&mut self, job: &[&str]) -> Result<(), Failure> {
        let root = self.cast.root(MASTER).to_string_lossy().into_owned();
        let words: Vec<String> = job.iter().map(|word| quoted(word)).collect();
        self.typed(&format!("roadstead run --root-dir {root} {}", words.join(" ")))?;
        let began = self.clock.now();
        let output = self.cast.run(&[&["run", "--root-dir", &root], job].concat()).await?;
        let seconds = self.since(began);
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(LINES) {
            self.say(&format!("    {line}"))?;
        }
        if lines.len() > LINES {
            self.say(&format!("    ... and {} lines more", lines.len() - LINES))?;
        }
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Story(format!("The command failed ({}): {}", output.status, errors.trim_end())));
        }
        if let Some(name) = silent(&output.stdout) {
            return Err(Failure::Story(format!("There is no answer of {name}.")));
        }
        self.say(&format!("  {} answers in {seconds}, the start of the command included.\n", MINIONS.len()))
    }

    fn title(&mut self, text: &str) -> Result<(), Failure> {
        self.say(&format!("\n{text}"))
    }

    fn typed(&mut self, line: &str) -> Result<(), Failure> {
        self.say(&format!("  $ {line}"))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        say(self.out, text)
    }

    fn since(&self, began: Time) -> String {
        format!("{:.2} s", self.clock.now().since(began).as_secs_f64())
    }
}

fn say(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::system("write to standard output"))
}

/// Looks for `what` again and again, until it is there, a daemon ends, or our patience does.
async fn until<T>(
    cast: &mut Cast,
    what: &str,
    mut find: impl AsyncFnMut(&mut Cast) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let search = async {
        loop {
            cast.check()?;
            if let Some(found) = find(cast).await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let too_long = || Failure::Story(format!("Waited {} seconds in vain for {what}.", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| Err(too_long()))
}

/// The keys of one of our daemons.
fn store(cast: &Cast, duty: DutyKind, name: &str) -> Result<Store, Failure> {
    Ok(Store::open(&cast.root(name).join("etc/roadstead/pki").join(duty.as_str()), None)?)
}

/// The first minion that has no paragraph in a printed answer.
fn silent(printed: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(printed);
    MINIONS.into_iter().find(|name| !text.lines().any(|line| line.strip_suffix(':') == Some(name)))
}

/// As it is typed into a shell.
fn quoted(word: &str) -> String {
    let is_plain = Name::new(word).is_ok();
    if is_plain { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_demo_that_fails_says_why_and_leaves_nothing() {
        let above = tempfile::tempdir().unwrap();
        let program = above.path().join("program");
        fs::write(&program, "#!/bin/sh\necho no road today\nexit 5\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut out = Vec::new();
        let failure = runtime.block_on(play(&program, above.path(), &mut out)).unwrap_err().to_string();
        assert!(failure.contains("The master hub ended by itself (exit status: 5)"), "{failure}");
        assert!(failure.contains("    no road today"), "{failure}");
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("$ roadstead master --root-dir"), "{out}");
        assert!(!out.contains("removed.\n\nAll"), "{out}");
        let left: Vec<_> = fs::read_dir(above.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["program"]);
    }

    #[test]
    fn a_missing_paragraph_is_a_silent_minion() {
        assert_eq!(silent(b"db1:\n    True\nweb2:\n    True\nweb1:\n    True\n"), None);
        assert_eq!(silent(b"db1:\n    web1:\nweb2:\n    True\n"), Some("web1"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(["*", "test.ping", "uname -a"].map(quoted), ["'*'", "test.ping", "'uname -a'"]);
    }
}
