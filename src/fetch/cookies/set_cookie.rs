//! [`SetCookie`]: one `Set-Cookie` line as it was said (bis 5.6), not yet believed.

use super::{LONGEST_LIFE_MS, date};
use crate::model::UnixMs;

/// Longest name and value together, in bytes (bis 5.6 step 6).
const MAX_PAIR_BYTES: usize = 4096;
/// Longest value of an attribute that is looked at (bis 5.6).
const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// When a cookie ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expires {
    /// With the session.
    WithSession,
    /// So long after it came; 0: at once.
    After {
        /// In ms.
        ms: i64,
    },
    /// At a moment.
    At(UnixMs),
}

impl Expires {
    /// The moment, at most 400 days from now; `None`: with the session.
    pub(super) fn moment(self, now: UnixMs) -> Option<UnixMs> {
        let latest = now.saturating_add(LONGEST_LIFE_MS);
        match self {
            Expires::WithSession => None,
            Expires::After { ms } => Some(now.saturating_add(ms).min(latest)),
            Expires::At(moment) => Some(moment.min(latest)),
        }
    }
}

/// A `Set-Cookie` line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetCookie {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Lower case, without a leading dot.
    pub(super) domain: Option<String>,
    pub(super) path: Option<Vec<u8>>,
    pub(super) expires: Expires,
    pub(super) secure: bool,
    pub(super) http_only: bool,
}

impl SetCookie {
    /// Reads a line; `None` when it is to be ignored whole.
    pub(super) fn parse(line: &[u8]) -> Option<SetCookie> {
        // A tab is allowed by the letter; it would tear the line of a cookie file.
        if line.iter().any(u8::is_ascii_control) {
            return None;
        }
        let mut parts = line.split(|&byte| byte == b';');
        let pair = parts.next()?;
        let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => (trim(&pair[..at]), trim(&pair[at + 1..])),
            None => (&[][..], trim(pair)),
        };
        if (name.is_empty() && value.is_empty()) || name.len() + value.len() > MAX_PAIR_BYTES {
            return None;
        }
        let mut cookie = SetCookie {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: None,
            path: None,
            expires: Expires::WithSession,
            secure: false,
            http_only: false,
        };
        let mut max_age = None;
        for part in parts {
            let at = part.iter().position(|&byte| byte == b'=').unwrap_or(part.len());
            let (name, value) = (trim(&part[..at]), trim(part.get(at + 1..).unwrap_or_default()));
            if value.len() <= MAX_ATTRIBUTE_BYTES {
                cookie.attribute(&name.to_ascii_lowercase(), value, &mut max_age)?;
            }
        }
        // Max-Age rules beside Expires, wherever either stands.
        cookie.expires = max_age.unwrap_or(cookie.expires);
        Some(cookie)
    }

    /// Takes in one attribute; a later one replaces an earlier. `None`: the cookie is void.
    fn attribute(&mut self, name: &[u8], value: &[u8], max_age: &mut Option<Expires>) -> Option<()> {
        match name {
            b"expires" => {
                if let Some(moment) = date::parse(value) {
                    self.expires = Expires::At(moment);
                }
            }
            b"max-age" => *max_age = seconds(value).map(|ms| Expires::After { ms }).or(*max_age),
            b"domain" => {
                let value = value.strip_prefix(b".").unwrap_or(value);
                let domain = std::str::from_utf8(value).ok().filter(|domain| domain.is_ascii())?;
                self.domain = Some(domain.to_ascii_lowercase());
            }
            // Anything but an absolute path means the default.
            b"path" => self.path = Some(value.to_vec()).filter(|path| path.starts_with(b"/")),
            b"secure" => self.secure = true,
            b"httponly" => self.http_only = true,
            // SameSite is about requests that other sites cause in a browser; a crawler's come from
            // nobody's page.
            _ => {}
        }
        Some(())
    }
}

/// `Max-Age` in ms: digits, or a minus for the past. Longer than any life counts as endless.
fn seconds(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if negative {
        return Some(0);
    }
    let seconds = std::str::from_utf8(digits).ok()?.parse().unwrap_or(i64::MAX);
    Some(seconds.saturating_mul(1000))
}

/// Without spaces at the ends; tabs never come this far.
fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte != b' ').unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| byte != b' ').map_or(start, |at| at + 1);
    &bytes[start..end]
}
