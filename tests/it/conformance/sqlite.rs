//! What only a file can promise.
//!
//! - `file`: what may be opened, and what is left as it was.
//! - `load`: the number of statements, their plans, and a caller that goes away.
//! - `shell`: the stock `sqlite3` shell.

mod file;
mod load;
pub(crate) mod shell;
