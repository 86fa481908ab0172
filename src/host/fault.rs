//! How a command ends: its exit code, and when it could not do its work one sentence with advice. Prints nothing itself.

use std::process::ExitCode;

use super::serve::Stop;
use super::settings::SettingsError;
use crate::drive::entropy::NoEntropy;
use crate::drive::lane::LaneError;

/// What the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Well = 0,
    /// Some job failed, or some minion stayed silent.
    Failed = 1,
    /// The command or the settings make no sense.
    Usage = 2,
    /// No minion matched or answered.
    Nobody = 3,
    /// No master answers.
    NoMaster = 4,
    /// The master, or the system, refused.
    Refused = 5,
    /// Interrupted from the keyboard, as shells count it.
    Interrupted = 130,
}

/// A command that could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Fault {
    /// What the shell is told.
    pub exit: Exit,
    /// What the user is told.
    pub sentence: String,
}

impl Fault {
    /// A fault with its sentence.
    pub fn new(exit: Exit, sentence: impl ToString) -> Self {
        Self { exit, sentence: sentence.to_string() }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<LaneError> for Fault {
    fn from(error: LaneError) -> Self {
        let exit = match error {
            LaneError::NoDaemon { .. }
            | LaneError::Restarted { .. }
            | LaneError::Gone { .. }
            | LaneError::Full { .. } => Exit::NoMaster,
            LaneError::Permission { .. } | LaneError::Impostor { .. } => Exit::Refused,
            _ => Exit::Usage,
        };
        Self::new(exit, error)
    }
}

impl From<SettingsError> for Fault {
    fn from(error: SettingsError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<NoEntropy> for Fault {
    fn from(error: NoEntropy) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::new(if stop.code == Exit::Refused as u8 { Exit::Refused } else { Exit::Usage }, stop)
    }
}
