//! [`CRAWL`]: the settings of a crawl, one row each.

use ipnet::IpNet;

use super::units::{bytes, count, duration_ms, is_unlimited, rate, show_bytes, show_duration, show_rate};
use super::{Setting, Shape};
use crate::model::{BodyPolicy, CrawlSettings, PatternRule, ScopeKind};

const SCOPE: &str = "What belongs to the crawl";
const LIMITS: &str = "Limits";
const PACE: &str = "Pace and politeness";
const NETWORK: &str = "Network";
const STORAGE: &str = "What is stored";

/// A bound above every sensible number of requests or redirects; larger ones are typing errors.
const MOST_REQUESTS: u64 = 10_000;
/// The longest timeout or delay, in ms: a day.
const LONGEST_WAIT_MS: u64 = 86_400_000;
/// The largest body limit and memory budget: 64 GiB.
const LARGEST_BYTES: u64 = 64 << 30;
/// The longest user agent.
const LONGEST_AGENT: usize = 256;

const ROW: Setting<CrawlSettings> = Setting {
    name: "",
    short: None,
    alias: None,
    shape: Shape::One,
    heading: "",
    value: "N",
    example: "",
    help: "",
    field: "",
    set: |_, _| Ok(()),
    show: |_| Vec::new(),
};

/// The settings of a crawl in the order of `--help`.
pub const CRAWL: &[Setting<CrawlSettings>] = &[
    Setting {
        name: "scope",
        heading: SCOPE,
        value: "KIND",
        example: "domain",
        help: "Which URLs are followed: host (the seeds' host names), domain (their registrable domains), prefix (the seeds' folders), any",
        field: "scope",
        set: |s, v| set(&mut s.scope, scope(one(v)?)),
        show: |s| vec![scope_name(s.scope).to_owned()],
        ..ROW
    },
    Setting {
        name: "patterns",
        shape: Shape::Patterns,
        heading: SCOPE,
        value: "REGEX",
        example: "-\\.pdf$",
        help: "Only URLs that match (unanchored, over the whole URL). --include and --exclude may be repeated; the first that matches a URL decides",
        field: "patterns",
        set: |s, v| set(&mut s.patterns, v.iter().map(|text| pattern(text)).collect()),
        show: |s| s.patterns.iter().map(pattern_text).collect(),
        ..ROW
    },
    Setting {
        name: "max-depth",
        short: Some('d'),
        heading: SCOPE,
        example: "3",
        help: "Most links between a seed and a page; 0 fetches the seeds alone",
        field: "max_depth",
        set: |s, v| set(&mut s.max_depth, limit(one(v)?, 0)),
        show: |s| limit_text(s.max_depth.map(u64::from)),
        ..ROW
    },
    Setting {
        name: "max-pages",
        alias: Some("limit"),
        heading: LIMITS,
        example: "5000",
        help: "Most pages of the crawl, over all its sessions",
        field: "max_pages",
        set: |s, v| set(&mut s.max_pages, limit(one(v)?, 1)),
        show: |s| limit_text(s.max_pages),
        ..ROW
    },
    Setting {
        name: "max-pages-per-host",
        heading: LIMITS,
        example: "500",
        help: "Most pages of a host that is no seed's host",
        field: "max_pages_per_host",
        set: |s, v| set(&mut s.max_pages_per_host, limit(one(v)?, 1)),
        show: |s| limit_text(s.max_pages_per_host),
        ..ROW
    },
    Setting {
        name: "max-duration",
        heading: LIMITS,
        value: "TIME",
        example: "24h",
        help: "Longest time of the crawl, over all its sessions",
        field: "max_duration_ms",
        set: |s, v| {
            let text = one(v)?;
            let ms = if is_unlimited(text) { Ok(None) } else { wait(text, 1, u64::MAX).map(Some) };
            set(&mut s.max_duration_ms, ms)
        },
        show: |s| vec![s.max_duration_ms.map_or_else(|| "none".to_owned(), show_duration)],
        ..ROW
    },
    Setting {
        name: "max-body",
        heading: LIMITS,
        value: "SIZE",
        example: "10MB",
        help: "Largest body after decompression; a longer one is recorded as too_big and not kept",
        field: "max_body_bytes",
        set: |s, v| set(&mut s.max_body_bytes, size(one(v)?, 1_000)),
        show: |s| vec![show_bytes(s.max_body_bytes)],
        ..ROW
    },
    Setting {
        name: "max-redirects",
        heading: LIMITS,
        example: "5",
        help: "Most redirects in a row; 0 follows none",
        field: "max_redirects",
        set: |s, v| set(&mut s.max_redirects, number(one(v)?, 0)),
        show: |s| vec![s.max_redirects.to_string()],
        ..ROW
    },
    Setting {
        name: "memory",
        heading: LIMITS,
        value: "SIZE",
        example: "512MiB",
        help: "Bytes of bodies held in memory between fetch and commit",
        field: "memory_bytes",
        set: |s, v| set(&mut s.memory_bytes, size(one(v)?, 1_000_000)),
        show: |s| vec![show_bytes(s.memory_bytes)],
        ..ROW
    },
    Setting {
        name: "concurrency",
        short: Some('c'),
        heading: PACE,
        example: "16",
        help: "Requests in flight in all",
        field: "concurrency",
        set: |s, v| set(&mut s.concurrency, number(one(v)?, 1)),
        show: |s| vec![s.concurrency.to_string()],
        ..ROW
    },
    Setting {
        name: "per-host",
        heading: PACE,
        example: "2",
        help: "Requests in flight to one host",
        field: "per_host",
        set: |s, v| set(&mut s.per_host, number(one(v)?, 1)),
        show: |s| vec![s.per_host.to_string()],
        ..ROW
    },
    Setting {
        name: "delay",
        heading: PACE,
        value: "TIME",
        example: "1s",
        help: "Pause between two requests to one host; auto is 1s, and none for loopback hosts. A longer Crawl-delay in robots.txt rules",
        field: "delay_ms",
        set: |s, v| {
            let text = one(v)?;
            let delay = match text {
                "auto" => Ok(None),
                "none" => Ok(Some(0)),
                _ => wait(text, 0, LONGEST_WAIT_MS).map(Some),
            };
            set(&mut s.delay_ms, delay)
        },
        show: |s| vec![s.delay_ms.map_or_else(|| "auto".to_owned(), show_duration)],
        ..ROW
    },
    Setting {
        name: "rate",
        heading: PACE,
        value: "RATE",
        example: "2/s",
        help: "Most requests in all per s, m or h",
        field: "rate_per_second",
        set: |s, v| {
            let text = one(v)?;
            set(&mut s.rate_per_second, if is_unlimited(text) { Ok(None) } else { rate_in_range(text).map(Some) })
        },
        show: |s| vec![s.rate_per_second.map_or_else(|| "none".to_owned(), show_rate)],
        ..ROW
    },
    Setting {
        name: "retries",
        heading: PACE,
        example: "1",
        help: "Tries of a URL after the first one, each later than the one before",
        field: "tries",
        set: |s, v| {
            let retries: u32 = number(one(v)?, 0)?;
            set(&mut s.tries, if retries <= 100 { Ok(retries + 1) } else { Err("at most 100".to_owned()) })
        },
        show: |s| vec![s.tries.saturating_sub(1).to_string()],
        ..ROW
    },
    Setting {
        name: "ignore-robots",
        shape: Shape::Switch,
        heading: PACE,
        value: "BOOL",
        example: "true",
        help: "Look at neither robots.txt nor nofollow; for sites that are your own",
        field: "ignore_robots",
        set: |s, v| set(&mut s.ignore_robots, switch(one(v)?)),
        show: |s| vec![s.ignore_robots.to_string()],
        ..ROW
    },
    Setting {
        name: "user-agent",
        short: Some('U'),
        heading: NETWORK,
        value: "TEXT",
        example: "mybot/1.0 (+https://example.org/bot)",
        help: "The User-Agent that is sent; its first word is looked for in robots.txt",
        field: "user_agent",
        set: |s, v| set(&mut s.user_agent, agent(one(v)?)),
        show: |s| vec![s.user_agent()],
        ..ROW
    },
    Setting {
        name: "timeout",
        heading: NETWORK,
        value: "TIME",
        example: "30s",
        help: "Time for a whole request",
        field: "timeout_ms",
        set: |s, v| set(&mut s.timeout_ms, wait(one(v)?, 1, LONGEST_WAIT_MS)),
        show: |s| vec![show_duration(s.timeout_ms)],
        ..ROW
    },
    Setting {
        name: "connect-timeout",
        heading: NETWORK,
        value: "TIME",
        example: "10s",
        help: "Time to connect",
        field: "connect_timeout_ms",
        set: |s, v| set(&mut s.connect_timeout_ms, wait(one(v)?, 1, LONGEST_WAIT_MS)),
        show: |s| vec![show_duration(s.connect_timeout_ms)],
        ..ROW
    },
    Setting {
        name: "read-timeout",
        heading: NETWORK,
        value: "TIME",
        example: "15s",
        help: "Longest silence while a response is read",
        field: "read_timeout_ms",
        set: |s, v| set(&mut s.read_timeout_ms, wait(one(v)?, 1, LONGEST_WAIT_MS)),
        show: |s| vec![show_duration(s.read_timeout_ms)],
        ..ROW
    },
    Setting {
        name: "allow-net",
        shape: Shape::List,
        heading: NETWORK,
        value: "CIDR",
        example: "10.0.0.0/8",
        help: "A network beside the public ones that may be connected; may be repeated",
        field: "allow_net",
        set: |s, v| {
            let named = v.iter().filter(|text| !is_unlimited(text));
            set(&mut s.allow_net, named.map(|text| network(text)).collect())
        },
        show: |s| s.allow_net.iter().map(IpNet::to_string).collect(),
        ..ROW
    },
    Setting {
        name: "store-body",
        heading: STORAGE,
        value: "WHICH",
        example: "all",
        help: "Which bodies are kept: html, all or none",
        field: "store_body",
        set: |s, v| set(&mut s.store_body, body_policy(one(v)?)),
        show: |s| vec![body_policy_name(s.store_body).to_owned()],
        ..ROW
    },
    Setting {
        name: "no-text",
        shape: Shape::Switch,
        heading: STORAGE,
        value: "BOOL",
        example: "true",
        help: "Do not keep the plain text of pages",
        field: "store_text",
        set: |s, v| set(&mut s.store_text, switch(one(v)?).map(|off| !off)),
        show: |s| vec![(!s.store_text).to_string()],
        ..ROW
    },
    Setting {
        name: "durable",
        shape: Shape::Switch,
        heading: STORAGE,
        value: "BOOL",
        example: "true",
        help: "Commits survive a power loss, not only the death of the process (synchronous=FULL); slower",
        field: "durable",
        set: |s, v| set(&mut s.durable, switch(one(v)?)),
        show: |s| vec![s.durable.to_string()],
        ..ROW
    },
];

fn set<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
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

fn limit<T: TryFrom<u64>>(text: &str, least: u64) -> Result<Option<T>, String> {
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

fn limit_text(limit: Option<u64>) -> Vec<String> {
    vec![limit.map_or_else(|| "none".to_owned(), |n| n.to_string())]
}

fn number(text: &str, least: u64) -> Result<u32, String> {
    let n = count(text)?;
    if n < least || n > MOST_REQUESTS {
        return Err(format!("between {least} and {MOST_REQUESTS}"));
    }
    u32::try_from(n).map_err(|_| "too large".to_owned())
}

fn wait(text: &str, least_ms: u64, most_ms: u64) -> Result<u64, String> {
    let ms = duration_ms(text)?;
    if ms < least_ms {
        return Err(format!("at least {}", show_duration(least_ms)));
    }
    if ms > most_ms.min(i64::MAX as u64) {
        return Err(format!("at most {}", show_duration(most_ms.min(i64::MAX as u64))));
    }
    Ok(ms)
}

fn size(text: &str, least: u64) -> Result<u64, String> {
    let n = bytes(text)?;
    if !(least..=LARGEST_BYTES).contains(&n) {
        return Err(format!("between {} and {}", show_bytes(least), show_bytes(LARGEST_BYTES)));
    }
    Ok(n)
}

fn rate_in_range(text: &str) -> Result<f64, String> {
    let per_second = rate(text)?;
    if (1.0 / 86_400.0..=1e6).contains(&per_second) {
        return Ok(per_second);
    }
    Err("between one a day and 1000000/s".to_owned())
}

fn scope(text: &str) -> Result<ScopeKind, String> {
    match text {
        "host" => Ok(ScopeKind::Host),
        "domain" => Ok(ScopeKind::Domain),
        "prefix" => Ok(ScopeKind::Prefix),
        "any" => Ok(ScopeKind::Any),
        _ => Err("none of host, domain, prefix, any".to_owned()),
    }
}

/// The name of a scope as `--scope` takes it.
fn scope_name(kind: ScopeKind) -> &'static str {
    match kind {
        ScopeKind::Host => "host",
        ScopeKind::Domain => "domain",
        ScopeKind::Prefix => "prefix",
        ScopeKind::Any => "any",
    }
}

fn body_policy(text: &str) -> Result<BodyPolicy, String> {
    match text {
        "html" => Ok(BodyPolicy::Html),
        "all" => Ok(BodyPolicy::All),
        "none" => Ok(BodyPolicy::None),
        _ => Err("none of html, all, none".to_owned()),
    }
}

fn body_policy_name(policy: BodyPolicy) -> &'static str {
    match policy {
        BodyPolicy::Html => "html",
        BodyPolicy::All => "all",
        BodyPolicy::None => "none",
    }
}

fn pattern(text: &str) -> Result<PatternRule, String> {
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

fn pattern_text(rule: &PatternRule) -> String {
    match rule {
        PatternRule::Include(regex) => format!("+{regex}"),
        PatternRule::Exclude(regex) => format!("-{regex}"),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    parsed.map(|net| net.trunc()).map_err(|_| "not a network in CIDR notation".to_owned())
}

fn agent(text: &str) -> Result<Option<String>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, values: &[&str]) -> Result<CrawlSettings, String> {
        let setting = CRAWL.iter().find(|setting| setting.name == name).unwrap();
        let mut settings = CrawlSettings::default();
        let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        (setting.set)(&mut settings, &values).map(|()| settings)
    }

    #[test]
    fn ranges_are_checked() {
        let refused = [
            ("concurrency", "0"),
            ("concurrency", "10001"),
            ("per-host", "0"),
            ("max-pages", "0"),
            ("max-pages", "99999999999999999999"),
            ("max-depth", "4294967296"),
            ("max-body", "10"),
            ("timeout", "0"),
            ("timeout", "25h"),
            ("delay", "25h"),
            ("max-duration", "0"),
            ("rate", "0"),
            ("retries", "101"),
            ("scope", "everything"),
            ("store-body", "some"),
            ("ignore-robots", "perhaps"),
            ("allow-net", "10.0.0.0/33"),
            ("user-agent", "42/1.0"),
            ("user-agent", "bot\r\nX: y"),
            ("user-agent", ""),
        ];
        for (name, value) in refused {
            assert!(said(name, &[value]).is_err(), "--{name} {value}");
        }
    }

    #[test]
    fn none_lifts_a_limit() {
        assert_eq!(said("max-pages", &["none"]).unwrap().max_pages, None);
        assert_eq!(said("max-pages-per-host", &["unlimited"]).unwrap().max_pages_per_host, None);
        assert_eq!(said("rate", &["none"]).unwrap().rate_per_second, None);
        assert_eq!(said("delay", &["none"]).unwrap().delay_ms, Some(0));
        assert_eq!(said("delay", &["auto"]).unwrap().delay_ms, None);
    }

    #[test]
    fn patterns_keep_their_order() {
        let wanted = [PatternRule::Exclude("a".into()), PatternRule::Include("-b".into())];
        assert_eq!(said("patterns", &["-a", "+-b"]).unwrap().patterns, wanted);
    }

    #[test]
    fn retries_are_the_tries_after_the_first() {
        assert_eq!(said("retries", &["0"]).unwrap().tries, 1);
        assert_eq!(said("retries", &["2"]).unwrap().tries, CrawlSettings::default().tries);
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        let nets = said("allow-net", &["127.0.0.1", "10.1.2.3/8"]).unwrap().allow_net;
        assert_eq!(nets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1/32", "10.0.0.0/8"]);
    }
}
