//! The inbox: what an operator asks of a crawl, applied between two batches of the session that runs, or by whoever
//! holds the store without one.
//!
//! The scope changes before the store does: what is read and settled from then on is judged by it already.

use std::sync::{Arc, Mutex, PoisonError};

use crate::fetch::Fetcher;
use crate::model::{Admission, Applied, Command, CrawlSettings, Origin, Rule, Seed, UnixMs};
use crate::scope::{Scope, Skips};
use crate::store::{Change, Judged, Store, StoreError, Waiting};
use crate::verdict;

use super::judging::{named, scope_of};
use super::shared::{Ask, Shared};
use super::{Clock, EngineError, Job};

/// Commands taken out at once.
const AT_ONCE: u32 = 100;

/// What commands act upon beside the store.
trait Ground: Send + Sync {
    fn settings(&self) -> &CrawlSettings;
    fn scope(&self) -> Arc<Scope>;
    fn set_skips(&self, skips: Skips);
    /// Whether that brings more into scope.
    fn take_seed(&self, seed: &crate::model::CrawlUrl) -> bool;
    fn trust(&self, origin: Origin, granted: bool);
    /// Of files that could not be had nothing is known any more.
    fn forget_failed_robots(&self);
}

impl<F: Fetcher, C: Clock> Ground for Shared<F, C> {
    fn settings(&self) -> &CrawlSettings {
        &self.settings
    }

    fn scope(&self) -> Arc<Scope> {
        Shared::scope(self)
    }

    fn set_skips(&self, skips: Skips) {
        self.change_scope(|scope| scope.set_skips(skips));
    }

    fn take_seed(&self, seed: &crate::model::CrawlUrl) -> bool {
        self.change_scope(|scope| scope.take_seed(seed))
    }

    fn trust(&self, origin: Origin, granted: bool) {
        self.fetcher.trust(origin, granted);
    }

    fn forget_failed_robots(&self) {
        self.robots.forget_failed();
    }
}

/// A crawl that nobody works on.
struct AtRest {
    settings: CrawlSettings,
    scope: Mutex<Arc<Scope>>,
}

impl AtRest {
    fn change<T>(&self, change: impl FnOnce(&mut Scope) -> T) -> T {
        change(Arc::make_mut(&mut self.scope.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Ground for AtRest {
    fn settings(&self) -> &CrawlSettings {
        &self.settings
    }

    fn scope(&self) -> Arc<Scope> {
        Arc::clone(&self.scope.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_skips(&self, skips: Skips) {
        self.change(|scope| scope.set_skips(skips));
    }

    fn take_seed(&self, seed: &crate::model::CrawlUrl) -> bool {
        self.change(|scope| scope.take_seed(seed))
    }

    fn trust(&self, _: Origin, _: bool) {}

    fn forget_failed_robots(&self) {}
}

/// Applies what waits in the inbox of the session's store, and has hosts leased that got work by it. Not once the
/// session has found that nothing is left: whoever comes next applies it.
pub(super) async fn take<S: Store, F: Fetcher, C: Clock>(store: &S, shared: &Shared<F, C>) -> Result<(), StoreError> {
    let takes = shared.takes_commands.lock().await;
    if !*takes {
        return Ok(());
    }
    let changed = apply_all(store, shared, shared.clock.now_ms()).await?;
    if changed > 0 {
        if let Some(stored) = store.stored_crawl().await? {
            shared.progress.set_totals(stored.totals);
        }
        let _ = shared.desk.send(Ask::Committed { released: Vec::new(), woken_hosts: changed });
    }
    Ok(())
}

/// Applies what waits in the inbox of a store that no session works on; how many commands that were.
///
/// # Errors
/// [`EngineError`] when the store fails; what was applied before stays so.
pub async fn apply_waiting<S: Store>(store: &S, now: UnixMs) -> Result<u64, EngineError> {
    if store.inbox(1).await?.is_empty() {
        return Ok(0);
    }
    let stored = store.stored_crawl().await?;
    let settings = stored.as_ref().map(|stored| stored.settings.clone()).unwrap_or_default();
    let job = Job { settings, seeds: Vec::new(), recrawl: false, stored, rehearsal: None, parse_threads: 0 };
    let scope = Mutex::new(Arc::new(scope_of(&job)?));
    Ok(apply_all(store, &AtRest { settings: job.settings, scope }, now).await?)
}

async fn apply_all<S: Store>(store: &S, ground: &impl Ground, now: UnixMs) -> Result<u64, StoreError> {
    let mut commands = 0;
    loop {
        let waiting = store.inbox(AT_ONCE).await?;
        if waiting.is_empty() {
            return Ok(commands);
        }
        for command in waiting {
            let id = command.id;
            if let Some(applied) = apply(store, ground, command, now).await? {
                let Applied { new_urls, queued, excluded, patterns: _, refused } = applied;
                tracing::info!(id, new_urls, queued, excluded, refused, "a command from the inbox was applied");
                commands += 1;
            }
        }
    }
}

async fn apply<S: Store>(
    store: &S,
    ground: &impl Ground,
    waiting: Waiting,
    now: UnixMs,
) -> Result<Option<Applied>, StoreError> {
    let id = waiting.id;
    match waiting.command {
        Ok(Command::Add(added)) => {
            let mut wider = false;
            let known: Vec<_> = added.iter().filter_map(|url| Some((url, url.parsed()?))).collect();
            if known.len() < added.len() {
                return store.apply(id, Change::Refuse("add: a URL is none, or not in its canonical form"), now).await;
            }
            for (added, url) in &known {
                wider |= ground.take_seed(url);
                ground.trust(url.origin(), added.grants_origin);
            }
            let (scope, settings) = (ground.scope(), ground.settings());
            let seeds: Vec<Seed> = known
                .into_iter()
                .map(|(added, url)| verdict::seed(added.given.clone(), added.source, added.grants_origin, url, &scope))
                .collect();
            let judge = |judged: &Judged| match &judged.rule {
                Some(rule) if *rule == Rule::SCOPE => verdict::judge_again(settings, &scope, &named(judged), now),
                _ => None,
            };
            store.apply(id, Change::Add { seeds: &seeds, judge: wider.then_some(&judge) }, now).await
        }
        Ok(Command::Skip { patterns, undo }) => {
            let before = ground.scope();
            let skips = if undo { before.skips().without(&patterns) } else { before.skips().with(&patterns) };
            match skips {
                Ok(skips) => ground.set_skips(skips),
                Err(error) => return store.apply(id, Change::Refuse(&error.to_string()), now).await,
            }
            let (scope, settings) = (ground.scope(), ground.settings());
            let judge = |judged: &Judged| match (&judged.rule, undo) {
                (Some(rule), true) if *rule == Rule::SKIP => {
                    verdict::judge_again(settings, &scope, &named(judged), now)
                }
                (None, false) if scope.skips().contain(&judged.url) => Some(Admission::Exclude(Rule::SKIP)),
                _ => None,
            };
            store.apply(id, Change::Skip { patterns: &patterns, undo, judge: &judge }, now).await
        }
        Ok(Command::Retry(retry)) => {
            let chosen = match Skips::new("retry", &retry.patterns) {
                Ok(chosen) => chosen,
                Err(error) => return store.apply(id, Change::Refuse(&error.to_string()), now).await,
            };
            let scope = ground.scope();
            let chosen = |url: &crate::model::CrawlUrl| {
                (chosen.is_empty() || chosen.contain(url)) && !scope.skips().contain(url)
            };
            let applied = store.apply(id, Change::Retry { retry: &retry, chosen: &chosen }, now).await?;
            ground.forget_failed_robots();
            Ok(applied)
        }
        Err(why) => store.apply(id, Change::Refuse(&why), now).await,
    }
}
