//! Bodies: lengths, chunks, pauses and what stands after them.

use std::time::Duration;

use super::super::server::{Reply, message};
use super::behaviour::{At, Behaviour, raw};

const PAGE: &str = "<title>X</title>";
const HTML: &str = "HTTP/1.1 200 OK\nContent-Type: text/html";

/// A page in chunks as they stand here.
fn chunks(text: &str) -> Reply {
    raw(&format!("{HTML}\nTransfer-Encoding: chunked"), text)
}

/// The page as one chunk, without the last one.
fn chunk() -> String {
    format!("{:x}\r\n{PAGE}\r\n", PAGE.len())
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [lengths(at), chunked(at), endless(at), kept(at)].concat()
}

fn lengths(at: &At) -> Vec<Behaviour> {
    let length = |n: usize| format!("{HTML}\nContent-Length: {n}");
    let broken = |name, server, reply, ends| {
        Behaviour::new(at, name, server, "keeps status and headers, and no part of the body").x(reply, ends)
    };
    vec![
        Behaviour::new(at, "no-length", "states no length and closes", "reads the page to the end of the connection")
            .x(raw(HTML, PAGE), "page 200")
            .title("X"),
        Behaviour::new(at, "empty", "sends an empty page", "a page without a title")
            .x(raw(&length(0), ""), "page 200")
            .fact("/x", "bytes", "0"),
        broken("short", "closes before the stated length", raw(&length(500), PAGE), "protocol 200"),
        broken(
            "torn",
            "resets the connection within the body",
            Reply::Torn(message(&length(500), PAGE)),
            "protocol 200",
        ),
        Behaviour::new(
            at,
            "long",
            "sends more than the stated length",
            "reads the stated length and leaves the connection",
        )
        .x(Reply::Kept(message(&length(PAGE.len()), format!("{PAGE}<title>Y</title>"))), "page 200")
        .title("X")
        .fact("/x", "bytes", "16"),
        Behaviour::new(at, "length-0-body", "states no bytes and sends some", "an empty page; the next one is its own")
            .x(Reply::Kept(message(&length(0), PAGE)), "page 200")
            .fact("/x", "bytes", "0"),
        Behaviour::new(at, "too-long", "states and sends 5 MB where 3 are allowed", "stops before the body: too big")
            .x(raw(&length(5_000_000), "x".repeat(5_000_000)), "too_big 200")
            .error("by its Content-Length"),
        Behaviour::new(
            at,
            "too-long-unsaid",
            "sends 5 MB without a length where 3 are allowed",
            "stops at the limit: too big",
        )
        .x(raw(HTML, "x".repeat(5_000_000)), "too_big 200")
        .error("on the wire"),
        Behaviour::new(at, "error-broken", "breaks the body of a 404", "gone: the status has said it all")
            .x(raw("HTTP/1.1 404 Not Found\nContent-Length: 500", "no"), "gone 404"),
    ]
}

fn chunked(at: &At) -> Vec<Behaviour> {
    let good = |name, server, text: &str| {
        Behaviour::new(at, name, server, "reads the page").x(chunks(text), "page 200").title("X")
    };
    let broken = |name, server, text: &str| {
        Behaviour::new(at, name, server, "a protocol failure").x(chunks(text), "protocol 200")
    };
    let (chunk, end) = (chunk(), "0\r\n\r\n");
    let bytes: String = PAGE.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let twice = "Transfer-Encoding: chunked\nTransfer-Encoding: chunked";
    vec![
        good(
            "chunks-of-one",
            "sends 50,000 chunks of one byte",
            &format!("{bytes}{}{end}", "1\r\n.\r\n".repeat(50_000)),
        ),
        good("chunk-zeros", "writes chunk sizes with leading zeros", &format!("0000{chunk}0000{end}")),
        good(
            "trailers",
            "sends headers after the chunks",
            &format!("{chunk}0\r\nX-Late: 1\r\nLocation: /found\r\n\r\n"),
        ),
        broken("chunk-size-word", "has a chunk size that is no number", &format!("{chunk}zz\r\n{end}")),
        broken("chunk-size-negative", "has a negative chunk size", &format!("{chunk}-1\r\nx\r\n{end}")),
        broken(
            "chunk-size-huge",
            "has a chunk size beyond 64 bits",
            &format!("{chunk}fffffffffffffffff\r\nx\r\n{end}"),
        ),
        broken("chunk-no-end", "sends no last chunk", &chunk),
        broken("chunk-cut", "closes within a chunk", "ff\r\n<title>X"),
        broken(
            "chunk-extension-1mb",
            "has a chunk extension of 1 MB",
            &format!("5;{}\r\n{end}", "x".repeat(1_000_000)),
        ),
        broken("trailers-1mb", "sends 1 MB of trailers", &format!("{chunk}0\r\n{}\r\n", "X: y\r\n".repeat(200_000))),
        Behaviour::new(at, "trailers-endless", "sends trailers without end", "a protocol failure").x(
            Reply::Endless {
                head: message(&format!("{HTML}\nTransfer-Encoding: chunked"), format!("{chunk}0\r\n")),
                piece: b"X-Trailer: y\r\n".repeat(100),
            },
            "protocol 200",
        ),
        Behaviour::new(at, "chunked-and-length", "states a length beside chunks", "chunks win")
            .x(
                raw(&format!("{HTML}\nContent-Length: 3\nTransfer-Encoding: chunked"), format!("{chunk}{end}")),
                "page 200",
            )
            .title("X"),
        Behaviour::new(at, "chunked-twice", "says twice that it sends chunks", "reads the page")
            .x(raw(&format!("{HTML}\n{twice}"), format!("{chunk}{end}")), "page 200")
            .title("X"),
        Behaviour::new(
            at,
            "transfer-gzip",
            "names gzip as a transfer coding, and packs nothing",
            "reads it as it came",
        )
        .x(raw(&format!("{HTML}\nTransfer-Encoding: gzip, chunked"), format!("{chunk}{end}")), "page 200")
        .title("X"),
        Behaviour::new(
            at,
            "transfer-unknown",
            "names a transfer coding that there is not",
            "reads to the end of the connection (RFC 9112 6.3)",
        )
        .x(raw(&format!("{HTML}\nTransfer-Encoding: magic"), PAGE), "page 200")
        .title("X"),
    ]
}

fn endless(at: &At) -> Vec<Behaviour> {
    let head = |lines: &str| message(&format!("{HTML}{lines}"), "");
    let stall = |name, server, reply, ends, error| {
        Behaviour::new(at, name, server, "ends at the limit on silence").slow().x(reply, ends).error(error)
    };
    vec![
        Behaviour::new(at, "endless", "sends a page without end", "stops at the limit: too big")
            .x(Reply::Endless { head: head(""), piece: b"<p>more".repeat(9_000) }, "too_big 200")
            .error("on the wire"),
        Behaviour::new(at, "endless-chunks", "sends chunks without end", "stops at the limit: too big").x(
            Reply::Endless {
                head: head("\nTransfer-Encoding: chunked"),
                piece: format!("200\r\n{}\r\n", "x".repeat(512)).repeat(100).into_bytes(),
            },
            "too_big 200",
        ),
        Behaviour::new(at, "endless-error", "sends an error page without end", "an error; the rest is not read").x(
            Reply::Endless {
                head: message("HTTP/1.1 403 Forbidden\nContent-Type: text/html", ""),
                piece: vec![b'x'; 65_536],
            },
            "http_error 403",
        ),
        Behaviour::new(at, "drip", "sends a byte of the body now and then", "ends at the limit on the request")
            .slow()
            .x(Reply::Drip { head: head(""), piece: b"x".to_vec(), pause: Duration::from_millis(50) }, "timeout 200")
            .error("not done within"),
        stall(
            "silence",
            "takes the request and says nothing",
            Reply::Silence(Vec::new()),
            "timeout",
            "no response head",
        ),
        stall(
            "body-stalls",
            "stops within the body",
            Reply::Silence(message(&format!("{HTML}\nContent-Length: 500"), PAGE)),
            "timeout 200",
            "no more of the body",
        ),
        stall(
            "last-chunk-stalls",
            "never sends the last chunk",
            Reply::Silence(message(&format!("{HTML}\nTransfer-Encoding: chunked"), chunk())),
            "timeout 200",
            "no more of the body",
        ),
    ]
}

/// What stays in a connection must not become the answer to the next request.
fn kept(at: &At) -> Vec<Behaviour> {
    let length = format!("{HTML}\nContent-Length: {}", PAGE.len());
    let evil = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<title>Evil</title>.";
    let after = |name, server, rest: Vec<u8>| {
        let reply = Reply::Kept([message(&length, PAGE), rest].concat());
        Behaviour::new(at, name, server, "asks the next page over another connection").x(reply, "page 200").title("X")
    };
    vec![
        after("pipelined", "sends a second response nobody asked for", evil.as_bytes().to_vec()),
        after("garbage-after", "sends noise after the body", (0..=255).collect()),
        Behaviour::new(
            at,
            "kept-but-gone",
            "says keep-alive and resets",
            "asks the next page over another connection, or again",
        )
        .x(Reply::Torn(message(&format!("{length}\nConnection: keep-alive"), PAGE)), "page 200")
        .title("X")
        .flags(&["--retries", "2"])
        .lone(),
        Behaviour::new(at, "204-then-evil", "sends a whole response as the body of a 204", "the next page is its own")
            .x(Reply::Kept(message("HTTP/1.1 204 No Content\nContent-Length: 20", evil)), "page 204"),
    ]
}
