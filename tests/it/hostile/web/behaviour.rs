//! [`Behaviour`]: one way to be hostile, on a host of its own, and what a crawl must make of it.
//!
//! Every host has honest pages too: `/`, which names `/x` and `/after`, and `/after`, which names
//! `/end`. The hostile answer is that of `/x`, unless a behaviour says otherwise; the honest pages must
//! come out whole beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::server::{Reply, message};

/// Where a shelf stands: ports are known only when its server runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    /// The port of every behaviour's host.
    pub(super) port: u16,
    /// A port of 127.0.0.1 that nobody may connect.
    pub(super) forbidden: u16,
}

/// A request as the server sees it.
pub(super) struct Asked<'a> {
    /// Path and query.
    pub(super) path: &'a str,
    /// How often this path was asked for before.
    pub(super) before: usize,
    /// The request head.
    pub(super) head: &'a str,
}

type Answer = Arc<dyn Fn(&Asked<'_>) -> Option<Reply> + Send + Sync>;

/// One behaviour.
#[derive(Clone)]
pub(super) struct Behaviour {
    /// Also the first label of its host name.
    pub(super) name: &'static str,
    /// What the server does, in words.
    pub(super) server: &'static str,
    /// What the crawl does, in words.
    pub(super) crawl: &'static str,
    pub(super) at: At,
    answers: Vec<Answer>,
    home_links: Vec<String>,
    /// Seeds beside the home page, with what `{host}` stands for.
    pub(super) seeds: Vec<String>,
    /// Flags of its own crawl, when it is alone.
    pub(super) flags: Vec<&'static str>,
    /// How each URL ends: outcome and status, or `excluded RULE`, or the state of one that waits.
    pub(super) ends: BTreeMap<String, String>,
    /// URL, column of [`facts`](super::facts) and its value; of `error` a part of it.
    pub(super) facts: Vec<(String, &'static str, String)>,
    /// Queries about its host (`?1`), with the only value of their answer.
    pub(super) says: Vec<(&'static str, String)>,
    /// How often a path must be asked for, when it is alone.
    pub(super) requests: Vec<(&'static str, usize)>,
    /// Whether it may name URLs that `ends` does not list.
    pub(super) open_ended: bool,
    /// Whether it ends by timeouts, so that they are worth shortening.
    pub(super) slow: bool,
    /// Whether it must come out as it does only when it has the crawl for itself.
    pub(super) lone: bool,
    /// Whether it is left out when all are crawled together: without a limit of pages it has no end.
    pub(super) apart: bool,
    /// The exit code of its own crawl.
    pub(super) exit: i32,
}

impl Behaviour {
    pub(super) fn new(at: &At, name: &'static str, server: &'static str, crawl: &'static str) -> Self {
        let behaviour = Behaviour {
            name,
            server,
            crawl,
            at: *at,
            answers: Vec::new(),
            home_links: vec!["/x".to_owned()],
            seeds: Vec::new(),
            flags: Vec::new(),
            ends: BTreeMap::new(),
            facts: Vec::new(),
            says: Vec::new(),
            requests: Vec::new(),
            open_ended: false,
            slow: false,
            lone: false,
            apart: false,
            exit: 0,
        };
        behaviour
            .ends("/", "page 200")
            .ends("/after", "page 200")
            .ends("/end", "page 200")
            .fact("/after", "title", "After")
            .fact("/end", "title", "The end")
    }

    pub(super) fn host(&self) -> String {
        format!("{}.localhost", self.name)
    }

    /// A path of its host, or a URL, as the database spells it.
    pub(super) fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("http://{}:{}{path}", self.host(), self.at.port) } else { path.to_owned() }
    }

    /// What it answers to a path.
    pub(super) fn answers(self, path: &str, reply: Reply) -> Self {
        let path = path.to_owned();
        self.plays(move |asked| (asked.path == path).then(|| reply.clone()))
    }

    /// A page at a path, with this HTML.
    pub(super) fn page(self, path: &str, html: impl AsRef<[u8]>) -> Self {
        self.answers(path, page(html))
    }

    /// What it answers, by request; `None` leaves it to the honest pages.
    pub(super) fn plays(mut self, answer: impl Fn(&Asked<'_>) -> Option<Reply> + Send + Sync + 'static) -> Self {
        self.answers.push(Arc::new(answer));
        self
    }

    /// What `/x` answers, and how it ends.
    pub(super) fn x(self, reply: Reply, ends: &str) -> Self {
        self.answers("/x", reply).ends("/x", ends)
    }

    /// What the home page names before `/after`, instead of `/x`.
    pub(super) fn home_links(mut self, links: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.home_links = links.into_iter().map(Into::into).collect();
        self
    }

    /// How a URL must end.
    pub(super) fn ends(mut self, path: &str, ends: &str) -> Self {
        self.ends.insert(self.url(path), ends.to_owned());
        self
    }

    /// How every URL of the host must end that its own robots.txt or the host's silence decides on.
    pub(super) fn home_ends(mut self, ends: &str) -> Self {
        self.ends.clear();
        self.facts.clear();
        self.ends("/", ends)
    }

    pub(super) fn fact(mut self, path: &str, column: &'static str, value: &str) -> Self {
        self.facts.push((self.url(path), column, value.to_owned()));
        self
    }

    pub(super) fn title(self, title: &str) -> Self {
        self.fact("/x", "title", title)
    }

    pub(super) fn error(self, words: &str) -> Self {
        self.fact("/x", "error", words)
    }

    /// What a query about its host (`?1`) answers.
    pub(super) fn says(mut self, sql: &'static str, value: &str) -> Self {
        self.says.push((sql, value.to_owned()));
        self
    }

    /// How often a path must be asked for, when it is alone.
    pub(super) fn asked(mut self, path: &'static str, times: usize) -> Self {
        self.requests.push((path, times));
        self
    }

    pub(super) fn seed(mut self, seed: String) -> Self {
        self.seeds.push(seed);
        self
    }

    pub(super) fn flags(mut self, flags: &[&'static str]) -> Self {
        self.flags.extend(flags);
        self
    }

    pub(super) fn open_ended(self) -> Self {
        Behaviour { open_ended: true, ..self }
    }

    pub(super) fn slow(self) -> Self {
        Behaviour { slow: true, ..self }
    }

    pub(super) fn lone(self) -> Self {
        Behaviour { lone: true, ..self }
    }

    pub(super) fn apart(self) -> Self {
        Behaviour { apart: true, lone: true, ..self }
    }

    pub(super) fn exit(self, exit: i32) -> Self {
        Behaviour { exit, ..self }
    }

    /// Whether something is to wait when the crawl is over.
    pub(super) fn waits(&self) -> bool {
        self.ends.values().any(|ends| matches!(ends.as_str(), "queued" | "scheduled"))
    }

    /// What its host says to a request.
    pub(super) fn reply(&self, asked: &Asked<'_>) -> Reply {
        self.answers.iter().find_map(|answer| answer(asked)).unwrap_or_else(|| match asked.path {
            "/" => {
                let links = self.home_links.iter().map(|link| format!("<a href=\"{link}\">.</a>\n"));
                page(format!("<title>Home</title>{}<a href=/after>.</a>", links.collect::<String>()))
            }
            "/after" => page("<title>After</title><a href=/end>the end</a>"),
            "/end" => page("<title>The end</title>"),
            _ => ok("404 Not Found", "text/html", "<title>Not here</title>"),
        })
    }
}

/// A whole and honest HTML page.
pub(super) fn page(html: impl AsRef<[u8]>) -> Reply {
    ok("200 OK", "text/html; charset=utf-8", html)
}

/// A response with its length, on a connection that stays.
pub(super) fn ok(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Reply {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 {status}\nContent-Type: {content_type}\nContent-Length: {length}");
    Reply::Kept(message(&head, body))
}

/// A head whose lines end with LF, and a body; then the connection is closed, as the head says: a
/// connection that goes away unsaid is a behaviour of its own.
pub(super) fn raw(head: &str, body: impl AsRef<[u8]>) -> Reply {
    Reply::http(&format!("{head}\nConnection: close"), body)
}
