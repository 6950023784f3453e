//! https where there is none.

use super::super::server::Reply;
use super::behaviour::{At, Behaviour, raw};
use super::place::HELLO;

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    let new = |name: &'static str, server, crawl, reply, ends| {
        let seed = format!("https://{name}.localhost:{}/", at.port);
        Behaviour::new(at, name, server, crawl).home_links([""; 0]).answers(HELLO, reply).ends(&seed, ends).seed(seed)
    };
    let noise = (0..=255).collect();
    vec![
        new(
            "tls-plain",
            "speaks plain HTTP where TLS was expected",
            "a TLS failure of the https URLs; those over http are crawled",
            raw("HTTP/1.1 400 Bad Request\nContent-Type: text/plain", "The plain HTTP request was sent to HTTPS port"),
            "tls",
        ),
        new("tls-noise", "answers the TLS handshake with noise", "a TLS failure", Reply::Bytes(noise), "tls"),
        new(
            "tls-alert",
            "refuses the TLS handshake with an alert",
            "a TLS failure",
            Reply::Bytes(vec![0x15, 3, 3, 0, 2, 2, 40]),
            "tls",
        ),
        new("tls-closes", "closes within the TLS handshake", "a failed connection", Reply::Close, "connect"),
        new(
            "tls-silent",
            "says nothing to the TLS handshake",
            "ends at the limit on connecting",
            Reply::Silence(vec![]),
            "timeout",
        )
        .slow(),
    ]
}
