//! What is typed: the commands of `roadstead`, their options, and who does them. Does nothing itself.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use super::fault::{Exit, Fault};
use super::log::{self, Style};
use super::settings::{DutyKind, Settings, SettingsError};
use super::show::Form;
use super::trace::Trace;
use super::{arguments, call, daemon, demo, links, publish};
use crate::base::target::DELIMITER;
use crate::duty::Work;
use crate::duty::request::{Publish, Request, Target};

/// Remote execution on fleets of machines over RAET
#[derive(Debug, Parser)]
#[command(name = "roadstead", version, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a function on minions and show what they return
    ///
    /// Needs the master on this host. Exit codes: 0 all well, 1 a job failed or a minion did not return, 2 usage or
    /// settings, 3 no minion matched or answered, 4 no master, 5 refused.
    #[command(after_help = "Examples:
  roadstead run '*' test.ping
  roadstead run -L web1,web2 cmd.run 'df -h' timeout=10
  roadstead run -C 'G@os:Debian and not db*' test.ping
  roadstead run 'db*' sys.doc test --json

An argument is a number, true, false, null, a [list] or a {map} where it looks like one, else text; quotes inside \
make text of anything: \"'5'\". NAME=VALUE is a keyword argument. After -- an argument may begin with a dash.")]
    Run(Run),
    /// Show the jobs the master remembers, and what became of them
    #[command(subcommand)]
    Jobs(Jobs),
    /// Show whom the master is connected with over the fast wire, and how each path does
    #[command(
        after_help = "rtt: round trip. loss: packets lost lately. window: what may be on its way at once. rate: \
the pace it is sent at. mtu: largest datagram the path takes. flight: what is on its way now. in, out: since the session \
began, age ago."
    )]
    Road(Road),
    /// Run a function on this host, as its minion would, without any daemon
    #[command(after_help = "Arguments are read as those of `run`.")]
    Call(Call),
    /// See a master and three minions at work: keys, jobs and answers, on this host, gone afterwards
    Demo,
    /// Be a master: keep minions connected and publish jobs to them
    Master(Daemon),
    /// Be a minion: connect to a master and run its jobs
    Minion(Daemon),
}

#[derive(Debug, Subcommand)]
enum Jobs {
    /// One line for each job, oldest first
    List(Listing),
    /// What the minions of one job answered; exit codes as those of `run`
    Show {
        /// The job's id
        jid: String,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Args)]
struct Listing {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Road {
    /// Again and again, so many seconds apart, until Ctrl-C
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
    watch: Option<Duration>,
    /// Ask this host's minion instead of its master
    #[arg(long)]
    minion: bool,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
struct Call {
    /// What to run, as test.ping
    #[arg(value_name = "FUNCTION")]
    fun: String,
    /// Its arguments
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    arguments: Vec<String>,
    /// The answer as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Daemon {
    /// Show the fingerprint of its own key, which is made if there is none yet, and do nothing else
    #[arg(long)]
    finger: bool,
    /// Write a qlog file of every session of the fast wire into this directory, for plots; packets' sizes and times, no
    /// contents
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Which settings are read.
#[derive(Debug, Args)]
struct Place {
    /// Settings file, or the directory it is in
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What relative paths in the settings, and the default ones, are below
    #[arg(long, value_name = "DIR")]
    root_dir: Option<PathBuf>,
    /// What is logged to standard error: quiet, error, warning, info, debug or trace
    #[arg(short, long, value_name = "LEVEL", value_parser = Settings::level)]
    log_level: Option<LevelFilter>,
}

#[derive(Debug, Args)]
struct Run {
    /// Which minions: a shell pattern of ids, as 'web*', unless an option says what it is
    target: String,
    /// What to run, as test.ping
    #[arg(value_name = "FUNCTION")]
    fun: String,
    /// Its arguments
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    kind: Kind,
    /// What stands between the levels of a grain or pillar key in the target
    #[arg(long, value_name = "TEXT", default_value = DELIMITER, hide_default_value = true)]
    delimiter: String,
    /// Seconds to wait for silent minions before they are asked whether the job still runs
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// One JSON object a line for each minion, as they come
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What the target is; the letters are those of Salt, and of the words of a compound target.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Kind {
    /// The target is a regular expression of ids, matched from their start
    #[arg(short = 'E', long)]
    pcre: bool,
    /// The target is a list of ids with commas between them
    #[arg(short = 'L', long)]
    list: bool,
    /// The target is a grain and a pattern of its value, as 'os:Debian'
    #[arg(short = 'G', long)]
    grain: bool,
    /// The target is a grain and a regular expression of its value
    #[arg(short = 'P', long)]
    grain_pcre: bool,
    /// The target is a node group of the master's settings
    #[arg(short = 'N', long)]
    nodegroup: bool,
    /// The target is made of others with `and`, `or`, `not` and parentheses, as 'G@os:Debian and web*'
    #[arg(short = 'C', long)]
    compound: bool,
    /// The target is a pillar key and a pattern of its value
    #[arg(short = 'I', long)]
    pillar: bool,
    /// The target is a pillar key and a regular expression of its value
    #[arg(short = 'J', long)]
    pillar_pcre: bool,
    /// The target is an address or a network, as 10.1.0.0/16
    #[arg(short = 'S', long)]
    ipcidr: bool,
}

/// What is made of a target's text.
type Meaning = fn(String) -> Target;

impl Kind {
    fn of(&self, target: String) -> Target {
        let kinds: [(bool, Meaning); 9] = [
            (self.pcre, Target::Pcre),
            (self.list, ids),
            (self.grain, Target::Grain),
            (self.grain_pcre, Target::GrainPcre),
            (self.nodegroup, Target::Nodegroup),
            (self.compound, Target::Compound),
            (self.pillar, Target::Pillar),
            (self.pillar_pcre, Target::PillarPcre),
            (self.ipcidr, Target::Ipcidr),
        ];
        let kind = kinds.into_iter().find(|(is_chosen, _)| *is_chosen);
        kind.map_or(Target::Glob as Meaning, |(_, kind)| kind)(target)
    }
}

fn ids(list: String) -> Target {
    Target::List(list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect())
}

/// The whole command: reads what was typed, does it, says what went wrong.
pub fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // A closed pipe is nobody's fault here.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { Exit::Well } else { Exit::Usage }.into();
        }
    };
    let done = match line.command {
        Command::Run(run) => run.start(),
        Command::Jobs(jobs) => jobs.start(),
        Command::Road(road) => road.start(),
        Command::Call(call) => call.start(),
        Command::Demo => Ok(demo::demo()),
        Command::Master(daemon) => daemon.start(DutyKind::Master),
        Command::Minion(daemon) => daemon.start(DutyKind::Minion),
    };
    done.unwrap_or_else(|fault| {
        let _ = writeln!(io::stderr(), "roadstead: {fault}");
        fault.exit
    })
    .into()
}

impl Place {
    fn load(&self, duty: DutyKind, style: Style) -> Result<Settings, Fault> {
        self.finish(Settings::load(duty, self.config.as_deref(), self.root_dir.as_deref()), style, None)
    }

    /// A daemon's, which may write a trace.
    fn load_daemon(&self, duty: DutyKind, trace: Option<Trace>) -> Result<Settings, Fault> {
        let loaded = Settings::load(duty, self.config.as_deref(), self.root_dir.as_deref());
        self.finish(loaded, Style::Daemon, trace)
    }

    /// As [`load`](Self::load) for this host's minion, which may have no master.
    fn load_alone(&self, style: Style) -> Result<Settings, Fault> {
        self.finish(Settings::load_alone(self.config.as_deref(), self.root_dir.as_deref()), style, None)
    }

    fn finish(
        &self,
        loaded: Result<(Settings, Vec<String>), SettingsError>,
        style: Style,
        trace: Option<Trace>,
    ) -> Result<Settings, Fault> {
        // A command is quiet whatever its daemon's settings say.
        let level = match (&loaded, style) {
            (Ok((settings, _)), Style::Daemon) => settings.log_level,
            _ => LevelFilter::WARN,
        };
        log::start(self.log_level.unwrap_or(level), style, trace);
        let (settings, warnings) = loaded?;
        // A command would repeat them at every call.
        if style == Style::Daemon {
            warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        Ok(settings)
    }
}

impl Run {
    fn start(self) -> Result<Exit, Fault> {
        let settings = self.place.load(DutyKind::Master, Style::Command)?;
        let (arg, kwargs) = arguments::read(&self.arguments).map_err(|error| Fault::new(Exit::Usage, error))?;
        let target = self.kind.of(self.target);
        let timeout = self.timeout.unwrap_or(settings.timeout).as_secs_f64();
        let job = Publish { fun: self.fun, arg, kwargs, target, delimiter: self.delimiter, timeout, user: user() };
        publish::run(&settings, &Request::Publish(job), form(self.json), &mut stdout())
    }
}

impl Jobs {
    fn start(self) -> Result<Exit, Fault> {
        let load = |place: &Place| place.load(DutyKind::Master, Style::Command);
        match self {
            Self::List(Listing { json, place }) => publish::list(&load(&place)?, form(json), &mut stdout()),
            Self::Show { jid, listing: Listing { json, place } } => {
                publish::run(&load(&place)?, &Request::Lookup { jid }, form(json), &mut stdout())
            }
        }
    }
}

impl Road {
    fn start(self) -> Result<Exit, Fault> {
        let Listing { json, place } = self.listing;
        let duty = if self.minion { DutyKind::Minion } else { DutyKind::Master };
        links::run(&place.load(duty, Style::Command)?, self.watch, form(json), &mut stdout())
    }
}

impl Call {
    fn start(self) -> Result<Exit, Fault> {
        let settings = self.place.load_alone(Style::Command)?;
        let (args, kwargs) = arguments::read(&self.arguments).map_err(|error| Fault::new(Exit::Usage, error))?;
        let work = Work { jid: String::new(), fun: self.fun, args, kwargs };
        call::call(&settings, work, form(self.json), &mut stdout())
    }
}

impl Daemon {
    fn start(self, duty: DutyKind) -> Result<Exit, Fault> {
        let open = |dir: &PathBuf| {
            Trace::new(dir).map_err(|error| {
                Fault::new(
                    Exit::Usage,
                    format!("cannot make {} for traces: {error}; name another directory", dir.display()),
                )
            })
        };
        let trace = self.trace.as_ref().map(open).transpose()?;
        let settings = self.place.load_daemon(duty, trace)?;
        if self.finger {
            let finger = daemon::fingerprint(&settings)?;
            // A closed pipe is nobody's fault here.
            let _ = writeln!(io::stdout(), "{finger}");
        } else {
            daemon::run(&settings)?;
        }
        Ok(Exit::Well)
    }
}

fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Text }
}

fn stdout() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let length = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    length.ok_or_else(|| "not a number of seconds above 0".to_owned())
}

/// Who asks, for the records; the master goes by what the kernel tells it.
fn user() -> String {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    match std::env::var("SUDO_USER") {
        Ok(from) if uid.is_root() && !from.is_empty() => format!("sudo_{from}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn run_options_go_anywhere() {
        let words = ["roadstead", "run", "-t", "2.5", "web*", "cmd.run", "ls", "-5", "--json", "a=b", "-L", "--", "-x"];
        let Command::Run(run) = Line::try_parse_from(words).unwrap().command else { panic!("not run") };
        assert_eq!((run.target.as_str(), run.fun.as_str()), ("web*", "cmd.run"));
        assert_eq!(run.arguments, ["ls", "-5", "a=b", "-x"]);
        assert!(run.json && run.kind.list && run.timeout == Some(Duration::from_millis(2500)));
    }
}
