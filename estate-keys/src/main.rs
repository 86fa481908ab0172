//! `estate-keys`: lists, accepts, rejects and deletes the keys of a master, as `salt-key` does.
//!
//! It works on the key files alone; a running master notices by itself. Exit codes: 0 all well, 1 nothing matched,
//! 2 usage, settings or files.

mod args;
mod change;
mod salt;
mod select;
mod show;
mod token;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use roadstead::base::Random;
use roadstead::host::settings::{DutyKind, Settings};
use roadstead::keep::{Journal, KeepError, OwnKeys, Reading, Roll, Store, Token};

use args::{Args, Command};
use select::{Asked, Scope};

/// Why it did not work: one sentence for standard error, and the exit code.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    code: u8,
    sentence: String,
}

/// What every command works on.
struct Desk {
    settings: Settings,
    store: Store,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say(&failure.sentence);
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: Args) -> Result<u8, Failure> {
    if let Command::ImportSalt(moved) = &args.command {
        return salt::import(&args, moved);
    }
    let desk = Desk::open(&args)?;
    match args.command {
        // Needs no keys of ours to begin with.
        Command::ImportSalt(_) => Ok(0),
        Command::ExportSalt(moved) => salt::export(&desk, &moved),
        Command::List { names, long, json } => {
            let roll = desk.roll()?;
            let asked = Asked::read(&names)?;
            let found = if names.is_empty() { select::all(&roll) } else { select::find(&roll, &asked, Scope::ALL) };
            if names.is_empty() || !found.picked.is_empty() {
                let mut known = desk.known()?;
                if !names.is_empty() {
                    known.only(&found.picked);
                }
                let show =
                    if json { show::list_json(&found.picked, &known) } else { show::list(&found.picked, &known, long) };
                print(&show)?;
            }
            Ok(found.tell_missing())
        }
        Command::Finger { names, own, json } => desk.finger(&names, own, json),
        Command::Accept(choice) => change::apply(&desk, change::Verb::Accept, &choice.into()),
        Command::Reject(choice) => change::apply(&desk, change::Verb::Reject, &choice.into()),
        Command::Delete(choice) => change::apply(&desk, change::Verb::Delete, &choice.into()),
        Command::Gen { force } => desk.generate(force),
        Command::Token(tokens) => token::apply(&desk, tokens),
    }
}

impl Desk {
    fn open(args: &Args) -> Result<Self, Failure> {
        let duty = if args.minion { DutyKind::Minion } else { DutyKind::Master };
        // The daemon logs the warnings; here they would only hide the answer.
        let (settings, _) = Settings::load(duty, args.config.as_deref(), args.root_dir.as_deref())
            .map_err(|error| Failure { code: 2, sentence: error.to_string() })?;
        let creates = matches!(args.command, Command::Gen { .. } | Command::Token(args::Tokens::New { .. }));
        if !creates && matches!(settings.pki_dir.try_exists(), Ok(false)) {
            let sentence = format!(
                "no keys at {}: start the {duty} once, or name its settings with -c FILE",
                settings.pki_dir.display()
            );
            return Err(Failure { code: 2, sentence });
        }
        let store = Store::open(&settings.pki_dir, None).map_err(|error| explain(&error, &settings))?;
        Ok(Self { settings, store })
    }

    /// The roll; broken files are told of and left out.
    fn roll(&self) -> Result<Roll, Failure> {
        let Reading { roll, errors, .. } = self.store.roll().map_err(|error| self.explain(&error))?;
        for error in errors {
            say(&format!("warning: {error}"));
        }
        Ok(roll)
    }

    /// The enrolment tokens; broken files are told of and left out.
    fn tokens(&self) -> Result<Vec<Token>, Failure> {
        let (tokens, errors) = self.store.tokens().map_err(|error| self.explain(&error))?;
        for error in errors {
            say(&format!("warning: {error}"));
        }
        Ok(tokens)
    }

    /// Who was met on which wire and when, and who is kept out; what cannot be read is told of and counts as unknown.
    fn known(&self) -> Result<show::Known, Failure> {
        let (fast, errors) = self.store.fast().map_err(|error| self.explain(&error))?;
        for error in errors {
            say(&format!("warning: {error}"));
        }
        // Only a daemon makes that directory.
        let estate_dir = self.settings.estate_dir();
        let mut classic = BTreeSet::new();
        let now = token::now();
        let mut journal = Journal::default();
        if estate_dir.is_dir() {
            let store = Store::open(&self.settings.pki_dir, Some(&estate_dir)).map_err(|error| self.explain(&error))?;
            let (remotes, errors) = store.remotes().map_err(|error| self.explain(&error))?;
            for error in errors {
                say(&format!("warning: {error}"));
            }
            classic.extend(remotes.into_iter().map(|remote| remote.role));
            match store.journal() {
                Ok(found) => journal = found.unwrap_or_default(),
                Err(error) => say(&format!("warning: {error}")),
            }
            journal.expire(now);
        }
        Ok(show::Known { fast, classic, journal, now })
    }

    fn explain(&self, error: &KeepError) -> Failure {
        explain(error, &self.settings)
    }

    fn finger(&self, names: &[String], own: bool, json: bool) -> Result<u8, Failure> {
        let asked = Asked::read(names)?;
        let mut found = select::Found::default();
        if !names.is_empty() || !own {
            let roll = self.roll()?;
            found = if names.is_empty() { select::all(&roll) } else { select::find(&roll, &asked, Scope::ALL) };
        }
        let local = match own || names.is_empty() {
            true => self.store.own_keys().map_err(|error| self.explain(&error))?,
            false => None,
        };
        let local = local.map(|keys| keys.public(self.settings.id.clone()));
        if own && local.is_none() {
            let duty = self.settings.duty;
            let sentence = format!("no own key yet: start the {duty} once, or run `estate-keys gen`");
            return Err(Failure { code: 1, sentence });
        }
        if names.is_empty() || own || !found.picked.is_empty() {
            let show = if json { show::fingers_json } else { show::fingers };
            print(&show(local.as_ref(), &found.picked))?;
        }
        Ok(found.tell_missing())
    }

    fn generate(&self, force: bool) -> Result<u8, Failure> {
        let keys = OwnKeys::generate(&mut Random::new(seed()?));
        self.store.create_own_keys(&keys, force).map_err(|error| match error {
            KeepError::Exists { path } => Failure {
                code: 2,
                sentence: format!("{}: there is a key already; replace it with --force", path.display()),
            },
            error => self.explain(&error),
        })?;
        let public = keys.public(self.settings.id.clone());
        print(&show::fingers(Some(&public), &[]))?;
        Ok(0)
    }
}

/// Random numbers of the system.
fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Failure {
        code: 2,
        sentence: format!("the system has no random numbers to make a key of: {error}"),
    })?;
    Ok(seed)
}

/// An error of the keep with advice on whom to be.
fn explain(error: &KeepError, settings: &Settings) -> Failure {
    let advice = match (&settings.user, error.is_permission()) {
        (_, false) => String::new(),
        (None, true) => format!("; run this as root or as the {}'s user", settings.duty),
        (Some(user), true) => format!("; run this as root or as {user}"),
    };
    Failure { code: 2, sentence: format!("{error}{advice}") }
}

/// Writes to standard output; a reader that has gone (`| head`) is fine.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure { code: 2, sentence: format!("cannot write to standard output: {error}") })
        }
        _ => Ok(()),
    }
}

/// One sentence on standard error.
fn say(sentence: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "estate-keys: {}", shown(sentence));
}

/// A text whose control characters cannot command a terminal: file names may come from anywhere.
fn shown(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_refusal_of_the_system_says_whom_to_be() {
        let refused = || KeepError::Io {
            action: "read",
            path: "/k/local.key".into(),
            source: ErrorKind::PermissionDenied.into(),
        };
        let explained = |text| {
            let (settings, _) = Settings::parse(DutyKind::Master, text, Path::new("f"), None).unwrap();
            explain(&refused(), &settings)
        };
        let sentence = "cannot read /k/local.key: permission denied; run this as root or as the master's user".into();
        assert_eq!(explained("id: m"), Failure { code: 2, sentence });
        let sentence = "cannot read /k/local.key: permission denied; run this as root or as salt".into();
        assert_eq!(explained("id: m\nuser: salt"), Failure { code: 2, sentence });
    }
}
