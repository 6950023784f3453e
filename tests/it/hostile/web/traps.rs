//! Sites without end.

use super::behaviour::{Asked, At, Behaviour, page};

/// Most pages that a trap may cost.
const MOST: &str = "SELECT count(1) <= 200 FROM fetches f JOIN hosts h ON h.id = f.host_id WHERE h.name = ?1";

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, next: fn(&str) -> String| {
        Behaviour::new(at, name, server, crawl)
            .plays(move |asked: &Asked<'_>| {
                let honest = matches!(asked.path, "/" | "/after" | "/end" | "/robots.txt");
                (!honest).then(|| page(format!("<title>{0}</title><a href='{0}'>next</a>", next(asked.path))))
            })
            .ends("/x", "page 200")
            .open_ended()
            .says(MOST, "1")
    };
    vec![
        new("calendar", "has a calendar with a next month for ever", "ends", |path| {
            let n: usize = path
                .strip_prefix("/calendar/")
                .and_then(|month| month.replace('/', "").parse().ok())
                .unwrap_or(202_601);
            let n = if n % 100 == 12 { n + 89 } else { n + 1 };
            format!("/calendar/{}/{:02}", n / 100, n % 100)
        }),
        new("calendar-query", "has a calendar in the query", "ends", |path| {
            let n: usize = path.rsplit('=').next().and_then(|day| day.parse().ok()).unwrap_or(0);
            format!("/cal?view=day&date=2026-01-{}", n + 1)
        }),
        new("deeper", "has a folder in every folder", "ends", |path| {
            format!("{}/{}/", path.trim_end_matches('/'), path.len())
        }),
        new("deeper-same", "links to a folder of the same name within", "ends at the third repetition", |path| {
            format!("{}/dir/sub", path.trim_end_matches('/'))
        }),
        new("query-growth", "adds a parameter to every link", "ends", |path| match path.split_once('?') {
            Some((_, query)) => format!("/q?{query}&p{}=1", query.len()),
            None => "/q?a=1".to_owned(),
        }),
        new("session-in-path", "puts a new session id into every path", "ends", |path| {
            format!(
                "/s;jsessionid={:032X}",
                blake3::hash(path.as_bytes()).as_bytes()[..8].iter().fold(0u64, |n, b| n << 8 | u64::from(*b))
            )
        }),
        new("session-in-query", "puts a new session id into every query", "ends", |path| {
            format!("/s?PHPSESSID={}", &blake3::hash(path.as_bytes()).to_hex()[..32])
        }),
        new("self-concatenating", "writes URLs without their scheme", "ends", |path| {
            format!("{}/www.example.com/page.html", path.trim_end_matches('/'))
        }),
        new("soft-404", "has a page for every URL", "ends", |path| {
            format!("/none/{}", &blake3::hash(path.as_bytes()).to_hex()[..12])
        }),
    ]
}
