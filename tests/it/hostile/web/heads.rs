//! Status lines and headers.

use super::super::server::{Reply, message};
use super::behaviour::{At, Behaviour, ok, raw};

/// A head without a body, by its bytes.
fn bytes(text: impl AsRef<[u8]>) -> Reply {
    Reply::Bytes(text.as_ref().to_vec())
}

const PAGE: &str = "<title>X</title>";

/// A page whose head has these lines too.
fn with(lines: &str) -> Reply {
    raw(&format!("HTTP/1.1 200 OK\nContent-Type: text/html\n{lines}Content-Length: {}", PAGE.len()), PAGE)
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [no_response(at), statuses(at), headers(at), lengths(at), interim(at)].concat()
}

fn no_response(at: &At) -> Vec<Behaviour> {
    let new = |name, server, reply, error| {
        Behaviour::new(at, name, server, "a protocol failure").x(reply, "protocol").error(error)
    };
    vec![
        new("noise", "sends every byte there is", bytes((0..=255).collect::<Vec<u8>>()), "invalid HTTP"),
        new("http-0-9", "sends a paragraph without a status line", bytes("<p>hello</p>\r\n"), "invalid HTTP version"),
        new("ssh-banner", "speaks SSH", bytes("SSH-2.0-OpenSSH_9.2\r\n"), "invalid HTTP"),
        new("http-2-unasked", "sends HTTP/2 frames", bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), "invalid HTTP"),
        new("http-9-9", "speaks HTTP/9.9", bytes("HTTP/9.9 200 OK\r\n\r\n"), "invalid HTTP version"),
        new("status-word", "has a word for a status", bytes("HTTP/1.1 okay\r\n\r\n"), "invalid HTTP status"),
        new("status-000", "has status 000", bytes("HTTP/1.1 000 Zero\r\n\r\n"), "invalid HTTP status"),
        new("status-1000", "has status 1000", bytes("HTTP/1.1 1000 Many\r\n\r\n"), "invalid HTTP status"),
        new("nul-in-head", "has a NUL in a header", with("X-Nul: a\0b\n"), "invalid HTTP header"),
        Behaviour::new(at, "closes", "closes the connection without a word", "a failed connection")
            .x(Reply::Close, "connect")
            .error("closed before message completed"),
        Behaviour::new(at, "resets", "resets the connection without a word", "a failed connection")
            .x(Reply::Reset, "connect")
            .error("reset"),
        Behaviour::new(at, "half-a-head", "closes in the middle of the head", "a failed connection")
            .x(bytes("HTTP/1.1 200 OK\r\nContent-"), "connect")
            .error("closed before message completed"),
        Behaviour::new(at, "head-stalls", "says half a head and nothing more", "ends at the limit on silence")
            .slow()
            .x(Reply::Silence(b"HTTP/1.1 200 OK\r\nX".to_vec()), "timeout")
            .error("no response head"),
        Behaviour::new(at, "head-drips", "sends a byte of the head now and then", "ends at the limit on the request")
            .slow()
            .x(
                Reply::Drip {
                    head: b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
                    piece: b"x".to_vec(),
                    pause: std::time::Duration::from_millis(50),
                },
                "timeout",
            )
            .error("within"),
    ]
}

fn statuses(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, status: &str, ends| {
        Behaviour::new(at, name, server, crawl).x(ok(status, "text/html", PAGE), ends)
    };
    vec![
        new("status-299", "has an unknown status of success", "a page", "299 Fine", "page 299").title("X"),
        new("status-418", "is a teapot", "an error that is final", "418 I'm a teapot", "http_error 418"),
        new("status-599", "has an unknown error", "an error", "599 Unheard Of", "http_error 599"),
        new("status-999", "has a status beyond all classes", "an error", "999 Request denied", "http_error 999"),
        new("status-404", "says 404", "gone", "404 Not Found", "gone 404"),
        new("status-410", "says 410", "gone", "410 Gone", "gone 410"),
        new("status-206", "sends a part nobody asked for", "no page: it is not whole", "206 Part", "http_error 206"),
        Behaviour::new(
            at,
            "status-204-body",
            "sends a body with a 204",
            "a page without a body; the next one is whole",
        )
        .x(ok("204 No Content", "text/html", PAGE), "page 204")
        .fact("/x", "bytes", "0"),
        Behaviour::new(at, "status-205-body", "sends a body with a 205", "a page; the next one is whole")
            .x(ok("205 Reset Content", "text/html", PAGE), "page 205"),
        Behaviour::new(
            at,
            "status-304-unasked",
            "says 304 to a request without validators",
            "an error, nothing is kept",
        )
        .x(ok("304 Not Modified", "text/html", PAGE), "http_error 304"),
    ]
}

fn headers(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, lines: &str| {
        Behaviour::new(at, name, server, crawl).x(with(lines), "page 200").title("X")
    };
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: {n}\n")).collect::<String>();
    let long = |length: usize| format!("X: {}\n", "x".repeat(length));
    let too_big = |behaviour: Behaviour, reply| behaviour.x(reply, "too_big").error("message head is too large");
    let read = "reads the page";
    vec![
        new("obs-fold", "folds a header over three lines", read, "X-Folded: one\n  two\n\tthree\n"),
        new("space-before-colon", "puts a space before the colon", read, "X-Space : 1\n"),
        new("header-nonsense", "sends lines that are no header", "passes over them", "nonsense\nb@d name: 1\n: x\n"),
        new("headers-200", "sends 200 headers", read, &many(200)),
        new("header-300k", "sends a header of 300 kB", "reads the page and keeps 16 KiB", &long(300_000)).says(
            "SELECT length(headers) < 20000 FROM fetches f JOIN hosts h ON h.id = f.host_id WHERE h.name = ?1
             ORDER BY length(headers) DESC LIMIT 1",
            "1",
        ),
        too_big(
            Behaviour::new(at, "headers-1000", "sends 1,000 headers", "stops reading: too big"),
            with(&many(1_000)),
        ),
        too_big(
            Behaviour::new(at, "header-1mb", "sends a header of 1 MB", "stops reading: too big"),
            with(&long(1_000_000)),
        ),
        too_big(
            Behaviour::new(at, "header-endless", "sends a header without end", "stops reading: too big"),
            Reply::Endless { head: b"HTTP/1.1 200 OK\r\nX: ".to_vec(), piece: vec![b'x'; 4096] },
        ),
        Behaviour::new(at, "bare-lf", "ends its lines with LF alone", read)
            .x(Reply::Bytes(format!("HTTP/1.1 200 OK\nContent-Type: text/html\n\n{PAGE}").into_bytes()), "page 200")
            .title("X"),
        Behaviour::new(at, "header-latin-1", "sends header bytes that are not UTF-8", "reads the page, replaces them")
            .x(
                Reply::Bytes(
                    [b"HTTP/1.1 200 D'accord \xe9\r\nX-City: M\xfcnchen\xff\r\n\r\n".as_slice(), PAGE.as_bytes()]
                        .concat(),
                ),
                "page 200",
            )
            .title("X"),
        Behaviour::new(at, "reason-200k", "has a reason phrase of 200 kB", read)
            .x(raw(&format!("HTTP/1.1 200 {}\nContent-Type: text/html", "OK".repeat(100_000)), PAGE), "page 200")
            .title("X"),
        Behaviour::new(
            at,
            "crlf-injected",
            "has a line break in a header value, by which a visitor injected another response",
            "reads one response; the next page is its own",
        )
        .x(
            Reply::Kept(message(
                &format!(
                    "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: {}\nSet-Cookie: a=\n\nHTTP/1.1 200 OK\n\
                     Content-Type: text/html\nContent-Length: 20",
                    PAGE.len()
                ),
                "<title>Evil</title>.",
            )),
            "page 200",
        ),
        Behaviour::new(at, "http-1-0", "speaks HTTP/1.0 and closes", read)
            .x(raw("HTTP/1.0 200 OK\nContent-Type: text/html", PAGE), "page 200")
            .title("X"),
    ]
}

fn lengths(at: &At) -> Vec<Behaviour> {
    let stated = |lines: &str| raw(&format!("HTTP/1.1 200 OK\nContent-Type: text/html\n{lines}"), PAGE);
    let broken =
        |name, server, lines: &str| Behaviour::new(at, name, server, "a protocol failure").x(stated(lines), "protocol");
    let n = PAGE.len();
    vec![
        Behaviour::new(at, "length-twice", "states the same length twice", "reads the page")
            .x(stated(&format!("Content-Length: {n}\nContent-Length: {n}")), "page 200")
            .title("X"),
        broken(
            "length-contradicted",
            "states two different lengths",
            &format!("Content-Length: {n}\nContent-Length: 3"),
        ),
        broken("length-negative", "states a negative length", "Content-Length: -5"),
        broken("length-word", "states a length that is no number", "Content-Length: some"),
        broken("length-beyond-64-bits", "states a length beyond 64 bits", "Content-Length: 99999999999999999999999"),
        Behaviour::new(at, "length-exabytes", "states a length of nine exabytes", "stops before the body: too big")
            .x(stated("Content-Length: 9000000000000000000"), "too_big 200")
            .error("by its Content-Length"),
    ]
}

fn interim(at: &At) -> Vec<Behaviour> {
    let after = |first: String| {
        let last =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{PAGE}", PAGE.len());
        Reply::Kept((first + &last).into_bytes())
    };
    vec![
        Behaviour::new(at, "interim-1000", "sends 1,000 interim responses first", "passes over them")
            .x(after("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)), "page 200")
            .title("X"),
        Behaviour::new(
            at,
            "early-hints",
            "sends 103 with links first",
            "passes over it; the links are none of the page's",
        )
        .x(after("HTTP/1.1 103 Early Hints\r\nLink: </hint>; rel=preload; as=style\r\n\r\n".to_owned()), "page 200")
        .title("X")
        .fact("/x", "links", "0"),
        Behaviour::new(
            at,
            "interim-endless",
            "sends interim responses without end",
            "ends at the limit on the request",
        )
        .slow()
        .x(Reply::Endless { head: Vec::new(), piece: b"HTTP/1.1 102 Processing\r\n\r\n".to_vec() }, "timeout"),
        Behaviour::new(at, "switching", "switches protocols that nobody asked to switch", "no page").x(
            after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n".to_owned()),
            "http_error 101",
        ),
    ]
}
