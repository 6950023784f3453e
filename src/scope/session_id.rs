//! Session ids in URLs: which parts of a path and a query are one. The names are those that server
//! software is known to write; the values must look as that software draws them. A part that could
//! name a page is left alone.

/// Most bytes of a session id; PHP's are the longest in use.
const MAX_BYTES: usize = 256;

/// Names that nothing but a session has: PHP, servlets, osCommerce and its heirs, Zen Cart, ASP.NET.
const OWN_NAMES: [&str; 6] = ["phpsessid", "jsessionid", "oscsid", "xtcsid", "zenid", "asp.net_sessionid"];

/// Least bytes of a value under one of [`OWN_NAMES`].
const MIN_OWN_BYTES: usize = 8;

/// Names that sessions share with other things: a story, a shop, a session of a conference.
const SHARED_NAMES: [&str; 4] = ["sid", "sessid", "sessionid", "session_id"];

/// Least bytes of a value under one of [`SHARED_NAMES`]. PHP draws 26 or 32, Perl 32; shorter ones are
/// more often keys of a database (24 for an ObjectId).
pub(super) const MIN_SHARED_BYTES: usize = 26;

/// Whether `name=value`, a parameter of a query or of a path segment, is a session id.
pub(super) fn is_session_id(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    if value.len() < MIN_OWN_BYTES {
        return false;
    }
    if OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return is_opaque(value, MIN_OWN_BYTES);
    }
    if SHARED_NAMES.iter().any(|shared| name.eq_ignore_ascii_case(shared)) {
        return is_drawn(value, MIN_SHARED_BYTES);
    }
    is_asp(name, value)
}

/// Classic ASP: `ASPSESSIONID` with eight letters, and 24 letters.
fn is_asp(name: &str, value: &str) -> bool {
    const STEM: &str = "aspsessionid";
    let letters = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_alphabetic());
    let Some((stem, rest)) = name.split_at_checked(STEM.len()) else { return false };
    stem.eq_ignore_ascii_case(STEM) && letters(rest, 8) && letters(value, 24)
}

/// Whether the two parameters that ColdFusion writes side by side stand in a query. Each alone may be
/// anything.
pub(super) fn has_cold_fusion_pair<'a>(parameters: impl Iterator<Item = &'a str> + Clone) -> bool {
    parameters.clone().any(is_cfid) && parameters.clone().any(is_cftoken)
}

/// Whether it is one of the pair.
pub(super) fn is_of_cold_fusion_pair(parameter: &str) -> bool {
    is_cfid(parameter) || is_cftoken(parameter)
}

fn is_cfid(parameter: &str) -> bool {
    value_of(parameter, "cfid").is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

fn is_cftoken(parameter: &str) -> bool {
    let token = |value: &str| value.len() >= 8 && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    value_of(parameter, "cftoken").is_some_and(|value| value.len() <= MAX_BYTES && token(value))
}

fn value_of<'a>(parameter: &'a str, name: &str) -> Option<&'a str> {
    parameter.split_once('=').filter(|(got, _)| got.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether a path segment is what ASP.NET puts in front of a path without cookies: `(S(…))`, with
/// `A(…)`, `F(…)` and `X(…)` beside it.
pub(super) fn is_cookieless_segment(segment: &str) -> bool {
    let inner = segment.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let Some(mut rest) = inner.filter(|inner| inner.len() <= 2 * MAX_BYTES) else { return false };
    let mut has_session = false;
    while !rest.is_empty() {
        let Some((kind, after)) = rest.split_once('(') else { return false };
        let Some((ticket, next)) = after.split_once(')') else { return false };
        let word = ticket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !matches!(kind, "A" | "F" | "S" | "X") || !word {
            return false;
        }
        let drawn = |b: u8| b.is_ascii_lowercase() || (b'0'..=b'5').contains(&b);
        has_session |= kind == "S" && ticket.len() == 24 && ticket.bytes().all(drawn);
        rest = next;
    }
    has_session
}

/// What the trap guard takes for a session id under any other name that speaks of one: the name ends
/// in `sid` or contains `sessid`, `sessionid` or `session_id`, and the value is long and drawn.
pub(super) fn looks_like_session_id(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    if !is_drawn(value, MIN_SHARED_BYTES) || is_session_id(parameter) || name.len() > 64 {
        return false;
    }
    let name = name.to_ascii_lowercase();
    let stems = ["sessid", "sessionid", "session_id", "session-id"];
    name.ends_with("sid") || stems.iter().any(|stem| name.contains(stem))
}

/// Characters of a token, at least so many.
fn is_opaque(value: &str, least: usize) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b',' | b'!' | b'*' | b'$' | b'%');
    (least..=MAX_BYTES).contains(&value.len()) && value.bytes().all(token)
}

/// Letters and digits only, at least so many, with digits among the letters and letters among the
/// digits as chance puts them there.
fn is_drawn(value: &str, least: usize) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    (least..=MAX_BYTES).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric())
        && digits >= 3
        && value.len() - digits >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_sessions() {
        for parameter in [
            "jsessionid=999A9EF028317A82AC83F0FDFE59385A",
            "JSESSIONID=a63098d96360$B0$D9$A",
            "jsessionid=0001B7gQ9w!1234567",
            "jsessionid=1A2B3C4D.node-1",
            "PHPSESSID=9682993c8daa2c5497996114facdc805",
            "phpsessid=q3k5v1n0f8e7r6t5y4u3i2o1p0",
            "sid=9682993c8daa2c5497996114facdc805",
            "SessionId=9682993c8daa2c5497996114facdc805",
            "osCsid=f8k3h1d0s9a8q7w6e5r4t3y2u1",
            "zenid=0c8b7a6f5e4d3c2b1a09f8e7d6c5b4a3",
            "ASPSESSIONIDAQBSDSRT=EOHBLBDDPFCLHKPGGKLILNAM",
            "ASP.NET_SessionId=lit3py55t21z5v55vlm25s55",
        ] {
            assert!(is_session_id(parameter), "{parameter}");
        }
    }

    #[test]
    fn parameters_that_may_name_a_page() {
        for parameter in [
            "jsessionid",
            "jsessionid=",
            "jsessionid=1",
            "PHPSESSID=a b c d e f",
            "sid=42",
            "sid=507f1f77bcf86cd799439011",
            "sid=00000000000000000000000000000000",
            "sid=thelongnameofsomestoryinwordsonly",
            "sid=f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "session_id=keynote-opening-of-the-2nd-day",
            "s=9682993c8daa2c5497996114facdc805",
            "id=9682993c8daa2c5497996114facdc805",
            "ASPSESSIONIDX=EOHBLBDDPFCLHKPGGKLILNAM",
            "é=1",
        ] {
            assert!(!is_session_id(parameter), "{parameter}");
        }
        let long = format!("jsessionid={}", "a".repeat(MAX_BYTES + 1));
        assert!(!is_session_id(&long));
    }

    #[test]
    fn cold_fusion_writes_a_pair() {
        let pair = |query: &str| has_cold_fusion_pair(query.split('&'));
        assert!(pair("CFID=12412453&CFTOKEN=15501799"));
        assert!(pair("cftoken=2D89F5AF-3048-2957-DA4EE4B6B13661AB&x=1&cfid=14475712"));
        for alone in ["CFID=1", "CFTOKEN=15501799", "CFID=a&CFTOKEN=15501799", "CFID=1&CFTOKEN=news", "CFID=&CFTOKEN="]
        {
            assert!(!pair(alone), "{alone}");
        }
    }

    #[test]
    fn cookieless_segments() {
        for segment in [
            "(S(lit3py55t21z5v55vlm25s55))",
            "(X(1)S(lit3py55t21z5v55vlm25s55))",
            "(A(z7QzYnN0_-)S(lit3py55t21z5v55vlm25s55))",
        ] {
            assert!(is_cookieless_segment(segment), "{segment}");
        }
        for segment in [
            "(S(short))",
            "(S(LIT3PY55T21Z5V55VLM25S55))",
            "(X(1))",
            "(Q(lit3py55t21z5v55vlm25s55))",
            "S(lit3py55t21z5v55vlm25s55)",
            "(S(lit3py55t21z5v55vlm25s55)",
            "()",
            "(",
            "(disambiguation)",
        ] {
            assert!(!is_cookieless_segment(segment), "{segment}");
        }
    }

    #[test]
    fn other_names_that_speak_of_a_session() {
        for parameter in [
            "oursid=9682993c8daa2c5497996114facdc805",
            "my_session_id=f8k3h1d0s9a8q7w6e5r4t3y2u1",
            "xsessid2=9682993c8daa2c5497996114facdc805",
        ] {
            assert!(looks_like_session_id(parameter), "{parameter}");
        }
        for parameter in [
            "id=9682993c8daa2c5497996114facdc805",
            "hash=9682993c8daa2c5497996114facdc805",
            "oursid=42",
            "session=9682993c8daa2c5497996114facdc805",
            "oursid=f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "inside=the-house",
        ] {
            assert!(!looks_like_session_id(parameter), "{parameter}");
        }
        assert!(!looks_like_session_id("PHPSESSID=9682993c8daa2c5497996114facdc805"), "a known name has its own rule");
    }
}
