//! [`Sources`]: everything that says settings, gathered once: flags, environment, `.env`, profile.

use std::path::Path;

use super::flags::{CrawlFlags, RunFlags};
use super::terminal::Terminal;
use crate::config::{
    CRAWL, ConfigError, Database, Origin, RUN, Resolved, RunOptions, Said, dotenv, environment, fits_together,
    process_environment, read_profile, resolve,
};
use crate::model::CrawlSettings;

/// What was said, the strongest source first, and how this run behaves.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    said: Vec<Said>,
    /// How this run behaves.
    pub(super) run: Resolved<RunOptions>,
    /// Whether stdout gets JSON.
    pub(super) json: bool,
    warnings: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Sources {
    /// Reads every source but the database.
    ///
    /// # Errors
    /// [`ConfigError`] for a profile or a value that cannot be read.
    pub(super) fn gather(run: RunFlags, crawl: CrawlFlags, json: bool) -> Result<Self, ConfigError> {
        let mut flags = run.0;
        flags.merge(crawl.0);
        let mut warnings = Vec::new();
        let variables = process_environment();
        let mut said = vec![flags, from_variables(variables.iter().cloned(), &Origin::Environment, &mut warnings)];
        said.push(from_dotenv(Path::new(".env"), &mut warnings));
        if let Some(path) = resolve(RUN, &said, None)?.settings.config {
            said.push(read_profile(&path)?);
        }
        let run = resolve(RUN, &said, None)?;
        // Every value is looked at now, before any verb does anything.
        resolve(CRAWL, &said, None)?;
        Ok(Sources { said, run, json, warnings, variables })
    }

    /// The settings of a crawl; `stored` is what the database holds, and where.
    ///
    /// # Errors
    /// [`ConfigError`] names the value.
    pub(super) fn crawl(
        &self,
        stored: Option<(&CrawlSettings, &Path)>,
    ) -> Result<Resolved<CrawlSettings>, ConfigError> {
        let resolved = resolve(CRAWL, &self.said, stored)?;
        fits_together(&resolved.settings)?;
        Ok(resolved)
    }

    /// A variable of the process environment.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same with another database.
    pub(super) fn with_database(&self, path: &Path) -> Self {
        let mut sources = self.clone();
        sources.run.settings.database = Database::at(path);
        sources
    }

    /// The database file.
    pub(super) fn path(&self) -> &Path {
        self.run.settings.database.path()
    }

    /// The streams, after the warnings were said.
    pub(super) fn terminal(&self) -> Terminal {
        let no_color = self.variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = self.variable("TERM").is_some_and(|term| term == "dumb");
        let terminal = Terminal::new(&self.run.settings, no_color, dumb);
        for warning in &self.warnings {
            terminal.warn(warning);
        }
        terminal
    }
}

fn from_variables(
    all: impl IntoIterator<Item = (String, String)>,
    origin: &Origin,
    warnings: &mut Vec<String>,
) -> Said {
    let (said, unknown) = environment(all, origin);
    for name in unknown {
        warnings.push(format!("{name} ({origin}) is no setting of sqrawl; sqrawl config show lists them"));
    }
    said
}

fn from_dotenv(path: &Path, warnings: &mut Vec<String>) -> Said {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                warnings.push(format!("{} cannot be read: {error}", path.display()));
            }
            return Said::default();
        }
    };
    let (all, errors) = dotenv(&text);
    // The line itself may hold a secret of another program: it is not repeated.
    if !errors.is_empty() {
        warnings.push(format!("{}: {} lines are not NAME=VALUE and were passed over", path.display(), errors.len()));
    }
    from_variables(all, &Origin::DotEnv, warnings)
}
