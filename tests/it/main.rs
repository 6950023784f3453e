//! The one integration-test binary.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod cli;
mod conformance;
mod docs;
mod hostile;
mod kills;
mod rooms;
mod sim;

/// A read-only look into a crawl database, past the library.
async fn open_raw(path: &std::path::Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}
