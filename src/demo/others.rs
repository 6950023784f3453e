//! Three small hosts: `slow.localhost` thinks before it answers, `calm.localhost` asks for a
//! Crawl-delay, `old.localhost` has moved.

use super::html::{Answer, Html};

/// How long the slow host thinks, in ms.
const THINK_MS: u64 = 120;
const SLOW_PAGES: u32 = 8;
const CALM_PAGES: u32 = 5;

pub(super) fn slow(path: &str) -> Answer {
    let page = match number(path, SLOW_PAGES) {
        Some(0) => list("The slow archive", SLOW_PAGES),
        Some(n) => {
            Html::new("en", &format!("Old volume {n}")).text("It was a long way to the shelf.").link("/", "Back")
        }
        None => return Answer::status(404, "Not in the archive").after_ms(THINK_MS),
    };
    page.answer().after_ms(THINK_MS)
}

pub(super) fn calm(path: &str) -> Answer {
    if path == "/robots.txt" {
        return Answer::typed("text/plain", "User-agent: *\nCrawl-delay: 0.2\n");
    }
    match number(path, CALM_PAGES) {
        Some(0) => list("A calm place", CALM_PAGES).answer(),
        Some(n) => Html::new("en", &format!("Calm page {n}")).text("Please do not hurry.").link("/", "Back").answer(),
        None => Answer::status(404, "Not found"),
    }
}

pub(super) fn old(path: &str, port: u16) -> Answer {
    match path {
        "/robots.txt" => Answer::status(404, "Not found"),
        _ => Answer::redirect(301, &format!("http://docs.localhost:{port}{path}")),
    }
}

/// `/` is 0, `/3` is 3.
fn number(path: &str, most: u32) -> Option<u32> {
    match path.trim_start_matches('/') {
        "" => Some(0),
        text => text.parse().ok().filter(|n| (1..=most).contains(n)),
    }
}

fn list(title: &str, pages: u32) -> Html {
    (1..=pages).fold(Html::new("en", title), |page, n| page.link(&format!("/{n}"), &format!("Number {n}")))
}
