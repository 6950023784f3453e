//! `--sitemaps`: when the sitemaps of an origin enter the frontier. With its robots.txt, in the transaction
//! that stores it; for origins that are known already, when settings change or seeds are added.

use std::collections::HashSet;

use crate::model::{Candidate, CrawlUrl, Origin, RobotsRecord, UnixMs};
use crate::scope::Scope;
use crate::store::{SessionStart, Settlement, Store};
use crate::verdict::{self, Policy};

use super::shared::Shared;
use super::{Clock, EngineError, Job};

/// Results of robots.txt that are looked at in one transaction: 500 KiB each at most.
const RECORDS_AT_ONCE: u32 = 64;

/// The sitemaps that a robots.txt just read names.
pub(super) fn of_robots<F, C: Clock>(shared: &Shared<F, C>, record: &RobotsRecord) -> Vec<Candidate> {
    with_policy(shared, |policy| verdict::sitemaps_of(policy, record))
}

/// The usual sitemap of each origin, when no robots.txt is asked for. A host is leased often, and its
/// sitemap is known from the second time on.
pub(super) fn without_robots<F, C: Clock>(
    shared: &Shared<F, C>,
    origins: impl Iterator<Item = Origin>,
) -> Vec<Candidate> {
    if !shared.settings.ignore_robots {
        return Vec::new();
    }
    let origins: HashSet<Origin> = origins.collect();
    with_policy(shared, |policy| origins.iter().filter_map(|origin| verdict::usual_sitemap(policy, origin)).collect())
}

fn with_policy<F, C: Clock>(shared: &Shared<F, C>, name: impl FnOnce(&Policy<'_>) -> Vec<Candidate>) -> Vec<Candidate> {
    if !shared.settings.sitemaps {
        return Vec::new();
    }
    let scope = shared.scope();
    name(&Policy { settings: &shared.settings, scope: &scope, agent: &shared.agent })
}

/// Takes in the sitemaps of every origin known, when a session has other settings or more seeds than the
/// one before. A robots.txt that was read while its host lay outside the scope, or no sitemap was of
/// use, is not read again.
///
/// # Errors
/// Those of the store.
pub(super) async fn of_known<S: Store>(
    store: &S,
    start: &SessionStart,
    job: &Job,
    scope: &Scope,
    now: UnixMs,
) -> Result<(), EngineError> {
    if !job.settings.sitemaps {
        return Ok(());
    }
    let agent = job.settings.product_token();
    let policy = Policy { settings: &job.settings, scope, agent: &agent };
    if job.settings.ignore_robots {
        let seeds = job.stored.iter().flat_map(|stored| &stored.seeds).filter_map(|s| CrawlUrl::stored(&s.url).ok());
        let origins: HashSet<Origin> = seeds.map(|seed| seed.origin()).collect();
        let sitemaps = origins.iter().filter_map(|origin| verdict::usual_sitemap(&policy, origin)).collect();
        store.settle(start, &Settlement { sitemaps, ..Settlement::default() }, now).await?;
        return Ok(());
    }
    let mut after = 0;
    loop {
        let known = store.robots_known(after, RECORDS_AT_ONCE).await?;
        let Some((last, _)) = known.last() else { return Ok(()) };
        after = *last;
        let sitemaps = known.iter().flat_map(|(_, record)| verdict::sitemaps_of(&policy, record)).collect();
        store.settle(start, &Settlement { sitemaps, ..Settlement::default() }, now).await?;
    }
}
