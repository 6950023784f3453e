//! A defect of the program is said in two lines, without a backtrace unless `RUST_BACKTRACE` asks.

use std::backtrace::Backtrace;

use super::sources::Sources;
use super::terminal::Terminal;
use crate::report::neutralise;

/// How the thread of a connection ends that has no memory for a row of a query: the limit that somebody
/// set, and no defect. Whoever asked the query hears of it.
const OUT_OF_MEMORY: &str = "SQLite failed to allocate memory";

/// Replaces the standard report of a panic.
pub(super) fn report(sources: &Sources, terminal: Terminal) {
    let trace = sources.variable("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        if message.starts_with(OUT_OF_MEMORY) {
            return;
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        terminal.error(format_args!(
            "sqrawl has a defect at {place}: {}\nWhat was committed is kept. Please report these lines with the \
             command you ran.",
            neutralise(message)
        ));
        if trace {
            terminal.error(Backtrace::force_capture());
        }
    }));
}
