//! [`Names`]: every URL that a batch names, each once, by its best path; [`Names::write`] gives
//! each its id, adding the unknown ones and improving the known ones. [`Counts`] gathers what
//! changes in the counters.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use crate::model::{Admission, Candidate, Rule, SessionId, UnixMs};
use crate::store::{SessionStart, StoreError};

use super::encode;
use super::insert;
use super::rows::get;
use super::suspects::HELD_MS;
use super::writer::{Tx, sql};

/// A state's place in the counters.
const STATES: [&str; 5] = ["queued", "scheduled", "done", "failed", "excluded"];

/// Changes of one host's counters, by state, and of its pages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    states: [i64; STATES.len()],
    pub(super) pages: i64,
}

/// Changes of all counters in one transaction.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hosts: HashMap<i64, Change>,
    pub(super) fetches: i64,
}

impl Counts {
    /// A URL of the host enters a state.
    pub(super) fn enter(&mut self, host_id: i64, state: &str) {
        self.add(host_id, state, 1);
    }

    /// A URL of the host leaves a state.
    pub(super) fn leave(&mut self, host_id: i64, state: &str) {
        self.add(host_id, state, -1);
    }

    fn add(&mut self, host_id: i64, state: &str, n: i64) {
        if let Some(at) = STATES.iter().position(|known| *known == state) {
            self.hosts.entry(host_id).or_default().states[at] += n;
        }
    }

    /// Writes the changes to `host_queue` and `totals`.
    pub(super) async fn write(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let hosts: Vec<_> = self.hosts.iter().map(|(id, change)| (id, change.states, change.pages)).collect();
        tx.execute(
            sql("UPDATE host_queue SET queued = queued + (j.value->>1->>0), scheduled = scheduled + (j.value->>1->>1),
                   done = done + (j.value->>1->>2), failed = failed + (j.value->>1->>3),
                   excluded = excluded + (j.value->>1->>4), pages = pages + (j.value->>2)
                 FROM json_each(?1) j WHERE host_queue.host_id = j.value->>0")
            .bind(encode::rows(&hosts)),
        )
        .await?;
        let mut totals: HashMap<&str, i64> = HashMap::from([("fetches", self.fetches), ("pages", 0)]);
        for change in self.hosts.values() {
            *totals.entry("pages").or_default() += change.pages;
            for (state, n) in STATES.iter().zip(change.states) {
                *totals.entry(state).or_default() += n;
            }
        }
        let totals: Vec<_> = totals.into_iter().collect();
        tx.execute(
            sql("UPDATE totals SET n = n + (j.value->>1) FROM json_each(?1) j WHERE totals.name = j.value->>0")
                .bind(encode::rows(&totals)),
        )
        .await?;
        Ok(())
    }
}

/// A URL as the batch names it.
#[derive(Clone, Debug)]
struct Name<'a> {
    candidate: &'a Candidate,
    admission: &'a Admission,
    priority: i32,
    depth: u32,
    hops: u32,
    is_sitemap: bool,
    via: Option<i64>,
}

/// A URL as the store knows it; read from a JSON array in this order.
#[derive(serde::Deserialize)]
struct Known {
    /// Which of the names.
    nth: usize,
    id: i64,
    host_id: i64,
    depth: u32,
    priority: i64,
    hops: u32,
    /// Only when excluded.
    rule_id: Option<i64>,
    seen_round: i64,
}

/// The URLs of a batch, numbered as they come.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    names: Vec<Name<'a>>,
    numbers: HashMap<&'a str, usize>,
    hosts: HashMap<String, Option<String>>,
}

/// The ids of the URLs and hosts of a batch.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// By the number of the name.
    pub(super) urls: Vec<i64>,
    pub(super) hosts: HashMap<String, i64>,
    pub(super) new_urls: u64,
}

impl<'a> Names<'a> {
    /// Adds a URL named by `via`; of several paths those that come furthest count, the best of each kind.
    /// Its number.
    pub(super) fn add(&mut self, candidate: &'a Candidate, via: Option<i64>) -> usize {
        match self.numbers.entry(candidate.url.as_str()) {
            Entry::Occupied(entry) => {
                let number = *entry.get();
                self.names[number].join(candidate);
                number
            }
            Entry::Vacant(entry) => {
                let number = *entry.insert(self.names.len());
                self.names.push(Name {
                    candidate,
                    admission: &candidate.admission,
                    priority: candidate.priority,
                    depth: candidate.depth,
                    hops: candidate.hops,
                    is_sitemap: candidate.is_sitemap,
                    via,
                });
                self.add_host(candidate.url.host_str(), candidate.domain.as_deref());
                number
            }
        }
    }

    /// Adds a host that need not have a URL.
    pub(super) fn add_host(&mut self, name: &str, domain: Option<&str>) {
        if !self.hosts.contains_key(name) {
            self.hosts.insert(name.to_owned(), domain.map(str::to_owned));
        }
    }

    /// The rules that exclude the batch's URLs.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'a Rule> {
        self.names.iter().filter_map(|name| match name.admission {
            Admission::Exclude(rule) => Some(rule),
            Admission::Queue => None,
        })
    }

    /// Writes the hosts and URLs, and gives every one its id.
    pub(super) async fn write(
        &self,
        tx: &mut Tx<'_>,
        start: &SessionStart,
        rules: &HashMap<String, i64>,
        counts: &mut Counts,
        now: UnixMs,
    ) -> Result<Ids, StoreError> {
        let mut hosts: Vec<_> = self.hosts.iter().map(|(name, domain)| (name.as_str(), domain.as_deref())).collect();
        hosts.sort_unstable();
        let hosts = write_hosts(tx, start.session, &hosts, now).await?;
        let mut ids = Ids { urls: vec![0; self.names.len()], hosts, new_urls: 0 };
        let mut sorted: Vec<(&str, usize)> = self.numbers.iter().map(|(text, number)| (*text, *number)).collect();
        // In the order of their text: the unique index is read, and new rows are written, front to back.
        sorted.sort_unstable();
        let known = read_known(tx, &sorted).await?;
        let rule_names: HashMap<i64, &str> = rules.iter().map(|(name, id)| (*id, name.as_str())).collect();
        let mut next_id = max_id(tx, "SELECT coalesce(max(id), 0) AS id FROM urls").await? + 1;
        let mut new = Vec::new();
        let mut better = Vec::new();
        let mut seen = Vec::new();
        for ((_, number), known) in sorted.iter().zip(&known) {
            let name = &self.names[*number];
            let Some(known) = known else {
                let row = name.row(tx, next_id, &ids.hosts, rules)?;
                counts.enter(row.host_id, row.state);
                new.push(row);
                ids.urls[*number] = next_id;
                next_id += 1;
                continue;
            };
            ids.urls[*number] = known.id;
            if known.seen_round != start.round.0 {
                seen.push(known.id);
            }
            let rule = known.rule_id.and_then(|id| rule_names.get(&id));
            if let Some(row) = name.improve(known, rule.map(|name| Rule((*name).to_owned().into())), rules, counts) {
                better.push(row);
            }
        }
        ids.new_urls = new.len() as u64;
        tx.insert(&INSERT_URLS, &new, |statement, url| {
            let statement = statement.bind(url.id).bind(url.host_id).bind(url.state).bind(url.rule_id);
            let statement = statement.bind(url.priority).bind(url.depth).bind(url.hops).bind(url.via_id);
            statement.bind(now).bind(start.round.0).bind(url.url)
        })
        .await?;
        tx.execute(
            sql("UPDATE urls SET priority = j.value->>1, depth = j.value->>2, hops = j.value->>3,
                   rule_id = CASE WHEN j.value->>4 THEN NULL ELSE coalesce(j.value->>5, rule_id) END,
                   state = CASE WHEN j.value->>4 THEN 'queued' ELSE state END
                 FROM json_each(?1) j WHERE urls.id = j.value->>0")
            .bind(encode::rows(&better)),
        )
        .await?;
        let sitemaps = self.names.iter().zip(&ids.urls).filter(|(name, _)| name.is_sitemap);
        let sitemaps: Vec<_> = sitemaps.map(|(_, id)| id).collect();
        tx.execute(
            sql("INSERT INTO sitemaps(url_id) SELECT j.value FROM json_each(?1) j WHERE true ON CONFLICT DO NOTHING")
                .bind(encode::rows(&sitemaps)),
        )
        .await?;
        tx.execute(
            sql("UPDATE urls SET seen_round = ?2 WHERE id IN (SELECT j.value FROM json_each(?1) j)")
                .bind(encode::rows(&seen))
                .bind(start.round.0),
        )
        .await?;
        Ok(ids)
    }
}

/// Adds the hosts (name, domain) that are not known; the ids of all of them.
pub(super) async fn write_hosts(
    tx: &mut Tx<'_>,
    session: SessionId,
    hosts: &[(&str, Option<&str>)],
    now: UnixMs,
) -> Result<HashMap<String, i64>, StoreError> {
    let json = encode::rows(hosts);
    let find = "SELECT h.id, h.name FROM json_each(?1) j CROSS JOIN hosts h ON h.name = j.value->>0";
    tx.execute(
        sql("INSERT INTO hosts(name, domain, discovered_ms)
             SELECT j.value->>0, j.value->>1, ?2 FROM json_each(?1) j WHERE true ON CONFLICT(name) DO NOTHING")
        .bind(&json)
        .bind(now),
    )
    .await?;
    let rows = tx.rows(sql(find).bind(&json)).await?;
    let mut ids = HashMap::with_capacity(rows.len());
    for row in &rows {
        ids.insert(get::<String>(tx, row, "name")?, get::<i64>(tx, row, "id")?);
    }
    let all: Vec<i64> = ids.values().copied().collect();
    tx.execute(
        sql("INSERT INTO host_queue(host_id, delay_ms, page_limit)
             SELECT j.value, s.config->>'$.delay_ms', s.config->>'$.max_pages_per_host'
             FROM json_each(?1) j JOIN (SELECT json_set(config, '$.delay_ms',
               coalesce(config->>'$.delay_ms', 1000)) AS config FROM sessions WHERE id = ?2) s
             WHERE true ON CONFLICT(host_id) DO NOTHING")
        .bind(encode::rows(&all))
        .bind(session.0),
    )
    .await?;
    Ok(ids)
}

/// A new row of `urls`.
struct NewUrl<'a> {
    id: i64,
    host_id: i64,
    state: &'static str,
    rule_id: Option<i64>,
    priority: i32,
    depth: u32,
    hops: u32,
    via_id: Option<i64>,
    url: &'a str,
}

static INSERT_URLS: LazyLock<String> = LazyLock::new(|| {
    let into = "urls(id, host_id, state, rule_id, priority, depth, hops, via_id, discovered_ms, seen_round, url)";
    insert::text(into, "")
});

/// What is better about a known URL: id, priority, depth, hops, whether its exclusion is lifted, the rule
/// that excludes it instead.
type Better = (i64, i64, u32, u32, bool, Option<i64>);

impl<'a> Name<'a> {
    /// Takes one more path into account.
    fn join(&mut self, path: &'a Candidate) {
        self.is_sitemap |= path.is_sitemap;
        let (before, now) = (self.admission.reached(), path.admission.reached());
        if now > before {
            (self.priority, self.depth, self.hops) = (path.priority, path.depth, path.hops);
        } else if now == before {
            self.priority = self.priority.min(path.priority);
            self.depth = self.depth.min(path.depth);
            self.hops = self.hops.min(path.hops);
        }
        if now > before || path.admission == Admission::Queue {
            self.admission = &path.admission;
        }
    }

    fn row(
        &self,
        tx: &Tx<'_>,
        id: i64,
        hosts: &HashMap<String, i64>,
        rules: &HashMap<String, i64>,
    ) -> Result<NewUrl<'a>, StoreError> {
        let host = self.candidate.url.host_str();
        let host_id = *hosts.get(host).ok_or_else(|| tx.corrupt(format!("hosts has no row for {host}")))?;
        let (state, rule_id) = match self.admission {
            Admission::Queue => ("queued", None),
            Admission::Exclude(rule) => {
                let id = rules.get(rule.as_str());
                ("excluded", Some(*id.ok_or_else(|| tx.corrupt(format!("rules has no row for {}", rule.as_str())))?))
            }
        };
        let Name { priority, depth, hops, via: via_id, .. } = *self;
        Ok(NewUrl { id, host_id, state, rule_id, priority, depth, hops, via_id, url: self.candidate.url.as_str() })
    }

    /// What this path makes better about a known URL, excluded by `rule` or not. A path that comes less far than
    /// the one before says nothing; one that comes further has its own word.
    fn improve(
        &self,
        known: &Known,
        rule: Option<Rule>,
        rules: &HashMap<String, i64>,
        counts: &mut Counts,
    ) -> Option<Better> {
        let before = rule.as_ref().map_or(Rule::FOLLOWED, Rule::reached);
        let now = self.admission.reached();
        if now < before {
            return None;
        }
        let lifted =
            known.rule_id.is_some() && *self.admission == Admission::Queue && rule.is_none_or(|rule| !rule.is_final());
        if lifted {
            counts.leave(known.host_id, "excluded");
            counts.enter(known.host_id, "queued");
        }
        if now > before {
            let rule = match self.admission {
                Admission::Queue => None,
                Admission::Exclude(rule) => rules.get(rule.as_str()).copied(),
            };
            return Some((known.id, self.priority.into(), self.depth, self.hops, lifted, rule));
        }
        let priority = known.priority.min(self.priority.into());
        let (depth, hops) = (known.depth.min(self.depth), known.hops.min(self.hops));
        let changes = lifted || (priority, depth, hops) != (known.priority, known.depth, known.hops);
        changes.then_some((known.id, priority, depth, hops, lifted, None))
    }
}

/// Names that are looked up at once: a sitemap names 50,000 URLs, and many may be in one batch.
const LOOKED_UP_AT_ONCE: usize = 10_000;

/// What the store knows of the names, in their order. It comes as one JSON text: a row takes longer, and more
/// memory, to hand over from SQLite's thread than to find.
async fn read_known(tx: &mut Tx<'_>, names: &[(&str, usize)]) -> Result<Vec<Option<Known>>, StoreError> {
    let mut known = Vec::with_capacity(names.len());
    for names in names.chunks(LOOKED_UP_AT_ONCE) {
        let texts: Vec<&str> = names.iter().map(|(text, _)| *text).collect();
        let row = tx
            .row(
                sql("SELECT json_group_array(json_array(
                       j.key, u.id, u.host_id, u.depth, u.priority, u.hops, u.rule_id, u.seen_round)) AS known
                     FROM json_each(?1) j CROSS JOIN urls u ON u.url = j.value")
                .bind(encode::rows(&texts)),
            )
            .await?;
        let found: Vec<Known> =
            serde_json::from_str(get(tx, &row, "known")?).map_err(|error| tx.corrupt(format!("urls: {error}")))?;
        let first = known.len();
        known.resize_with(first + names.len(), || None);
        for url in found {
            if let Some(place) = known.get_mut(first + url.nth) {
                *place = Some(url);
            }
        }
    }
    Ok(known)
}

/// The largest id of a table, by a statement that names it `id`.
pub(super) async fn max_id(tx: &mut Tx<'_>, text: &'static str) -> Result<i64, StoreError> {
    let row = tx.row(sql(text)).await?;
    get(tx, &row, "id")
}

/// Counts discarded references, and gives the ids of all rules, the named ones added.
pub(super) async fn write_rules(
    tx: &mut Tx<'_>,
    named: impl Iterator<Item = (&str, u32)>,
) -> Result<HashMap<String, i64>, StoreError> {
    let mut discarded: HashMap<&str, u64> = HashMap::new();
    for (name, n) in named {
        *discarded.entry(name).or_default() += u64::from(n);
    }
    let rows: Vec<_> = discarded.into_iter().collect();
    tx.execute(
        sql("INSERT INTO rules(name, discarded) SELECT j.value->>0, j.value->>1 FROM json_each(?1) j WHERE true
             ON CONFLICT(name) DO UPDATE SET discarded = discarded + excluded.discarded WHERE excluded.discarded > 0")
        .bind(encode::rows(&rows)),
    )
    .await?;
    let rows = tx.rows(sql("SELECT id, name FROM rules")).await?;
    let mut ids = HashMap::with_capacity(rows.len());
    for row in &rows {
        ids.insert(get::<String>(tx, row, "name")?, get::<i64>(tx, row, "id")?);
    }
    Ok(ids)
}

/// Says when the hosts that nobody holds are ready: now, or when politeness allows, where a URL is
/// queued; else with the first due time; never where the page limit is reached. A host that was
/// ready earlier keeps its place: the longest ready comes first, so new hosts do not push it back.
/// The hosts that became ready, or ready earlier.
pub(super) async fn wake(tx: &mut Tx<'_>, hosts: &[i64], now: UnixMs) -> Result<Vec<i64>, StoreError> {
    let rows = tx
        .rows(
            sql("UPDATE host_queue SET ready_ms = n.ready_ms FROM (
                   SELECT q.host_id, CASE
                     WHEN q.pages >= q.page_limit THEN NULL
                     WHEN EXISTS (SELECT 1 FROM urls u WHERE u.host_id = q.host_id AND u.state = 'queued')
                       THEN min(max(q.polite_ms, ?2), coalesce(q.ready_ms, max(q.polite_ms, ?2)))
                     ELSE (SELECT max(min(u.due_ms), q.polite_ms) FROM urls u
                           WHERE u.host_id = q.host_id AND u.state = 'scheduled' AND u.due_ms < ?3) END AS ready_ms
                   FROM json_each(?1) j CROSS JOIN host_queue q ON q.host_id = j.value
                   WHERE q.lease_session IS NULL) n
                 WHERE host_queue.host_id = n.host_id AND host_queue.ready_ms IS NOT n.ready_ms
                 RETURNING host_id, host_queue.ready_ms AS ready_ms")
            .bind(encode::rows(hosts))
            .bind(now)
            .bind(HELD_MS),
        )
        .await?;
    let mut woken = Vec::new();
    for row in &rows {
        if get::<Option<i64>>(tx, row, "ready_ms")?.is_some() {
            woken.push(get(tx, row, "host_id")?);
        }
    }
    Ok(woken)
}
