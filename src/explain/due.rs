//! [`due`]: when a URL is visited next, and what has to happen first.

use super::{Due, LimitWord, RobotsWord, ScopeWord};
use crate::model::UnixMs;
use crate::store::sqlite::read::{CrawlRecord, HostRecord, KnownUrl, MOST_AHEAD, UrlRecords};

pub(super) fn due(
    records: &UrlRecords,
    scope: Option<&ScopeWord>,
    robots: &RobotsWord,
    limits: &[LimitWord],
    now: UnixMs,
) -> Due {
    let never = |why: String| Due { at_ms: None, why };
    let (Some(crawl), Some(scope)) = (&records.crawl, scope) else {
        return never("no crawl was begun in this file".to_owned());
    };
    let Some(known) = &records.known else { return never(of_unknown(scope, robots)) };
    let row = &known.row;
    match row.state.as_str() {
        "excluded" => never(format!("excluded: {}", scope.reason)),
        "done" => {
            never("visited in this round; sqrawl retry URL visits it again, sqrawl resume --recrawl all".to_owned())
        }
        "failed" => never(format!(
            "given up after {}; sqrawl retry URL tries it again",
            latest(known).unwrap_or_else(|| "no try".to_owned())
        )),
        "scheduled" if row.held => never(
            "held back, because a process died with it in work: it is tried alone when nothing else is left".to_owned(),
        ),
        _ => waiting(crawl, known, records.host.as_ref(), limits, now),
    }
}

/// What would become of it if a page linked to it.
fn of_unknown(scope: &ScopeWord, robots: &RobotsWord) -> String {
    let named = "no seed and no page that was read names it";
    let refused = robots.allowed == Some(false) && !robots.is_ignored;
    let then = match (scope.accepted, robots.allowed) {
        (false, _) => format!("a link to it would be excluded: {}", scope.reason),
        (true, Some(false)) if refused => "a link to it would be accepted, and robots.txt refuses it".to_owned(),
        (true, None) if !robots.is_ignored => {
            "a link to it would be accepted, and robots.txt be asked first".to_owned()
        }
        (true, _) => "a link to it would be accepted".to_owned(),
    };
    let seed = if scope.accepted_as_seed && !refused { "; sqrawl add URL takes it in" } else { "" };
    format!("{named}; {then}{seed}")
}

fn waiting(crawl: &CrawlRecord, known: &KnownUrl, host: Option<&HostRecord>, limits: &[LimitWord], now: UnixMs) -> Due {
    if let Some(limit) = limits.first() {
        return Due { at_ms: None, why: format!("{} is reached; sqrawl resume {} N goes on", limit.flag, limit.flag) };
    }
    let row = &known.row;
    let polite_ms = host.map_or(now, |host| host.polite_ms);
    let at_ms = row.due_ms.unwrap_or(now).max(polite_ms).max(now);
    let mut parts = Vec::new();
    if row.state == "scheduled" {
        let next = row.attempts.saturating_add(1);
        let after = latest(known).map(|latest| format!(" after {latest}")).unwrap_or_default();
        parts.push(format!("try {next} of {}{after}", crawl.settings.tries));
    }
    match row.ahead {
        Some(0) => parts.push("it is the next of its host".to_owned()),
        Some(1) => parts.push("one URL of its host comes before it".to_owned()),
        Some(n) if n >= MOST_AHEAD => parts.push(format!("more than {n} URLs of its host come before it")),
        Some(n) => parts.push(format!("{n} URLs of its host come before it")),
        None => {}
    }
    if polite_ms > now {
        let by = host.and_then(|host| host.pause_by.as_deref()).unwrap_or("delay");
        parts.push(format!("its host is left alone ({})", by.replace('_', "-")));
    }
    if !crawl.running {
        parts.push("no crawl runs; sqrawl resume goes on".to_owned());
    }
    Due { at_ms: Some(at_ms), why: parts.join("; ") }
}

/// How the latest attempt ended.
fn latest(known: &KnownUrl) -> Option<String> {
    let attempt = known.attempts.first()?;
    let status = attempt.status.map(|status| format!(" {status}")).unwrap_or_default();
    Some(format!("{}{status}", attempt.outcome.replace('_', " ")))
}
