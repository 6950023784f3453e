//! [`explanation`]: why a URL is crawled or is not, for people.

use super::neutral::neutralise;
use super::prose::{clicks, integer, line, maybe, optional, optional_text, section, text};
use super::rows::Look;
use super::words::{counted, duration, from_now, moment, number};
use crate::explain::{Explanation, FirstNamed, HostWord, RobotsWord, ScopeWord, StateWord};
use crate::model::UnixMs;

/// Everything that decides about a URL, in the order in which the crawl asks.
pub fn explanation(found: &Explanation, look: Look) -> String {
    let now = found.at_ms;
    let mut out = format!("{}\n\n", neutralise(&found.url));
    spelling(&mut out, found);
    let known = match &found.state {
        None => "no: this is what would happen".to_owned(),
        Some(state) => format!("yes: {}", state_line(state)),
    };
    line(&mut out, "known", known);
    if !found.near.is_empty() {
        line(&mut out, "known near", neutralise(&found.near.join(" ")).into_owned());
    }
    if let Some(first) = &found.first_named {
        line(&mut out, "first named", first_line(first));
    }
    if let Some(state) = &found.state {
        line(&mut out, "depth", depth_line(state));
        if let Some(ranked_ms) = state.ranked_ms {
            line(&mut out, "clicks", clicks(state.click_depth, None, ranked_ms));
        }
    }
    match &found.scope {
        Some(scope) => line(&mut out, "scope", scope_line(scope)),
        None => line(&mut out, "scope", "no crawl was begun in this file".to_owned()),
    }
    line(&mut out, "robots.txt", robots_line(&found.robots, now));
    maybe(&mut out, "", found.robots.error.as_deref());
    host(&mut out, found.host.as_ref(), now);
    for limit in &found.limits_reached {
        let of = |n| if limit.flag == "--max-duration" { duration(n) } else { number(n) };
        line(&mut out, "limit", format!("{} {} is reached ({})", limit.flag, of(limit.limit), of(limit.now)));
    }
    if let Some(last) = &found.last_words {
        let held = if last.is_held { "held back, to be tried alone" } else { "not held back" };
        let session = last.session.map(|id| format!("; session {id} died with it in work")).unwrap_or_default();
        let deaths = counted(last.deaths, "death", "deaths");
        line(&mut out, "suspected", format!("{held}; {deaths} in a row while it was tried alone{session}"));
        maybe(&mut out, "last words", last.words.as_deref());
    }
    let at = found.due.at_ms.map(|ms| format!("{} ({})", moment(ms), from_now(ms, now)));
    line(&mut out, "due", at.unwrap_or_else(|| "not as things are".to_owned()));
    maybe(&mut out, "", Some(&found.due.why));
    let hops = found.redirects.iter().map(|h| vec![text(&h.url), optional_text(&h.outcome), optional(h.status)]);
    section(&mut out, "redirects to", &["url", "outcome", "status"], hops.collect(), look);
    attempts(&mut out, found, look);
    out
}

fn spelling(out: &mut String, found: &Explanation) {
    if found.given != found.canonical {
        line(out, "typed", neutralise(&found.given).into_owned());
    }
    for step in &found.spelling {
        let result = step.result.as_deref().map(|url| format!(" gives {}", neutralise(url))).unwrap_or_default();
        line(out, "rule", format!("{}{result}", step.rule));
    }
    if found.canonical != found.url {
        line(out, "canonical", format!("{}; known as it was written", neutralise(&found.canonical)));
    }
}

fn state_line(state: &StateWord) -> String {
    let rule = state.rule.as_deref().map(|rule| format!(" by the rule '{}'", neutralise(rule))).unwrap_or_default();
    let tries = match state.failed_tries {
        0 => String::new(),
        n => format!(", {n} of {} tries failed", state.most_tries),
    };
    format!("{}{rule}{tries}; last named in round {}", neutralise(&state.state), state.seen_round)
}

fn first_line(first: &FirstNamed) -> String {
    let page = first.page.as_deref().map(|page| neutralise(page).into_owned()).unwrap_or_default();
    let how = match first.by {
        "seed" => {
            let source = first.seed_source.as_deref().unwrap_or("argument");
            format!("as a seed, typed {:?} ({source})", neutralise(first.seed.as_deref().unwrap_or_default()))
        }
        "link" => {
            let anchor = first.anchor.as_deref().map(|text| format!(" {:?}", neutralise(text))).unwrap_or_default();
            let nofollow = if first.nofollow { ", nofollow" } else { "" };
            format!("by {page}, link {}{anchor}{nofollow}", first.kind.as_deref().unwrap_or("a"))
        }
        "redirect" => format!("by {page}, which redirects to it"),
        "sitemap" => format!("by the sitemap {page}"),
        "robots" => "by a robots.txt, as a sitemap".to_owned(),
        "former_link" => format!("by {page}, which does not link to it any more"),
        _ if first.seed_source.as_deref() == Some("archive") => "by an imported archive".to_owned(),
        _ => "by an imported list or sitemap".to_owned(),
    };
    format!("{how}, {}", moment(first.at_ms))
}

fn depth_line(state: &StateWord) -> String {
    let most = state.max_depth.map_or("no limit".to_owned(), |most| format!("at most {most}"));
    let hops = match state.hops {
        0 => String::new(),
        n => format!("; {n} redirects in a row, at most {}", state.max_redirects),
    };
    format!("{} from a seed, {most}{hops}", counted(u64::from(state.depth), "link", "links"))
}

fn scope_line(scope: &ScopeWord) -> String {
    let word = if scope.accepted { "accepted" } else { "excluded" };
    let rule = scope.rule.as_deref().map(|rule| format!(" by the rule '{}'", neutralise(rule))).unwrap_or_default();
    let assumed = scope.assumed_depth.map(|_| " (on a link of a seed)").unwrap_or_default();
    let seed = match (scope.accepted, scope.accepted_as_seed) {
        (false, true) => "; as a seed it would be accepted",
        _ => "",
    };
    format!("{word}{rule}{assumed}: {}{seed}", neutralise(&scope.reason))
}

fn robots_line(robots: &RobotsWord, now: UnixMs) -> String {
    if robots.is_ignored {
        return "not looked at (--ignore-robots)".to_owned();
    }
    let Some(fetched_ms) = robots.fetched_ms else {
        return format!("of {} not asked for yet; it is, before anything else", neutralise(&robots.origin));
    };
    let word = match robots.allowed {
        Some(true) => "allowed",
        Some(false) => "refused",
        None => "not known",
    };
    let why = match (robots.line, robots.text.as_deref(), robots.verdict) {
        (Some(number), Some(text), _) => format!(" by line {number}: {}", neutralise(text)),
        (_, _, Some("allow_all")) => ": there is none".to_owned(),
        (_, _, Some("disallow_all")) => ": it cannot be had, and nothing is allowed until it can".to_owned(),
        _ => format!(": no line for {} matches", neutralise(&robots.agent)),
    };
    let age = from_now(fetched_ms, now);
    let fresh = if robots.is_fresh { "" } else { ", to be asked for again first" };
    let status = robots.status.map(|status| format!("{status}, ")).unwrap_or_default();
    format!("{word}{why} ({status}asked for {age}{fresh})")
}

fn host(out: &mut String, word: Option<&HostWord>, now: UnixMs) {
    let Some(word) = word else { return line(out, "host", "not known yet".to_owned()) };
    let host = &word.host;
    let n = |n: i64| number(u64::try_from(n).unwrap_or(0));
    let lease = match (host.lease_session, host.lease_until_ms) {
        (Some(session), Some(until)) => format!("worked on by session {session} until {}", from_now(until, now)),
        _ => match host.ready_ms {
            Some(ready) if ready <= now => "ready".to_owned(),
            Some(ready) => format!("ready {}", from_now(ready, now)),
            None => "nothing to do".to_owned(),
        },
    };
    let counts = format!(
        "{} queued, {} scheduled, {} done, {} failed, {} excluded",
        n(host.queued),
        n(host.scheduled),
        n(host.done),
        n(host.failed),
        n(host.excluded)
    );
    line(out, "host", format!("{}: {lease}; {counts}", neutralise(&host.name)));
    let by = match (word.delay_by, word.delay_setting_ms) {
        ("setting", Some(_)) => "--delay",
        ("setting", None) => "default",
        ("robots", _) => "Crawl-delay",
        ("response_time", _) => "it answers slowly",
        ("errors", _) => "errors",
        (other, _) => other,
    };
    let response = host.response_ms.map(|ms| format!("; it answers in {ms} ms")).unwrap_or_default();
    let strain = if host.strain > 0 { format!("; doubled {} times for errors", host.strain) } else { String::new() };
    line(out, "delay", format!("{} ms between requests ({by}){response}{strain}", number(word.delay_ms)));
    if let Some(until) = word.paused_until_ms {
        let by = match host.pause_by.as_deref() {
            Some("retry_after") => "Retry-After",
            Some("backoff") => "failures in a row",
            Some(other) => other,
            None => "delay",
        };
        let failures = counted(u64::try_from(host.failures).unwrap_or(0), "failure", "failures");
        line(out, "paused", format!("until {} ({}): {by}, {failures} in a row", moment(until), from_now(until, now)));
    }
}

fn attempts(out: &mut String, found: &Explanation, look: Look) {
    let rows = found.attempts.iter().map(|a| {
        vec![
            text(&a.started_at),
            text(&a.outcome),
            optional(a.status),
            integer(u64::try_from(a.elapsed_ms).unwrap_or(0)),
            optional(a.delay_asked_ms),
            optional_text(&a.delay_by),
            optional(a.delay_applied_ms),
            optional_text(&a.error),
        ]
    });
    let columns = ["started_at", "outcome", "status", "elapsed_ms", "asked_ms", "by", "applied_ms", "error"];
    let shown = found.attempts.len() as u64;
    let first = if shown < found.attempt_count { format!(", the latest {shown}") } else { String::new() };
    let title = format!("attempts ({}{first})", number(found.attempt_count));
    section(out, &title, &columns, rows.collect(), look);
}
