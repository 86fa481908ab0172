//! Where log lines go: to standard error, above one level. What is logged is decided where it happens; secrets never are.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::trace::Trace;

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

/// Starts logging from `level` up, and a trace. Later calls change nothing.
pub fn start(level: LevelFilter, style: Style, trace: Option<Trace>) {
    let wanted = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = match wanted.map(|text| text.parse::<EnvFilter>()) {
        Some(Ok(filter)) => filter,
        Some(Err(error)) => {
            eprintln!("{VARIABLE} cannot be read and is not used: {error}");
            EnvFilter::default().add_directive(level.into())
        }
        None => EnvFilter::default().add_directive(level.into()),
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match style {
        Style::Daemon => lines.boxed(),
        Style::Command => lines.without_time().with_target(false).boxed(),
    };
    // Somebody else's subscriber (a test's) is as good.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(trace.map(Trace::layer)).try_init();
}
