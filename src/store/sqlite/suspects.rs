//! URLs that were in work when the process died: held back, and tried alone when nothing else is left.
//!
//! A process dies of one page again and again, or of nothing that it worked on: operators kill
//! processes too. So blame needs proof. What was *parsed* at a death is held back at once, what was
//! *settled* or had only been *asked* for when it was in work at two deaths in a row. What is held back is
//! tried alone, by `engine`, which has other processes parse it and sees them die, and gives it up as
//! `crashed`. What is counted here are the deaths that nobody saw, while it was tried alone: there
//! have to be many.
//!
//! Held back means: scheduled for [`HELD_MS`], a moment that never comes. A row here says why, and
//! losing every row costs nothing: the next session puts such URLs back in the queue.

use std::collections::HashMap;

use crate::model::{SessionId, UnixMs, UrlId, WorkStage};
use crate::store::{LeaseAsk, StoreError};

use super::encode;
use super::names::Counts;
use super::rows::{count, get, small};
use super::work::Left;
use super::writer::{Tx, sql};

/// 9999-12-31T23:59:59Z, in ms.
pub(super) const HELD_MS: UnixMs = 253_402_300_799_000;
/// Most URLs that are held back for having been asked for: somebody may kill a crawl every second,
/// and one URL at a time is slow. What was settled is bounded by its transaction.
const MOST_ASKED: usize = 100;

/// A row of `suspects`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Suspect {
    /// Held back, or only remembered until the next death.
    held: bool,
    /// In a row while it was tried for being held back, and nothing else was in work.
    deaths: u32,
}

/// What one more death makes of a URL that was in work.
fn after_death(before: Option<Suspect>, stage: WorkStage, alone: bool, room: bool) -> Suspect {
    let tried = before.filter(|before| before.held && alone);
    let again = before.is_some();
    let held = match stage {
        WorkStage::Parsing => true,
        WorkStage::Settling => again,
        WorkStage::Asked => before.is_some_and(|before| before.held) || (again && room),
    };
    Suspect { held, deaths: tried.map_or(0, |before| before.deaths + 1) }
}

/// Takes in what a process that died had in work; `dead`: its session, or `None` when the session
/// before ended by itself. The number of URLs that are known here.
pub(super) async fn take_in(tx: &mut Tx<'_>, left: &Left, dead: Option<i64>) -> Result<u64, StoreError> {
    match dead {
        // What another session left was taken in before.
        Some(session) if left.session != Some(SessionId(session)) => note_death(tx, &[], session).await?,
        Some(session) => note_death(tx, &left.work, session).await?,
        None => {
            tx.execute(sql("DELETE FROM suspects WHERE held = 0")).await?;
        }
    }
    tx.execute(sql("DELETE FROM suspects WHERE NOT EXISTS (
             SELECT 1 FROM urls u WHERE u.id = suspects.url_id AND u.state IN ('queued', 'scheduled'))"))
        .await?;
    move_to_their_places(tx).await?;
    let row = tx.row(sql("SELECT count(*) AS n FROM suspects")).await?;
    count(tx, &row, "n")
}

async fn note_death(tx: &mut Tx<'_>, left: &[(UrlId, WorkStage)], session: i64) -> Result<(), StoreError> {
    let rows = tx.rows(sql("SELECT url_id, held, deaths FROM suspects")).await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in &rows {
        let suspect = Suspect { held: get(tx, row, "held")?, deaths: small(tx, row, "deaths")? };
        known.insert(get::<i64>(tx, row, "url_id")?, suspect);
    }
    let alone = left.len() == 1;
    let mut room = MOST_ASKED.saturating_sub(known.values().filter(|suspect| suspect.held).count());
    let noted: Vec<_> = left
        .iter()
        .map(|(url, stage)| {
            let before = known.get(&url.0).copied();
            let after = after_death(before, *stage, alone, room > 0);
            room = room.saturating_sub(usize::from(after.held && !before.is_some_and(|before| before.held)));
            (url.0, after.held, after.deaths)
        })
        .collect();
    tx.execute(sql("DELETE FROM suspects WHERE held = 0")).await?;
    // In a row: what was not in work now begins anew.
    tx.execute(sql("UPDATE suspects SET deaths = 0 WHERE deaths > 0")).await?;
    tx.execute(
        sql("INSERT OR REPLACE INTO suspects(url_id, session_id, held, deaths)
             SELECT u.id, ?2, j.value->>1, j.value->>2 FROM json_each(?1) j CROSS JOIN urls u ON u.id = j.value->>0")
        .bind(encode::rows(&noted))
        .bind(session),
    )
    .await?;
    Ok(())
}

/// Holds back what is to be held back, and puts back what nothing here speaks of.
pub(super) async fn move_to_their_places(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let rows = tx
        .rows(
            sql("SELECT u.id, u.host_id, u.state, 1 AS held FROM suspects s CROSS JOIN urls u ON u.id = s.url_id
                 WHERE s.held AND u.due_ms IS NOT ?1
                 UNION ALL
                 SELECT u.id, u.host_id, u.state, 0 FROM urls u WHERE u.state = 'scheduled' AND u.due_ms = ?1
                   AND NOT EXISTS (SELECT 1 FROM suspects s WHERE s.url_id = u.id AND s.held)")
            .bind(HELD_MS),
        )
        .await?;
    let mut counts = Counts::default();
    let mut moved = Vec::with_capacity(rows.len());
    for row in &rows {
        let (host, held): (i64, bool) = (get(tx, row, "host_id")?, get(tx, row, "held")?);
        let to = if held { "scheduled" } else { "queued" };
        counts.leave(host, get(tx, row, "state")?);
        counts.enter(host, to);
        moved.push((get::<i64>(tx, row, "id")?, to, held.then_some(HELD_MS)));
    }
    if moved.is_empty() {
        return Ok(());
    }
    tx.execute(
        sql("UPDATE urls SET state = j.value->>1, due_ms = j.value->>2 FROM json_each(?1) j WHERE urls.id = j.value->>0")
            .bind(encode::rows(&moved)),
    )
    .await?;
    counts.write(tx).await
}

/// A URL to be tried alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alone {
    pub(super) host_id: i64,
    pub(super) url_id: i64,
    pub(super) deaths: u32,
    /// When its host may be asked.
    pub(super) polite_ms: UnixMs,
}

/// The next URL to be tried alone: the one with the most deaths, and of those whose host may be asked
/// first.
pub(super) async fn next_alone(tx: &mut Tx<'_>, ask: &LeaseAsk) -> Result<Option<Alone>, StoreError> {
    if !ask.alone {
        return Ok(None);
    }
    let rows = tx
        .rows(sql("SELECT u.id, u.host_id, s.deaths, q.polite_ms FROM suspects s
                   CROSS JOIN urls u ON u.id = s.url_id CROSS JOIN host_queue q ON q.host_id = u.host_id
                   WHERE s.held AND u.state = 'scheduled' AND q.lease_session IS NULL
                     AND (q.page_limit IS NULL OR q.pages < q.page_limit)
                   ORDER BY s.deaths DESC, q.polite_ms, u.id LIMIT 1"))
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Alone {
        host_id: get(tx, row, "host_id")?,
        url_id: get(tx, row, "id")?,
        deaths: small(tx, row, "deaths")?,
        polite_ms: get(tx, row, "polite_ms")?,
    }))
}

/// Visited: whatever came of it, the process outlived it.
pub(super) async fn clear(tx: &mut Tx<'_>, visited: &[i64]) -> Result<(), StoreError> {
    tx.execute(
        sql("DELETE FROM suspects WHERE url_id IN (SELECT j.value FROM json_each(?1) j)").bind(encode::rows(visited)),
    )
    .await?;
    Ok(())
}

/// The session that the process before died in.
pub(super) async fn dead_session(tx: &mut Tx<'_>) -> Result<Option<i64>, StoreError> {
    let rows = tx.rows(sql("SELECT id, ended_ms FROM sessions ORDER BY id DESC LIMIT 1")).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    match get::<Option<i64>>(tx, row, "ended_ms")? {
        None => Ok(Some(get(tx, row, "id")?)),
        Some(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blame_needs_proof() {
        use WorkStage::{Asked, Parsing, Settling};
        let some = |held, deaths| Some(Suspect { held, deaths });
        let cases = [
            // before, stage, alone, room => held, deaths
            (None, Asked, false, true, (false, 0)),
            (None, Asked, true, true, (false, 0)),
            (some(false, 0), Asked, false, true, (true, 0)),
            (some(false, 0), Asked, false, false, (false, 0)),
            (some(true, 0), Asked, false, false, (true, 0)),
            (None, Parsing, false, false, (true, 0)),
            (None, Settling, true, true, (false, 0)),
            // A batch of 400 is held back as a whole, and each page of it is settled alone then.
            (some(false, 0), Settling, false, false, (true, 0)),
            // Nobody tried it yet for being under suspicion.
            (None, Parsing, true, false, (true, 0)),
            (some(false, 0), Parsing, true, false, (true, 0)),
            (some(true, 0), Asked, true, true, (true, 1)),
            (some(true, 1), Parsing, true, true, (true, 2)),
            (some(true, 2), Settling, true, false, (true, 3)),
            // Not in a row: the operator's kill, or another page.
            (some(true, 2), Parsing, false, true, (true, 0)),
            (some(true, 2), Asked, false, true, (true, 0)),
        ];
        for (before, stage, alone, room, (held, deaths)) in cases {
            let after = after_death(before, stage, alone, room);
            assert_eq!(after, Suspect { held, deaths }, "{before:?} {stage:?} alone {alone} room {room}");
        }
    }
}
