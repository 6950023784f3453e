//! `--links`: which links came and went on the pages that changed. Of earlier rounds only the number of links is stored, so both
//! versions of a page are parsed again, from the bodies that are kept.

use std::collections::HashSet;
use std::io;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::terminal::Terminal;
use crate::config::units::{about_duration, counted, grouped};
use crate::engine::{Clock, SystemClock};
use crate::model::{CrawlUrl, LinkKind};
use crate::parse::{self, BodyFacts, ParseLimits};
use crate::scope::UrlRules;
use crate::store::sqlite::read::{
    Change, DiffOptions, Edition, Limits, QueryEndReason, Reader, RoundSpan, RowSink, Value,
};
use crate::verdict;

/// What is compared, and how far.
pub(super) struct Comparison<'a> {
    pub(super) before: &'a RoundSpan,
    pub(super) after: &'a RoundSpan,
    pub(super) limits: &'a Limits,
    /// Most rows that are written; the others are counted.
    pub(super) most: Option<u64>,
}

/// What was found.
pub(super) struct Found {
    pub(super) counts: LinkCounts,
    reason: QueryEndReason,
}

/// How many links differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct LinkCounts {
    /// Links that came.
    new: u64,
    /// Links that went.
    gone: u64,
    /// Pages whose content differs.
    pages: u64,
    /// Those of them of which one version or both are not kept.
    pages_unknown: u64,
}

/// Fetches of a page in both rounds.
type Pair = (i64, i64);

/// Writes a row for each link that came or went: `url`, `link` (`new` or `gone`), `target`, `kind`, `anchor`.
///
/// # Errors
/// A database that cannot be read, output that cannot be written.
pub(super) async fn list(
    reader: &mut Reader,
    comparison: &Comparison<'_>,
    rows: &mut (dyn RowSink + Send),
) -> anyhow::Result<Found> {
    let clock = SystemClock::default();
    let mut counts = LinkCounts::default();
    let settings = reader.settings().await?.unwrap_or_default();
    let rules = UrlRules::new(&settings);
    let mut changed = Changed::default();
    let options = DiffOptions { only: vec![Change::Changed], limit: None };
    let (end, _) = reader.diff(comparison.before, comparison.after, &options, comparison.limits, &mut changed).await?;
    rows.columns(&["url", "link", "target", "kind", "anchor"].map(str::to_owned))?;
    let mut reason = end.reason;
    let mut written = 0;
    for (before, after) in changed.pairs {
        if reason != QueryEndReason::Complete {
            break;
        }
        counts.pages += 1;
        let editions = (reader.edition(before).await?, reader.edition(after).await?);
        let (Some(old), Some(new)) =
            (editions.0.and_then(|e| links(&e, &rules)), editions.1.and_then(|e| links(&e, &rules)))
        else {
            counts.pages_unknown += 1;
            continue;
        };
        for (link, all, others, count) in [("new", &new, &old, &mut counts.new), ("gone", &old, &new, &mut counts.gone)]
        {
            for row in all.only_here(link, others) {
                *count += 1;
                if comparison.most.is_none_or(|most| written < most) {
                    rows.row(row)?;
                    written += 1;
                }
            }
        }
        reason = stopped(comparison.limits, clock.elapsed_ms());
    }
    Ok(Found { counts, reason })
}

fn stopped(limits: &Limits, elapsed_ms: u64) -> QueryEndReason {
    if limits.cancel.is_cancelled() {
        return QueryEndReason::Cancelled;
    }
    match limits.time {
        Some(time) if u128::from(elapsed_ms) >= time.as_millis() => QueryEndReason::TimeLimit,
        _ => QueryEndReason::Complete,
    }
}

/// Says how it ended.
pub(super) fn said(found: &Found, shown: u64, time_ms: Option<u64>, exit_code: bool, terminal: &Terminal) -> Exit {
    match found.reason {
        QueryEndReason::TimeLimit => {
            let time = about_duration(time_ms.unwrap_or_default());
            terminal.error(format_args!("stopped after {time} and {shown} rows; --timeout gives it longer"));
            return Exit::Failed;
        }
        QueryEndReason::Cancelled => {
            terminal.error(format_args!("stopped by a signal after {shown} rows"));
            return Exit::Stopped;
        }
        QueryEndReason::Complete | QueryEndReason::OutputClosed | QueryEndReason::RowLimit => {}
    }
    let LinkCounts { new, gone, pages, pages_unknown } = found.counts;
    let (new_links, pages) = (counted(new, "new link"), counted(pages, "page"));
    terminal.say(format_args!("{new_links} and {} gone, on {pages} whose content differs", grouped(gone)));
    if pages_unknown > 0 {
        let pages = counted(pages_unknown, "page");
        terminal.warn(format_args!("{pages} cannot be compared: not both versions are kept (--store-body)"));
    }
    if shown < new + gone {
        terminal.say(format_args!("{} of {} rows; --limit none shows all", grouped(shown), grouped(new + gone)));
    }
    if exit_code && new + gone > 0 { Exit::Gate } else { Exit::Done }
}

/// Gathers the fetches of pages whose content differs.
#[derive(Default)]
struct Changed {
    pairs: Vec<Pair>,
}

impl RowSink for Changed {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        let is_other =
            matches!(values.get(2), Some(Value::Text(what)) if what.split(',').any(|part| part == "content"));
        if let (true, [.., Value::Integer(before), Value::Integer(after)]) = (is_other, &values[..]) {
            self.pairs.push((*before, *after));
        }
        Ok(())
    }
}

/// The links of one version, in their order.
struct Links {
    url: String,
    all: Vec<(String, LinkKind, Option<String>)>,
}

/// `None`: the body is not kept.
fn links(edition: &Edition, rules: &UrlRules) -> Option<Links> {
    let body = edition.body.as_ref()?;
    let url = CrawlUrl::stored(&edition.url).ok()?;
    let charset = body.charset.as_deref().map(|charset| format!("; charset={charset}")).unwrap_or_default();
    let content_type = format!("{}{charset}", body.mime);
    let facts = BodyFacts {
        url: &url,
        content_type: Some(&content_type),
        agent: "sqrawl",
        is_sitemap: false,
        truncated: false,
    };
    let page = parse::parse(&body.bytes, facts, &ParseLimits::default(), &mut || false);
    let of_headers = edition.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
    let of_headers: Vec<_> = of_headers.flat_map(|(_, value)| parse::link_header(value)).collect();
    let found = verdict::outlinks(&url, &page, &of_headers, rules);
    let all = found.into_iter().map(|(target, link)| (target.as_str().to_owned(), link.kind, link.anchor.clone()));
    Some(Links { all: all.collect(), url: edition.url.clone() })
}

impl Links {
    /// A row for each of them that is not among the others.
    fn only_here(&self, link: &str, others: &Links) -> Vec<Vec<Value>> {
        let known: HashSet<(&str, LinkKind)> =
            others.all.iter().map(|(target, kind, _)| (target.as_str(), *kind)).collect();
        let mine = self.all.iter().filter(|(target, kind, _)| !known.contains(&(target.as_str(), *kind)));
        let text = |text: &str| Value::Text(text.to_owned());
        mine.map(|(target, kind, anchor)| {
            let anchor = anchor.as_deref().map_or(Value::Null, text);
            vec![text(&self.url), text(link), text(target), text(kind.as_str()), anchor]
        })
        .collect()
    }
}
