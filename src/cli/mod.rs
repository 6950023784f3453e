//! The command line: [`main`] reads it, gathers the [`sources`], runs one verb (a module each) and
//! answers with an [`Exit`] code.
//!
//! Data goes to stdout, every other word to stderr through one [`terminal::Terminal`].

mod args;
mod backup;
mod closing;
mod completions;
mod config_show;
mod cookie_file;
mod crawl;
mod demo;
mod diff;
mod doctor;
mod exit;
mod explain;
mod export;
mod files;
mod flags;
mod import;
mod inbox;
mod logs;
mod opening;
mod panics;
mod plan;
mod progress;
mod query;
mod rank;
mod rehearsal;
mod report;
mod search;
mod seeds;
mod session;
mod show;
mod signals;
mod sources;
mod status;
mod terminal;
mod watch;

pub use exit::Exit;

use std::ffi::OsString;
use std::io;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, ConfigVerb, Verb};
use exit::exit_of;
use flags::CrawlFlags;
use sources::Sources;
use terminal::Terminal;

use crate::failpoint;
use crate::report::neutralise_lines;

/// Runs the program with these arguments, the first one being its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if rehearsal::is_meant(&arguments) {
        return rehearsal::perform();
    }
    let cli = match Cli::command().try_get_matches_from(arguments).and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            return match (error.use_stderr(), printed) {
                (true, _) => Exit::Usage,
                (false, Err(error)) => explain_unwritten(error),
                (false, Ok(())) => Exit::Done,
            };
        }
    };
    let mut verb = cli.verb;
    let sources = match Sources::gather(cli.run, take_flags(&mut verb), cli.json) {
        Ok(sources) => sources,
        Err(error) => {
            eprint_error(&error.to_string());
            return Exit::Usage;
        }
    };
    let terminal = sources.terminal();
    if let Some(Err(error)) = sources.variable(failpoint::VARIABLE).map(failpoint::arm) {
        eprint_error(&format!("{}: {error}", failpoint::VARIABLE));
        return Exit::Usage;
    }
    panics::report(&sources, terminal.clone());
    logs::start(&sources, &terminal);
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(verb, &sources, &terminal)));
    match ended {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => explain(&error, &terminal),
        Err(_) => Exit::Failed,
    }
}

/// The crawl flags of the verbs that have some.
fn take_flags(verb: &mut Verb) -> CrawlFlags {
    match verb {
        Verb::Crawl(args) => std::mem::take(&mut args.flags),
        Verb::Resume(args) => std::mem::take(&mut args.flags),
        Verb::Config { verb: ConfigVerb::Show(args) } => std::mem::take(&mut args.flags),
        _ => CrawlFlags::default(),
    }
}

fn run(verb: Verb, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    session::on_all_cores(async {
        signals::outlive_file_size_limit();
        match verb {
            Verb::Crawl(args) => crawl::crawl(*args, sources, terminal).await,
            Verb::Resume(args) => crawl::resume(args.recrawl, sources, terminal).await,
            Verb::Status(args) if args.watch => watch::run(args.interval.as_deref(), sources, terminal).await,
            Verb::Status(_) => status::run(sources, terminal).await,
            Verb::Add(args) => inbox::add(args, sources, terminal).await,
            Verb::Skip(args) => inbox::skip(args, sources, terminal).await,
            Verb::Retry(args) => inbox::retry(args, sources, terminal).await,
            Verb::Query(args) => query::run(args, sources, terminal).await,
            Verb::Rank(args) => rank::run(args, sources, terminal).await,
            Verb::Report(args) => report::run(args, sources, terminal).await,
            Verb::Search(args) => search::run(args, sources, terminal).await,
            Verb::Show(args) => show::run(args, sources, terminal).await,
            Verb::Explain(args) => explain::run(args, sources, terminal).await,
            Verb::Diff(args) => diff::run(args, sources, terminal).await,
            Verb::Export(args) => export::run(*args, sources, terminal).await,
            Verb::Import(args) => import::run(args, sources, terminal).await,
            Verb::Backup(args) => backup::run(args, sources, terminal).await,
            Verb::Doctor(args) => doctor::run(args, sources, terminal).await,
            Verb::Config { verb: ConfigVerb::Show(_) } => config_show::run(sources, terminal).await,
            Verb::Completions { shell } => completions::run(shell, terminal),
            Verb::Demo => demo::run(sources, terminal).await,
        }
    })
}

/// Says what went wrong, once. A reader that closed the pipe is gone and is told nothing.
fn explain(error: &anyhow::Error, terminal: &Terminal) -> Exit {
    let closed = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    if closed.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe) {
        return Exit::Done;
    }
    terminal.error(words_of(error));
    exit_of(error)
}

/// Help that could not be printed.
fn explain_unwritten(error: io::Error) -> Exit {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Exit::Done;
    }
    eprint_error(&terminal::unwritten(error).to_string());
    Exit::Failed
}

/// The error with its causes, each said once: many already repeat what they were caused by. Safe for
/// a terminal.
fn words_of(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if words.is_empty() {
            words = cause;
        } else if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    neutralise_lines(&words).into_owned()
}

/// Before there is a [`Terminal`].
fn eprint_error(text: &str) {
    use io::Write;
    let _ = writeln!(io::stderr(), "error: {}", neutralise_lines(text));
}
