//! Settings from where they were said to what they come to.
//!
//! - [`Said`]: what one source said, as text, each value with its [`Origin`]. Flags, the
//!   environment ([`environment`]), a `.env` file and a profile ([`profile`]) each give one.
//! - [`Setting`]: one row of [`CRAWL`] or [`RUN`]: name, meaning, how to read it and how to show
//!   it. A flag `--max-depth` is the variable `SQRAWL_MAX_DEPTH` and the profile key `max-depth`.
//! - [`Resolved`]: the values that apply with the origin of each. Precedence: flag, environment,
//!   `.env`, profile, what the database holds, default.
//!
//! The only room that looks at environment variables, and only at those it is handed.

mod crawl;
mod database;
mod discovery;
mod environment;
mod moment;
mod names;
mod origin;
mod profile;
mod reading;
mod requests;
mod resolve;
mod run;
mod setting;
mod together;
pub mod units;

pub use crawl::CRAWL;
pub use database::Database;
pub use environment::{OTHER_VARIABLES, dotenv, environment, process_environment, variables};
pub use moment::{OfDay, moment_ms};
pub use origin::Origin;
pub use profile::{profile, read_profile};
pub use requests::secrets_at_hand;
pub use resolve::{Change, Resolved, Row, changes, resolve, rows};
pub use run::{Color, RUN, RunOptions};
pub use setting::{Said, Setting, Shape, Spoken};
pub use together::fits_together;

use std::path::PathBuf;

/// What is wrong with a setting. All of it is the operator's to mend (exit code 2).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that cannot be read or is out of range.
    #[error("{said}: {detail}; for example {example}")]
    Value {
        /// Where and what was said, as it was written there.
        said: String,
        /// What is wrong with it.
        detail: String,
        /// How it would be right, in the same notation.
        example: String,
    },
    /// A profile key that means nothing.
    #[error("{path}: there is no setting {key:?}{hint}", path = path.display())]
    UnknownKey {
        /// The profile.
        path: PathBuf,
        /// The key as written.
        key: String,
        /// The nearest name, or where to find them all.
        hint: String,
    },
    /// A profile that cannot be read.
    #[error("{path}: {detail}", path = path.display())]
    Profile {
        /// The profile.
        path: PathBuf,
        /// What is wrong, in one or two lines.
        detail: String,
    },
    /// Two values that do not go together.
    #[error("{0}")]
    Together(String),
    /// Secrets that an earlier session was given and this one was not.
    #[error(
        "this crawl was started with secrets, which are not stored: give them again ({missing}), or go on without ({without})"
    )]
    Lost {
        /// The flags that are missing.
        missing: String,
        /// The flags that take them back.
        without: String,
    },
}
