//! [`Edition`]: a page as one fetch gave it, to be read again.

use super::Limits;
use super::body::Body;
use super::reader::Reader;
use super::show;
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;

/// What one fetch gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Edition {
    /// The canonical URL.
    pub url: String,
    /// The body, where it is kept.
    pub body: Option<Body>,
    /// Response headers; those of a 304 may be few.
    pub headers: Vec<(String, String)>,
}

impl Reader {
    /// The page that a fetch (`fetches.id`) gave or confirmed; `None`: there is no such fetch.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn edition(&mut self, fetch: i64) -> Result<Option<Edition>, StoreError> {
        self.watch(&Limits::default()).await?;
        let sql = "SELECT u.url, f.content_id, f.headers FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.id = ?";
        type Row = (String, Option<i64>, Option<String>);
        let row: Result<Option<Row>, _> = sqlx::query_as(sql).bind(fetch).fetch_optional(&mut self.conn).await;
        let row = row.map_err(|e| store_error(&self.path, "reading a page", e))?;
        let Some((url, content, headers)) = row else { return Ok(None) };
        let body = match content {
            Some(content) => {
                let body = show::body_of(&mut self.conn, content).await;
                // A body that cannot be unpacked is as good as none; doctor tells of it.
                body.map_err(|e| store_error(&self.path, "reading a body", e))?.and_then(Result::ok)
            }
            None => None,
        };
        let headers = headers.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        Ok(Some(Edition { url, body, headers }))
    }
}
