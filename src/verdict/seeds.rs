//! [`seed`]: a URL that the operator typed, judged by the scope.

use crate::frontier::priority;
use crate::model::{Candidate, CrawlUrl, Seed, SeedSource};
use crate::parse::names_sitemap;
use crate::scope::{NamedBy, Scope, registrable_domain};

/// The seed for the store.
pub fn seed(given: String, source: SeedSource, grants_origin: bool, url: CrawlUrl, scope: &Scope) -> Seed {
    let by = NamedBy { depth: 0, hops: 0, followed: true, nofollow: false, seed: true, trap: None, now: 0 };
    Seed {
        given,
        source,
        grants_origin,
        candidate: Candidate {
            domain: registrable_domain(&url.host()),
            admission: scope.judge(&url, by),
            priority: priority(&url, 0),
            depth: 0,
            hops: 0,
            is_sitemap: names_sitemap(&url),
            url,
        },
    }
}
