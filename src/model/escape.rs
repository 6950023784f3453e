//! Percent-escapes (RFC 3986 2.1), which URLs and robots.txt patterns have in common.

/// The octet that two hexadecimal digits at the start of `digits` stand for.
pub(crate) fn escaped_octet(digits: &[u8]) -> Option<u8> {
    let hex = |b: u8| char::from(b).to_digit(16);
    let (high, low) = (hex(*digits.first()?)?, hex(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

/// Whether the octet means the same escaped and not (RFC 3986 2.3).
pub(crate) fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}
