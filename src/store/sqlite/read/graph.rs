//! The pages and links of a crawl as a graph, in the order of their ids: [`Reader::graph_nodes`], [`Reader::graph_links`].
//!
//! A transaction reads a range of ids and ends, so the graph of a crawl that runs is not that of one moment.

use futures_util::TryStreamExt;

use super::Limits;
use super::reader::Reader;
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;

/// What a URL that was fetched is in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct GraphNode {
    /// Its id.
    pub id: i64,
    /// It has a page that is not gone and does not redirect now, and is no sitemap.
    pub is_page: bool,
    /// Where it redirects to now.
    pub target_id: Option<i64>,
    /// Its path is `/` and it has no query.
    pub is_root: bool,
}

const NODES: &str = "SELECT u.id,
    u.page_fetch_id IS NOT NULL AND l.outcome NOT IN ('gone', 'redirect')
      AND NOT EXISTS (SELECT 1 FROM sitemaps m WHERE m.url_id = u.id) AS is_page,
    CASE WHEN l.outcome = 'redirect' THEN l.target_id END AS target_id,
    instr(substr(u.url, instr(u.url, '://') + 3), '/') = length(u.url) - instr(u.url, '://') - 2 AS is_root
    FROM urls u CROSS JOIN fetches l ON l.id = u.last_fetch_id
    WHERE u.id > ?1 AND u.id <= ?2 ORDER BY u.id";

/// A row for each page, because a row for each link costs more than all the rest.
const LINKS: &str = "SELECT l.source_id, group_concat(l.target_id) FROM links l
    WHERE l.source_id > ?1 AND l.source_id <= ?2 AND l.kind = 'a' AND l.nofollow = 0
      AND (SELECT f.nofollow FROM urls u CROSS JOIN fetches f ON f.id = u.page_fetch_id WHERE u.id = l.source_id) = 0
    GROUP BY l.source_id ORDER BY l.source_id";

impl Reader {
    /// The highest id of a URL; 0: there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn last_url_id(&mut self) -> Result<i64, StoreError> {
        self.watch(&Limits::default()).await?;
        let sql = "SELECT coalesce(max(id), 0) FROM urls";
        let last = sqlx::query_scalar(sql).fetch_one(&mut self.conn).await;
        last.map_err(|e| store_error(&self.path, "reading the pages", e))
    }

    /// What was fetched of the URLs with ids above `after`, up to `upto`, in ascending order.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn graph_nodes(&mut self, after: i64, upto: i64) -> Result<Vec<GraphNode>, StoreError> {
        // The time limit holds for a range: all of them together may take as long as they do.
        self.watch(&Limits::default()).await?;
        let nodes = sqlx::query_as(NODES).bind(after).bind(upto).fetch_all(&mut self.conn).await;
        nodes.map_err(|e| store_error(&self.path, "reading the pages", e))
    }

    /// The URLs that an operator gave, of all rounds.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn graph_seeds(&mut self) -> Result<Vec<i64>, StoreError> {
        let seeds =
            sqlx::query_scalar("SELECT DISTINCT url_id FROM seeds WHERE grants_scope").fetch_all(&mut self.conn).await;
        seeds.map_err(|e| store_error(&self.path, "reading the seeds", e))
    }

    /// Hands over each page of these ids, in ascending order, with the URLs that it links to: links of readers (`a`) that
    /// may be followed.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn graph_links(
        &mut self,
        after: i64,
        upto: i64,
        mut with: impl FnMut(i64, &str),
    ) -> Result<(), StoreError> {
        self.watch(&Limits::default()).await?;
        let mut rows = sqlx::query_as::<_, (i64, String)>(LINKS).bind(after).bind(upto).fetch(&mut self.conn);
        loop {
            match rows.try_next().await {
                Ok(Some((source, targets))) => with(source, &targets),
                Ok(None) => return Ok(()),
                Err(error) => return Err(store_error(&self.path, "reading the links", error)),
            }
        }
    }
}
