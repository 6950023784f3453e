//! [`seed`] and [`imported_seed`]: a URL that the operator gives, judged by the scope.

use crate::frontier::priority;
use crate::model::{Admission, Candidate, CrawlUrl, Seed, SeedSource};
use crate::parse::names_sitemap;
use crate::scope::{NamedBy, Scope, registrable_domain};

use super::Policy;

/// The seed for the store.
pub fn seed(given: String, source: SeedSource, grants_origin: bool, url: CrawlUrl, scope: &Scope) -> Seed {
    let by = NamedBy { depth: 0, hops: 0, followed: true, nofollow: false, seed: true, trap: None, now: 0 };
    let admission = scope.judge(&url, by);
    Seed { grants_origin, ..admitted(given, source, url, admission) }
}

/// The same for a URL of a file that is imported: where the scope refuses it, it is to be no seed. `grants_scope`: the
/// crawl is of it. Else it lies as deep as the crawl goes, so that none of its links is let in for being near it.
pub fn imported_seed(
    given: String,
    source: SeedSource,
    grants_scope: bool,
    url: CrawlUrl,
    policy: &Policy<'_>,
) -> Seed {
    let admission = policy.scope.judge_given(&url);
    let mut seed = Seed { grants_scope, ..admitted(given, source, url, admission) };
    seed.candidate.depth = policy.settings.max_depth.filter(|_| !grants_scope).unwrap_or(0);
    seed
}

fn admitted(given: String, source: SeedSource, url: CrawlUrl, admission: Admission) -> Seed {
    Seed {
        given,
        source,
        grants_origin: false,
        grants_scope: true,
        candidate: Candidate {
            domain: registrable_domain(&url.host()),
            admission,
            priority: priority(&url, 0),
            depth: 0,
            hops: 0,
            is_sitemap: names_sitemap(&url),
            url,
        },
    }
}
