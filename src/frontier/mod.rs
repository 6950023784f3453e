//! In which order URLs are visited.

use crate::model::CrawlUrl;

/// Priority of a URL named at `depth`; lower first.
pub fn priority(_url: &CrawlUrl, _depth: u32) -> i32 {
    todo!()
}
