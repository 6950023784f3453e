//! [`Site`]: a deterministic web on loopback, each host on a port of its own, and its log. The crawler
//! under test is judged by what this server saw, so every request is logged before it is answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::web::{self, Answer, Size, origin};

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// Since the site was opened; taken when the head was read, before anything is answered.
    pub(super) at: Duration,
    /// When the answer was about to be sent, or its connection was given up.
    pub(super) answered: Option<Duration>,
    pub(super) host: usize,
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
    SlowPages,
}

struct State {
    hold: Hold,
    /// The crawler is dead: nobody waits for an answer.
    hurry: bool,
    life: usize,
    /// Requests of this life that are still answered in the usual time.
    brisk: usize,
    log: Vec<Hit>,
    connections: usize,
}

/// How much longer the others take, so that no life does the work of all on a machine that is busy elsewhere.
const BRAKE: Duration = Duration::from_millis(300);

/// The server; it ends with the test process.
pub(super) struct Site {
    pub(super) size: Size,
    ports: Vec<u16>,
    hosts: HashMap<String, usize>,
    pub(super) pages: BTreeMap<String, Answer>,
    opened: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

impl Site {
    pub(super) fn open(size: Size) -> Arc<Site> {
        let hosts = 0..size.all_hosts();
        let listeners: Vec<TcpListener> =
            hosts.clone().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let state = State { hold: Hold::Nothing, hurry: false, life: 0, brisk: 0, log: Vec::new(), connections: 0 };
        let site = Arc::new(Site {
            size,
            pages: web::pages(&size, &ports),
            ports,
            hosts: hosts.map(|host| (size.name_of(host), host)).collect(),
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
        (0..self.size.seeds).map(|host| format!("{}/", origin(&self.size, host, &self.ports))).collect()
    }

    pub(super) fn hold(&self, hold: Hold) {
        self.lock().hold = hold;
        self.changed.notify_all();
    }

    /// Whether the life that began last has made such a request.
    pub(super) fn saw(&self, which: impl Fn(&Hit) -> bool) -> bool {
        let state = self.lock();
        state.log.iter().rev().take_while(|hit| hit.life == state.life).any(which)
    }

    /// Requests of the life that began last that have no answer yet.
    pub(super) fn in_flight(&self) -> usize {
        let state = self.lock();
        state.log.iter().rev().take_while(|hit| hit.life == state.life).filter(|hit| hit.answered.is_none()).count()
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> usize {
        self.lock().log.len()
    }

    /// Empties the log and returns it.
    pub(super) fn take_log(&self) -> Vec<Hit> {
        std::mem::take(&mut self.lock().log)
    }

    /// What the life that began last has asked for, as URLs, robots.txt left out.
    pub(super) fn requested(&self) -> BTreeSet<String> {
        let state = self.lock();
        let hits = state.log.iter().rev().take_while(|hit| hit.life == state.life);
        hits.filter(|hit| !hit.is_robots()).map(|hit| self.url_of(hit)).collect()
    }

    pub(super) fn url_of(&self, hit: &Hit) -> String {
        format!("{}{}", origin(&self.size, hit.host, &self.ports), hit.path)
    }

    /// Names the life that is about to begin; so many of its requests are answered in the usual time.
    pub(super) fn begin_life(&self, life: usize, brisk: usize) {
        let mut state = self.lock();
        state.life = life;
        state.brisk = brisk;
        state.hurry = false;
    }

    /// Waits until everything that a dead crawler had sent is in the log. Connections are accepted
    /// in order, so when one of our own has been answered, those before it are being served; they
    /// end by themselves, because their other end is gone.
    pub(super) fn settle_down(&self) {
        self.lock().hurry = true;
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
            let Some(host) = self.hosts.get(&host).copied() else { return Ok(()) };
            self.log_and_wait(Hit { at, answered: None, host, path: path.clone(), life: 0 });
            stream.write_all(&self.response(host, &path))?;
        }
    }

    /// Takes its time to answer, unless nobody waits for it any more.
    fn log_and_wait(&self, hit: Hit) {
        let is_robots = hit.is_robots();
        let is_slow_page = !is_robots && !self.size.crawl_delay(hit.host).is_zero();
        let mut until = Instant::now() + self.size.answer_time(hit.host, &hit.path);
        let mut state = self.lock();
        if state.brisk == 0 {
            until += BRAKE;
        }
        state.brisk = state.brisk.saturating_sub(1);
        let (life, nth) = (state.life, state.log.len());
        state.log.push(Hit { life, ..hit });
        self.changed.notify_all();
        let held = |state: &mut State| match state.hold {
            Hold::Nothing => false,
            Hold::Robots => is_robots,
            Hold::SlowPages => is_slow_page,
        };
        let mut state = self.changed.wait_while(state, held).unwrap();
        while let Some(left) =
            until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero() && !state.hurry)
        {
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        state.log[nth].answered = Some(self.opened.elapsed());
    }

    fn response(&self, host: usize, path: &str) -> Vec<u8> {
        if path == "/robots.txt" {
            let text = web::robots_txt(&self.size, host);
            return response("200 OK", "Content-Type: text/plain\r\n", text.as_bytes());
        }
        let url = format!("{}{path}", origin(&self.size, host, &self.ports));
        match self.pages.get(&url) {
            Some(Answer::Html(html)) => {
                response("200 OK", "Content-Type: text/html; charset=utf-8\r\n", html.as_bytes())
            }
            Some(Answer::Xml(xml)) => response("200 OK", "Content-Type: application/xml\r\n", xml.as_bytes()),
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
    let site = Site::open(super::SHORT);
    let size = site.size;
    site.begin_life(7, usize::MAX);
    let expected = web::expected(&site.pages);
    assert!(expected.len() > 500, "{}", expected.len());
    let mut asked = BTreeSet::new();
    for (url, (outcome, title)) in &expected {
        let Some(host) = (0..size.all_hosts()).find(|host| url.starts_with(&origin(&size, *host, &site.ports))) else {
            assert_eq!(*outcome, "scope", "{url}");
            continue;
        };
        let path = url.strip_prefix(&origin(&size, host, &site.ports)).unwrap();
        let answer = get(site.ports[host], &size.name_of(host), path);
        let status = match *outcome {
            "page" => "HTTP/1.1 200 ",
            "redirect" => "HTTP/1.1 301 ",
            _ => "HTTP/1.1 404 ",
        };
        assert!(answer.starts_with(status), "{url}: {answer}");
        let title = title.clone().unwrap_or_default();
        let title_shown = format!("<title>{}</title>", title.replace('&', "&amp;"));
        assert!(title.is_empty() || answer.contains(&title_shown), "{url}: {title}: {answer}");
        for link in answer.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let target = if link.starts_with('/') { origin(&size, host, &site.ports) + link } else { link.to_owned() };
            assert!(expected.contains_key(&target), "{url} names {target}");
        }
        asked.insert(url.clone());
    }
    let slow = size.hosts;
    assert!(get(site.ports[slow], &size.name_of(slow), "/robots.txt").contains("\nCrawl-delay: 0.5\n"));
    site.settle_down();
    assert_eq!(site.requested(), asked);
    let log = site.take_log();
    assert_eq!(log.iter().filter(|hit| hit.life == 7).count(), asked.len() + 1);
    assert!(log.is_sorted_by_key(|hit| hit.at));
    assert!(log.iter().all(|hit| hit.answered.is_some_and(|answered| answered >= hit.at)));
}
