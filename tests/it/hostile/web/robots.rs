//! robots.txt. Of a host whose file cannot be had nothing is asked, and the home page ends as the file did.

use std::time::Duration;

use super::super::server::{Reply, message};
use super::behaviour::{At, Behaviour, ok, raw};

fn file(text: impl AsRef<[u8]>) -> Reply {
    ok("200 OK", "text/plain", text)
}

fn to(location: &str) -> Reply {
    raw(&format!("HTTP/1.1 302 Found\nLocation: {location}\nContent-Length: 0"), "")
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [unreachable(at), absent(at), redirected(at), rules(at), delays(at)].concat()
}

fn unreachable(at: &At) -> Vec<Behaviour> {
    let new = |name, server, reply, ends| {
        Behaviour::new(at, name, server, "asks for nothing else of the host")
            .answers("/robots.txt", reply)
            .home_ends(ends)
            .fact("/", "error", "robots.txt could not be had")
            .says("SELECT verdict FROM robots r JOIN hosts h ON h.id = r.host_id WHERE h.name = ?1", "disallow_all")
            .exit(5)
    };
    let drip =
        Reply::Drip { head: message("HTTP/1.1 200 OK", ""), piece: b"#".to_vec(), pause: Duration::from_millis(50) };
    vec![
        new("robots-500", "has a broken robots.txt (500)", ok("500 Oops", "text/plain", ""), "http_error 500"),
        new(
            "robots-503",
            "is down for robots.txt (503)",
            ok("503 Down", "text/plain", "User-agent: *\nAllow: /"),
            "http_error 503",
        ),
        new(
            "robots-429",
            "answers 429 for robots.txt, and wants to be asked again in a year",
            raw("HTTP/1.1 429 Slow\nRetry-After: 31536000\nContent-Length: 0", ""),
            "rate_limited 429",
        ),
        new("robots-resets", "resets the connection for robots.txt", Reply::Reset, "connect"),
        new(
            "robots-noise",
            "answers robots.txt with noise instead of HTTP",
            Reply::Bytes((0..=255).collect()),
            "protocol",
        ),
        new(
            "robots-half",
            "breaks off within robots.txt",
            raw("HTTP/1.1 200 OK\nContent-Length: 500", "User-agent: *\nAllow: /"),
            "protocol 200",
        ),
        new("robots-stalls", "says nothing for robots.txt", Reply::Silence(Vec::new()), "timeout").slow(),
        new("robots-drips", "sends a byte of robots.txt now and then", drip, "timeout 200").slow(),
        new(
            "robots-bad-gzip",
            "packs robots.txt wrongly",
            raw("HTTP/1.1 200 OK\nContent-Encoding: gzip", b"\x1f\x8b\x08\0broken"),
            "protocol 200",
        ),
        new(
            "robots-to-private",
            "redirects robots.txt to this machine",
            to(&format!("http://127.0.0.1:{}/robots.txt", at.forbidden)),
            "blocked_address",
        ),
    ]
}

fn absent(at: &At) -> Vec<Behaviour> {
    let new = |name, server, reply| {
        Behaviour::new(at, name, server, "there is none: crawls everything")
            .answers("/robots.txt", reply)
            .page("/x", "<title>X</title>")
            .ends("/x", "page 200")
    };
    vec![
        new(
            "robots-401",
            "wants a password for robots.txt (401)",
            ok("401 Who", "text/plain", "User-agent: *\nDisallow: /"),
        ),
        new("robots-403", "forbids robots.txt (403)", ok("403 No", "text/plain", "User-agent: *\nDisallow: /")),
        new("robots-empty", "has an empty robots.txt", file("")),
        new(
            "robots-html",
            "answers an error page with 200",
            ok("200 OK", "text/html", "<!doctype html><html><body><p>User-agent: *<br>Disallow: /</body>"),
        ),
        new("robots-binary", "answers noise with 200", file((0..=255).cycle().take(10_000).collect::<Vec<u8>>())),
        new("robots-loop", "redirects robots.txt to itself", to("/robots.txt")),
        new("robots-to-file", "redirects robots.txt to a file", to("file:///etc/robots.txt")),
        new("robots-unlocated", "redirects robots.txt nowhere", ok("302 Found", "text/plain", "")),
    ]
}

fn redirected(at: &At) -> Vec<Behaviour> {
    let rules = "User-agent: *\nDisallow: /x\n";
    let new = |name, server, crawl, hops: usize| {
        Behaviour::new(at, name, server, crawl).page("/x", "<title>X</title>").plays(move |asked| {
            let n: usize = match asked.path {
                "/robots.txt" => 0,
                path => path.strip_prefix("/r/")?.parse().ok()?,
            };
            Some(if n < hops { to(&format!("/r/{}", n + 1)) } else { file(rules) })
        })
    };
    vec![
        new("robots-5-hops", "redirects robots.txt five times", "obeys what is there", 5).ends("/x", "excluded robots"),
        new("robots-6-hops", "redirects robots.txt six times", "there is none: crawls everything", 6)
            .ends("/x", "page 200"),
    ]
}

fn rules(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, text: String| {
        Behaviour::new(at, name, server, crawl)
            .answers("/robots.txt", file(text))
            .page("/x", "<title>X</title>")
            .ends("/x", "excluded robots")
    };
    let rules = "User-agent: *\nDisallow: /x\n";
    let stars = format!("User-agent: *\nDisallow: /{}z$\nDisallow: /x\n", "*a".repeat(100));
    let path = format!("/{}", "a".repeat(2_000));
    vec![
        new(
            "robots-mark-cr",
            "begins with a byte order mark and ends lines with CR",
            "obeys it",
            format!("\u{feff}{}", rules.replace('\n', "\r")),
        ),
        new(
            "robots-1mb",
            "sends 1 MB of rules, the one that counts first",
            "reads 500 KiB and obeys them",
            format!("{rules}{}", "Disallow: /nothing/here\n".repeat(45_000)),
        ),
        new(
            "robots-late-rule",
            "has its rule after the first 500 KiB",
            "does not see it",
            format!("User-agent: *\n{}Disallow: /x\n", "# nothing\n".repeat(60_000)),
        )
        .ends("/x", "page 200"),
        new(
            "robots-long-line",
            "has a line of 400 kB",
            "obeys the lines around it",
            format!("User-agent: *\nDisallow: /{}\nDisallow: /x\n", "y".repeat(400_000)),
        ),
        new("robots-100-stars", "has a rule of 100 stars, and a path to try it on", "decides in linear time", stars)
            .home_links(["/x", &path])
            .ends(&path, "gone 404"),
        Behaviour::new(
            at,
            "robots-22000-stars",
            "has 22,000 rules with wildcards, and 100 paths of 2 kB to try them on",
            "looks each path up, off the threads that crawl",
        )
        .answers("/robots.txt", file(starred_rules()))
        .home_links((0..100).map(|n| format!("/x{n}{}", "za".repeat(990))))
        .open_ended()
        .says(
            "SELECT count(*) FROM urls u JOIN hosts h ON h.id = u.host_id WHERE h.name = ?1 AND u.state = 'excluded'",
            "100",
        ),
        new(
            "robots-10000-agents",
            "names 10,000 agents",
            "finds its own group",
            format!(
                "{}User-agent: sqrawl\nDisallow: /x\n",
                (0..10_000).map(|n| format!("User-agent: bot{n}\n")).collect::<String>()
            ),
        ),
        Behaviour::new(at, "robots-endless", "sends rules without end", "reads 500 KiB and obeys them")
            .answers(
                "/robots.txt",
                Reply::Endless {
                    head: message("HTTP/1.1 200 OK", "User-agent: *\nDisallow: /x\n"),
                    piece: b"Disallow: /nothing\n".repeat(100),
                },
            )
            .page("/x", "")
            .ends("/x", "excluded robots"),
        Behaviour::new(at, "robots-bomb", "packs 50 MB of rules", "reads 500 KiB and obeys them")
            .answers("/robots.txt", raw("HTTP/1.1 200 OK\nContent-Encoding: gzip", packed_rules()))
            .page("/x", "")
            .ends("/x", "excluded robots"),
        new("robots-all", "forbids everything", "asks for nothing else", "User-agent: *\nDisallow: /\n".to_owned())
            .home_ends("excluded robots")
            .exit(5),
    ]
}

/// Half a megabyte of rules that look like `zaza…` and are not in it.
fn starred_rules() -> String {
    let word = |n: usize, letters: usize| (0..letters).map(|at| ['z', 'a'][n >> at & 1]).collect::<String>();
    let words = [14, 12, 11].into_iter().flat_map(|letters| (0..1 << letters).map(move |n| word(n, letters)));
    let rules = words.filter(|word| word.contains("zz") || word.contains("aa")).map(|word| format!("Allow:*{word}*\n"));
    format!("User-agent: *\nDisallow:/x\n{}", rules.collect::<String>())
}

fn packed_rules() -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"User-agent: *\nDisallow: /x\n").unwrap();
    encoder.write_all(&b"Disallow: /nothing\n".repeat(2_600_000)).unwrap();
    encoder.finish().unwrap()
}

fn delays(at: &At) -> Vec<Behaviour> {
    let new = |name, server, value: &str| {
        Behaviour::new(at, name, server, "asks for no delay of it")
            .answers("/robots.txt", file(format!("User-agent: *\nCrawl-delay: {value}\nDisallow: /x\n")))
            .ends("/x", "excluded robots")
            .fact("/", "delay_by", "setting")
    };
    vec![
        new("delay-nan", "asks for a delay that is no number", "nan"),
        new("delay-negative", "asks for a negative delay", "-10"),
        new("delay-words", "asks for a delay in words", "a while"),
        Behaviour::new(at, "delay-1e308", "asks for a delay with an exponent", "takes the number before it: a second")
            .answers("/robots.txt", file("User-agent: *\nCrawl-delay: 1e308\n"))
            .ends("/x", "gone 404")
            .fact("/end", "delay_by", "robots")
            .says("SELECT delay_ms FROM host_queue q JOIN hosts h ON h.id = q.host_id WHERE h.name = ?1", "1000"),
        Behaviour::new(
            at,
            "delay-century",
            "asks for a delay of a century",
            "waits an hour: the home page stays queued",
        )
        .answers("/robots.txt", file("User-agent: *\nCrawl-delay: 3153600000\n"))
        .home_ends("queued")
        .says(
            "SELECT (q.polite_ms - r.fetched_ms) / 60000 BETWEEN 59 AND 60 FROM host_queue q
             JOIN hosts h ON h.id = q.host_id JOIN robots r ON r.host_id = h.id WHERE h.name = ?1",
            "1",
        ),
    ]
}
