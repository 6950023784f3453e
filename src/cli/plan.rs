//! [`Plan`]: what `crawl` or `resume` is to do with a file, decided before anything is touched.

use std::collections::HashSet;
use std::path::Path;

use super::exit::UsageError;
use super::seeds::GivenSeed;
use super::terminal::shell_word;
use crate::model::{CrawlSettings, CrawlUrl, Host, Origin};
use crate::report::neutralise;
use crate::scope::{PatternError, Scope};
use crate::store::{StoredCrawl, StoredSeed};

/// Seeds that are named in a message; the rest are counted.
const NAMED: usize = 3;

/// What is to be done.
#[derive(Debug)]
pub(super) enum Plan {
    /// There is nothing left to do.
    Complete,
    /// A session with these seeds to take in; none when the stored ones suffice.
    Session(Vec<GivenSeed>),
}

/// Decides what `crawl` does.
///
/// # Errors
/// [`UsageError`]: no seed at all, or a file that holds another crawl.
pub(super) fn crawl(
    given: Vec<GivenSeed>,
    stored: Option<&StoredCrawl>,
    add_seeds: bool,
    path: &Path,
) -> Result<Plan, UsageError> {
    let Some(stored) = stored.filter(|stored| !stored.seeds.is_empty()) else {
        if given.is_empty() {
            return Err(UsageError("no seed is given; for example: sqrawl crawl https://example.org/".to_owned()));
        }
        return Ok(Plan::Session(given));
    };
    // The rules of spelling may have changed since: what was typed is the same seed all the same.
    let [own, imported] = [false, true].map(|imported| {
        let seeds = || stored.seeds.iter().filter(|seed| seed.grants_scope && seed.is_imported == imported);
        let urls: HashSet<&str> = seeds().map(|seed| seed.url.as_str()).collect();
        let typed: HashSet<&str> = seeds().map(|seed| seed.given.as_str()).collect();
        move |seed: &GivenSeed| urls.contains(seed.url.as_str()) || typed.contains(seed.given.as_str())
    });
    let new: Vec<_> = given.into_iter().filter(|seed| !own(seed)).collect();
    if new.is_empty() {
        return Ok(if stored.complete { Plan::Complete } else { Plan::Session(Vec::new()) });
    }
    // What was imported belongs to the crawl; who names it makes it a seed of his own.
    let others: Vec<&GivenSeed> = new.iter().filter(|seed| !imported(seed)).collect();
    if !add_seeds && !others.is_empty() {
        return Err(UsageError(other_crawl(&others, stored, path)));
    }
    Ok(Plan::Session(new))
}

/// Decides what `resume` does.
///
/// # Errors
/// [`UsageError`] when the file holds no crawl.
pub(super) fn resume(stored: Option<&StoredCrawl>, path: &Path) -> Result<Plan, UsageError> {
    match stored {
        Some(stored) if stored.complete => Ok(Plan::Complete),
        Some(stored) if !stored.seeds.is_empty() => Ok(Plan::Session(Vec::new())),
        _ => {
            let path = path.display().to_string();
            let db = shell_word(&path);
            Err(UsageError(format!("{db} holds no crawl yet; start one with: sqrawl crawl URL --db {db}")))
        }
    }
}

fn other_crawl(new: &[&GivenSeed], stored: &StoredCrawl, path: &Path) -> String {
    let own = || stored.seeds.iter().filter(|seed| seed.grants_scope);
    let held = named(own().map(|seed| seed.url.as_str()), own().count());
    let wanted = named(new.iter().map(|seed| seed.url.as_str()), new.len());
    let file = path.display();
    format!(
        "{file} holds the crawl of {held}; {wanted} is not among its seeds. Use --add-seeds to add, or another --db"
    )
}

fn named<'a>(all: impl Iterator<Item = &'a str>, count: usize) -> String {
    let names: Vec<_> = all.take(NAMED).map(neutralise).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Every seed that the crawl is of once the plan is carried out, the stored ones first.
pub(super) fn all_seeds(stored: Option<&StoredCrawl>, new: &[GivenSeed]) -> Vec<CrawlUrl> {
    let stored = stored.into_iter().flat_map(|stored| &stored.seeds);
    let mut all: Vec<CrawlUrl> = stored.filter_map(StoredSeed::place).collect();
    if new.is_empty() {
        return all;
    }
    let known: HashSet<CrawlUrl> = all.iter().cloned().collect();
    all.extend(new.iter().map(|seed| seed.url.clone()).filter(|url| !known.contains(url)));
    all
}

/// The hosts that redirects of seeds brought into scope.
fn widened(stored: Option<&StoredCrawl>) -> Vec<Host> {
    stored.into_iter().flat_map(|stored| &stored.seeds).flat_map(|seed| seed.widened_to.iter().cloned()).collect()
}

/// The scope of the whole crawl.
///
/// # Errors
/// A pattern that is no regular expression.
pub(super) fn scope(
    settings: &CrawlSettings,
    seeds: &[CrawlUrl],
    stored: Option<&StoredCrawl>,
) -> Result<Scope, PatternError> {
    Scope::new(settings, seeds, &widened(stored))?.skipping(stored.map_or(&[], |stored| &stored.skips))
}

/// The origins that stored and new seeds allow.
pub(super) fn grants(stored: Option<&StoredCrawl>, new: &[GivenSeed]) -> Vec<Origin> {
    let stored = stored.into_iter().flat_map(|stored| &stored.seeds).filter(|seed| seed.grants_origin);
    let stored = stored.filter_map(|seed| CrawlUrl::stored(&seed.url).ok()).map(|url| url.origin());
    stored.chain(new.iter().filter_map(GivenSeed::grant)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SeedSource, Totals};
    use crate::store::StoredSeed;

    fn given(urls: &[&str]) -> Vec<GivenSeed> {
        let seed = |url: &&str| GivenSeed {
            given: (*url).to_owned(),
            source: SeedSource::Argument,
            url: CrawlUrl::stored(url).unwrap(),
            grants_origin: url.contains("localhost"),
        };
        urls.iter().map(seed).collect()
    }

    fn stored(urls: &[&str], complete: bool) -> StoredCrawl {
        let seed = |url: &&str| StoredSeed {
            given: (*url).to_owned(),
            url: (*url).to_owned(),
            grants_origin: url.contains("localhost"),
            grants_scope: true,
            is_imported: false,
            widened_to: Vec::new(),
        };
        StoredCrawl {
            settings: CrawlSettings::default(),
            seeds: urls.iter().map(seed).collect(),
            skips: Vec::new(),
            complete,
            last_ended_by: None,
            judging: false,
            totals: Totals::default(),
        }
    }

    const A: &str = "https://a.test/";
    const B: &str = "https://b.test/";

    #[test]
    fn what_a_file_and_seeds_come_to() {
        let (open, complete, empty) = (stored(&[A], false), stored(&[A], true), stored(&[], false));
        // What the file holds, seeds, --add-seeds; the seeds that a session takes in.
        type Case<'a> = (Option<&'a StoredCrawl>, &'a [&'a str], bool, Result<Option<usize>, ()>);
        let cases: [Case; 11] = [
            (None, &[], false, Err(())),
            (None, &[A], false, Ok(Some(1))),
            (Some(&empty), &[], false, Err(())),
            (Some(&empty), &[A], false, Ok(Some(1))),
            (Some(&open), &[], false, Ok(Some(0))),
            (Some(&open), &[A], false, Ok(Some(0))),
            (Some(&open), &[B], false, Err(())),
            (Some(&open), &[A, B], true, Ok(Some(1))),
            (Some(&complete), &[A], false, Ok(None)),
            (Some(&complete), &[A], true, Ok(None)),
            (Some(&complete), &[A, B], true, Ok(Some(1))),
        ];
        for (n, (file, seeds, add, wanted)) in cases.into_iter().enumerate() {
            let got = crawl(given(seeds), file, add, Path::new("x.db")).map_err(|_| ());
            let got = got.map(|plan| match plan {
                Plan::Complete => None,
                Plan::Session(seeds) => Some(seeds.len()),
            });
            assert_eq!(got, wanted, "case {n}");
        }
    }

    #[test]
    fn another_crawl_is_refused_by_name() {
        let error = crawl(given(&[B]), Some(&stored(&[A], false)), false, Path::new("x.db")).unwrap_err();
        let wanted = "x.db holds the crawl of https://a.test/; https://b.test/ is not among its seeds. \
                      Use --add-seeds to add, or another --db";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn resume_needs_a_crawl() {
        assert!(resume(None, Path::new("x.db")).unwrap_err().to_string().contains("sqrawl crawl URL --db x.db"));
        assert!(matches!(resume(Some(&stored(&[A], true)), Path::new("x.db")), Ok(Plan::Complete)));
        assert!(
            matches!(resume(Some(&stored(&[A], false)), Path::new("x.db")), Ok(Plan::Session(new)) if new.is_empty())
        );
    }

    #[test]
    fn stored_grants_hold_after_a_resume() {
        let file = stored(&["http://localhost:8000/", A], false);
        let origins: Vec<String> =
            grants(Some(&file), &given(&["http://localhost:9000/x"])).iter().map(ToString::to_string).collect();
        assert_eq!(origins, ["http://localhost:8000", "http://localhost:9000"]);
        assert_eq!(all_seeds(Some(&file), &given(&[A, B])).len(), 3);
    }
}
