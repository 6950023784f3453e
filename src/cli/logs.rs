//! Logs: tracing to stderr, around the progress bar.

use tracing_subscriber::EnvFilter;

use super::sources::Sources;
use super::terminal::Terminal;

/// Starts logging. `RUST_LOG` rules where it is set and can be read; else `-v` counts.
pub(super) fn start(sources: &Sources, terminal: &Terminal) {
    let by_flags = match (sources.run.settings.quiet, sources.run.settings.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,sqrawl=info",
        (false, 2) => "info,sqrawl=debug",
        (false, _) => "debug,sqrawl=trace",
    };
    let asked = sources.variable("RUST_LOG").filter(|filter| !filter.is_empty());
    let filter = match asked.map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(error)) => {
            terminal.warn(format_args!("RUST_LOG is not understood and not used: {error}"));
            EnvFilter::new(by_flags)
        }
        None => EnvFilter::new(by_flags),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(terminal.colored())
        .with_writer(terminal.clone())
        .finish();
    // Only a second call in one process can fail, and then logs go where the first one said.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
