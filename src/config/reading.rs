//! How the text of a value is read: ranges, names and patterns. Errors say what is wrong, without the
//! value.

use ipnet::IpNet;

use super::units::{bytes, count, duration_ms, is_unlimited, rate, show_bytes, show_duration};
use crate::model::{BodyPolicy, CrawlSettings, Parser, PatternRule, ScopeKind};

/// A bound above every sensible number of requests or redirects; larger ones are typing errors.
const MOST_REQUESTS: u64 = 10_000;
/// The longest timeout or delay, in ms: a day.
pub(super) const LONGEST_WAIT_MS: u64 = 86_400_000;
/// The largest body limit and memory budget: 64 GiB.
const LARGEST_BYTES: u64 = 64 << 30;
/// The longest user agent.
const LONGEST_AGENT: usize = 256;

pub(super) fn set<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

pub(super) fn one(value: &[String]) -> Result<&str, String> {
    match value {
        [text] if !text.is_empty() => Ok(text),
        [_] | [] => Err("a value is missing".to_owned()),
        _ => Err("one value only".to_owned()),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

pub(super) fn limit<T: TryFrom<u64>>(text: &str, least: u64) -> Result<Option<T>, String> {
    if is_unlimited(text) {
        return Ok(None);
    }
    let n = count(text).map_err(|e| format!("{e}, nor none"))?;
    if n < least {
        return Err(format!("at least {least}, or none"));
    }
    // SQLite counts in i64.
    let n = u64::try_from(i64::try_from(n).map_err(|_| "too large".to_owned())?).unwrap_or_default();
    T::try_from(n).map(Some).map_err(|_| "too large".to_owned())
}

pub(super) fn limit_text(limit: Option<u64>) -> Vec<String> {
    vec![limit.map_or_else(|| "none".to_owned(), |n| n.to_string())]
}

pub(super) fn number(text: &str, least: u64) -> Result<u32, String> {
    let n = count(text)?;
    if n < least || n > MOST_REQUESTS {
        return Err(format!("between {least} and {MOST_REQUESTS}"));
    }
    u32::try_from(n).map_err(|_| "too large".to_owned())
}

pub(super) fn wait(text: &str, least_ms: u64, most_ms: u64) -> Result<u64, String> {
    let ms = duration_ms(text)?;
    if ms < least_ms {
        return Err(format!("at least {}", show_duration(least_ms)));
    }
    if ms > most_ms.min(i64::MAX as u64) {
        return Err(format!("at most {}", show_duration(most_ms.min(i64::MAX as u64))));
    }
    Ok(ms)
}

pub(super) fn size(text: &str, least: u64) -> Result<u64, String> {
    let n = bytes(text)?;
    if !(least..=LARGEST_BYTES).contains(&n) {
        return Err(format!("between {} and {}", show_bytes(least), show_bytes(LARGEST_BYTES)));
    }
    Ok(n)
}

pub(super) fn rate_in_range(text: &str) -> Result<f64, String> {
    let per_second = rate(text)?;
    if (1.0 / 86_400.0..=1e6).contains(&per_second) {
        return Ok(per_second);
    }
    Err("between one a day and 1000000/s".to_owned())
}

pub(super) fn scope(text: &str) -> Result<ScopeKind, String> {
    match text {
        "host" => Ok(ScopeKind::Host),
        "domain" => Ok(ScopeKind::Domain),
        "prefix" => Ok(ScopeKind::Prefix),
        "any" => Ok(ScopeKind::Any),
        _ => Err("none of host, domain, prefix, any".to_owned()),
    }
}

/// The name of a scope as `--scope` takes it.
pub(super) fn scope_name(kind: ScopeKind) -> &'static str {
    match kind {
        ScopeKind::Host => "host",
        ScopeKind::Domain => "domain",
        ScopeKind::Prefix => "prefix",
        ScopeKind::Any => "any",
    }
}

pub(super) fn body_policy(text: &str) -> Result<BodyPolicy, String> {
    match text {
        "html" => Ok(BodyPolicy::Html),
        "all" => Ok(BodyPolicy::All),
        "none" => Ok(BodyPolicy::None),
        _ => Err("none of html, all, none".to_owned()),
    }
}

pub(super) fn body_policy_name(policy: BodyPolicy) -> &'static str {
    match policy {
        BodyPolicy::Html => "html",
        BodyPolicy::All => "all",
        BodyPolicy::None => "none",
    }
}

pub(super) fn parser(text: &str) -> Result<Parser, String> {
    match text {
        "scraper" => Ok(Parser::Scraper),
        "stream" => Ok(Parser::Stream),
        _ => Err("neither scraper nor stream".to_owned()),
    }
}

pub(super) fn parser_name(parser: Parser) -> &'static str {
    match parser {
        Parser::Scraper => "scraper",
        Parser::Stream => "stream",
    }
}

pub(super) fn pattern(text: &str) -> Result<PatternRule, String> {
    let (rule, regex): (fn(String) -> PatternRule, &str) = match text.as_bytes().first() {
        Some(b'+') => (PatternRule::Include, &text[1..]),
        Some(b'-') => (PatternRule::Exclude, &text[1..]),
        _ => return Err("neither +REGEX nor -REGEX".to_owned()),
    };
    if regex.is_empty() {
        return Err("a pattern is missing".to_owned());
    }
    Ok(rule(regex.to_owned()))
}

pub(super) fn pattern_text(rule: &PatternRule) -> String {
    match rule {
        PatternRule::Include(regex) => format!("+{regex}"),
        PatternRule::Exclude(regex) => format!("-{regex}"),
    }
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    parsed.map(|net| net.trunc()).map_err(|_| "not a network in CIDR notation".to_owned())
}

pub(super) fn agent(text: &str) -> Result<Option<String>, String> {
    if text == CrawlSettings::default_user_agent() {
        return Ok(None);
    }
    if text.len() > LONGEST_AGENT || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) || text.trim() != text {
        return Err(format!("not at most {LONGEST_AGENT} printable ASCII characters"));
    }
    let settings = CrawlSettings { user_agent: Some(text.to_owned()), ..CrawlSettings::default() };
    if settings.product_token().is_empty() {
        return Err("it begins with no product name of letters, - or _, which robots.txt is read for".to_owned());
    }
    Ok(settings.user_agent)
}
