//! An ordinary site, on a host of its own beside all the others: pages in a tree that link to each
//! other, redirects, missing pages, and a part that robots.txt forbids.

use super::behaviour::{At, Behaviour, ok, page, raw};

/// Its name, also as a host.
pub(super) const NAME: &str = "ordinary";
/// Its pages in the tree.
pub(super) const PAGES: usize = 240;

fn path(n: usize) -> String {
    if n == 0 { "/".to_owned() } else { format!("/p/{n}.html") }
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    let site = Behaviour::new(at, NAME, "is a site like any other", "is crawled whole");
    let site = site.plays(|asked| match asked.path {
        "/robots.txt" => Some(ok("200 OK", "text/plain", "User-agent: *\nDisallow: /private/\n")),
        "/" => Some(page(html(0))),
        path => answer(path),
    });
    let mut site = site.home_ends("page 200");
    for n in 1..PAGES {
        site = site.ends(&path(n), "page 200").fact(&path(n), "title", &title(n));
        site = match n % 10 {
            3 => site.ends(&format!("/old/{n}"), "redirect 301"),
            5 => site.ends(&format!("/missing/{n}"), "gone 404"),
            7 => site.ends(&format!("/private/{n}"), "excluded robots"),
            _ => site,
        };
    }
    vec![site]
}

fn answer(path: &str) -> Option<super::super::server::Reply> {
    if let Some(n) = path.strip_prefix("/old/") {
        let head = format!("HTTP/1.1 301 Moved\nLocation: /p/{n}.html\nContent-Length: 0");
        return Some(raw(&head, ""));
    }
    let n = path.strip_prefix("/p/")?.strip_suffix(".html")?.parse().ok()?;
    (n < PAGES).then(|| page(html(n)))
}

fn title(n: usize) -> String {
    format!("Page {n} & more: Grüße")
}

fn html(n: usize) -> String {
    let mut html = format!("<!doctype html><html lang=en><title>{}</title>", title(n).replace('&', "&amp;"));
    let mut link = |path: String| html += &format!("<p>A few words about <a href=\"{path}\">number {path}</a>.</p>\n");
    (3 * n + 1..=3 * n + 3).filter(|child| *child < PAGES).map(path).for_each(&mut link);
    link(path(n / 2));
    link(path((n * 7 + 5) % PAGES));
    match n % 10 {
        3 => link(format!("/old/{n}")),
        5 => link(format!("/missing/{n}")),
        7 => link(format!("/private/{n}")),
        _ => {}
    }
    html + "</html>"
}
