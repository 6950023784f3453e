//! Credentials, cookies, proxies and certificates by the real binary. Nothing secret may be found
//! in any file it leaves or any word it says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::{Ran, run, sqrawl};
use crate::hostile::secure::{CA, SecureServer};

/// What no file and no output may hold.
const SECRETS: [&str; 5] = ["s3cret", "bWU6czNjcmV0", "p%40ss", "p@ss", "bWU6cEBzcw"];

const LOGIN: [&str; 6] = ["--basic-auth", "me:s3cret", "-H", "X-Api-Key: s3cret-key", "-H", "Accept-Language: de"];

/// A site that lets in who has a password and a key, sets cookies, and counts who connects.
struct Site {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    hang: Arc<AtomicBool>,
}

impl Site {
    /// `other`: a port it links and redirects to.
    fn open(other: u16) -> Site {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let site = Site { port: listener.local_addr().unwrap().port(), heads: Arc::default(), hang: Arc::default() };
        let (heads, hang) = (Arc::clone(&site.heads), Arc::clone(&site.hang));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (heads, hang) = (Arc::clone(&heads), Arc::clone(&hang));
                thread::spawn(move || serve(&stream.unwrap(), other, &heads, &hang));
            }
        });
        site
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, other: u16, heads: &Mutex<Vec<String>>, hang: &AtomicBool) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head = lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    let target = head.split(' ').nth(1)?.to_owned();
    heads.lock().unwrap().push(head.clone());
    let path = target.strip_prefix("http://open.test").unwrap_or(&target);
    let is_open = path != target;
    let let_in = head.contains("authorization: Basic bWU6czNjcmV0") && head.contains("x-api-key: s3cret-key");
    let seen = head.contains("seen=s3cret");
    let (status, more, body) = match path {
        "/robots.txt" => {
            ("200 OK", "Set-Cookie: seen=s3cret; Max-Age=600".to_owned(), "User-agent: *\nAllow: /".to_owned())
        }
        _ if !let_in && !is_open => ("401 Unauthorized", String::new(), String::new()),
        "/slow" if hang.load(Ordering::SeqCst) => loop {
            thread::park();
        },
        "/" => (
            "200 OK",
            String::new(),
            format!(
                "<a href=itself>1</a><a href=away>2</a><a href=slow>3</a><a href='http://other.localhost:{other}/x'>4</a>"
            ),
        ),
        "/itself" if !head.contains("again=1") => {
            ("302 Found", "Location: itself\nSet-Cookie: again=1".to_owned(), String::new())
        }
        "/away" => ("302 Found", format!("Location: http://other.localhost:{other}/"), String::new()),
        _ => ("200 OK", String::new(), format!("{path} seen: {seen}")),
    };
    let more = more.lines().map(|line| format!("{line}\r\n")).collect::<String>();
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\nContent-Type: text/html\r\n{more}\r\n{body}").ok()
}

/// A folder, and a run of the binary that leaves no secret anywhere in it and says none.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(TempDir::new().unwrap())
    }

    fn run(&self, args: &[&str]) -> Ran {
        let ran = run(sqrawl(self.0.path()).args(args).arg("--no-progress"));
        self.assert_no_secret(&format!("{args:?}"));
        for secret in SECRETS {
            assert!(
                !ran.out.contains(secret) && !ran.err.contains(secret),
                "{args:?} says {secret}: {} {}",
                ran.out,
                ran.err
            );
        }
        ran
    }

    fn assert_no_secret(&self, when: &str) {
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "txt") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            for secret in SECRETS {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{when}: {secret} is in {}", path.display());
            }
        }
    }

    fn rows(&self, sql: &str) -> String {
        self.run(&["query", "-f", "csv", sql]).out.lines().skip(1).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn secrets_open_the_seeds_origin_and_are_found_nowhere() {
    let other = Site::open(0);
    let site = Site::open(other.port);
    let desk = Desk::new();
    let seed = site.url();
    let args = [&["crawl", &seed, "--scope", "any", "--max-pages", "1", "-vvv"], &LOGIN[..]].concat();
    let ran = desk.run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("x-api-key, basic authentication to the seeds' origins only; not stored"), "{}", ran.err);
    assert!(site.heads()[0].contains("GET /robots.txt ") && site.heads()[0].contains("authorization: Basic"));

    let ran = desk.run(&["resume", "--max-pages", "none"]);
    let words = "error: this crawl was started with secrets, which are not stored: give them again \
        (--header 'x-api-key: …' --basic-auth …), or go on without (--header 'x-api-key:' --basic-auth none)\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), words));
    let ran = desk.run(&["config", "show", "--json"]);
    assert!(ran.out.contains("accept-language") && ran.out.contains("x-api-key"), "{}", ran.out);
    let ran = desk.run(&[&["config", "show"], &LOGIN[..]].concat());
    assert!(ran.out.contains("x-api-key: …"), "{}", ran.out);
    desk.run(&[&["crawl", &seed, "--dry-run", "--json"], &LOGIN[..]].concat());

    let ran = desk.run(&[&["resume", "--max-pages", "none"], &LOGIN[..4]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let outcomes = desk.rows("SELECT u.url, f.outcome FROM fetches f JOIN urls u ON u.id = f.url_id ORDER BY f.id");
    let outcomes = outcomes.replace(&seed, "/").replace(&format!("http://other.localhost:{}", other.port), "other");
    for expected in ["/,page", "/itself,redirect", "/itself,page", "/away,redirect", "/slow,page"] {
        assert!(outcomes.split(' ').any(|row| row == expected), "{expected}: {outcomes}");
    }
    assert!(other.heads().is_empty(), "no seed allowed it: {outcomes}");
    let headers = desk.rows("SELECT count(*) FROM fetches WHERE headers LIKE '%set-cookie%again=…%'");
    assert_eq!(headers, "1", "values of cookies are not stored");
}

#[test]
fn a_seed_with_a_password_is_refused() {
    let desk = Desk::new();
    fs::write(desk.0.path().join("seeds.txt"), "example.org\nme:p%40ss@example.net/a@b\n").unwrap();
    for args in [&["crawl", "https://me:s3cret@example.org/"][..], &["crawl", "-i", "seeds.txt"]] {
        let ran = desk.run(args);
        let words = "names credentials: give them with --basic-auth, which is not stored";
        assert!(ran.code == Some(2) && ran.err.contains(words), "{}", ran.err);
    }
    // With a slash in its password it is no URL, which is said without it.
    for (seed, shown) in [
        ("https://me:s3c/ret@example.org/a", "\"…@example.org/a\" is no seed"),
        ("me:s3c/r@et@[::1", "\"…@[::1\" is no seed"),
        ("https://me:s3c#ret@example.org/", "\"…@example.org/\" is no seed"),
    ] {
        let ran = desk.run(&["crawl", seed]);
        assert!(ran.code == Some(2) && ran.err.contains(shown) && !ran.err.contains("s3c"), "{}", ran.err);
        let ran = desk.run(&["show", seed]);
        assert!(ran.code == Some(2) && !ran.err.contains("s3c"), "{}", ran.err);
    }
    assert!(!desk.0.path().join("crawl.db").exists());
}

#[test]
fn another_origin_of_the_crawl_hears_no_secret() {
    let other = Site::open(0);
    let site = Site::open(other.port);
    let desk = Desk::new();
    let seed = site.url();
    let args = [&["crawl", &seed, "--scope", "any", "--allow-net", "127.0.0.0/8"], &LOGIN[..]].concat();
    assert_eq!(desk.run(&args).code, Some(0));
    let heads = other.heads();
    assert!(heads.len() >= 3, "{heads:?}");
    for head in heads {
        assert!(!head.contains("authorization") && !head.contains("x-api-key") && !head.contains("again"), "{head}");
        assert!(head.contains("accept-language: de"), "{head}");
        assert!(head.contains("/robots.txt") || head.contains(&format!("referer: {seed}")), "{head}");
    }
}

#[test]
fn a_killed_crawl_leaves_no_secret_in_its_log() {
    let site = Site::open(0);
    site.hang.store(true, Ordering::SeqCst);
    let desk = Desk::new();
    let mut child = sqrawl(desk.0.path()).args([&["crawl", &site.url(), "-q"], &LOGIN[..]].concat()).spawn().unwrap();
    while !site.heads().iter().any(|head| head.starts_with("GET /slow ")) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        thread::yield_now();
    }
    // What was visited before is committed by now or will not be; either way it may hold no secret.
    while !desk.0.path().join("crawl.db-wal").exists() {
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(desk.0.path().join("crawl.db-wal").exists());
    desk.assert_no_secret("killed");
    site.hang.store(false, Ordering::SeqCst);
    let ran = desk.run(&["resume", "--basic-auth", "none", "-H", "X-Api-Key:"]);
    assert!(ran.code == Some(0) && ran.err.contains("changed  header"), "{}", ran.err);
}

#[test]
fn a_cookie_file_is_read_made_and_written_back() {
    let site = Site::open(0);
    let desk = Desk::new();
    let file = desk.0.path().join("cookies.txt");
    let seed = site.url();
    let ran = desk.run(&[&["crawl", &seed, "--cookie-jar", "cookies.txt"], &LOGIN[..]].concat());
    assert!(
        ran.err.contains("  cookies  0 cookies read from cookies.txt, which is written back at the end"),
        "{}",
        ran.err
    );
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\tseen\ts3cret\n") && text.contains("\tagain\t1\n"), "{text}");
    let before = site.heads().len();
    let ran = desk.run(&[&["crawl", "--recrawl"], &LOGIN[..]].concat());
    assert!(ran.err.contains("  cookies  2 cookies read from"), "{}", ran.err);
    assert!(site.heads()[before..].iter().all(|head| head.contains("cookie: seen=s3cret")), "{:?}", site.heads());

    fs::remove_file(&file).unwrap();
    let ran = desk.run(&[&["crawl", "--recrawl"], &LOGIN[..]].concat());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("cookies.txt of this crawl is gone") && ran.err.contains("--cookie-jar none"),
        "{}",
        ran.err
    );
    fs::write(&file, "{\"s3cret\": 1}\n").unwrap();
    let ran = desk.run(&[&["crawl", "--recrawl"], &LOGIN[..]].concat());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.starts_with("error: cookies.txt, line 1: 1 fields; a cookie is a line of seven fields"),
        "{}",
        ran.err
    );
    let ran = desk.run(&["crawl", "x.test", "--db", "y.db", "--cookie-jar", "no/such/folder.txt"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(!desk.0.path().join("y.db").exists());
}

#[test]
fn a_proxy_is_named_without_its_password_and_the_environments_is_not_obeyed() {
    let site = Site::open(0);
    let desk = Desk::new();
    let proxy = format!("http://me:p%40ss@127.0.0.1:{}", site.port);
    let ran = desk.run(&["crawl", "http://open.test/", "--proxy", &proxy, "--delay", "none"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let named = format!("  proxy    http://127.0.0.1:{} connects, and decides by itself which addresses", site.port);
    assert!(ran.err.contains(&named), "{}", ran.err);
    assert!(site.heads()[0].starts_with("GET http://open.test/robots.txt "), "{:?}", site.heads());
    assert!(site.heads().iter().all(|head| head.contains("proxy-authorization: Basic bWU6cEBzcw==")));
    assert_eq!(desk.rows("SELECT DISTINCT address IS NULL FROM fetches"), "1");
    let ran = desk.run(&["crawl", "--recrawl"]);
    let words = format!("--proxy http://…@127.0.0.1:{0}), or go on without (--proxy http://127.0.0.1:{0})", site.port);
    assert!(ran.code == Some(2) && ran.err.contains(&words), "{}", ran.err);

    let before = site.heads().len();
    let plain = format!("http://127.0.0.1:{}", site.port);
    let mut command = sqrawl(desk.0.path());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, &plain);
    }
    let ran = run(command.args(["crawl", "http://no.such.name.invalid/", "--db", "z.db", "--retries", "0"]));
    assert_eq!((ran.code, site.heads().len()), (Some(5), before), "{}", ran.err);
}

#[test]
fn certificate_authorities_of_ones_own() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(SecureServer::start());
    let desk = Desk::new();
    let path = |name: &str| desk.0.path().join(name).display().to_string();
    fs::write(path("ca.pem"), CA).unwrap();
    fs::write(path("none.pem"), "no certificate\n").unwrap();
    fs::write(path("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let seed = server.url("/");
    let crawl = |db: &str, more: &[&str], environment: &[(&str, &str)]| {
        let args = [&["crawl", &seed, "--max-pages", "1", "--retries", "0", "--db", db], more].concat();
        run(sqrawl(Path::new(desk.0.path())).envs(environment.iter().copied()).args(args))
    };
    assert_eq!(crawl("a.db", &["--ca-file", "ca.pem"], &[]).code, Some(0));
    let file = path("ca.pem");
    assert_eq!(crawl("b.db", &[], &[("SSL_CERT_FILE", &file)]).code, Some(0));
    // Beside the system's, and where the system has none.
    assert_eq!(crawl("c.db", &["--ca-file", "ca.pem"], &[("SSL_CERT_FILE", "/nowhere.pem")]).code, Some(0));
    for (file, words) in [
        ("missing.pem", "--ca-file missing.pem cannot be read: No such file"),
        ("none.pem", "--ca-file none.pem holds no certificate"),
        ("broken.pem", "--ca-file broken.pem is broken"),
    ] {
        let ran = crawl("d.db", &["--ca-file", file], &[]);
        assert!(ran.code == Some(2) && ran.err.contains(words), "{file}: {:?} {}", ran.code, ran.err);
        assert!(!desk.0.path().join("d.db").exists());
    }
}
