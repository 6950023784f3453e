//! [`Failure`]: why an exchange has no usable body, read out of the HTTP client's errors.

use std::error::Error;
use std::fmt::Display;
use std::io;

use super::guard::Refusal;
use super::resolve::NameError;
use crate::model::FailureKind;

/// Longest [`Failure::detail`], in bytes.
const MAX_DETAIL_BYTES: usize = 512;

/// Deepest chain of causes that is looked at.
const MAX_CAUSES: usize = 16;

/// The kind for the machine, the detail for the operator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// One line without control characters, at most [`MAX_DETAIL_BYTES`].
    pub(super) detail: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, detail: impl Display) -> Self {
        Failure { kind, detail: one_line(&detail.to_string()) }
    }

    pub(super) fn protocol(detail: impl Display) -> Self {
        Failure::new(FailureKind::Protocol, detail)
    }

    /// No response head came.
    pub(super) fn of_head(error: reqwest::Error) -> Self {
        let kind = connection_failure(&error).unwrap_or_else(|| head_failure(&error));
        Failure::new(kind, chain(error))
    }

    /// A head came, and the body broke.
    pub(super) fn of_body(error: reqwest::Error) -> Self {
        let kind = connection_failure(&error).unwrap_or(FailureKind::Protocol);
        Failure::new(kind, chain(error))
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        let kind = if matches!(error, NameError::Blocked(_)) { FailureKind::BlockedAddress } else { FailureKind::Dns };
        Failure::new(kind, error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::new(FailureKind::BlockedAddress, refusal)
    }
}

/// What names the failure whatever was being read. Timeouts are asked for first: the client also
/// calls them connect or decode errors.
fn connection_failure(error: &reqwest::Error) -> Option<FailureKind> {
    if error.is_timeout() {
        return Some(FailureKind::Timeout);
    }
    for cause in causes(error) {
        match cause.downcast_ref::<NameError>() {
            Some(NameError::Blocked(_)) => return Some(FailureKind::BlockedAddress),
            Some(_) => return Some(FailureKind::Dns),
            None => {}
        }
        if cause.is::<rustls::Error>() {
            return Some(FailureKind::Tls);
        }
    }
    error.is_connect().then_some(FailureKind::Connect)
}

/// The connection stood. hyper's own kinds are private, but its messages are its interface: a
/// test holds both to them.
fn head_failure(error: &reqwest::Error) -> FailureKind {
    for cause in causes(error) {
        match cause.to_string().as_str() {
            "message head is too large" => return FailureKind::TooBig,
            "connection closed before message completed" => return FailureKind::Connect,
            _ => {}
        }
        if cause.downcast_ref::<io::Error>().is_some_and(|io| is_loss(io.kind())) {
            return FailureKind::Connect;
        }
    }
    FailureKind::Protocol
}

fn is_loss(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(kind, ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected)
}

/// The error and what it came from, outermost first.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // `source` of an I/O error is the source of what it wraps, and skips that itself.
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    })
    .take(MAX_CAUSES)
}

/// What a TLS failure means, in the words of whoever has to mend it.
fn meaning(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError as C;
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(why) => match why {
            C::Expired | C::ExpiredContext { .. } => Some("the certificate has expired"),
            C::NotValidYet | C::NotValidYetContext { .. } => Some("the certificate is not valid yet"),
            C::Revoked => Some("the certificate was revoked"),
            C::NotValidForName | C::NotValidForNameContext { .. } => Some("the certificate is for another name"),
            C::UnknownIssuer => {
                Some("nobody trusted has signed the certificate (an authority can be added: --ca-file)")
            }
            _ => Some("the certificate is broken"),
        },
        E::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Some("the port does not speak TLS"),
        E::AlertReceived(_) => Some("the server refused the TLS handshake"),
        E::PeerIncompatible(_) => Some("the server and sqrawl have no TLS version or cipher in common"),
        _ => None,
    }
}

/// What it means, then every message of the chain once. The URL is left out: it stands beside the
/// detail anyway.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    let mut text = tls.and_then(meaning).unwrap_or_default().to_owned();
    for cause in causes(&error) {
        let message = cause.to_string();
        if text.contains(&message) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    text
}

/// Cuts, and blanks what could drive a terminal: control characters and text direction marks.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_DETAIL_BYTES));
    for char in text.chars() {
        if line.len() + char.len_utf8() > MAX_DETAIL_BYTES {
            break;
        }
        let harmless = !char.is_control()
            && !matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}');
        line.push(if harmless { char } else { ' ' });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_short_harmless_line() {
        for (given, expected) in [
            ("plain", "plain".to_owned()),
            ("a\r\nb\0c\x1b[31md\u{85}e\u{202e}f", "a  b c [31md e f".to_owned()),
            (&"é".repeat(300), "é".repeat(256)),
            (&format!("x{}", "é".repeat(300)), format!("x{}", "é".repeat(255))),
        ] {
            let failure = Failure::protocol(given);
            assert_eq!(failure.detail, expected);
            assert!(failure.detail.len() <= MAX_DETAIL_BYTES);
        }
    }

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let refusal = super::super::guard::AddressGuard::default().check("127.0.0.1".parse().unwrap()).unwrap_err();
        let wrapped = io::Error::other(io::Error::other(NameError::Blocked(refusal)));
        assert!(causes(&wrapped).any(|cause| cause.is::<NameError>()));
    }
}
