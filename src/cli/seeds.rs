//! Seeds as the operator gave them: arguments, files, stdin; [`read_seeds`] turns them into
//! [`GivenSeed`]s or names every one that is no URL.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;

use super::exit::UsageError;
use crate::model::{CrawlUrl, Origin, Seed, SeedSource};
use crate::scope::{Scope, UrlRules, host_behind_credentials, seed_url, without_credentials};
use crate::verdict;

/// The longest line of a seed file.
const LONGEST_LINE: u64 = 64 * 1024;
/// Bad seeds that are named; the rest are counted.
const NAMED_ERRORS: usize = 10;

/// A seed that is a URL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenSeed {
    /// As typed.
    pub(super) given: String,
    /// Where it was given.
    pub(super) source: SeedSource,
    /// Its URL.
    pub(super) url: CrawlUrl,
    /// It allows its own origin: typed as an argument, as a literal address or localhost.
    pub(super) grants_origin: bool,
}

impl GivenSeed {
    /// The origin it allows.
    pub(super) fn grant(&self) -> Option<Origin> {
        self.grants_origin.then(|| self.url.origin())
    }

    /// The seed for the store, judged by the scope.
    pub(super) fn judged(&self, scope: &Scope) -> Seed {
        verdict::seed(self.given.clone(), self.source, self.grants_origin, self.url.clone(), scope)
    }
}

/// Reads all seeds, each URL once, in the spelling that `rules` give it.
///
/// # Errors
/// [`UsageError`] names the seeds that are no URLs, with file and line; a file that cannot be read
/// is named too.
pub(super) fn read_seeds(
    arguments: &[String],
    files: &[std::path::PathBuf],
    rules: &UrlRules,
) -> anyhow::Result<Vec<GivenSeed>> {
    let mut list = SeedList::new(rules);
    let mut stdin_read = false;
    let mut stdin = |list: &mut SeedList<'_>| -> anyhow::Result<()> {
        if std::mem::replace(&mut stdin_read, true) {
            return Ok(());
        }
        list.lines(std::io::stdin().lock(), "stdin", SeedSource::Stdin)
    };
    for argument in arguments {
        if argument == "-" {
            stdin(&mut list)?;
        } else {
            list.seed(argument, SeedSource::Argument, "");
        }
    }
    for path in files {
        if path == Path::new("-") {
            stdin(&mut list)?;
            continue;
        }
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| UsageError(format!("--input {name}: {error}")))?;
        list.lines(BufReader::new(file), &name, SeedSource::File)?;
    }
    list.finish()
}

struct SeedList<'a> {
    rules: &'a UrlRules,
    seeds: Vec<GivenSeed>,
    known: HashSet<CrawlUrl>,
    errors: Vec<String>,
    more_errors: usize,
}

impl<'a> SeedList<'a> {
    fn new(rules: &'a UrlRules) -> Self {
        SeedList { rules, seeds: Vec::new(), known: HashSet::new(), errors: Vec::new(), more_errors: 0 }
    }

    fn lines(&mut self, mut from: impl BufRead, name: &str, source: SeedSource) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1u64.. {
            line.clear();
            let read = from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            if read.with_context(|| format!("{name}: line {number} cannot be read"))? == 0 {
                break;
            }
            let place = format!("{name}, line {number}: ");
            if line.len() as u64 == LONGEST_LINE {
                return Err(UsageError(format!("{place}longer than {LONGEST_LINE} bytes")).into());
            }
            let bytes = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line[..] };
            match std::str::from_utf8(bytes).map(str::trim) {
                Ok(text) if text.is_empty() || text.starts_with('#') => {}
                Ok(text) => self.seed(text, source, &place),
                Err(_) => self.error(format!("{place}not UTF-8")),
            }
        }
        Ok(())
    }

    fn seed(&mut self, given: &str, source: SeedSource, place: &str) {
        // A seed is stored as it was given, and shown.
        if let Some(host) = host_behind_credentials(given) {
            let host: String = host.chars().take(200).collect();
            return self.error(format!(
                "{place}the seed for {host:?} names credentials: give them with --basic-auth, which is not stored"
            ));
        }
        match seed_url(given, self.rules) {
            Ok(seed) => {
                if self.known.insert(seed.url.clone()) {
                    let grants_origin = seed.grants_origin && source == SeedSource::Argument;
                    self.seeds.push(GivenSeed { given: given.to_owned(), source, url: seed.url, grants_origin });
                }
            }
            Err(why) => {
                let shown: String = without_credentials(given).chars().take(200).collect();
                self.error(format!("{place}{shown:?} is no seed: {why}; for example https://example.org/"));
            }
        }
    }

    fn error(&mut self, error: String) {
        if self.errors.len() < NAMED_ERRORS {
            self.errors.push(error);
        } else {
            self.more_errors += 1;
        }
    }

    fn finish(mut self) -> anyhow::Result<Vec<GivenSeed>> {
        if self.errors.is_empty() {
            return Ok(self.seeds);
        }
        if self.more_errors > 0 {
            self.errors.push(format!("and {} more", self.more_errors));
        }
        Err(UsageError(self.errors.join("\n       ")).into())
    }
}
