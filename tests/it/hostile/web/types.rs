//! What a body is said to be, and what it is.

use super::behaviour::{At, Behaviour, ok, raw};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
const PAGE: &str = "<!doctype html><title>X</title><a href=/found>.</a>";

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [lies(at), charsets(at)].concat()
}

fn lies(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, content_type: &str, body: &[u8], mime| {
        Behaviour::new(at, name, server, crawl).x(ok("200 OK", content_type, body), "page 200").fact("/x", "mime", mime)
    };
    let without = |behaviour: Behaviour| behaviour.fact("/x", "links", "0");
    let huge = format!("text/html; {}", "x=y; ".repeat(12_000));
    vec![
        without(new(
            "html-as-png",
            "sends HTML as an image",
            "believes it: browsers do",
            "image/png",
            PAGE.as_bytes(),
            "image/png",
        )),
        without(new(
            "png-as-html",
            "sends an image as HTML",
            "reads it as HTML, finds no links",
            "text/html",
            PNG,
            "text/html",
        )),
        without(new(
            "html-as-text",
            "sends HTML as plain text",
            "keeps the text, follows nothing",
            "text/plain",
            PAGE.as_bytes(),
            "text/plain",
        )),
        without(new(
            "binary-as-text",
            "sends binary bytes as text",
            "sees that it is none",
            "text/plain",
            &[0, 1, 2, 3, 255, 0],
            "application/octet-stream",
        )),
        without(new(
            "html-as-json",
            "sends HTML as JSON",
            "believes it",
            "application/json",
            PAGE.as_bytes(),
            "application/json",
        )),
        without(new(
            "multipart",
            "sends one part after the other",
            "keeps the type, follows nothing",
            "multipart/x-mixed-replace; boundary=b",
            b"--b\r\n\r\n<a href=/found>",
            "multipart/x-mixed-replace",
        )),
        new(
            "type-60k",
            "has a Content-Type of 60 kB",
            "takes what it begins with",
            &huge,
            PAGE.as_bytes(),
            "text/html",
        )
        .ends("/found", "gone 404")
        .title("X"),
        new(
            "type-nonsense",
            "has a Content-Type that is none",
            "looks at the bytes",
            "?!/,;;",
            PAGE.as_bytes(),
            "text/html",
        )
        .ends("/found", "gone 404")
        .title("X"),
        Behaviour::new(at, "type-missing", "states no type", "looks at the bytes")
            .x(raw("HTTP/1.1 200 OK", PAGE), "page 200")
            .ends("/found", "gone 404")
            .fact("/x", "mime", "text/html")
            .title("X"),
        Behaviour::new(at, "type-twice", "states two types", "takes the last one, as browsers do")
            .x(raw("HTTP/1.1 200 OK\nContent-Type: image/png\nContent-Type: text/html", PAGE), "page 200")
            .ends("/found", "gone 404")
            .fact("/x", "mime", "text/html"),
        Behaviour::new(at, "type-missing-binary", "sends noise without a type", "looks at the bytes")
            .x(raw("HTTP/1.1 200 OK", (0..=255).collect::<Vec<u8>>()), "page 200")
            .fact("/x", "mime", "application/octet-stream"),
    ]
}

fn charsets(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, content_type: &str, body: &[u8], charset, title| {
        Behaviour::new(at, name, server, crawl)
            .x(ok("200 OK", content_type, body), "page 200")
            .fact("/x", "charset", charset)
            .title(title)
    };
    let utf16: Vec<u8> = "<!doctype html><title>Grüße</title>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [&[0xff, 0xfe][..], &utf16].concat();
    let meta = |label: &str| format!("<meta charset={label}><title>Gr\u{fc}\u{df}e</title>");
    let latin: Vec<u8> = meta("utf-8").chars().map(|c| c as u8).collect();
    vec![
        new(
            "charset-nonsense",
            "names a charset that there is not",
            "looks at the bytes",
            "text/html; charset=klingon",
            meta("vulcan").as_bytes(),
            "utf-8",
            "Grüße",
        ),
        new(
            "charset-conflict",
            "names one charset in the header and another in the page",
            "believes the header",
            "text/html; charset=iso-8859-1",
            &latin,
            "windows-1252",
            "Grüße",
        ),
        new(
            "charset-lie",
            "says UTF-8 and sends Latin-1",
            "replaces what cannot be read",
            "text/html; charset=utf-8",
            &latin,
            "utf-8",
            "Gr\u{fffd}\u{fffd}e",
        ),
        new(
            "charset-mark",
            "says UTF-8 and begins with the mark of UTF-16",
            "believes the mark",
            "text/html; charset=utf-8",
            &with_mark,
            "utf-16le",
            "Grüße",
        ),
        new(
            "utf-16-meta",
            "says UTF-16 in a page that is not",
            "takes it for UTF-8, as browsers do",
            "text/html",
            meta("utf-16").as_bytes(),
            "utf-8",
            "Grüße",
        ),
        new(
            "utf-7",
            "says UTF-7, in which markup hides",
            "does not know it",
            "text/html; charset=utf-7",
            b"<title>X</title>+ADw-a href+AD0-/found+AD4-",
            "utf-8",
            "X",
        )
        .fact("/x", "links", "0"),
        Behaviour::new(
            at,
            "utf-16-unmarked",
            "sends UTF-16 without mark or label",
            "guesses, and follows nothing that is not there",
        )
        .x(ok("200 OK", "text/html", &utf16), "page 200")
        .fact("/x", "links", "0"),
        new(
            "charset-replacement",
            "names a charset that hides markup (ISO-2022-KR)",
            "reads no markup from it",
            "text/html; charset=iso-2022-kr",
            b"<title>X</title><a href=/found>",
            "replacement",
            "",
        )
        .fact("/x", "links", "0"),
    ]
}
