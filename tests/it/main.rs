//! The one integration-test binary.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::disallowed_methods, reason = "tests stand outside: they set watchdogs and read the environment")]

mod behaviours;
mod cli;
mod conformance;
mod docs;
mod external_links;
mod failpoints;
mod faults;
mod hostile;
mod kills;
mod near_duplicates;
mod poison;
mod populate;
mod published;
mod read;
mod rooms;
mod rot;
mod sim;
mod whatwg;

/// A read-only look into a crawl database, past the library.
async fn open_raw(path: &std::path::Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true).connect().await.unwrap()
}
