//! Redirects.

use super::super::server::{Reply, message};
use super::behaviour::{At, Behaviour, ok, page, raw};

fn to(location: &str) -> Reply {
    raw(&format!("HTTP/1.1 302 Found\nLocation: {location}\nContent-Length: 0"), "")
}

fn set_cookie() -> Reply {
    raw("HTTP/1.1 302 Found\nLocation: /x\nSet-Cookie: seen=1; Path=/\nContent-Length: 0", "")
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [loops(at), nowhere(at), guarded(at), odd(at)].concat()
}

/// `/hop/1` leads to `/hop/2` and so on, up to `last`, which is a page.
fn chain(behaviour: Behaviour, last: usize) -> Behaviour {
    behaviour.plays(move |asked| {
        let n: usize = asked.path.strip_prefix("/hop/")?.parse().ok()?;
        Some(if n < last { to(&format!("/hop/{}", n + 1)) } else { page("<title>The last hop</title>") })
    })
}

fn loops(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl| Behaviour::new(at, name, server, crawl);
    let twelve = chain(new("chain-12", "redirects twelve times", "follows ten hops and excludes the next"), 13)
        .home_links(["/hop/1"])
        .ends("/hop/12", "excluded max_redirects");
    let ten = chain(new("chain-10", "redirects ten times", "follows all of them to the page"), 11)
        .home_links(["/hop/1"])
        .ends("/hop/11", "page 200");
    let hops = |behaviour: Behaviour, last: usize| {
        (1..=last).fold(behaviour, |behaviour, n| behaviour.ends(&format!("/hop/{n}"), "redirect 302"))
    };
    let circle = new("loop-5", "redirects in a circle of five", "asks each of them once").home_links(["/hop/1"]);
    let circle = circle.plays(|asked| {
        let n: usize = asked.path.strip_prefix("/hop/")?.parse().ok()?;
        Some(to(&format!("/hop/{}", n % 5 + 1)))
    });
    vec![
        new("loop-1", "redirects to itself", "asks once").x(to("/x"), "redirect 302").asked("/x", 1),
        new("loop-cookie", "redirects to itself with a cookie for ever", "asks as often as a URL is tried")
            .x(set_cookie(), "redirect 302")
            .flags(&["--retries", "2"])
            .asked("/x", 3)
            .lone(),
        new(
            "cookie-wall",
            "redirects to itself until its cookie comes back",
            "asks again with the cookie, and has the page",
        )
        .plays(|asked| {
            let has_cookie = asked.head.contains("cookie: seen=1\r\n");
            (asked.path == "/x").then(|| if has_cookie { page("<title>X</title>") } else { set_cookie() })
        })
        .ends("/x", "page 200")
        .flags(&["--retries", "2"])
        .asked("/x", 2)
        .lone(),
        new("loop-2", "redirects there and back", "asks each of them once")
            .x(to("/y"), "redirect 302")
            .answers("/y", to("/x"))
            .ends("/y", "redirect 302")
            .asked("/x", 1)
            .asked("/y", 1),
        hops(circle, 5),
        hops(twelve, 11),
        hops(ten, 10),
        new("endless-chain", "redirects to a new URL every time", "ends after ten hops")
            .plays(|asked| {
                let n: usize = if asked.path == "/x" { 0 } else { asked.path.strip_prefix("/to/")?.parse().ok()? };
                Some(to(&format!("/to/{}", n + 1)))
            })
            .ends("/x", "redirect 302")
            .ends("/to/11", "excluded max_redirects")
            .open_ended(),
    ]
}

fn nowhere(at: &At) -> Vec<Behaviour> {
    let named = |name, server, location: &str| {
        Behaviour::new(at, name, server, "a redirect whose target is no URL of the crawl")
            .x(to(location), "redirect 302")
            .error("redirects to what is no crawlable URL")
    };
    vec![
        named("to-file", "redirects to a file of this machine", "file:///etc/passwd"),
        named("to-javascript", "redirects to a script", "javascript:alert(document.cookie)"),
        named("to-data", "redirects to a page within the URL", "data:text/html,<a href=/found>"),
        named("to-ftp", "redirects to FTP", "ftp://127.0.0.1/"),
        named("to-nonsense", "redirects to what is no URL", "http://[::1"),
        named("to-port-65536", "redirects to a port that there is not", "http://127.0.0.1:65536/"),
        Behaviour::new(at, "no-location", "redirects without saying where", "an error that is final")
            .x(ok("302 Found", "text/html", "<title>Moved</title>"), "http_error 302"),
        Behaviour::new(at, "empty-location", "redirects to nothing, which is itself", "asks once")
            .x(to(""), "redirect 302"),
        Behaviour::new(at, "status-300", "offers a choice (300) with a Location", "an error that is final")
            .x(raw("HTTP/1.1 300 Multiple Choices\nLocation: /y\nContent-Length: 0", ""), "http_error 300"),
    ]
}

/// Where the address guard has to stand between.
fn guarded(at: &At) -> Vec<Behaviour> {
    let port = at.forbidden;
    let new = |name, server, target: String, known: String| {
        Behaviour::new(at, name, server, "excludes the target; nothing is connected")
            .x(to(&target), "redirect 302")
            .ends(&known, "excluded address")
    };
    let same = |name, server, target: String| new(name, server, target.clone(), target);
    vec![
        same("to-loopback", "redirects to this machine", format!("http://127.0.0.1:{port}/")),
        same("to-localhost", "redirects to localhost", format!("http://localhost:{port}/")),
        same("to-private", "redirects into a private network", "http://10.0.0.1/admin".to_owned()),
        same("to-metadata", "redirects to the cloud's metadata", "http://169.254.169.254/latest/meta-data/".to_owned()),
        same("to-loopback-6", "redirects to IPv6 loopback", format!("http://[::1]:{port}/")),
        new(
            "to-mapped",
            "redirects to loopback as a mapped address",
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://[::ffff:7f00:1]:{port}/"),
        ),
        new(
            "to-decimal",
            "redirects to loopback as one number",
            format!("http://2130706433:{port}/"),
            format!("http://127.0.0.1:{port}/"),
        ),
        same(
            "to-other-port",
            "redirects to another port of its own host",
            format!("http://to-other-port.localhost:{port}/"),
        ),
        same("to-https", "redirects to https on the same port", format!("https://to-https.localhost:{}/x", at.port)),
        new(
            "to-userinfo",
            "redirects with a password in the URL",
            format!("http://admin:admin@127.0.0.1:{port}/in"),
            format!("http://127.0.0.1:{port}/in"),
        ),
    ]
}

fn odd(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl| Behaviour::new(at, name, server, crawl).page("/y", "<title>Y</title>");
    let found = |behaviour: Behaviour| behaviour.ends("/y", "page 200").fact("/y", "title", "Y");
    let head = "HTTP/1.1 301 Moved Permanently\nLocation: /y";
    vec![
        found(
            new("location-relative", "redirects by a relative path with dots", "resolves it")
                .x(to("a/../.././y"), "redirect 302"),
        ),
        found(new("locations", "sends three Locations", "takes the first").x(
            raw("HTTP/1.1 302 Found\nLocation: /y\nLocation: /z\nLocation: http://10.0.0.1/\nContent-Length: 0", ""),
            "redirect 302",
        )),
        found(
            new("redirect-endless-body", "redirects with a body without end", "follows; the body is not read")
                .x(Reply::Endless { head: message(head, ""), piece: vec![b'x'; 65_536] }, "redirect 301"),
        ),
        found(
            new("redirect-broken-body", "redirects with broken chunks", "follows")
                .x(raw(&format!("{head}\nTransfer-Encoding: chunked"), "zz\r\n"), "redirect 301"),
        ),
        found(new("redirect-drip", "redirects with a body that drips", "follows; a drip is not waited for").x(
            Reply::Drip { head: message(head, ""), piece: b"x".to_vec(), pause: std::time::Duration::from_millis(50) },
            "redirect 301",
        )),
        new("location-bytes", "redirects to bytes that are not UTF-8", "asks for those bytes, escaped")
            .x(
                Reply::Bytes(b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n".to_vec()),
                "redirect 302",
            )
            .ends("/%FF%FE", "gone 404"),
        new("location-2mb", "redirects to a URL of 100 kB", "keeps the header cut, goes nowhere")
            .x(to(&format!("/{}", "y".repeat(100_000))), "redirect 302")
            .error("redirects to what is no crawlable URL"),
        new("location-fragment", "redirects to a part of the page", "asks once").x(to("/x#part"), "redirect 302"),
    ]
}
