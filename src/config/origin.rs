//! [`Origin`]: where a value came from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value came from, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "where")]
pub enum Origin {
    /// A flag of this command.
    Flag,
    /// An environment variable.
    Environment,
    /// A line of the `.env` file in the current folder.
    DotEnv,
    /// The profile given with `--config`.
    Profile(PathBuf),
    /// The database, from the latest session of its crawl.
    Stored(PathBuf),
    /// Nothing was said.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment => f.write_str("environment"),
            Origin::DotEnv => f.write_str(".env"),
            Origin::Profile(path) => write!(f, "profile {}", path.display()),
            Origin::Stored(path) => write!(f, "stored in {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}
