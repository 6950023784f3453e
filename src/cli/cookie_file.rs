//! [`CookieFile`]: the file of `--cookie-jar`, read before a session and written after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::UsageError;
use super::terminal::Terminal;
use crate::config::units::counted;
use crate::fetch::CookieJar;
use crate::model::UnixMs;

/// A cookie file and the jar that was read from it.
#[derive(Debug)]
pub(super) struct CookieFile {
    path: PathBuf,
    jar: Arc<CookieJar>,
}

impl CookieFile {
    /// Reads the file. One that is not there is made at once, so that a folder that cannot be
    /// written is known before the crawl and not after it; unless the crawl had it before: then it
    /// would go on as a stranger.
    ///
    /// # Errors
    /// A file that is none, cannot be read or made, or is gone.
    pub(super) fn open(path: &Path, had_it: bool, now: UnixMs) -> anyhow::Result<Self> {
        let jar = if path.exists() {
            CookieJar::open(path, now)?
        } else if had_it {
            return Err(UsageError(format!(
                "the cookie file {} of this crawl is gone; name another with --cookie-jar FILE, or go on without: --cookie-jar none",
                path.display()
            ))
            .into());
        } else {
            let jar = CookieJar::default();
            jar.save(path)?;
            jar
        };
        Ok(CookieFile { path: path.to_owned(), jar: Arc::new(jar) })
    }

    /// The cookies, shared with the fetcher.
    pub(super) fn jar(&self) -> Arc<CookieJar> {
        Arc::clone(&self.jar)
    }

    /// Says what was read and what will happen to it.
    pub(super) fn line(&self) -> String {
        let cookies = counted(self.jar.len() as u64, "cookie");
        format!("  cookies  {cookies} read from {}, which is written back at the end", self.path.display())
    }

    /// Writes the file. What was crawled is not lost when that fails.
    pub(super) fn write_back(&self, terminal: &Terminal) {
        if let Err(error) = self.jar.save(&self.path) {
            terminal.warn(format_args!("{:#}", anyhow::Error::new(error)));
        }
    }
}
