//! Sites without end. Every one is crawled to the depth of 60, and costs no more pages than it may; the
//! rule that ends it must be the one that is meant for it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::behaviour::{Asked, At, Behaviour, page};

/// Most requests that a trap may cost.
const MOST: &str = "SELECT count(1) <= 130 FROM fetches f JOIN hosts h ON h.id = f.host_id WHERE h.name = ?1";

/// Whether a rule kept something of the host out.
macro_rules! ended_by {
    ($rule:literal) => {
        concat!(
            "SELECT count(1) > 0 FROM urls u JOIN hosts h ON h.id = u.host_id JOIN rules r ON r.id = u.rule_id
             WHERE h.name = ?1 AND r.name = '",
            $rule,
            "'"
        )
    };
}

/// Every path but the honest ones is a page whose links are those that `links` makes of it.
fn endless(
    behaviour: Behaviour,
    links: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
    html: &'static str,
) -> Behaviour {
    behaviour
        .plays(move |asked: &Asked<'_>| {
            let honest = matches!(asked.path, "/" | "/after" | "/end" | "/robots.txt");
            (!honest).then(|| {
                let links = links(asked.path).into_iter().map(|link| format!("<a href='{link}'>.</a>"));
                page(format!("{}{}", html.replace("PATH", asked.path), links.collect::<String>()))
            })
        })
        .ends("/x", "page 200")
        .open_ended()
        .says(MOST, "1")
}

const PAGE: &str = "<title>PATH</title><p>Here is PATH";

fn hash(path: &str) -> String {
    blake3::hash(path.as_bytes()).to_hex()[..32].to_owned()
}

/// The year that it is now, about.
fn this_year() -> u64 {
    1970 + SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 31_556_952
}

fn number_after(path: &str, mark: char) -> Option<u64> {
    path.rsplit(mark).next()?.parse().ok()
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [paths(at), queries(at), sessions(at), contents(at)].concat()
}

fn paths(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, next: fn(&str) -> String| {
        endless(Behaviour::new(at, name, server, crawl), move |path| vec![next(path)], PAGE)
    };
    vec![
        new("path-repeats", "links to a folder of the same name within each", "ends at the third repetition", |path| {
            format!("{}/dir/sub", path.trim_end_matches('/'))
        })
        .says(ended_by!("trap:path_repeats"), "1"),
        new("path-deeper", "has a folder in every folder", "ends at 50 segments", |path| {
            format!("{}/{}", path.trim_end_matches('/'), path.len())
        })
        .says(ended_by!("trap:path_depth"), "1"),
        new(
            "self-link",
            "writes links to itself without their scheme",
            "ends at the second mention of its host",
            |path| format!("{}/self-link.localhost/page-{}.html", path.trim_end_matches('/'), path.len()),
        )
        .says(ended_by!("trap:self_link"), "1"),
        new("calendar-path", "has a calendar with a next year for ever", "ends ten years from now", |path| {
            let year = path.trim_start_matches("/calendar/").split('/').next().and_then(|year| year.parse().ok());
            format!("/calendar/{}/01", year.map_or(this_year(), |year: u64| year + 1))
        })
        .says(ended_by!("trap:calendar"), "1"),
    ]
}

fn queries(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, next: fn(&str) -> String| {
        endless(Behaviour::new(at, name, server, crawl), move |path| vec![next(path)], PAGE)
    };
    vec![
        new(
            "calendar-query",
            "has a calendar with a next month for ever, in its query",
            "ends three years from now",
            |path| {
                let months = path.split_once("date=").and_then(|(_, date)| {
                    let (year, month) = date.split_once('-')?;
                    Some(year.parse::<u64>().ok()? * 12 + month.parse::<u64>().ok()?)
                });
                let months = months.unwrap_or(this_year() * 12);
                format!("/cal?date={}-{:02}", months / 12, months % 12 + 1)
            },
        )
        .says(ended_by!("trap:calendar"), "1"),
        new("query-growth", "adds a parameter to every link", "ends at 50 parameters", |path| {
            match path.split_once('?') {
                Some((_, query)) => format!("/q?{query}&p{}=1", query.len()),
                None => "/q?a=1".to_owned(),
            }
        })
        .says(ended_by!("trap:query_growth"), "1"),
        new("query-repeats", "adds the same parameter to every link", "ends at the fourth", |path| {
            match path.split_once('?') {
                Some((_, query)) => format!("/q?{query}&sort=up"),
                None => "/q?sort=up".to_owned(),
            }
        })
        .says(ended_by!("trap:query_growth"), "1"),
        new("query-escapes", "puts its own URL into every link, escaped once more", "ends at the third time", |path| {
            format!("/login?next={}", path.replace('%', "%25").replace('?', "%3F").replace('=', "%3D"))
        })
        .says(ended_by!("trap:query_growth"), "1"),
        new(
            "counter",
            "counts up, and looks like a catalogue",
            "is not told from one: ends at the depth of the crawl",
            |path| format!("/item?page={}", number_after(path, '=').unwrap_or(0) + 1),
        )
        .says(ended_by!("max_depth"), "1"),
    ]
}

fn sessions(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, next: fn(&str) -> String| {
        endless(Behaviour::new(at, name, server, crawl), move |path| vec![next(path)], PAGE)
    };
    let stripped = "SELECT count(1) FROM urls u JOIN hosts h ON h.id = u.host_id WHERE h.name = ?1";
    vec![
        new("session-path", "puts a new session id into every path", "takes it out: the page is one", |path| {
            format!("/s;jsessionid={}", hash(path).to_uppercase())
        })
        .says(stripped, "5"),
        new("session-query", "puts a new session id into every query", "takes it out: the page is one", |path| {
            format!("/s?PHPSESSID={}", hash(path))
        })
        .says(stripped, "5"),
        new("session-unknown", "puts new session ids of a make of its own into every query", "excludes them", |path| {
            format!("/s?shop_session_id={}", hash(path))
        })
        .says(ended_by!("trap:session_id"), "1"),
        Behaviour::new(
            at,
            "session-redirect",
            "redirects every page to itself with a new session id",
            "follows a redirect to its own source once",
        )
        .plays(|asked| {
            (asked.path.starts_with("/x")).then(|| {
                let nth = asked.before.to_string() + asked.path;
                super::behaviour::raw(
                    &format!(
                        "HTTP/1.1 302 Found\nLocation: /x;jsessionid={}\nContent-Length: 0",
                        hash(&nth).to_uppercase()
                    ),
                    "",
                )
            })
        })
        .ends("/x", "redirect 302")
        .open_ended()
        .says(MOST, "1"),
    ]
}

fn contents(at: &At) -> Vec<Behaviour> {
    let missing = "<title>Page not found</title><h1>404</h1><p>There is no such page.";
    let copies: Vec<String> = (0..40).map(|n| format!("/copy/{n}/")).collect();
    vec![
        endless(
            Behaviour::new(
                at,
                "page-for-everything",
                "has a page for every URL, which says that there is none",
                "ends where nothing else names it",
            ),
            |path| vec![format!("/none/{}", hash(path))],
            missing,
        )
        .says(ended_by!("trap:soft_404"), "1"),
        endless(
            Behaviour::new(
                at,
                "same-content",
                "serves the same bytes for every path, with relative links",
                "ends after eight copies",
            )
            .home_links(copies.iter().map(String::as_str).chain(["/x"])),
            |_| vec!["on/".to_owned()],
            "<title>Welcome</title><p>Welcome to our site, as always.",
        )
        .says(ended_by!("trap:same_content"), "1"),
        endless(
            Behaviour::new(
                at,
                "random-links",
                "has ten new links on every page, for ever",
                "ends at the limit of pages",
            )
            .flags(&["--max-pages", "100"])
            .apart(),
            |path| (0..10).map(|n| format!("/r/{}", hash(&format!("{path}{n}")))).collect(),
            PAGE,
        )
        .says("SELECT n FROM totals WHERE name = 'pages' AND ?1 <> ''", "100"),
    ]
}
