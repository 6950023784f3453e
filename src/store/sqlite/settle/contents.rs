//! The contents of a batch: each new one with its body and its text, each known one by its id.

use std::collections::HashMap;

use crate::model::{Content, PARSER_VERSION};
use crate::store::StoreError;

use super::super::encode::{self, Blobs};
use super::super::names::max_id;
use super::super::rows::get;
use super::super::writer::Tx;
use super::Counted;

/// Writes what is new; the ids of all contents of the batch, by hash.
pub(super) async fn write(tx: &mut Tx<'_>, counted: &[Counted<'_>]) -> Result<HashMap<[u8; 16], i64>, StoreError> {
    let mut named: HashMap<[u8; 16], &Content> = HashMap::new();
    for content in counted.iter().filter_map(|counted| counted.visit.content.as_ref()) {
        named.entry(content.hash).or_insert(content);
    }
    let mut ids = read_known(tx, &named).await?;
    let mut next_id = max_id(tx, "SELECT coalesce(max(id), 0) AS id FROM contents").await? + 1;
    let mut new: Vec<(i64, &Content)> = Vec::new();
    for (hash, content) in &named {
        if !ids.contains_key(hash) {
            new.push((next_id, content));
            ids.insert(*hash, next_id);
            next_id += 1;
        }
    }
    write_facts(tx, &new).await?;
    write_bodies(tx, &new).await?;
    write_texts(tx, &new).await?;
    Ok(ids)
}

async fn read_known(
    tx: &mut Tx<'_>,
    named: &HashMap<[u8; 16], &Content>,
) -> Result<HashMap<[u8; 16], i64>, StoreError> {
    let hashes: Vec<String> = named.keys().map(|hash| encode::hex(hash)).collect();
    let rows = tx
        .rows(
            sqlx::query("SELECT c.id, c.hash FROM json_each(?1) j CROSS JOIN contents c ON c.hash = unhex(j.value)")
                .bind(encode::rows(&hashes)),
        )
        .await?;
    let mut ids = HashMap::with_capacity(rows.len());
    for row in &rows {
        let hash: &[u8] = get(tx, row, "hash")?;
        let hash: [u8; 16] = hash.try_into().map_err(|_| tx.corrupt("contents.hash".to_owned()))?;
        ids.insert(hash, get(tx, row, "id")?);
    }
    Ok(ids)
}

async fn write_facts(tx: &mut Tx<'_>, new: &[(i64, &Content)]) -> Result<(), StoreError> {
    let rows: Vec<_> = new
        .iter()
        .map(|(id, content)| {
            let headings = (!content.headings.is_empty()).then_some(&content.headings);
            (
                (id, encode::hex(&content.hash), encode::clean(&content.mime), &content.charset, content.size_bytes),
                // Two's complement: SQLite's integers are signed.
                content.simhash.map(u64::cast_signed),
                content.meta_robots.as_deref().map(encode::clean),
                content.parse_cut.map(crate::model::ParseCut::as_str),
                content.words,
                content.lang.as_deref().map(encode::clean),
                content.title.as_deref().map(encode::clean),
                content.description.as_deref().map(encode::clean),
                headings,
            )
        })
        .collect();
    tx.execute(
        sqlx::query(
            "INSERT INTO contents(id, hash, mime, charset, size_bytes, simhash, meta_robots, parse_cut, words, parser,
               lang, title, description, headings)
             SELECT j.value->0->>0, unhex(j.value->0->>1), j.value->0->>2, j.value->0->>3, j.value->0->>4,
                    j.value->>1, j.value->>2, j.value->>3, j.value->>4, ?2, j.value->>5, j.value->>6, j.value->>7,
                    j.value->>8
             FROM json_each(?1) j",
        )
        .bind(encode::rows(&rows))
        .bind(PARSER_VERSION),
    )
    .await?;
    Ok(())
}

/// All bodies travel as one blob; `substr` of a bound blob copies only what it returns. Of an empty
/// blob it returns NULL.
async fn write_bodies(tx: &mut Tx<'_>, new: &[(i64, &Content)]) -> Result<(), StoreError> {
    let mut blobs = Blobs::default();
    let rows: Vec<_> = new
        .iter()
        .filter_map(|(id, content)| {
            let body = content.body.as_ref()?;
            let (at, length) = blobs.add(&body.data);
            Some((id, body.codec.as_str(), body.size_bytes, at, length))
        })
        .collect();
    tx.execute(
        sqlx::query(
            "INSERT INTO bodies(content_id, codec, size_bytes, data)
             SELECT j.value->>0, j.value->>1, j.value->>2, coalesce(substr(?2, j.value->>3, j.value->>4), x'') FROM json_each(?1) j",
        )
        .bind(encode::rows(&rows))
        .bind(blobs.bytes),
    )
    .await?;
    Ok(())
}

async fn write_texts(tx: &mut Tx<'_>, new: &[(i64, &Content)]) -> Result<(), StoreError> {
    let mut blobs = Blobs::default();
    let rows: Vec<_> = new
        .iter()
        .filter_map(|(id, content)| {
            let text = content.text.as_deref()?;
            let (at, length) = blobs.add(encode::clean(text).as_bytes());
            Some((id, at, length))
        })
        .collect();
    tx.execute(
        sqlx::query(
            "INSERT INTO texts(content_id, text)
             SELECT j.value->>0, coalesce(CAST(substr(?2, j.value->>1, j.value->>2) AS TEXT), '') FROM json_each(?1) j",
        )
        .bind(encode::rows(&rows))
        .bind(blobs.bytes),
    )
    .await?;
    Ok(())
}
