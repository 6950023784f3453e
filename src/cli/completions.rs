//! `sqrawl completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Exit;
use super::args::Cli;
use super::terminal::Terminal;

/// Prints the completion script.
///
/// # Errors
/// What stdout says.
pub(super) fn run(shell: Shell, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sqrawl", &mut script);
    terminal.data(&script)?;
    Ok(Exit::Done)
}
