//! `cmd.*`: commands of the minion's system, through a shell or not, with Salt 2018.3's names and meanings.
//!
//! Output that is not UTF-8 comes back with `\xNN` in place of each such byte. Output that no answer can carry fails the
//! job; it is never cut. Each command is the head of its own process group, which dies with the job, but not when the
//! command ends by itself: what it left running stays.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{AccessFlags, User, access, geteuid};
use serde_json::Value;

use super::arguments::scalar;
use super::process::{self, End, Finished, Plan, Streams};
use super::{Answer, Arguments, Call, Fault, Function, Keywords, map, text};

macro_rules! usage {
    ($name:literal) => {
        concat!(
            $name,
            " COMMAND [cwd=DIR] [env=MAP] [clean_env=True] [stdin=TEXT] [timeout=SECONDS] [runas=USER] [shell=PATH] ",
            "[python_shell=False] [ignore_retcode=True] [rstrip=False]"
        )
    };
}

/// The last three are Salt's and mean nothing here: how loudly Salt logs, and which of its environments is meant.
const KEYWORDS: Keywords = Keywords::These(&[
    "cmd",
    "cwd",
    "env",
    "clean_env",
    "stdin",
    "timeout",
    "runas",
    "shell",
    "python_shell",
    "ignore_retcode",
    "rstrip",
    "output_loglevel",
    "log_callback",
    "saltenv",
]);

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "cmd.run",
        usage: usage!("cmd.run"),
        doc: "Runs a command through a shell (/bin/sh unless told otherwise) and returns what it wrote to standard \
              output and standard error, in the order it was written.",
        keywords: KEYWORDS,
        run: |call| run(call, Streams::Joined),
    },
    Function {
        name: "cmd.run_all",
        usage: usage!("cmd.run_all"),
        doc: "Runs a command as cmd.run does and returns a map of `pid`, `retcode`, `stdout` and `stderr`.",
        keywords: KEYWORDS,
        run: |call| run(call, Streams::Both),
    },
    Function {
        name: "cmd.run_stdout",
        usage: usage!("cmd.run_stdout"),
        doc: "Runs a command as cmd.run does and returns its standard output only.",
        keywords: KEYWORDS,
        run: |call| run(call, Streams::Stdout),
    },
    Function {
        name: "cmd.run_stderr",
        usage: usage!("cmd.run_stderr"),
        doc: "Runs a command as cmd.run does and returns its standard error only.",
        keywords: KEYWORDS,
        run: |call| run(call, Streams::Stderr),
    },
    Function {
        name: "cmd.retcode",
        usage: usage!("cmd.retcode"),
        doc: "Runs a command as cmd.run does and returns its exit code only: 128 and more is a signal, 124 a timeout.",
        keywords: KEYWORDS,
        run: |call| run(call, Streams::Neither),
    },
];

/// What the arguments ask for.
struct Order {
    command: Command,
    plan: Plan,
    manner: Manner,
}

/// How the answer is to look.
struct Manner {
    streams: Streams,
    timeout: Option<Duration>,
    output_max: usize,
    ignore_retcode: bool,
    rstrip: bool,
}

fn run(mut call: Call<'_>, streams: Streams) -> Result<Answer, Fault> {
    let Order { command, plan, manner } = Order::read(&mut call.arguments, streams, call.context.output_max)?;
    let program = command.get_program().to_string_lossy().into_owned();
    let finished =
        process::run(command, plan, &call.context.control).map_err(|error| cannot_start(&program, &error))?;
    manner.answer(finished)
}

impl Manner {
    fn answer(&self, finished: Finished) -> Result<Answer, Fault> {
        let code = match (finished.end, finished.code) {
            (End::Itself, code) => code,
            (End::TimedOut, _) => process::TIMED_OUT,
            // It may have ended well when asked to, but not by itself.
            (End::Killed, 0) => process::KILLED,
            (End::Killed, code) => code,
        };
        self.fits(finished.total)?;
        let mut stdout = self.printed(finished.stdout);
        let mut stderr = self.printed(finished.stderr);
        self.fits((stdout.len() + stderr.len()) as u64)?;
        if let Some(note) = self.note(finished.end) {
            let is_out = matches!(self.streams, Streams::Joined | Streams::Stdout);
            let stream = if is_out { &mut stdout } else { &mut stderr };
            if !(stream.is_empty() || stream.ends_with('\n')) {
                stream.push('\n');
            }
            stream.push_str(&note);
        }
        let value = match self.streams {
            Streams::Joined | Streams::Stdout => stdout.into(),
            Streams::Stderr => stderr.into(),
            Streams::Neither => code.into(),
            Streams::Both => Value::Object(map([
                ("pid", finished.pid.into()),
                ("retcode", code.into()),
                ("stdout", stdout.into()),
                ("stderr", stderr.into()),
            ])),
        };
        let ignored = self.ignore_retcode && finished.end == End::Itself;
        Ok(Answer { value, retcode: if ignored { 0 } else { code } })
    }

    fn note(&self, end: End) -> Option<String> {
        match end {
            End::Itself => None,
            End::TimedOut => {
                let seconds = self.timeout.unwrap_or_default().as_secs_f64();
                Some(format!("Timed out after {seconds} seconds: the command was killed."))
            }
            End::Killed => Some("The job was killed, and the command with it.".to_owned()),
        }
    }

    fn printed(&self, bytes: Vec<u8>) -> String {
        let mut text = text::from_bytes(bytes);
        if self.rstrip {
            text.truncate(text.trim_end().len());
        }
        text
    }

    fn fits(&self, total: u64) -> Result<(), Fault> {
        if total <= self.output_max as u64 {
            return Ok(());
        }
        Err(Fault::failed(format!(
            "The command's output takes {total} bytes, and one answer carries at most {}. Nothing of it was kept, so \
             that nothing is missing unnoticed: send it to a file on the minion, as in `COMMAND > FILE`.",
            self.output_max
        )))
    }
}

impl Order {
    fn read(arguments: &mut Arguments, streams: Streams, output_max: usize) -> Result<Self, Fault> {
        let line = arguments.required("cmd")?;
        let shell = arguments.text("shell")?.unwrap_or_else(|| "/bin/sh".to_owned());
        let in_shell = arguments.flag("python_shell", true)?;
        let mut command = command(arguments, &line, in_shell, &shell)?;
        if arguments.flag("clean_env", false)? {
            command.env_clear();
        }
        let home = match arguments.text("runas")? {
            Some(user) => Some(become_user(&mut command, &user)?),
            // A daemon that gave root's rights away may still be told root's home.
            None => std::env::home_dir().filter(|home| access(home, AccessFlags::X_OK).is_ok()),
        };
        match arguments.text("cwd")? {
            None => command.current_dir(home.filter(|home| home.is_dir()).unwrap_or_else(|| PathBuf::from("/"))),
            Some(cwd) if Path::new(&cwd).is_absolute() && Path::new(&cwd).is_dir() => command.current_dir(cwd),
            Some(cwd) => {
                return Err(Fault::failed(format!(
                    "The directory {cwd:?} is not absolute or not there; nothing was run."
                )));
            }
        };
        if let Some(env) = arguments.keyword("env") {
            set_env(arguments, &mut command, &env)?;
        }
        let timeout = match arguments.keyword("timeout") {
            Some(value) => Some(arguments.as_seconds("timeout", &value)?),
            None => None,
        };
        let stdin = arguments.text("stdin")?.map(String::into_bytes);
        let manner = Manner {
            streams,
            timeout,
            output_max,
            ignore_retcode: arguments.flag("ignore_retcode", false)?,
            rstrip: arguments.flag("rstrip", true)?,
        };
        for ignored in ["output_loglevel", "log_callback", "saltenv"] {
            arguments.keyword(ignored);
        }
        arguments.finish()?;
        Ok(Self { command, plan: Plan { stdin, timeout, streams, output_max }, manner })
    }
}

/// A list runs as it is, a text through the shell, or parted into words if no shell is wanted.
fn command(arguments: &Arguments, line: &Value, in_shell: bool, shell: &str) -> Result<Command, Fault> {
    let words = match line {
        Value::Array(words) => words.iter().map(|word| arguments.as_text("cmd", word)).collect::<Result<_, _>>()?,
        line => {
            let line = arguments.as_text("cmd", line)?;
            if in_shell {
                vec![shell.to_owned(), "-c".to_owned(), line]
            } else {
                let words = text::words(&line);
                words.ok_or_else(|| {
                    arguments.wrong(format_args!("got a command with a quote that never closes: {line}"))
                })?
            }
        }
    };
    let (program, rest) =
        words.split_first().ok_or_else(|| arguments.wrong(format_args!("got a command without a word")))?;
    let mut command = Command::new(program);
    command.args(rest);
    Ok(command)
}

/// Salt's `env`: a map, a list of maps or of `NAME=VALUE`, or one `NAME=VALUE`. Null takes a variable away.
fn set_env(arguments: &Arguments, command: &mut Command, env: &Value) -> Result<(), Fault> {
    match env {
        Value::Array(list) => return list.iter().try_for_each(|item| set_env(arguments, command, item)),
        Value::Object(map)
            if map.iter().all(|(name, value)| is_variable(name) && (value.is_null() || scalar(value).is_some())) =>
        {
            for (name, value) in map {
                match scalar(value) {
                    Some(text) => command.env(name, text),
                    None => command.env_remove(name),
                };
            }
        }
        Value::String(pair) => match pair.split_once('=') {
            Some((name, value)) if is_variable(name) => {
                command.env(name, value);
            }
            _ => return Err(arguments.wrong(format_args!("wants NAME=VALUE as env, not {env}"))),
        },
        _ => return Err(arguments.wrong(format_args!("wants a map of texts as env, not {env}"))),
    }
    Ok(())
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// Makes `command` run as `name`; returns that user's home. Supplementary groups are dropped, not looked up.
fn become_user(command: &mut Command, name: &str) -> Result<PathBuf, Fault> {
    let found =
        User::from_name(name).map_err(|errno| Fault::failed(format!("Cannot look up the user {name}: {errno}.")))?;
    let user =
        found.ok_or_else(|| Fault::failed(format!("There is no user {name} on this minion; nothing was run.")))?;
    if geteuid() != user.uid {
        if !geteuid().is_root() {
            let why =
                format!("The minion does not run as root, so it cannot run a command as {name}; nothing was run.");
            return Err(Fault::failed(why));
        }
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let shell: &OsStr = user.shell.as_os_str();
    command.env("HOME", &user.dir).env("USER", name).env("LOGNAME", name).env("SHELL", shell);
    Ok(user.dir)
}

fn cannot_start(program: &str, error: &io::Error) -> Fault {
    // The codes a shell uses: 126 found but cannot be run, 127 not found.
    let retcode = if error.kind() == io::ErrorKind::PermissionDenied { 126 } else { 127 };
    Fault { why: format!("Cannot start {program}: {error}."), retcode }
}

#[cfg(test)]
mod tests {
    use super::super::Registry;
    use super::super::tests::{context, run, work};
    use super::*;
    use crate::duty::Outcome;
    use serde_json::json;

    fn value(fun: &str, args: Value, kwargs: Value) -> Value {
        let outcome = run(fun, args, kwargs);
        assert!(outcome.success && outcome.retcode == 0, "{outcome:?}");
        outcome.value
    }

    fn said(outcome: &Outcome) -> &str {
        outcome.value.as_str().unwrap()
    }

    #[test]
    fn each_function_returns_its_part() {
        let line = json!(["echo out; echo err >&2; echo; exit 4"]);
        let answer = |fun| {
            let outcome = run(fun, line.clone(), json!({}));
            assert_eq!((outcome.retcode, outcome.success), (4, false), "{fun}");
            outcome.value
        };
        assert_eq!(answer("cmd.run"), json!("out\nerr"));
        assert_eq!(answer("cmd.run_stdout"), json!("out"));
        assert_eq!(answer("cmd.run_stderr"), json!("err"));
        assert_eq!(answer("cmd.retcode"), json!(4));
        let mut all = answer("cmd.run_all");
        assert!(all["pid"].take().is_u64());
        assert_eq!(all, json!({"pid": null, "retcode": 4, "stdout": "out", "stderr": "err"}));
    }

    #[test]
    fn keywords_as_salt_sends_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(value("cmd.run", json!(["pwd", {"cwd": path}]), json!({})), json!(path));
        assert_eq!(value("cmd.run", json!(["pwd"]), json!({"cwd": path, "output_loglevel": "quiet"})), json!(path));
        for env in [json!({"A": 1, "B": "x y"}), json!([{"A": "1"}, "B=x y"])] {
            assert_eq!(value("cmd.run", json!(["echo $A-$B"]), json!({"env": env})), json!("1-x y"));
        }
        assert_eq!(value("cmd.run", json!(["echo $HOME-$A"]), json!({"env": "A=b", "clean_env": true})), json!("-b"));
        assert_eq!(value("cmd.run", json!(["tr a b"]), json!({"stdin": "banana"})), json!("bbnbnb"));
        assert_eq!(value("cmd.run", json!(["echo a b"]), json!({"rstrip": false})), json!("a b\n"));
        assert_eq!(value("cmd.run", json!(["exit 3"]), json!({"ignore_retcode": true})), json!(""));
        let bash = value("cmd.run", json!(["echo $0"]), json!({"shell": "/bin/sh"}));
        assert_eq!(bash, json!("/bin/sh"));
    }

    #[test]
    fn without_a_shell_words_are_only_words() {
        let args = json!(["echo '$HOME;' \"a  b\""]);
        assert_eq!(value("cmd.run", args, json!({"python_shell": false})), json!("$HOME; a  b"));
        assert_eq!(value("cmd.run", json!([["echo", "a  b", 3]]), json!({})), json!("a  b 3"));
        assert_eq!(run("cmd.run", json!(["echo 'a"]), json!({"python_shell": "False"})).retcode, 2);
        assert_eq!(run("cmd.run", json!([[]]), json!({})).retcode, 2);
    }

    #[test]
    fn mistakes_run_nothing_and_say_so() {
        for (args, kwargs, part) in [
            (json!([]), json!({}), "wants an argument cmd"),
            (json!(["true", "again"]), json!({}), "no further argument"),
            (json!(["true"]), json!({"umask": "022"}), "knows no argument umask"),
            (json!(["true"]), json!({"timeout": "soon"}), "wants seconds"),
            (json!(["true"]), json!({"cwd": "/no/such/place"}), "/no/such/place"),
            (json!(["true"]), json!({"env": [1]}), "env"),
            (json!(["true"]), json!({"runas": "nobody-of-that-name"}), "no user"),
            (json!(["true"]), json!({"shell": "/no/such/shell"}), "Cannot start /no/such/shell"),
        ] {
            let outcome = run("cmd.run", args, kwargs);
            assert!(!outcome.success && outcome.retcode != 0);
            assert!(said(&outcome).contains(part), "{}", outcome.value);
        }
    }

    #[test]
    fn timeout_is_said_and_output_kept() {
        let outcome = run("cmd.run", json!(["echo begun; sleep 600"]), json!({"timeout": 0.1}));
        assert_eq!((outcome.retcode, outcome.success), (124, false));
        assert_eq!(said(&outcome), "begun\nTimed out after 0.1 seconds: the command was killed.");
        let outcome = run("cmd.run_all", json!(["sleep 600"]), json!({"timeout": 0.1, "ignore_retcode": true}));
        assert_eq!((&outcome.value["retcode"], outcome.retcode), (&json!(124), 124));
        assert!(outcome.value["stderr"].as_str().unwrap().contains("Timed out"));
    }

    #[test]
    fn output_is_never_cut() {
        let context = super::super::Context { output_max: 1000, ..context() };
        let run = |line: &str| Registry::standard().run(&work("cmd.run", json!([line]), json!({})), &context);
        assert!(run("head -c 1000 /dev/zero | tr '\\0' x").success);
        let outcome = run("head -c 1001 /dev/zero | tr '\\0' x");
        assert!(!outcome.success && said(&outcome).contains("1001 bytes"), "{}", outcome.value);
        // 900 bytes, but 3600 once they are text.
        let outcome = run("head -c 900 /dev/zero | tr '\\0' '\\377'");
        assert!(!outcome.success && said(&outcome).contains("3600 bytes"), "{}", outcome.value);
    }

    #[test]
    fn bytes_that_are_no_text_come_back_escaped() {
        assert_eq!(value("cmd.run", json!(["printf 'a\\377b'"]), json!({})), json!("a\\xffb"));
    }

    #[test]
    fn runs_as_another_user_or_says_why_not() {
        let outcome = run("cmd.run", json!(["id -un; echo $HOME; pwd"]), json!({"runas": "nobody"}));
        if geteuid().is_root() {
            assert!(outcome.success && said(&outcome).starts_with("nobody\n"), "{outcome:?}");
        } else {
            assert!(!outcome.success && said(&outcome).contains("as root"), "{outcome:?}");
        }
    }
}
