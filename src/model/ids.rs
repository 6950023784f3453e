//! Row ids as distinct types, and the one unit of time the core uses.

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Always an argument, never read in the core.
pub type UnixMs = i64;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    };
}

row_id!(
    /// `urls.id`
    UrlId
);
row_id!(
    /// `hosts.id`
    HostId
);
row_id!(
    /// `sessions.id`: one life of one process.
    SessionId
);
row_id!(
    /// `rounds.id`: one pass over the site; it spans crashes and resumes.
    RoundId
);
row_id!(
    /// `fetches.id`: one attempt at one URL.
    FetchId
);
