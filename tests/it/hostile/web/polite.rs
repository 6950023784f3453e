//! Servers that ask to be left alone, in every way there is, and servers that come and go.

use super::super::server::Reply;
use super::behaviour::{At, Behaviour, ok, page, raw};

fn later(status: &str, retry_after: &str) -> Reply {
    raw(&format!("HTTP/1.1 {status}\nRetry-After: {retry_after}\nContent-Length: 0"), "")
}

/// How long the host is left alone, in whole hours from the last commit, rounded.
const HOURS: &str =
    "SELECT (q.polite_ms - s.alive_ms + 1800000) / 3600000 FROM host_queue q JOIN hosts h ON h.id = q.host_id,
    (SELECT max(started_ms) AS alive_ms FROM fetches) s WHERE h.name = ?1";

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [waits(at), ignored(at), storms(at)].concat()
}

/// The host is left alone: what else it has stays queued.
fn waits(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, reply: Reply, ends, hours| {
        let mut behaviour = Behaviour::new(at, name, server, crawl).x(reply, ends).ends("/end", "queued");
        behaviour.facts.clear();
        behaviour.says(HOURS, hours)
    };
    let day = "leaves the whole host alone for a day";
    vec![
        new(
            "retry-hour",
            "says 429 and an hour",
            "leaves the whole host alone for an hour",
            later("429 Slow", "3600"),
            "rate_limited 429",
            "1",
        ),
        new("retry-century", "says 429 and a century", day, later("429 Slow", "3153600000"), "rate_limited 429", "24"),
        new(
            "retry-digits",
            "says 429 and a number of 400 digits",
            day,
            later("429 Slow", &"9".repeat(400)),
            "rate_limited 429",
            "24",
        ),
        new(
            "retry-date",
            "says 429 and a date in the year 9999",
            day,
            later("429 Slow", "Fri, 31 Dec 9999 23:59:59 GMT"),
            "rate_limited 429",
            "24",
        ),
        new(
            "retry-503",
            "says 503 and an hour",
            "leaves the whole host alone for an hour",
            later("503 Down", "3600"),
            "rate_limited 503",
            "1",
        ),
    ]
}

/// No wait comes of it beyond a backoff of seconds.
fn ignored(at: &At) -> Vec<Behaviour> {
    let new = |name, server, value: &str| {
        Behaviour::new(at, name, server, "backs off as if it had named no time, and goes on")
            .x(later("429 Slow", value), "rate_limited 429")
    };
    vec![
        new("retry-0", "says 429 and no time at all", "0"),
        new("retry-past", "says 429 and a date that has passed", "Sun, 06 Nov 1994 08:49:37 GMT"),
        new("retry-negative", "says 429 and a negative time", "-3600"),
        new("retry-words", "says 429 and words", "after lunch"),
        new("retry-1e9", "says 429 and a number that is none", "1e9"),
        Behaviour::new(at, "retry-200", "says Retry-After on a page", "takes no notice")
            .x(raw("HTTP/1.1 200 OK\nContent-Type: text/html\nRetry-After: 3600", "<title>X</title>"), "page 200"),
    ]
}

fn storms(at: &At) -> Vec<Behaviour> {
    let errors: Vec<String> = (0..30).map(|n| format!("/e/{n}")).collect();
    let storm = |name, server, crawl, reply: Reply, ends: &str| {
        let behaviour = Behaviour::new(at, name, server, crawl).home_links(&errors);
        let behaviour = behaviour.plays(move |asked| asked.path.starts_with("/e/").then(|| reply.clone()));
        errors.iter().fold(behaviour, |behaviour, path| behaviour.ends(path, ends))
    };
    vec![
        storm(
            "storm-503",
            "answers 503 thirty times in a row",
            "asks each URL in its turn, and goes on",
            ok("503 Down", "text/html", ""),
            "http_error 503",
        ),
        storm(
            "storm-500",
            "answers 500 thirty times in a row",
            "asks each URL in its turn, and goes on",
            ok("500 Oops", "text/html", ""),
            "http_error 500",
        ),
        Behaviour::new(
            at,
            "storm-paced",
            "answers 503 three times in a row to a crawl with a delay",
            "doubles the delay each time, beginning with half a second",
        )
        .plays(|asked| asked.path.starts_with("/e/").then(|| ok("503 Down", "text/html", "")))
        .home_links(&errors[..3])
        .ends("/e/0", "http_error 503")
        .ends("/e/1", "http_error 503")
        .ends("/e/2", "http_error 503")
        .flags(&["--delay", "10ms"])
        .says(
            "SELECT group_concat(delay_asked_ms, ' ') FROM (SELECT delay_asked_ms FROM fetches f
             JOIN hosts h ON h.id = f.host_id WHERE h.name = ?1 AND delay_asked_ms > 10 ORDER BY f.id)",
            "1000 2000 4000",
        )
        .lone(),
        Behaviour::new(at, "once-503", "answers 503 once and then a page", "tries again, and has the page")
            .plays(|asked| {
                (asked.path == "/x").then(|| match asked.before {
                    0 => ok("503 Down", "text/html", ""),
                    _ => page("<title>X</title>"),
                })
            })
            .ends("/x", "page 200")
            .flags(&["--retries", "2"])
            .lone(),
        Behaviour::new(
            at,
            "once-429",
            "answers 429 once, to be asked again at once, and then a page",
            "tries again, and has the page",
        )
        .plays(|asked| {
            (asked.path == "/x").then(|| match asked.before {
                0 => later("429 Slow", "0"),
                _ => page("<title>X</title>"),
            })
        })
        .ends("/x", "page 200")
        .flags(&["--retries", "2"])
        .lone(),
        Behaviour::new(
            at,
            "comes-and-goes",
            "resets every connection for a while and is there again",
            "leaves it alone after the third, tries again, and has every page",
        )
        .plays(|asked| (matches!(asked.path, "/x" | "/after" | "/y") && asked.before == 0).then_some(Reply::Reset))
        .page("/x", "<title>X</title>")
        .page("/y", "<title>Y</title>")
        .home_links(["/x", "/y"])
        .ends("/x", "page 200")
        .ends("/y", "page 200")
        .flags(&["--retries", "3"])
        .lone(),
    ]
}
