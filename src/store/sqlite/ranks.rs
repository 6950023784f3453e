//! [`RankStore`]: keeps the ranks of pages, beside a running crawl.
//!
//! The ranks of a run are written in short transactions under a run that is not finished yet; one last word finishes it,
//! and all of them count from then on. What a process that died left of a run is taken away by the next one.

use std::path::Path;

use super::beside::Beside;
use crate::model::UnixMs;
use crate::store::StoreError;

/// Rows of a statement.
const ROWS: usize = 1000;

/// How ranks were computed, and of what.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the columns of rank_runs, in docs/schema.md")]
pub struct RankRun {
    pub started_ms: UnixMs,
    pub damping: f64,
    pub tolerance: f64,
    pub iterations: u32,
    pub change: f64,
    pub pages: u32,
    pub links: u64,
    pub dangling: u32,
    pub starts: u32,
    pub starts_by: &'static str,
}

/// The ranks of one file, held for writing beside whoever crawls.
#[derive(Debug)]
pub struct RankStore {
    beside: Beside,
}

impl RankStore {
    /// Opens it; a crawl may run.
    ///
    /// # Errors
    /// [`StoreError`]: missing, no crawl, of another version, not writable.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(RankStore { beside: Beside::open(path).await? })
    }

    /// Begins a run; its id.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub async fn begin(&mut self, run: &RankRun) -> Result<i64, StoreError> {
        let sql =
            "INSERT INTO rank_runs(started_ms, damping, tolerance, iterations, change, pages, links, dangling, starts,
                     starts_by)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
        let mut tx = self.beside.begin("ranking").await?;
        let id = sqlx::query_scalar(sql)
            .bind(run.started_ms)
            .bind(run.damping)
            .bind(run.tolerance)
            .bind(run.iterations)
            .bind(run.change)
            .bind(run.pages)
            .bind(i64::try_from(run.links).unwrap_or(i64::MAX))
            .bind(run.dangling)
            .bind(run.starts)
            .bind(run.starts_by)
            .fetch_one(tx.conn())
            .await;
        let id = id.map_err(|error| tx.fault(error))?;
        tx.commit().await?;
        Ok(id)
    }

    /// Writes some of the ranks, each with its click depth, in one short transaction; how many of them.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub async fn write(
        &mut self,
        run: i64,
        ids: &[u32],
        ranks: &[f64],
        depths: &[Option<u32>],
    ) -> Result<usize, StoreError> {
        let sql = "INSERT INTO ranks(run_id, url_id, rank, depth)
             SELECT ?1, j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM json_each(?2) j";
        let mut tx = self.beside.begin("ranking").await?;
        let mut written = 0;
        for ((ids, ranks), depths) in ids.chunks(ROWS).zip(ranks.chunks(ROWS)).zip(depths.chunks(ROWS)) {
            let rows = ids.iter().zip(ranks).zip(depths).map(|((id, rank), depth)| (id, rank, depth));
            let rows: Vec<(&u32, &f64, &Option<u32>)> = rows.collect();
            let rows = serde_json::json!(rows).to_string();
            let done = sqlx::query(sql).bind(run).bind(rows).execute(tx.conn()).await;
            done.map_err(|error| tx.fault(error))?;
            written += ids.len();
            if tx.is_long() {
                break;
            }
        }
        let held = tx.commit().await?;
        self.beside.give_way(held).await;
        Ok(written)
    }

    /// From now on these ranks count. False: a later run has been finished meanwhile, and taken this one away.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub async fn finish(&mut self, run: i64, now: UnixMs) -> Result<bool, StoreError> {
        let mut tx = self.beside.begin("finishing the ranks").await?;
        let sql = "UPDATE rank_runs SET finished_ms = ?2 WHERE id = ?1";
        let done = sqlx::query(sql).bind(run).bind(now).execute(tx.conn()).await;
        let done = done.map_err(|error| tx.fault(error))?.rows_affected();
        tx.commit().await?;
        Ok(done == 1)
    }

    /// Takes some rows of runs before this one away in one short transaction; whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub async fn remove_before(&mut self, run: i64) -> Result<bool, StoreError> {
        let mut tx = self.beside.begin("removing old ranks").await?;
        let some = "DELETE FROM ranks WHERE (run_id, url_id) IN
                    (SELECT run_id, url_id FROM ranks WHERE run_id < ?1 ORDER BY run_id, url_id LIMIT ?2)";
        let more = loop {
            let done = sqlx::query(some).bind(run).bind(ROWS as i64).execute(tx.conn()).await;
            let done = done.map_err(|error| tx.fault(error))?.rows_affected();
            if done == 0 {
                let runs = sqlx::query("DELETE FROM rank_runs WHERE id < ?1").bind(run).execute(tx.conn()).await;
                runs.map_err(|error| tx.fault(error))?;
                break false;
            }
            if tx.is_long() {
                break true;
            }
        };
        let held = tx.commit().await?;
        if more {
            self.beside.give_way(held).await;
        }
        Ok(more)
    }

    /// Gives the file back.
    ///
    /// # Errors
    /// [`StoreError`] when SQLite could not finish; what was committed is kept.
    pub async fn close(self) -> Result<(), StoreError> {
        self.beside.close().await
    }
}
