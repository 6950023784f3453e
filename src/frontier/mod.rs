//! In which order URLs are visited. The rows of the frontier live in the store; here is the one
//! number it sorts by: [`priority`].

use crate::model::CrawlUrl;

/// What one level of depth weighs: more than all penalties together, so that no URL is visited
/// before one of a lesser depth.
const LEVEL: i32 = 100;

/// Depths beyond this weigh the same.
const MAX_DEPTH: i32 = 1_000_000;

/// A penalty point for each so many bytes of the query …
const QUERY_BYTES_A_POINT: usize = 8;

/// … up to so many points.
const MAX_QUERY_POINTS: usize = 40;

/// Path segments that cost nothing.
const FREE_SEGMENTS: usize = 8;

/// Penalty points for each segment beyond them …
const POINTS_A_SEGMENT: usize = 5;

/// … up to so many points.
const MAX_SEGMENT_POINTS: usize = 50;

/// Priority of a URL named at `depth`; lower first, never negative.
///
/// Breadth first: 100 a level. Within a level long queries (a point for 8 bytes, at most 40) and
/// paths of more than eight segments (5 points each, at most 50) come later: what a site generates
/// without end looks like that, and pages that people link to rarely do.
pub fn priority(url: &CrawlUrl, depth: u32) -> i32 {
    let level = i32::try_from(depth).unwrap_or(MAX_DEPTH).min(MAX_DEPTH) * LEVEL;
    let query = url.query().map_or(0, str::len) / QUERY_BYTES_A_POINT;
    let segments = url.path().bytes().filter(|&b| b == b'/').count().saturating_sub(FREE_SEGMENTS);
    let points = query.min(MAX_QUERY_POINTS) + (segments * POINTS_A_SEGMENT).min(MAX_SEGMENT_POINTS);
    level + i32::try_from(points).unwrap_or(0)
}

/// Priority of a sitemap: that of a seed, for it names what is to come.
pub fn sitemap_priority(url: &CrawlUrl) -> i32 {
    priority(url, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, depth: u32, expected: i32) {
        let url = CrawlUrl::stored(&format!("https://example.com{path}")).expect("a URL");
        assert_eq!(priority(&url, depth), expected, "{path} at {depth}");
    }

    #[test]
    fn depth_comes_first() {
        check("/", 0, 0);
        check("/a/b.html", 1, 100);
        check("/", 7, 700);
        check("/", u32::MAX, 100_000_000);
    }

    #[test]
    fn long_queries_and_deep_paths_come_later() {
        check("/?q=1", 1, 100);
        check("/?q=123456", 1, 101);
        check("/1/2/3/4/5/6/7/8", 1, 100);
        check("/1/2/3/4/5/6/7/8/9/", 1, 110);
    }

    #[test]
    fn no_penalty_reaches_the_next_level() {
        check(&format!("{}?{}", "/x".repeat(300), "q".repeat(1400)), 1, 190);
    }
}
