//! What can be typed. Says nothing about what it does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand};
use roadstead::base::Name;

/// Lists, accepts, rejects and deletes the keys of a Roadstead master.
///
/// It works on the key files; a running master notices by itself. A NAME stands for one key, whatever its standing. A
/// GLOB (`web*`, `db?`, `[a-c]*`, in quotes) stands for all keys it fits; to accept or reject, for unaccepted ones only.
/// Globs, --all and deletions are asked about first, unless -y is given.
///
/// Exit codes: 0 all well, 1 nothing matched, 2 usage, settings or files.
#[derive(Debug, Parser)]
#[command(name = "estate-keys", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Settings to read instead of /etc/roadstead/master
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Directory that stands for / in settings and defaults
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) root_dir: Option<PathBuf>,
    /// Work on the keys of this host's minion instead of its master
    #[arg(long, global = true)]
    pub(crate) minion: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show who is accepted, unaccepted and rejected
    List {
        /// Only these
        #[arg(value_name = "NAME|GLOB")]
        names: Vec<String>,
        /// With fingerprints, the wire an accepted estate speaks (fast, classic or never met), and when it was seen last
        #[arg(short, long)]
        long: bool,
        /// As JSON, with all that --long shows
        #[arg(long)]
        json: bool,
    },
    /// Show fingerprints, to compare before accepting: all and our own, or those of some keys
    Finger {
        /// Only these
        #[arg(value_name = "NAME|GLOB")]
        names: Vec<String>,
        /// Our own: alone, or besides the named ones
        #[arg(long)]
        own: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let estates join
    Accept(Accept),
    /// Keep estates out until somebody decides otherwise
    Reject(Reject),
    /// Forget keys: their estates will be asked about again
    Delete(Delete),
    /// Create our own key
    Gen {
        /// Replace the key that is there: every estate that knows it must forget it
        #[arg(long)]
        force: bool,
    },
    /// Take over the keys and estates of a Salt RAET master (or, with --minion, minion): whoever knows it knows us
    #[command(
        after_help = "Salt's files stay as they are, and Salt must have stopped. Where there are no settings yet they are \
written, with its id, address and port. To go back: `estate-keys export-salt`."
    )]
    ImportSalt(Move),
    /// Give keys and estates back to Salt, with what was decided here since
    ExportSalt(Move),
    /// Make, show and delete enrolment tokens, which let new machines in without a look at their fingerprints
    #[command(
        subcommand,
        after_help = "A new minion gets the token in a file that only it may read, named by `enrolment_file` in its settings. \
It is accepted at first contact, and takes no master that does not know the token."
    )]
    Token(Tokens),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Make a token and show it, this once
    New {
        /// The only id it lets in; without one, any that has no key here yet
        #[arg(value_name = "NAME", value_parser = name)]
        name: Option<Name>,
        /// How long it holds: 30m, 24h, 7d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::token::ttl)]
        ttl: Duration,
    },
    /// Show which tokens there are, for whom and how long; not the tokens themselves
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Delete tokens: nobody enrols with them any more; who did stays
    Delete {
        /// Tokens, or their ids as `list` shows them
        #[arg(value_name = "TOKEN", required = true)]
        tokens: Vec<String>,
    },
}

#[derive(Debug, Group)]
pub(crate) struct Move {
    /// Salt's keys: /etc/salt/pki/master, /etc/salt/pki/minion
    #[arg(value_name = "PKI_DIR")]
    pub(crate) pki_dir: PathBuf,
    /// Salt's cachedir, where it remembers its estates; the one that goes with a usual PKI_DIR when not given
    #[arg(long, value_name = "DIR")]
    pub(crate) cachedir: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace another own key and decisions that contradict, and do not mind that a daemon runs
    #[arg(long)]
    pub(crate) force: bool,
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|why| why.to_string())
}

#[derive(Debug, Group)]
pub(crate) struct Accept {
    /// Keys to accept
    #[arg(value_name = "NAME|GLOB", required_unless_present = "all")]
    names: Vec<String>,
    /// All unaccepted keys
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Let globs and --all take rejected keys too
    #[arg(long)]
    include_rejected: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Reject {
    /// Keys to reject
    #[arg(value_name = "NAME|GLOB", required_unless_present = "all")]
    names: Vec<String>,
    /// All unaccepted keys
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Let globs and --all take accepted keys too
    #[arg(long)]
    include_accepted: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Delete {
    /// Keys to delete
    #[arg(value_name = "NAME|GLOB", required_unless_present = "all")]
    names: Vec<String>,
    /// All keys
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// The keys a change is for, whichever change it is.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) names: Vec<String>,
    pub(crate) all: bool,
    /// Whether globs reach beyond the keys that wait.
    pub(crate) wide: bool,
    pub(crate) yes: bool,
}

impl From<Accept> for Choice {
    fn from(Accept { names, all, include_rejected: wide, yes }: Accept) -> Self {
        Self { names, all, wide, yes }
    }
}

impl From<Reject> for Choice {
    fn from(Reject { names, all, include_accepted: wide, yes }: Reject) -> Self {
        Self { names, all, wide, yes }
    }
}

impl From<Delete> for Choice {
    fn from(Delete { names, all, yes }: Delete) -> Self {
        Self { names, all, wide: true, yes }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
