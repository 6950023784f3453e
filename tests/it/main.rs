//! The one integration-test binary.

#![allow(clippy::disallowed_methods, reason = "tests stand outside: they set watchdogs and read the environment")]

mod cli;
mod conformance;
mod docs;
mod hostile;
mod kills;
mod rooms;
mod rot;
mod sim;
