//! The last lines of a crawl: what happened, why it ended, and what to run next.

use std::path::Path;

use super::exit::Exit;
use super::terminal::shell_word;
use crate::config::units::{about_bytes, about_duration, counted, grouped, show_duration};
use crate::engine::{Limit, Summary};
use crate::model::{CrawlSettings, EndedBy, Outcome};
use crate::report::neutralise;

/// The exit code of a session that ended without an error.
pub(super) fn exit_of_session(summary: &Summary) -> Exit {
    match summary.ended_by {
        EndedBy::Signal => Exit::Stopped,
        EndedBy::Error => Exit::Failed,
        EndedBy::Complete | EndedBy::Limit if nothing_fetched(summary) => Exit::NoSeed,
        EndedBy::Complete | EndedBy::Limit | EndedBy::Import => Exit::Done,
    }
}

fn nothing_fetched(summary: &Summary) -> bool {
    summary.ended_by == EndedBy::Complete && summary.totals.pages == 0
}

/// The lines, without those that say what to run next.
pub(super) fn closing(summary: &Summary) -> Vec<String> {
    let totals = &summary.totals;
    let settled: u64 = summary.outcomes.iter().map(|(_, n)| n).sum();
    let per_second = settled as f64 * 1000.0 / summary.elapsed_ms.max(1) as f64;
    let mut lines = vec![
        heading(summary),
        format!(
            "  this session: {} in {}, {per_second:.1}/s, {}",
            counted(settled, "URL"),
            about_duration(summary.elapsed_ms),
            about_bytes(summary.wire_bytes)
        ),
    ];
    if !summary.outcomes.is_empty() {
        let outcomes: Vec<String> =
            summary.outcomes.iter().map(|(outcome, n)| format!("{} {}", grouped(*n), outcome.as_str())).collect();
        lines.push(format!("  outcomes:     {}", outcomes.join(", ")));
    }
    lines.push(format!(
        "  whole crawl:  {}, {} done, {} failed, {} still to do, {} excluded by a rule",
        counted(totals.pages, "page"),
        grouped(totals.done),
        grouped(totals.failed),
        grouped(totals.open()),
        grouped(totals.excluded)
    ));
    lines
}

fn heading(summary: &Summary) -> String {
    match (summary.ended_by, summary.limit) {
        (EndedBy::Complete, _) if nothing_fetched(summary) => {
            let why = summary.seed_error.as_deref().unwrap_or("none of them gave a page");
            format!("no seed could be fetched: {}", neutralise(why))
        }
        (EndedBy::Complete, _) => "the crawl is complete".to_owned(),
        (EndedBy::Limit, Some(limit)) => format!("stopped at a limit: {}", limit.flag()),
        (EndedBy::Limit, None) => "stopped at a limit".to_owned(),
        (EndedBy::Signal, _) => "stopped by a signal; nothing is lost".to_owned(),
        (EndedBy::Error, _) => "stopped by an error; everything committed is kept".to_owned(),
        (EndedBy::Import, _) => "the files are taken in".to_owned(),
    }
}

/// What to run next, one command a line.
pub(super) fn next_steps(summary: &Summary, settings: &CrawlSettings, database: &Path) -> Vec<String> {
    let path = database.display().to_string();
    let db = shell_word(&path);
    let mut steps = Vec::new();
    match summary.ended_by {
        EndedBy::Signal | EndedBy::Error | EndedBy::Import => {
            steps.push(format!("resume with: sqrawl resume --db {db}"))
        }
        EndedBy::Limit => {
            let raised = summary.limit.map(|limit| raised(limit, settings)).unwrap_or_default();
            steps.push(format!("go on with:  sqrawl resume --db {db}{raised}"));
        }
        EndedBy::Complete => {}
    }
    if summary.totals.pages > 0 {
        steps.push(format!("ask it:      sqrawl query --db {db} 'SELECT url, title FROM pages LIMIT 10'"));
        steps.push(format!("             sqrawl report --db {db} broken-links"));
        steps.push(format!("             sqrawl status --db {db}"));
    } else {
        steps.push(format!("look at it:  sqrawl query --db {db} 'SELECT url, outcome, error FROM fetches JOIN urls ON urls.id = url_id'"));
        let again = worth_another_try(summary);
        if nothing_fetched(summary) && !again.is_empty() {
            steps.push(format!("once more:   sqrawl retry --db {db}{again} && sqrawl resume --db {db}"));
        }
    }
    steps
}

/// The outcomes that may be others the next time, as flags: robots.txt and the address guard would say the same.
fn worth_another_try(summary: &Summary) -> String {
    let same = [Outcome::Page, Outcome::Unchanged, Outcome::Redirect, Outcome::Robots, Outcome::BlockedAddress];
    let others = summary.outcomes.iter().map(|(outcome, _)| *outcome).filter(|outcome| !same.contains(outcome));
    others.map(|outcome| format!(" --outcome {}", outcome.as_str())).collect()
}

/// The flag with twice its value.
fn raised(limit: Limit, settings: &CrawlSettings) -> String {
    let twice = |n: Option<u64>| n.map(|n| n.saturating_mul(2));
    let value = match limit {
        Limit::MaxPages => twice(settings.max_pages).map(|n| n.to_string()),
        Limit::MaxPagesPerHost => twice(settings.max_pages_per_host).map(|n| n.to_string()),
        Limit::MaxDuration => twice(settings.max_duration_ms).map(show_duration),
    };
    format!(" {} {}", limit.flag(), value.unwrap_or_else(|| "none".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Totals;

    fn summary(ended_by: EndedBy, limit: Option<Limit>, pages: u64) -> Summary {
        Summary {
            ended_by,
            limit,
            totals: Totals { pages, done: pages, excluded: 12, queued: 1_200, ..Totals::default() },
            outcomes: vec![(Outcome::Page, pages), (Outcome::Gone, 2)],
            wire_bytes: 5_000_000,
            elapsed_ms: 10_000,
            commits: 3,
            peak_body_bytes: 0,
            seed_error: (pages == 0).then(|| "https://x.test/: dns\u{1b}[2J".to_owned()),
        }
    }

    #[test]
    fn exit_codes() {
        let cases = [
            (EndedBy::Complete, 5, Exit::Done),
            (EndedBy::Complete, 0, Exit::NoSeed),
            (EndedBy::Limit, 5, Exit::Done),
            (EndedBy::Signal, 0, Exit::Stopped),
            (EndedBy::Error, 5, Exit::Failed),
        ];
        for (ended_by, pages, exit) in cases {
            assert_eq!(exit_of_session(&summary(ended_by, None, pages)), exit, "{ended_by:?} {pages}");
        }
    }

    #[test]
    fn the_last_lines_name_the_limit_and_what_to_run() {
        let limited = summary(EndedBy::Limit, Some(Limit::MaxPages), 100);
        assert_eq!(
            closing(&limited),
            [
                "stopped at a limit: --max-pages",
                "  this session: 102 URLs in 10 s, 10.2/s, 5.0 MB",
                "  outcomes:     100 page, 2 gone",
                "  whole crawl:  100 pages, 100 done, 0 failed, 1,200 still to do, 12 excluded by a rule",
            ]
        );
        let settings = CrawlSettings { max_pages: Some(100), ..CrawlSettings::default() };
        let steps = next_steps(&limited, &settings, Path::new("my crawl.db"));
        assert_eq!(steps[0], "go on with:  sqrawl resume --db 'my crawl.db' --max-pages 200");
        let stopped = next_steps(&summary(EndedBy::Signal, None, 1), &settings, Path::new("x.db"));
        assert_eq!(stopped[0], "resume with: sqrawl resume --db x.db");
    }

    #[test]
    fn a_seed_that_fails_is_named_without_its_control_characters() {
        let failed = summary(EndedBy::Complete, None, 0);
        let steps = next_steps(&failed, &CrawlSettings::default(), Path::new("x.db"));
        assert_eq!(steps[1], "once more:   sqrawl retry --db x.db --outcome gone && sqrawl resume --db x.db");
        let lines = closing(&failed);
        assert_eq!(lines[0], "no seed could be fetched: https://x.test/: dns␛[2J");
    }
}
