//! Database files as the verbs open them.

use std::path::Path;
use std::sync::Arc;

use crate::store::sqlite::read::Reader;
use crate::store::sqlite::{OpenMode, SqliteStore};
use crate::store::{Store, StoreError, StoredCrawl};

/// What a file holds; `None` when there is no file, or no crawl in it. The file is not changed.
///
/// # Errors
/// [`StoreError`] when it is no database of this program, or cannot be read.
pub(super) async fn stored_crawl(path: &Path) -> Result<Option<StoredCrawl>, StoreError> {
    todo!()
}
