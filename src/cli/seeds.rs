//! Seeds as the operator gave them: arguments, files, stdin; [`read_seeds`] turns them into
//! [`GivenSeed`]s or names every one that is no URL.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

use super::exit::UsageError;
use crate::import::ListLines;
use crate::model::{CrawlUrl, Origin, Seed, SeedSource};
use crate::scope::{Scope, SeedUrl, UrlRules, host_behind_credentials, seed_url, without_credentials};
use crate::verdict;

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

    fn lines(&mut self, from: impl BufRead, name: &str, source: SeedSource) -> anyhow::Result<()> {
        let lines = ListLines::begin(from).map_err(|error| unreadable(error, name))?;
        for line in lines {
            let (number, line) = line.with_context(|| format!("{name} cannot be read"))?;
            let place = format!("{name}, line {number}: ");
            match line {
                Ok(text) => self.seed(&text, source, &place),
                Err(why) => self.error(format!("{place}{why}")),
            }
        }
        Ok(())
    }

    fn seed(&mut self, given: &str, source: SeedSource, place: &str) {
        match given_url(given, self.rules) {
            Ok(seed) => {
                if self.known.insert(seed.url.clone()) {
                    let grants_origin = seed.grants_origin && source == SeedSource::Argument;
                    self.seeds.push(GivenSeed { given: given.to_owned(), source, url: seed.url, grants_origin });
                }
            }
            Err(why) => self.error(format!("{place}{why}")),
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

/// A list that cannot be read, or is none.
pub(super) fn unreadable(error: io::Error, name: &str) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::InvalidData => UsageError(format!("{name}: {error}")).into(),
        _ => anyhow::Error::new(error).context(format!("{name} cannot be read")),
    }
}

/// The URL that an operator gave.
///
/// # Errors
/// Why it is none, without what may be a secret in it.
pub(super) fn given_url(given: &str, rules: &UrlRules) -> Result<SeedUrl, String> {
    // A seed is stored as it was given, and shown.
    if let Some(host) = host_behind_credentials(given) {
        let host: String = host.chars().take(200).collect();
        return Err(format!(
            "the seed for {host:?} names credentials: give them with --basic-auth, which is not stored"
        ));
    }
    seed_url(given, rules).map_err(|why| {
        let shown: String = without_credentials(given).chars().take(200).collect();
        format!("{shown:?} is no seed: {why}; for example https://example.org/")
    })
}
