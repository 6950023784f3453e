//! [`Site`]: a small deterministic web on loopback, and its log. The crawler under test is judged
//! by what this server saw, so every request is logged before it is answered.
//!
//! Three hosts, each on a port of its own: `a` and `b` with pages in a binary tree (a wide frontier
//! from the start) that link to each other, `c` small and slow (`Crawl-delay`). Beside pages:
//! redirects and chains of them, missing pages, a part that robots.txt forbids, pages with the same
//! bytes, files that are no HTML, nofollow links and links to a host that is out of scope.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Name, pages, and the delay that robots.txt asks for in ms. The delay of `c` is longer than a start of
/// the crawler takes, so that one that forgot it over a restart is caught.
const HOSTS: [(&str, usize, Option<u64>); 3] =
    [("a.localhost", 330, None), ("b.localhost", 330, None), ("c.localhost", 24, Some(200))];

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// Since the site was opened; taken when the head was read, before anything is answered.
    pub(super) at: Duration,
    pub(super) host: String,
    pub(super) path: String,
    /// Which life of the crawler it belongs to.
    pub(super) life: usize,
}

impl Hit {
    pub(super) fn is_robots(&self) -> bool {
        self.path == "/robots.txt"
    }
}

/// Requests that stay without an answer until released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Nothing,
    Robots,
    Pages,
}

struct State {
    hold: Hold,
    life: usize,
    log: Vec<Hit>,
    connections: usize,
}

/// The server; it ends with the test process.
pub(super) struct Site {
    ports: Vec<u16>,
    pages: BTreeMap<String, Answer>,
    opened: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Debug)]
enum Answer {
    Html(String),
    File(Vec<u8>),
    MovedTo(String),
    Missing,
    Forbidden,
}

impl Site {
    pub(super) fn open() -> Arc<Site> {
        let listeners: Vec<TcpListener> =
            HOSTS.iter().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let state = State { hold: Hold::Nothing, life: 0, log: Vec::new(), connections: 0 };
        let site = Arc::new(Site {
            pages: pages(&ports),
            ports,
            opened: Instant::now(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        for listener in listeners {
            let site = Arc::clone(&site);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    site.lock().connections += 1;
                    let site = Arc::clone(&site);
                    thread::spawn(move || {
                        // A connection that breaks is the crawler's death, not ours.
                        let _ = site.serve(stream);
                        site.lock().connections -= 1;
                        site.changed.notify_all();
                    });
                }
            });
        }
        site
    }

    pub(super) fn seeds(&self) -> Vec<String> {
        (0..HOSTS.len()).map(|host| format!("{}/", origin(host, &self.ports))).collect()
    }

    /// What a crawl has to make of every URL: the outcome of its visit, or the rule that keeps it
    /// out, with the title of a page.
    pub(super) fn expected(&self) -> BTreeMap<String, (String, String)> {
        let mut expected = BTreeMap::new();
        for (url, answer) in &self.pages {
            let outcome = match answer {
                Answer::Html(_) | Answer::File(_) => "page",
                Answer::MovedTo(_) => "redirect",
                Answer::Missing => "gone",
                Answer::Forbidden if url.contains("/private/") => "robots",
                Answer::Forbidden if url.contains("/quiet/") => "nofollow",
                Answer::Forbidden => "scope",
            };
            let title = match answer {
                Answer::Html(html) => html.split(['>', '<']).nth(4).unwrap_or_default().replace("&amp;", "&"),
                _ => String::new(),
            };
            expected.insert(url.clone(), (outcome.to_owned(), title));
        }
        expected
    }

    /// The delay that the host asks for in its robots.txt.
    pub(super) fn crawl_delay(host: &str) -> Duration {
        let asked = HOSTS.iter().find(|(name, ..)| *name == host).and_then(|(_, _, delay)| *delay);
        Duration::from_millis(asked.unwrap_or(0))
    }

    pub(super) fn hold(&self, hold: Hold) {
        self.lock().hold = hold;
        self.changed.notify_all();
    }

    /// Hits of one life of the crawler.
    pub(super) fn hits_of(&self, life: usize) -> Vec<Hit> {
        self.lock().log.iter().filter(|hit| hit.life == life).cloned().collect()
    }

    /// Empties the log and returns it.
    pub(super) fn take_log(&self) -> Vec<Hit> {
        std::mem::take(&mut self.lock().log)
    }

    /// Requests so far as URLs, robots.txt left out.
    pub(super) fn requested(&self) -> BTreeSet<String> {
        self.lock().log.iter().filter(|hit| !hit.is_robots()).map(|hit| self.url_of(hit)).collect()
    }

    pub(super) fn url_of(&self, hit: &Hit) -> String {
        let host = HOSTS.iter().position(|(name, ..)| *name == hit.host).expect("a host of this site");
        format!("{}{}", origin(host, &self.ports), hit.path)
    }

    /// Names the life that is about to begin.
    pub(super) fn begin_life(&self, life: usize) {
        self.lock().life = life;
    }

    /// Waits until everything that a dead crawler had sent is in the log. Connections are accepted
    /// in order, so when one of our own has been answered, those before it are being served; they
    /// end by themselves, because their other end is gone.
    pub(super) fn settle_down(&self) {
        self.hold(Hold::Nothing);
        for port in &self.ports {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).unwrap();
            stream.write_all(b"GET /knock HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        }
        let patience = Duration::from_secs(60);
        let state = self.lock();
        let (state, _) = self.changed.wait_timeout_while(state, patience, |state| state.connections > 0).unwrap();
        assert_eq!(state.connections, 0, "connections of a dead process stay open");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if line.trim_end().is_empty() {
                    break;
                }
                head.push(line.trim_end().to_owned());
            }
            let at = self.opened.elapsed();
            let path = head[0].split(' ').nth(1).unwrap_or("/").to_owned();
            let host = head[1..].iter().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("host").then(|| value.trim().split(':').next().unwrap().to_owned())
            });
            let Some(host) = host else { return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") };
            self.log_and_wait(Hit { at, host: host.clone(), path: path.clone(), life: 0 });
            stream.write_all(&self.response(&host, &path))?;
        }
    }

    fn log_and_wait(&self, hit: Hit) {
        let is_robots = hit.is_robots();
        let mut state = self.lock();
        let life = state.life;
        state.log.push(Hit { life, ..hit });
        self.changed.notify_all();
        let held = |state: &mut State| match state.hold {
            Hold::Nothing => false,
            Hold::Robots => is_robots,
            Hold::Pages => !is_robots,
        };
        drop(self.changed.wait_while(state, held).unwrap());
    }

    fn response(&self, host: &str, path: &str) -> Vec<u8> {
        let Some(index) = HOSTS.iter().position(|(name, ..)| *name == host) else {
            return response("404 Not Found", "Content-Type: text/plain\r\n", b"no such host");
        };
        if path == "/robots.txt" {
            let delay = HOSTS[index].2.map_or(String::new(), |ms| format!("Crawl-delay: {}\n", ms as f64 / 1000.0));
            let text = format!("User-agent: *\n{delay}Disallow: /private/\n");
            return response("200 OK", "Content-Type: text/plain\r\n", text.as_bytes());
        }
        let url = format!("{}{path}", origin(index, &self.ports));
        match self.pages.get(&url) {
            Some(Answer::Html(html)) => {
                response("200 OK", "Content-Type: text/html; charset=utf-8\r\n", html.as_bytes())
            }
            Some(Answer::File(bytes)) => response("200 OK", "Content-Type: application/octet-stream\r\n", bytes),
            Some(Answer::MovedTo(target)) => {
                response("301 Moved Permanently", &format!("Location: {target}\r\n"), b"moved")
            }
            Some(Answer::Missing | Answer::Forbidden) | None => {
                response("404 Not Found", "Content-Type: text/html\r\n", b"<title>Not here</title>")
            }
        }
    }
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn origin(host: usize, ports: &[u16]) -> String {
    format!("http://{}:{}", HOSTS[host].0, ports[host])
}

fn page_path(page: usize) -> String {
    if page == 0 { "/".to_owned() } else { format!("/p/{page}") }
}

/// Every URL that the site's pages name, with its answer.
fn pages(ports: &[u16]) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for (host, (name, count, _)) in HOSTS.iter().enumerate() {
        let here = origin(host, ports);
        for page in 0..*count {
            let mut links: Vec<String> = (2 * page + 1..=2 * page + 2).filter(|p| p < count).map(page_path).collect();
            links.push(page_path(page / 3));
            let mut extra = |path: String, answer: Answer| {
                answers.insert(format!("{here}{path}"), answer);
                links.push(path);
            };
            if page.is_multiple_of(10) {
                extra(format!("/old/{page}"), Answer::MovedTo(page_path((page + 1) % count)));
            }
            if page % 15 == 1 {
                extra(format!("/missing/{page}"), Answer::Missing);
            }
            if page % 12 == 2 {
                extra(format!("/private/{page}"), Answer::Forbidden);
            }
            if page % 30 == 3 {
                extra(format!("/quiet/{page}"), Answer::Forbidden);
            }
            if page % 9 == 4 {
                let html = "<html><title>The same everywhere</title><a href=\"/\">home</a></html>";
                extra(format!("/copy/{page}"), Answer::Html(html.to_owned()));
            }
            if page % 20 == 5 {
                extra(format!("/file/{page}.bin"), Answer::File(noise(page, 3000)));
            }
            if page == 6 {
                for hop in 1..=3 {
                    extra(format!("/hop/{hop}"), Answer::MovedTo(format!("/hop/{}", hop + 1)));
                }
                extra("/hop/4".to_owned(), Answer::MovedTo("/".to_owned()));
            }
            if page % 25 == 7 {
                let url = format!("http://elsewhere.test/{page}");
                answers.insert(url.clone(), Answer::Forbidden);
                links.push(url);
            }
            if page.is_multiple_of(3) {
                let other = (host + 1) % HOSTS.len();
                links.push(format!("{}{}", origin(other, ports), page_path(page % HOSTS[other].1)));
            }
            answers.insert(format!("{here}{}", page_path(page)), Answer::Html(html(name, page, &links)));
        }
    }
    answers
}

fn html(host: &str, page: usize, links: &[String]) -> String {
    let mut html = format!("<html><title>Page {page} of {host} &amp; Grüße</title><h1>Page {page}</h1>\n");
    for (i, link) in links.iter().enumerate() {
        let rel = if link.starts_with("/quiet/") { " rel=\"nofollow\"" } else { "" };
        html.push_str(&format!("<p><a{rel} href=\"{link}\">link {i} of {page}</a>\n"));
    }
    // Every 40th page is large, so that commits differ in size.
    let words = if page.is_multiple_of(40) { 8000 } else { 100 + page % 200 };
    for (i, byte) in noise(page + host.len(), words).into_iter().enumerate() {
        html.push_str(&format!("w{byte}{}", if i % 12 == 11 { ".\n<p>" } else { " " }));
    }
    html + "</html>\n"
}

/// `count` bytes that depend on `seed` alone.
fn noise(seed: usize, count: usize) -> Vec<u8> {
    let mut rng = super::Rng(seed as u64);
    (0..count).map(|_| rng.below(256) as u8).collect()
}

/// One request, the way the crawler under test would make it.
fn get(port: u16, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_site_answers_and_logs_what_it_announces() {
    let site = Site::open();
    site.begin_life(7);
    let expected = site.expected();
    assert!(expected.len() > 800, "{}", expected.len());
    let mut asked = BTreeSet::new();
    for (url, (outcome, title)) in &expected {
        let Some(host) = HOSTS.iter().position(|(name, ..)| url.starts_with(&format!("http://{name}:"))) else {
            assert_eq!(outcome, "scope", "{url}");
            continue;
        };
        let path = url.strip_prefix(&origin(host, &site.ports)).unwrap();
        let answer = get(site.ports[host], HOSTS[host].0, path);
        let status = match outcome.as_str() {
            "page" => "HTTP/1.1 200 ",
            "redirect" => "HTTP/1.1 301 ",
            _ => "HTTP/1.1 404 ",
        };
        assert!(answer.starts_with(status), "{url}: {answer}");
        let title_shown = format!("<title>{}</title>", title.replace('&', "&amp;"));
        assert!(title.is_empty() || answer.contains(&title_shown), "{url}: {title}: {answer}");
        for link in answer.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let target = if link.starts_with('/') { origin(host, &site.ports) + link } else { link.to_owned() };
            assert!(expected.contains_key(&target), "{url} names {target}");
        }
        asked.insert(url.clone());
    }
    assert!(get(site.ports[2], "c.localhost", "/robots.txt").contains("\nCrawl-delay: 0.2\n"));
    site.settle_down();
    assert_eq!(site.requested(), asked);
    assert_eq!(site.hits_of(7).len(), asked.len() + 1);
    assert!(site.take_log().is_sorted_by_key(|hit| hit.at));
}
