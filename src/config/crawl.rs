//! [`CRAWL`]: the settings of a crawl, one row each.

use ipnet::IpNet;

use super::discovery;
use super::names::{names, names_text, parameter};
use super::reading::{
    LONGEST_WAIT_MS, agent, body_policy, body_policy_name, limit, limit_text, network, number, one, parser,
    parser_name, pattern, pattern_text, rate_in_range, scope, scope_name, set, size, switch, wait,
};
use super::requests;
use super::setting::without_password;
use super::units::{is_unlimited, show_bytes, show_duration, show_rate};
use super::{Setting, Shape};
use crate::model::{CrawlSettings, Trap, UrlRule};

pub(super) const SCOPE: &str = "What belongs to the crawl";
const LIMITS: &str = "Limits";
const PACE: &str = "Pace and politeness";
pub(super) const NETWORK: &str = "Network";
const STORAGE: &str = "What is stored";

/// SQLite lets a log grow to 32 MB before it empties it, and a batch may come on top.
const LEAST_LOG_BYTES: u64 = 64 << 20;

/// What most rows have in common.
pub(super) const ROW: Setting<CrawlSettings> = Setting {
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
    hide: without_password,
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
    discovery::FOLLOW,
    discovery::SITEMAPS,
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
        name: "url-rules",
        shape: Shape::Names,
        heading: SCOPE,
        value: "LIST",
        example: "+sort_query,-session_ids",
        help: "How URLs are spelled: escapes, empty_query, session_ids, sort_query. Names alone are the whole list, with + and - they change the default; all, none",
        field: "url_rules",
        set: |s, v| set(&mut s.url_rules, names(v, UrlRule::defaults())),
        show: |s| names_text(&s.url_rules),
        ..ROW
    },
    Setting {
        name: "drop-param",
        shape: Shape::List,
        heading: SCOPE,
        value: "NAME",
        example: "utm_*",
        help: "A query parameter that is taken out of every URL, as tracking needs it; a * at the end stands for any rest; may be repeated",
        field: "drop_params",
        set: |s, v| {
            let named = v.iter().filter(|text| !is_unlimited(text));
            set(&mut s.drop_params, named.map(|text| parameter(text)).collect())
        },
        show: |s| s.drop_params.clone(),
        ..ROW
    },
    Setting {
        name: "traps",
        shape: Shape::Names,
        heading: SCOPE,
        value: "LIST",
        example: "-calendar",
        help: "Pages without end that are not followed: path_repeats, path_depth, query_growth, calendar, session_id, self_link, soft_404, same_content; a list, or changes with + and -",
        field: "traps",
        set: |s, v| set(&mut s.traps, names(v, Trap::defaults())),
        show: |s| names_text(&s.traps),
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
        name: "min-free",
        heading: LIMITS,
        value: "SIZE",
        example: "1GB",
        help: "Stop, to be resumed, before less than this is free on the database's disk",
        field: "min_free_bytes",
        set: |s, v| set(&mut s.min_free_bytes, size(one(v)?, 0)),
        show: |s| vec![show_bytes(s.min_free_bytes)],
        ..ROW
    },
    Setting {
        name: "max-log",
        heading: LIMITS,
        value: "SIZE",
        example: "4GiB",
        help: "Largest write-ahead log while a long read transaction of another program keeps it from being emptied; the crawl then waits for that to end",
        field: "max_log_bytes",
        set: |s, v| set(&mut s.max_log_bytes, size(one(v)?, LEAST_LOG_BYTES)),
        show: |s| vec![show_bytes(s.max_log_bytes)],
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
        name: "per-ip",
        heading: PACE,
        example: "2",
        help: "Most requests in flight to one IP address, for hosts that share a server",
        field: "per_ip",
        set: |s, v| set(&mut s.per_ip, limit(one(v)?, 1)),
        show: |s| limit_text(s.per_ip.map(u64::from)),
        ..ROW
    },
    Setting {
        name: "no-adaptive",
        shape: Shape::Switch,
        heading: PACE,
        value: "BOOL",
        example: "true",
        help: "Do not ask a host more slowly when it answers slowly or with errors",
        field: "adaptive",
        set: |s, v| set(&mut s.adaptive, switch(one(v)?).map(|off| !off)),
        show: |s| vec![(!s.adaptive).to_string()],
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
    requests::HEADER,
    requests::BASIC_AUTH,
    requests::COOKIE_JAR,
    requests::NO_COOKIES,
    requests::NO_REFERRER,
    requests::PROXY,
    requests::CA_FILE,
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
        name: "parser",
        heading: STORAGE,
        value: "WHICH",
        example: "stream",
        help: "How HTML is read: scraper (into the tree a browser builds) or stream (in one pass: less CPU and memory, the same on well-formed pages)",
        field: "parser",
        set: |s, v| set(&mut s.parser, parser(one(v)?)),
        show: |s| vec![parser_name(s.parser).to_owned()],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PatternRule;

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
            ("per-ip", "0"),
            ("no-adaptive", "perhaps"),
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
        assert_eq!(said("per-ip", &["none"]).unwrap().per_ip, None);
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
