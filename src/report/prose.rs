//! [`status`], [`page`] and [`diagnosis`]: what the read side found, for people. Every text from
//! the database goes through [`neutralise`].

use std::borrow::Cow;
use std::fmt::Write;

use super::neutral::neutralise;
use super::rows::{Format, Look, write_rows};
use super::words::{counted, duration, from_now, moment, number, size};
use crate::model::UnixMs;
use crate::store::sqlite::read::{
    CopyList, Diagnosis, Finding, LinkList, PageFacts, PageVersion, Severity, Status, Value,
};

/// Where a crawl stands, in some twenty lines.
pub fn status(status: &Status, look: Look) -> String {
    let mut out = format!("{}: {}\n\n", neutralise(&status.database), standing(status));
    let totals = &status.totals;
    for (name, n) in [
        ("queued", totals.queued),
        ("scheduled", totals.scheduled),
        ("done", totals.done),
        ("failed", totals.failed),
        ("excluded", totals.excluded),
        ("fetches", totals.fetches),
        ("pages", totals.pages),
    ] {
        line(&mut out, name, format!("{:>12}", number(n)));
    }
    out.push('\n');
    status_facts(&mut out, status);
    let outcomes = status.attempts.outcomes.iter();
    let rows = outcomes.map(|o| vec![text(&o.outcome), optional(o.status), integer(o.count)]).collect();
    let which = if status.attempts.all { "all attempts" } else { "the latest attempts" };
    let title = format!("outcomes of {which} ({})", number(status.attempts.counted));
    section(&mut out, &title, &["outcome", "status", "attempts"], rows, look);
    let hosts = status.busiest.iter();
    let rows = hosts
        .map(|h| {
            let counts = [h.queued, h.scheduled, h.done, h.failed, h.delay_ms, h.failures];
            std::iter::once(text(&h.host)).chain(counts.map(integer)).collect()
        })
        .collect();
    let columns = ["host", "queued", "scheduled", "done", "failed", "delay_ms", "failures"];
    section(&mut out, "busiest hosts", &columns, rows, look);
    let hosts = status.left_alone.iter();
    let rows = hosts
        .map(|h| {
            let until = Value::Text(from_now(h.until_ms, status.at_ms));
            vec![text(&h.host), until, text(&h.by), integer(h.failures), integer(h.open)]
        })
        .collect();
    section(&mut out, "hosts left alone", &["host", "until", "why", "failures", "open"], rows, look);
    out
}

fn standing(status: &Status) -> String {
    let Some(session) = &status.session else {
        return if status.running { "a crawl is beginning" } else { "no crawl was begun in it" }.to_owned();
    };
    let since = |ms| format!("{} ({})", moment(ms), from_now(ms, status.at_ms));
    match (&session.ended_by, session.ended_ms) {
        (Some(by), Some(ended)) if !status.running => {
            let next = if by == "complete" && status.totals.open() == 0 { "" } else { "; go on with: sqrawl resume" };
            format!("not running; session {} ended by {} at {}{next}", session.id, neutralise(by), since(ended))
        }
        _ if status.running => {
            format!(
                "running; session {} of sqrawl {} since {}",
                session.id,
                neutralise(&session.version),
                since(session.started_ms)
            )
        }
        _ => format!(
            "not running; session {} died after {}; nothing was lost, go on with: sqrawl resume",
            session.id,
            since(session.alive_ms)
        ),
    }
}

fn status_facts(out: &mut String, status: &Status) {
    if let Some(round) = &status.round {
        let name = round.name.as_deref().map(|n| format!(" '{}'", neutralise(n))).unwrap_or_default();
        let end = round.ended_ms.map_or("not complete".to_owned(), |ms| format!("complete since {}", moment(ms)));
        let sessions = counted(status.sessions, "session", "sessions");
        line(out, "round", format!("{}{name} since {}, {end}; {sessions} in all", round.id, moment(round.started_ms)));
    }
    if let Some(session) = &status.session {
        let fetches = counted(session.fetches, "fetch", "fetches");
        let pages = counted(session.pages, "page", "pages");
        line(out, "session", format!("{fetches}, {pages}, {} received", size(session.wire_bytes)));
        let rate = format!(
            "{} pages/s; {} fetches/s in its last minute",
            session.pages_per_second, session.fetches_per_second_now
        );
        line(out, "rate", rate);
    }
    let hosts = &status.hosts;
    let (known, work, ready, held) =
        (number(hosts.known), number(hosts.with_work), number(hosts.ready), number(hosts.leased));
    line(out, "hosts", format!("{known} known, {work} with work, {ready} ready, {held} held"));
    if let Some(next) = &status.next_due {
        line(out, "next due", format!("{} {}", neutralise(&next.host), from_now(next.ready_ms, status.at_ms)));
    }
    if let Some(eta) = status.eta_ms {
        line(out, "time left", format!("about {} for the URLs known now", duration(eta)));
    }
    let files = &status.files;
    line(out, "files", format!("database {}, log {}", size(files.database_bytes), size(files.wal_bytes)));
}

/// Everything known of one URL.
pub fn page(facts: &PageFacts, look: Look) -> String {
    let mut out = format!("{}\n\n", neutralise(&facts.url));
    if let Some(at_ms) = facts.at_ms {
        line(&mut out, "as of", format!("{}; state, copies and links are those of now", moment(at_ms)));
    }
    let rule = facts.rule.as_deref().map(|r| format!(" by rule '{}'", neutralise(r))).unwrap_or_default();
    let due = facts.due_ms.map(|ms| format!(", due {}", moment(ms))).unwrap_or_default();
    line(&mut out, "state", format!("{}{rule}{due}", neutralise(&facts.state)));
    let redirects = if facts.hops > 0 { format!(", {} redirects in a row", facts.hops) } else { String::new() };
    line(&mut out, "depth", format!("{}{redirects}; priority {}", facts.depth, facts.priority));
    if let Some(ranked_ms) = facts.ranked_ms {
        line(&mut out, "clicks", clicks(facts.click_depth, facts.rank, ranked_ms));
    }
    line(&mut out, "found", moment(facts.discovered_ms));
    maybe(&mut out, "first on", facts.via.as_deref());
    maybe(&mut out, "seed", facts.seed.as_deref());
    match &facts.page {
        Some(version) => copy(&mut out, version),
        None if facts.at_ms.is_some() => line(&mut out, "page", "none had been fetched by then".to_owned()),
        None => {}
    }
    headings(&mut out, facts);
    let hops = facts.redirects.iter().map(|h| vec![text(&h.url), optional_text(&h.outcome), optional(h.status)]);
    section(&mut out, "redirects to", &["url", "outcome", "status"], hops.collect(), look);
    let attempts = facts.history.iter().map(|a| {
        vec![
            text(&a.started_at),
            text(&a.outcome),
            optional(a.status),
            Value::Integer(a.elapsed_ms),
            optional(a.wire_bytes),
            optional_text(&a.error),
        ]
    });
    let title = format!("attempts ({})", number(facts.attempt_count));
    let columns = ["started_at", "outcome", "status", "elapsed_ms", "wire_bytes", "error"];
    section(&mut out, &title, &columns, attempts.collect(), look);
    versions(&mut out, facts, look);
    copies(&mut out, "the same content", &facts.copies, look);
    copies(&mut out, "nearly the same text", &facts.near_copies, look);
    links(&mut out, "links out", &facts.links_out, look);
    links(&mut out, "links in", &facts.links_in, look);
    let headers = facts.headers.iter().map(|(name, value)| vec![text(name), text(value)]);
    section(&mut out, "headers", &["name", "value"], headers.collect(), look);
    out
}

/// What `sqrawl rank` found out.
pub(super) fn clicks(depth: Option<i64>, rank: Option<f64>, ranked_ms: UnixMs) -> String {
    let depth = depth.map_or("no links lead here".to_owned(), |depth| depth.to_string());
    let rank = rank.map(|rank| format!("; PageRank {rank:.2e}")).unwrap_or_default();
    format!("{depth}{rank} (sqrawl rank of {})", moment(ranked_ms))
}

fn copy(out: &mut String, version: &PageVersion) {
    let status = version.status.map(|s| format!("{s} at ")).unwrap_or_default();
    let stale = if version.stale { "; a later attempt gave no page" } else { "" };
    line(out, "page", format!("{status}{}{stale}", neutralise(&version.fetched_at)));
    let mime = version.mime.as_deref().unwrap_or("unknown type");
    let charset = version.charset.as_deref().map(|c| format!("; {}", neutralise(c))).unwrap_or_default();
    let bytes = version.size_bytes.and_then(|n| u64::try_from(n).ok()).map(|n| format!(", {}", size(n)));
    let words = version.words.and_then(|n| u64::try_from(n).ok()).map(|n| format!(", {}", counted(n, "word", "words")));
    let (bytes, words) = (bytes.unwrap_or_default(), words.unwrap_or_default());
    line(out, "content", format!("{}{charset}{bytes}{words}", neutralise(mime)));
    maybe(out, "title", version.title.as_deref());
    maybe(out, "description", version.description.as_deref());
    maybe(out, "language", version.lang.as_deref());
    maybe(out, "canonical", version.canonical.as_deref());
    let robots = [(version.noindex, "noindex"), (version.nofollow, "nofollow")];
    let robots: Vec<&str> = robots.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    maybe(out, "robots", (!robots.is_empty()).then(|| robots.join(", ")).as_deref());
    maybe(out, "cut short", version.parse_cut.as_deref());
    let kept = [(version.has_body, "body"), (version.has_text, "text")];
    let kept: Vec<&str> = kept.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
    line(out, "kept", if kept.is_empty() { "neither body nor text".to_owned() } else { kept.join(" and ") });
    if version.duplicates > 0 {
        let others = counted(version.duplicates.unsigned_abs(), "other URL", "other URLs");
        line(out, "duplicates", format!("{others} with the same content"));
    }
}

fn headings(out: &mut String, facts: &PageFacts) {
    let Some(version) = facts.page.as_ref().filter(|v| !v.headings.is_empty()) else { return };
    out.push_str("\nheadings\n");
    for (level, heading) in &version.headings {
        let indent = usize::from(*level).clamp(1, 6) * 2;
        let _ = writeln!(out, "{:indent$}{}", "", neutralise(heading));
    }
}

fn versions(out: &mut String, facts: &PageFacts, look: Look) {
    let list = &facts.versions;
    let rows = list.versions.iter().map(|v| {
        let kept = match (v.has_body, v.has_text) {
            (true, true) => "body, text",
            (true, false) => "body",
            (false, true) => "text",
            (false, false) => "",
        };
        let times = [v.first_ms, v.last_ms].map(|ms| Value::Text(moment(ms)));
        let numbers = [Some(i64::try_from(v.fetches).unwrap_or(0)), v.size_bytes, v.words].map(optional);
        times.into_iter().chain(numbers).chain([optional_text(&v.title), text(kept)]).collect()
    });
    let shown = list.versions.len() as u64;
    let first = if shown < list.count { format!(", the latest {shown}") } else { String::new() };
    let title = format!("versions ({}{first}); --at TIME shows one", number(list.count));
    let columns = ["from", "to", "fetches", "size_bytes", "words", "title", "kept"];
    section(out, &title, &columns, rows.collect(), look);
}

fn copies(out: &mut String, title: &str, list: &CopyList, look: Look) {
    if !list.complete && list.copies.is_empty() {
        let _ = writeln!(
            out,
            "\n{title}: not known, there was no time to read all contents; sqrawl report near-duplicates does"
        );
        return;
    }
    let rows = list.copies.iter().map(|c| vec![text(&c.url), optional(Some(c.distance)), optional_text(&c.title)]);
    let shown = list.copies.len() as u64;
    let least = if list.complete { "" } else { "at least " };
    let first = if shown < list.count { format!(", the first {shown}") } else { String::new() };
    let title = format!("{title} ({least}{}{first})", number(list.count));
    section(out, &title, &["url", "distance", "title"], rows.collect(), look);
}

fn links(out: &mut String, title: &str, list: &LinkList, look: Look) {
    let rows = list.links.iter().map(|l| {
        let nofollow = if l.nofollow { text("nofollow") } else { Value::Null };
        vec![text(&l.url), text(&l.kind), nofollow, optional_text(&l.anchor), text(&l.state), optional(l.status)]
    });
    let shown = list.links.len() as u64;
    let first = if shown < list.count { format!(", the first {shown}") } else { String::new() };
    let least = if list.complete { "" } else { "at least " };
    let title = format!("{title} ({least}{}{first})", number(list.count));
    if !list.complete && list.links.is_empty() {
        let _ = writeln!(out, "\n{title}: there was no time to read all links");
    }
    section(out, &title, &["url", "kind", "nofollow", "anchor", "state", "status"], rows.collect(), look);
}

/// What an examination found, damage first.
pub fn diagnosis(diagnosis: &Diagnosis, _look: Look) -> String {
    let made = counted(diagnosis.checks.len() as u64, "check", "checks");
    let bodies = counted(diagnosis.bodies_checked, "body", "bodies");
    let scope = format!("schema version {}, {made}, {bodies} unpacked", diagnosis.schema_version);
    let verdict = if diagnosis.is_sound() { "sound" } else { "DAMAGED" };
    let mut out = format!("{}: {verdict} ({scope})\n", neutralise(&diagnosis.database));
    for step in &diagnosis.repaired {
        let _ = writeln!(out, "\nrepaired: {} ({})", step.what, counted(step.count, "row", "rows"));
    }
    diagnosis.findings.iter().for_each(|f| finding(&mut out, f));
    out
}

fn finding(out: &mut String, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Damage => "damage",
        Severity::Info => "note",
    };
    let rows = counted(finding.count, "row", "rows");
    let _ = writeln!(out, "\n{severity}: {} ({}, {rows})", finding.what, finding.location);
    for example in &finding.examples {
        let _ = writeln!(out, "  {}", neutralise(example));
    }
    if finding.count > finding.examples.len() as u64 {
        out.push_str("  …\n");
    }
    let _ = writeln!(out, "  remedy: {}", finding.remedy);
}

/// `  name         value`; the value is neutralised already.
pub(super) fn line(out: &mut String, name: &str, value: String) {
    let _ = writeln!(out, "  {name:<12} {value}");
}

pub(super) fn maybe(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        line(out, name, Cow::into_owned(neutralise(value)));
    }
}

/// A titled table; nothing when there are no rows.
pub(super) fn section(out: &mut String, title: &str, columns: &[&str], rows: Vec<Vec<Value>>, look: Look) {
    if rows.is_empty() {
        return;
    }
    let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    let mut table = Vec::new();
    // Writing to memory does not fail.
    let _ = write_rows(Format::Table, look, &columns, rows, &mut table);
    let _ = write!(out, "\n{title}\n{}", String::from_utf8_lossy(&table));
}

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub(super) fn optional_text(value: &Option<String>) -> Value {
    value.as_deref().map_or(Value::Null, text)
}

pub(super) fn integer(n: u64) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

pub(super) fn optional(n: Option<i64>) -> Value {
    n.map_or(Value::Null, Value::Integer)
}
