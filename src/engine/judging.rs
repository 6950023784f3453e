//! Whether a session judges otherwise than the one before, and what it makes of the URLs that are known.

use std::collections::HashSet;

use crate::model::{Admission, CrawlUrl, UnixMs, UrlId};
use crate::scope::Scope;
use crate::store::{Judged, Store, StoredCrawl};
use crate::verdict;

use super::{EngineError, Job};

/// URLs judged again in one transaction.
const JUDGED_AT_ONCE: u32 = 5_000;

/// The scope of all seeds, stored and new ones.
pub(super) fn scope_of(job: &Job) -> Result<Scope, EngineError> {
    let mut urls: Vec<CrawlUrl> = job.seeds.iter().map(|seed| seed.candidate.url.clone()).collect();
    let mut widened = Vec::new();
    for seed in job.stored.iter().flat_map(|stored| &stored.seeds) {
        urls.extend(seed.place());
        widened.extend_from_slice(&seed.widened_to);
    }
    let skips = job.stored.as_ref().map_or(&[][..], |stored| &stored.skips);
    Ok(Scope::new(&job.settings, &urls, &widened)?.skipping(skips)?)
}

/// The stored crawl, when this session has other settings or more seeds: other URLs may belong to
/// it then. So may they when the session before died while it applied some of its own.
pub(super) fn changed_from(job: &Job) -> Option<&StoredCrawl> {
    let stored = job.stored.as_ref()?;
    let known: HashSet<&str> =
        stored.seeds.iter().filter(|seed| seed.grants_scope).map(|seed| seed.url.as_str()).collect();
    let more_seeds = job.seeds.iter().any(|seed| !known.contains(seed.candidate.url.as_str()));
    let others = more_seeds || stored.judging || verdict::judges_otherwise(&stored.settings, &job.settings);
    others.then_some(stored)
}

/// What is known of the path to a URL of the store.
pub(super) fn named(judged: &Judged) -> verdict::NamedBefore<'_> {
    verdict::NamedBefore {
        url: &judged.url,
        depth: judged.depth,
        hops: judged.hops,
        is_seed: judged.is_seed,
        is_given: judged.is_given,
        is_sitemap: judged.is_sitemap,
        rule: judged.rule.as_ref(),
    }
}

/// Judges every URL again that is still to be visited or excluded.
pub(super) async fn judge_again<S: Store>(store: &S, job: &Job, scope: &Scope, now: UnixMs) -> Result<(), EngineError> {
    let (mut after, mut moved) = (UrlId(0), 0);
    loop {
        let names = store.open_names(after, JUDGED_AT_ONCE).await?;
        let Some(last) = names.last() else { break };
        after = last.id;
        let verdicts: Vec<(UrlId, Admission)> = names
            .iter()
            .filter_map(|name| Some((name.id, verdict::judge_again(&job.settings, scope, &named(name), now)?)))
            .collect();
        moved += store.rejudge(&verdicts, now).await?;
    }
    tracing::info!(urls = moved, "settings changed: URLs judged again");
    Ok(())
}
