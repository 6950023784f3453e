//! What [`Reader`] offers an export: the fetches of a [`Selection`] in the order of their ids, piece by piece.

use super::limits::Limits;
use super::query;
use super::reader::{Reader, stopped_or};
use super::stream::{self, FetchMark, Likeness, Parts, Selection, StoredFetch};
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;

/// A piece of a walk over the ids of fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// Those of the selection, ascending.
    pub ids: Vec<i64>,
    /// All up to here were looked at.
    pub upto: i64,
}

impl Reader {
    /// Whether `condition` is one over the columns of `pages`.
    ///
    /// # Errors
    /// [`StoreError::Query`] says what is wrong with it; others when the file is at fault.
    pub async fn check_condition(&mut self, condition: &str) -> Result<(), StoreError> {
        if let Some(why) = stream::refuse(condition) {
            return Err(StoreError::Query(why));
        }
        let Err((error, sql)) = stream::compile(&mut self.conn, condition).await else { return Ok(()) };
        match query::explain(&mut self.conn, &error, &sql).await {
            Some(explained) => Err(explained),
            None => Err(store_error(&self.path, "reading the condition", error)),
        }
    }

    /// The id of the latest fetch that is committed; 0: there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn last_fetch_id(&mut self) -> Result<i64, StoreError> {
        stream::last_id(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the fetches", e))
    }

    /// What a fetch is known again by; `None`: the file does not hold it.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn fetch_mark(&mut self, id: i64) -> Result<Option<FetchMark>, StoreError> {
        stream::mark(&mut self.conn, id).await.map_err(|e| store_error(&self.path, "reading the fetches", e))
    }

    /// The fetch that gave what the fetch `id` confirmed with a 304; `None`: it is not known.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn confirmed_fetch(&mut self, id: i64) -> Result<Option<FetchMark>, StoreError> {
        stream::confirmed(&mut self.conn, id).await.map_err(|e| store_error(&self.path, "reading the fetches", e))
    }

    /// 32 hexadecimal digits that a crawl and its copies have, and no other crawl.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn identity(&mut self) -> Result<String, StoreError> {
        stream::identity(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the crawl", e))
    }

    /// Id, version of the program and settings (JSON) of every session, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn session_settings(&mut self) -> Result<Vec<(i64, String, String)>, StoreError> {
        stream::sessions(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the sessions", e))
    }

    /// The ids of the selection after `after`, up to `upto` at most: the next piece of them.
    ///
    /// # Errors
    /// [`StoreError::Query`] when the condition fails or `limits` do not suffice; others when the file is at fault.
    pub async fn fetch_ids(
        &mut self,
        selection: &Selection,
        after: i64,
        upto: i64,
        limits: &Limits,
    ) -> Result<IdRange, StoreError> {
        let upto = upto.min(after.saturating_add(selection.ids_at_once()));
        let watch = self.watch(limits).await?;
        match stream::ids(&mut self.conn, selection, after, upto).await {
            Ok(ids) => Ok(IdRange { ids, upto }),
            Err(error) => Err(self.words_for(error, &watch).await),
        }
    }

    /// The likenesses of the pages of the selection up to the fetch `upto`, handed to `each` in order.
    ///
    /// # Errors
    /// As for [`Reader::fetch_ids`].
    pub async fn likenesses(
        &mut self,
        selection: &Selection,
        upto: i64,
        limits: &Limits,
        each: &mut (dyn FnMut(Likeness) + Send),
    ) -> Result<(), StoreError> {
        let mut after = 0;
        while after < upto {
            let end = upto.min(after.saturating_add(selection.ids_at_once()));
            let watch = self.watch(limits).await?;
            match stream::likenesses(&mut self.conn, selection, after, end).await {
                Ok(found) => found.into_iter().for_each(&mut *each),
                Err(error) => return Err(self.words_for(error, &watch).await),
            }
            after = end;
        }
        Ok(())
    }

    /// The likenesses of these contents, handed to `each` in their order.
    ///
    /// # Errors
    /// [`StoreError::Query`] when `limits` do not suffice; others when the file is at fault.
    pub async fn likenesses_of(
        &mut self,
        contents: &[i64],
        limits: &Limits,
        each: &mut (dyn FnMut(Likeness) + Send),
    ) -> Result<(), StoreError> {
        for ids in contents.chunks(stream::CONTENTS_AT_ONCE) {
            let watch = self.watch(limits).await?;
            match stream::likenesses_of(&mut self.conn, ids).await {
                Ok(found) => found.into_iter().for_each(&mut *each),
                Err(error) => return Err(stopped_or(&self.path, "reading the contents", &watch, error)),
            }
        }
        Ok(())
    }

    /// The fetches with the first ones of these ids, which are ascending: as many as one short transaction reads.
    /// What follows the last one is for the next call; what is not there is left out.
    ///
    /// # Errors
    /// [`StoreError::Query`] when `limits` do not suffice; others when the file is at fault.
    pub async fn fetch_rows(
        &mut self,
        ids: &[i64],
        parts: Parts,
        limits: &Limits,
    ) -> Result<Vec<StoredFetch>, StoreError> {
        let watch = self.watch(limits).await?;
        stream::rows(&mut self.conn, ids, parts)
            .await
            .map_err(|e| stopped_or(&self.path, "reading the pages", &watch, e))
    }

    /// How many ids [`Reader::fetch_rows`] looks at.
    pub const ROWS_AT_ONCE: usize = stream::ROWS_AT_ONCE;

    async fn words_for(&mut self, error: sqlx::Error, watch: &super::limits::Watch) -> StoreError {
        if watch.stopped().is_none()
            && let Some(explained) = query::explain(&mut self.conn, &error, "").await
        {
            return explained;
        }
        stopped_or(&self.path, "reading the fetches", watch, error)
    }
}
