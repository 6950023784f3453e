//! The heads of the HTTP messages in a WARC file: [`response_head`] as it was received, but fit for the body that is kept;
//! [`request_head`] as far as it is known.
//!
//! Bodies are kept decoded. So what said how the body was packed and how long it was on the wire gets a name of its own
//! (`X-Archive-Orig-…`, the name that replay tools know), and `Content-Length` is that of the body in the record.

/// What of a response's head cannot stay as it was.
const OF_THE_WIRE: [&str; 3] = ["content-encoding", "transfer-encoding", "content-length"];

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Status line, headers and the empty line.
    pub(crate) text: String,
    /// `Content-Length` as it was received.
    pub(crate) announced: Option<u64>,
}

/// Rebuilds the head of a response. `headers` is JSON `[[name, value], …]`; the version of HTTP and the reason phrase are
/// not kept, so it says HTTP/1.1 and the phrase of the registry.
pub(crate) fn response_head(status: u16, headers: Option<&str>, body_bytes: usize) -> Head {
    let headers: Vec<(String, String)> = headers.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let mut head = Head { text: format!("HTTP/1.1 {status} {}\r\n", reason(status)), announced: None };
    for (name, value) in &headers {
        let lower = name.to_ascii_lowercase();
        if lower == "content-length" {
            head.announced = value.trim().parse().ok();
        }
        let prefix = if OF_THE_WIRE.contains(&lower.as_str()) { "X-Archive-Orig-" } else { "" };
        head.text.push_str(&format!("{prefix}{}: {}\r\n", one_line(name), one_line(value)));
    }
    head.text.push_str(&format!("Content-Length: {body_bytes}\r\n\r\n"));
    head
}

/// The request as the crawler's settings make it. `target` is path and query.
pub(crate) fn request_head(target: &str, host: &str, user_agent: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\n\r\n", one_line(user_agent))
}

/// A value that cannot begin another line.
pub(crate) fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

/// The phrase that goes with a status (RFC 9110 15 and the registry).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_fits_its_body() {
        let headers = r#"[["content-type","text/html"],["Content-Encoding","gzip"],["content-length","10"],
                          ["x","a\r\nb: c"]]"#;
        let head = response_head(200, Some(headers), 25);
        assert_eq!(
            head.text,
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nX-Archive-Orig-Content-Encoding: gzip\r\n\
             X-Archive-Orig-content-length: 10\r\nx: a  b: c\r\nContent-Length: 25\r\n\r\n"
        );
        assert_eq!(head.announced, Some(10));
        assert_eq!(response_head(299, None, 0).text, "HTTP/1.1 299 Unknown\r\nContent-Length: 0\r\n\r\n");
    }
}
