//! [`Exit`]: the exit codes. [`exit_of`] finds the one for an error.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::export::ExportError;
use crate::fetch::{CookieFileError, FetchSetupError};
use crate::scope::PatternError;
use crate::store::StoreError;

/// The exit codes, for `--help`. A test compares it with [`Exit`].
pub(super) const EXIT_CODES: ExitCodes = ExitCodes;

/// Prints the table of exit codes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExitCodes;

impl ExitCodes {
    /// The table, with a heading.
    pub(super) fn as_str(self) -> String {
        let lines = Exit::ALL.map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command did its work.
    Done,
    /// Anything that has no code of its own.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Stopped by a signal.
    Stopped,
    /// The database cannot be used.
    Database,
    /// No seed could be fetched.
    NoSeed,
    /// A gate failed.
    Gate,
}

impl Exit {
    /// All codes in ascending order.
    pub const ALL: [Exit; 7] =
        [Exit::Done, Exit::Failed, Exit::Usage, Exit::Stopped, Exit::Database, Exit::NoSeed, Exit::Gate];

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Stopped => 3,
            Exit::Database => 4,
            Exit::NoSeed => 5,
            Exit::Gate => 10,
        }
    }

    /// What the number says.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done: the crawl is complete or reached a limit, or the command did its work",
            Exit::Failed => "anything without a code of its own",
            Exit::Usage => "wrong usage or configuration",
            Exit::Stopped => "stopped by a signal; sqrawl resume goes on",
            Exit::Database => {
                "the database cannot be used (locked, read-only, newer, disk full) or doctor found damage"
            }
            Exit::NoSeed => "no seed could be fetched",
            Exit::Gate => "a gate failed (sqrawl report --fail-on)",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Wrong usage that neither clap nor a setting can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub String);

/// The exit code for an error, by its kind wherever it stands in the chain.
pub(super) fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if cause.is::<UsageError>() || cause.is::<ConfigError>() || cause.is::<PatternError>() {
            return Exit::Usage;
        }
        if cause.is::<CookieFileError>()
            || cause.downcast_ref::<FetchSetupError>().is_some_and(FetchSetupError::is_usage)
        {
            return Exit::Usage;
        }
        match cause.downcast_ref::<ExportError>() {
            Some(ExportError::Store(store)) => return exit_of_store(store),
            Some(error) if error.is_usage() => return Exit::Usage,
            _ => {}
        }
        match cause.downcast_ref::<EngineError>() {
            Some(EngineError::Store(store)) => return exit_of_store(store),
            Some(EngineError::Pattern(_)) => return Exit::Usage,
            Some(_) => return Exit::Failed,
            None => {}
        }
        if let Some(store) = cause.downcast_ref::<StoreError>() {
            return exit_of_store(store);
        }
    }
    Exit::Failed
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Query(_) => Exit::Failed,
        StoreError::CopyExists { .. } => Exit::Usage,
        _ => Exit::Database,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_find_their_code() {
        let missing = || StoreError::Missing { path: "x.db".into() };
        let cases = [
            (anyhow::Error::new(UsageError("x".into())), Exit::Usage),
            (anyhow::Error::new(ConfigError::Together("x".into())), Exit::Usage),
            (anyhow::Error::new(missing()), Exit::Database),
            (anyhow::Error::new(missing()).context("while looking"), Exit::Database),
            (anyhow::Error::new(EngineError::Store(missing())), Exit::Database),
            (anyhow::Error::new(StoreError::Query("no such table".into())), Exit::Failed),
            (anyhow::Error::new(EngineError::Internal { part: "writer", detail: "x".into() }), Exit::Failed),
            (anyhow::anyhow!("x"), Exit::Failed),
        ];
        for (error, exit) in cases {
            assert_eq!(exit_of(&error), exit, "{error:#}");
        }
    }

    #[test]
    fn codes_are_distinct_and_ascending() {
        assert!(Exit::ALL.map(Exit::code).is_sorted_by(|a, b| a < b));
    }
}
