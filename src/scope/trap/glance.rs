//! [`Glance`]: which traps a URL cannot be, seen in one pass. Nearly every URL is none, and looking for each
//! takes path and query apart again.

use super::{path, query};
use crate::model::{CrawlUrl, Trap};
use crate::scope::session_id::MIN_SHARED_BYTES;

/// What the traps need, as far as a pass over the pieces tells.
#[derive(Debug)]
pub(super) struct Glance {
    /// Of the path.
    segments: usize,
    /// Of the query.
    parameters: usize,
    /// Something in the query is escaped.
    escaped: bool,
    /// A segment or a value begins with four digits, as every date does.
    dated: bool,
    /// There is a value as long as a session id, or a segment with a value.
    valued: bool,
    /// A segment ends in the host's name, or a colon stands in the path.
    names_host: bool,
}

impl Glance {
    pub(super) fn at(url: &CrawlUrl) -> Self {
        let (path, query) = (url.path().as_bytes(), url.query().unwrap_or_default().as_bytes());
        let host = bare_host(url).as_bytes();
        let mut glance = Glance {
            segments: 0,
            parameters: 0,
            escaped: query.contains(&b'%'),
            dated: false,
            valued: path.contains(&b'='),
            names_host: path.contains(&b':'),
        };
        for segment in path.split(|b| *b == b'/').skip(1) {
            glance.segments += 1;
            glance.dated |= begins_with_year(segment);
            glance.names_host |= ends_with(segment, host);
        }
        for parameter in query.split(|b| *b == b'&') {
            glance.parameters += 1;
            let Some(name) = parameter.iter().position(|b| *b == b'=') else { continue };
            let value = &parameter[name + 1..];
            glance.dated |= begins_with_year(value);
            glance.valued |= value.len() >= MIN_SHARED_BYTES;
        }
        glance
    }

    /// Whether the URL is no such trap for certain.
    pub(super) fn rules_out(&self, trap: Trap) -> bool {
        match trap {
            Trap::PathRepeats => self.segments < path::MIN_REPEATED_SEGMENTS,
            Trap::PathDepth => self.segments <= path::MAX_SEGMENTS,
            Trap::QueryGrowth => self.parameters <= query::MAX_SAME && !self.escaped,
            Trap::Calendar => !self.dated,
            Trap::SessionId => !self.valued,
            Trap::SelfLink => !self.names_host,
            Trap::Soft404 | Trap::SameContent => false,
        }
    }
}

/// The host without `www.`.
pub(super) fn bare_host(url: &CrawlUrl) -> &str {
    let host = url.host_str();
    host.strip_prefix("www.").unwrap_or(host)
}

fn begins_with_year(text: &[u8]) -> bool {
    text.first_chunk::<4>().is_some_and(|year| year.iter().all(u8::is_ascii_digit))
}

fn ends_with(segment: &[u8], host: &[u8]) -> bool {
    segment.len() >= host.len() && segment[segment.len() - host.len()..].eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Named;
    use crate::scope::trap::is_caught;

    /// 2026-07-01.
    const NOW: i64 = 1_782_864_000_000;

    fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![3 => prop::sample::select(of), 1 => Just("a")], 0..most)
            .prop_map(|pieces| pieces.concat())
    }

    /// URLs put together from what the traps look for.
    fn trap_like() -> impl Strategy<Value = String> {
        let path = pieces(
            &[
                "/",
                "/a",
                "/b",
                "/2050",
                "/12",
                "-12-01",
                "/www.a.example",
                "/A.EXAMPLE",
                "/a.example:80",
                "/http:",
                ";x",
                "/xsid=",
                "0123456789abcdef0123456789abcdef",
                "é",
                "%252525",
            ],
            60,
        );
        let query = pieces(
            &[
                "&",
                "&a=1",
                "&lang=en",
                "&date=",
                "&year=",
                "&month=4",
                "2050",
                "1-12",
                "1224",
                "%2F",
                "%252525",
                "&sid=",
                "&oursid=",
                "0123456789abcdef0123456789abcdef",
                "=",
                "f[]=é",
            ],
            80,
        );
        (path, prop::option::of(query)).prop_map(|(path, query)| match query {
            Some(query) => format!("https://www.a.example/{path}?{query}"),
            None => format!("https://www.a.example/{path}"),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_a_glance_rules_out_is_not_found_by_looking_closely(text in trap_like()) {
            if let Ok(url) = CrawlUrl::stored(&text) {
                let glance = Glance::at(&url);
                for trap in Trap::ALL {
                    let caught = is_caught(*trap, &url, None, false, NOW);
                    prop_assert!(!(caught && glance.rules_out(*trap)), "{trap:?} {glance:?}");
                }
            }
        }
    }

    #[test]
    fn an_ordinary_url_is_ruled_out_at_a_glance() {
        for text in [
            "https://www.a.example/",
            "https://www.a.example/topics/7/an-ordinary-page-2024.html",
            "https://www.a.example/read?id=7&view=full&section=garden",
        ] {
            let glance = Glance::at(&CrawlUrl::stored(text).expect("a URL"));
            let left: Vec<Trap> = Trap::ALL.iter().copied().filter(|trap| !glance.rules_out(*trap)).collect();
            assert_eq!(left, [Trap::Soft404, Trap::SameContent], "{text}");
        }
    }
}
