//! The one integration-test binary.

mod cli;
mod conformance;
mod docs;
mod hostile;
mod kills;
mod rooms;
mod sim;
