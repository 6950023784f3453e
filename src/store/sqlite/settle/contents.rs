//! The contents of a batch: each new one with its body and its text, each known one by its id.

use std::collections::{HashMap, HashSet};

use crate::model::{Content, StoredBody};
use crate::store::StoreError;

use super::super::encode::{self, Blobs};
use super::super::names::max_id;
use super::super::rows::get;
use super::super::writer::{Tx, sql};
use super::Counted;

/// A content as the store knows it.
struct Known {
    id: i64,
    has_body: bool,
    has_text: bool,
}

/// Writes what is new, and the body or text that a known content lacks because an earlier policy
/// did not keep it. The ids of all contents of the batch, by hash.
pub(super) async fn write(tx: &mut Tx<'_>, counted: &[Counted<'_>]) -> Result<HashMap<[u8; 16], i64>, StoreError> {
    let mut seen = HashSet::new();
    let named: Vec<&Content> = counted
        .iter()
        .filter_map(|counted| counted.visit.content.as_ref())
        .filter(|content| seen.insert(content.hash))
        .collect();
    let known = read_known(tx, &named).await?;
    let mut next_id = max_id(tx, "SELECT coalesce(max(id), 0) AS id FROM contents").await? + 1;
    let mut ids = HashMap::with_capacity(named.len());
    let (mut new, mut bodies, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for content in named {
        let (id, has_body, has_text) = match known.get(&content.hash) {
            Some(known) => (known.id, known.has_body, known.has_text),
            None => {
                new.push((next_id, content));
                next_id += 1;
                (next_id - 1, false, false)
            }
        };
        ids.insert(content.hash, id);
        bodies.extend(content.body.as_ref().filter(|_| !has_body).map(|body| (id, body)));
        texts.extend(content.text.as_deref().filter(|_| !has_text).map(|text| (id, text)));
    }
    write_facts(tx, &new).await?;
    write_bodies(tx, &bodies).await?;
    write_texts(tx, &texts).await?;
    Ok(ids)
}

async fn read_known(tx: &mut Tx<'_>, named: &[&Content]) -> Result<HashMap<[u8; 16], Known>, StoreError> {
    let hashes: Vec<String> = named.iter().map(|content| encode::hex(&content.hash)).collect();
    let rows = tx
        .rows(
            sql("SELECT c.id, c.hash, EXISTS (SELECT 1 FROM bodies b WHERE b.content_id = c.id) AS has_body,
                        EXISTS (SELECT 1 FROM texts t WHERE t.content_id = c.id) AS has_text
                 FROM json_each(?1) j CROSS JOIN contents c ON c.hash = unhex(j.value)")
            .bind(encode::rows(&hashes)),
        )
        .await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in &rows {
        let hash: &[u8] = get(tx, row, "hash")?;
        let hash: [u8; 16] = hash.try_into().map_err(|_| tx.corrupt("contents.hash".to_owned()))?;
        let (has_body, has_text) = (get(tx, row, "has_body")?, get(tx, row, "has_text")?);
        known.insert(hash, Known { id: get(tx, row, "id")?, has_body, has_text });
    }
    Ok(known)
}

async fn write_facts(tx: &mut Tx<'_>, new: &[(i64, &Content)]) -> Result<(), StoreError> {
    let rows: Vec<_> = new
        .iter()
        .map(|(id, content)| {
            let headings: Vec<_> = content.headings.iter().map(|(level, text)| (level, encode::clean(text))).collect();
            let charset = content.charset.as_deref().map(encode::clean);
            (
                (id, encode::hex(&content.hash), encode::clean(&content.mime), charset, content.size_bytes),
                // Two's complement: SQLite's integers are signed.
                content.simhash.map(u64::cast_signed),
                content.meta_robots.as_deref().map(encode::clean),
                content.parse_cut.map(crate::model::ParseCut::as_str),
                (content.words, content.parser),
                content.lang.as_deref().map(encode::clean),
                content.title.as_deref().map(encode::clean),
                content.description.as_deref().map(encode::clean),
                (!headings.is_empty()).then_some(headings),
                u8::from(content.soft_404),
                content.open_graph.as_deref().map(encode::clean),
                content.json_ld.as_deref().map(encode::clean),
            )
        })
        .collect();
    tx.execute(
        sql("INSERT INTO contents(id, hash, mime, charset, size_bytes, simhash, meta_robots, parse_cut, words, parser,
               lang, title, description, headings, soft_404, open_graph, json_ld)
             SELECT j.value->0->>0, unhex(j.value->0->>1), j.value->0->>2, j.value->0->>3, j.value->0->>4,
                    j.value->>1, j.value->>2, j.value->>3, j.value->4->>0, j.value->4->>1, j.value->>5, j.value->>6, j.value->>7,
                    j.value->>8, j.value->>9, j.value->>10, j.value->>11
             FROM json_each(?1) j")
        .bind(encode::rows(&rows)),
    )
    .await?;
    Ok(())
}

/// All bodies travel as one blob; `substr` of a bound blob copies only what it returns. Of an
/// empty blob it returns NULL.
async fn write_bodies(tx: &mut Tx<'_>, bodies: &[(i64, &StoredBody)]) -> Result<(), StoreError> {
    let mut blobs = Blobs::default();
    let rows: Vec<_> = bodies
        .iter()
        .map(|(id, body)| {
            let (at, length) = blobs.add(&body.data);
            (id, body.codec.as_str(), body.size_bytes, at, length)
        })
        .collect();
    tx.execute(
        sql("INSERT INTO bodies(content_id, codec, size_bytes, data)
             SELECT j.value->>0, j.value->>1, j.value->>2, coalesce(substr(?2, j.value->>3, j.value->>4), x'') FROM json_each(?1) j")
        .bind(encode::rows(&rows))
        .bind(blobs.bytes),
    )
    .await?;
    Ok(())
}

async fn write_texts(tx: &mut Tx<'_>, texts: &[(i64, &str)]) -> Result<(), StoreError> {
    let mut blobs = Blobs::default();
    let rows: Vec<_> = texts
        .iter()
        .map(|(id, text)| {
            let (at, length) = blobs.add(encode::clean(text).as_bytes());
            (id, at, length)
        })
        .collect();
    tx.execute(
        sql(
            "INSERT INTO texts(content_id, text)
             SELECT j.value->>0, coalesce(CAST(substr(?2, j.value->>1, j.value->>2) AS TEXT), '') FROM json_each(?1) j",
        )
        .bind(encode::rows(&rows))
        .bind(blobs.bytes),
    )
    .await?;
    Ok(())
}
