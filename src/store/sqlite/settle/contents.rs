//! The contents of a batch: each new one with its body and its text, each known one by its id.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::model::{Content, StoredBody};
use crate::store::StoreError;

use super::super::encode;
use super::super::insert::{self, int};
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

static INSERT_CONTENTS: LazyLock<String> = LazyLock::new(|| {
    let into = "contents(id, hash, mime, charset, size_bytes, simhash, meta_robots, parse_cut, words, parser, lang, title, \
                description, headings, soft_404, open_graph, json_ld)";
    insert::text(into, "")
});
static INSERT_BODIES: LazyLock<String> =
    LazyLock::new(|| insert::text("bodies(content_id, codec, size_bytes, data)", ""));
static INSERT_TEXTS: LazyLock<String> = LazyLock::new(|| insert::text("texts(content_id, text)", ""));

async fn write_facts(tx: &mut Tx<'_>, new: &[(i64, &Content)]) -> Result<(), StoreError> {
    tx.insert(&INSERT_CONTENTS, new, |statement, (id, content)| {
        let headings: Vec<_> = content.headings.iter().map(|(level, text)| (level, encode::clean(text))).collect();
        let statement = statement.bind(*id).bind(content.hash.as_slice()).bind(encode::clean(&content.mime));
        let statement = statement.bind(content.charset.as_deref().map(encode::clean)).bind(int(content.size_bytes));
        // Two's complement: SQLite's integers are signed.
        let statement = statement
            .bind(content.simhash.map(u64::cast_signed))
            .bind(content.meta_robots.as_deref().map(encode::clean));
        let statement = statement.bind(content.parse_cut.map(crate::model::ParseCut::as_str)).bind(content.words);
        let statement = statement
            .bind(content.parser)
            .bind(content.lang.as_deref().map(encode::clean))
            .bind(content.title.as_deref().map(encode::clean));
        let statement = statement.bind(content.description.as_deref().map(encode::clean));
        let statement = statement.bind((!headings.is_empty()).then(|| encode::rows(&headings)));
        statement
            .bind(content.soft_404)
            .bind(content.open_graph.as_deref().map(encode::clean))
            .bind(content.json_ld.as_deref().map(encode::clean))
    })
    .await
}

async fn write_bodies(tx: &mut Tx<'_>, bodies: &[(i64, &StoredBody)]) -> Result<(), StoreError> {
    tx.insert(&INSERT_BODIES, bodies, |statement, (id, body)| {
        statement.bind(*id).bind(body.codec.as_str()).bind(int(body.size_bytes)).bind(body.data.as_slice())
    })
    .await
}

async fn write_texts(tx: &mut Tx<'_>, texts: &[(i64, &str)]) -> Result<(), StoreError> {
    tx.insert(&INSERT_TEXTS, texts, |statement, (id, text)| statement.bind(*id).bind(encode::clean(text))).await
}
