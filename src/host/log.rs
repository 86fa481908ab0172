//! Where log lines go: to standard error, above one level. What is logged is decided where it happens; secrets never are.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt};

/// The variable that overrides every other level, `debug` or finer: `roadstead::road=trace,info`.
pub const VARIABLE: &str = "ROADSTEAD_LOG";

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With time and place, for a daemon.
    Daemon,
    /// The sentence alone, for a command somebody just typed.
    Command,
}

/// Starts logging from `level` up. Later calls change nothing.
pub fn start(level: LevelFilter, style: Style) {
    let wanted = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = match wanted.map(|text| text.parse::<EnvFilter>()) {
        Some(Ok(filter)) => filter,
        Some(Err(error)) => {
            eprintln!("{VARIABLE} cannot be read and is not used: {error}");
            EnvFilter::default().add_directive(level.into())
        }
        None => EnvFilter::default().add_directive(level.into()),
    };
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // Somebody else's subscriber (a test's) is as good.
    let _ = match style {
        Style::Daemon => lines.try_init(),
        Style::Command => lines.without_time().with_target(false).try_init(),
    };
}
