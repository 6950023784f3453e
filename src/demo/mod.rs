//! A small web on loopback for `sqrawl demo`: works offline, the same at every run.
//!
//! - [`DemoWeb`] serves it until dropped: a TCP server of its own, one port, six hosts named
//!   `*.localhost`.
//! - [`answer`] is what it serves, a pure function from host and path to [`Answer`]: a shop with
//!   duplicates, redirects and dead links, documentation packed with gzip, a blog in five
//!   encodings with an endless calendar, a slow host, one that asks for a delay, one that moved.

mod blog;
mod docs;
mod html;
mod others;
mod server;
mod shop;

pub use html::Answer;
pub use server::DemoWeb;

/// The hosts, each a seed.
pub const HOSTS: [&str; 6] =
    ["shop.localhost", "docs.localhost", "blog.localhost", "slow.localhost", "calm.localhost", "old.localhost"];

/// What `host` serves at `target` (path and query) when the server listens on `port`. Links
/// between hosts carry the port.
pub fn answer(host: &str, target: &str, port: u16) -> Answer {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    match host {
        "shop.localhost" => shop::answer(path, query, port),
        "docs.localhost" => docs::answer(path),
        "blog.localhost" => blog::answer(path, port),
        "slow.localhost" => others::slow(path),
        "calm.localhost" => others::calm(path),
        "old.localhost" => others::old(path, port),
        _ => Answer::status(404, "no such host"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every URL that links lead to from the seeds, by a walk that reads `href` alone; the
    /// calendar ends after a year.
    fn walk() -> BTreeSet<(String, String)> {
        let mut open: Vec<(String, String)> = HOSTS.iter().map(|host| ((*host).to_owned(), "/".to_owned())).collect();
        let mut seen: BTreeSet<(String, String)> = open.iter().cloned().collect();
        while let Some((host, path)) = open.pop() {
            let answer = answer(&host, &path, 80);
            let text = answer.text();
            let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
            for link in links.chain(answer.header("location")) {
                let base = url::Url::parse(&format!("http://{host}{path}")).unwrap();
                let Ok(url) = base.join(link) else { continue };
                let to = (url.host_str().unwrap_or("").to_owned(), url[url::Position::BeforePath..].to_owned());
                let inside = HOSTS.contains(&to.0.as_str()) && !to.1.starts_with("/calendar/2027");
                if inside && seen.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        seen
    }

    #[test]
    fn it_is_large_enough_and_has_every_kind_of_answer() {
        let seen = walk();
        let pages = seen.iter().filter(|(host, path)| answer(host, path, 80).status == 200).count();
        assert!(pages >= 120, "{pages} pages");
        for status in [301, 302, 404, 410, 500] {
            let found = seen.iter().any(|(host, path)| answer(host, path, 80).status == status);
            assert!(found, "nothing answers {status}");
        }
    }

    #[test]
    fn posts_are_written_in_five_encodings() {
        let names: BTreeSet<&str> = (1..=12)
            .map(|n| answer("blog.localhost", &format!("/post/{n}"), 80))
            .map(|post| {
                let (text, _, broken) = post.encoding().decode(&post.body);
                assert!(!broken && text.contains("<h1>"), "{}", post.encoding().name());
                post.encoding().name()
            })
            .collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }
}
