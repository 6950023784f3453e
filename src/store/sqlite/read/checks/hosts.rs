//! Counters, hosts, rounds and sessions.

use super::{Check, REPAIR, Severity};

/// Indexes by which work is found, where they hold other rows than their table. SQLite's own comparison sees no
/// row too many in an index of some rows.
pub(in crate::store::sqlite) const INDEX_ROWS: &str = "WITH urls_of(queued, scheduled) AS MATERIALIZED (
    SELECT sum(state = 'queued'), sum(state = 'scheduled') FROM urls NOT INDEXED),
  hosts_of(ready, leased) AS MATERIALIZED (SELECT count(ready_ms), count(lease_session) FROM host_queue NOT INDEXED),
  counted(name, indexed, there) AS (
    SELECT 'urls_queue', (SELECT count(*) FROM urls INDEXED BY urls_queue WHERE state = 'queued'), queued FROM urls_of
    UNION ALL SELECT 'urls_schedule',
      (SELECT count(*) FROM urls INDEXED BY urls_schedule WHERE state = 'scheduled'), scheduled FROM urls_of
    UNION ALL SELECT 'host_queue_ready',
      (SELECT count(*) FROM host_queue INDEXED BY host_queue_ready WHERE ready_ms IS NOT NULL), ready FROM hosts_of
    UNION ALL SELECT 'host_queue_leased',
      (SELECT count(*) FROM host_queue INDEXED BY host_queue_leased WHERE lease_session IS NOT NULL), leased FROM hosts_of)
  SELECT name || ': ' || indexed || ' in the index, ' || coalesce(there, 0) || ' in the table'
  FROM counted WHERE indexed <> coalesce(there, 0)";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "totals",
        severity: Severity::Damage,
        quick: true,
        location: "totals.n",
        sql: "WITH names(name) AS (
                VALUES ('queued'), ('scheduled'), ('done'), ('failed'), ('excluded'), ('fetches'), ('pages')),
              real(name, n) AS (
                SELECT state, count(*) FROM urls GROUP BY state
                UNION ALL SELECT 'fetches', count(*) FROM fetches
                UNION ALL SELECT 'pages', count(*) FROM fetches WHERE outcome = 'page')
              SELECT w.name || ': ' || coalesce(t.n || ' stored', 'no row') || ', ' || coalesce(r.n, 0) || ' counted'
              FROM names w LEFT JOIN totals t ON t.name = w.name LEFT JOIN real r ON r.name = w.name
              WHERE t.n IS NOT coalesce(r.n, 0)",
        what: "a counter of the crawl differs from the rows it counts",
        remedy: REPAIR,
    },
    Check {
        name: "host_counters",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.queued, scheduled, done, failed, excluded",
        sql: "WITH real AS (
                SELECT host_id, sum(state = 'queued') q, sum(state = 'scheduled') s, sum(state = 'done') d,
                       sum(state = 'failed') f, sum(state = 'excluded') e FROM urls GROUP BY host_id)
              SELECT h.name || ': ' || k.queued || '/' || k.scheduled || '/' || k.done || '/' || k.failed || '/' || k.excluded
                     || ' stored, ' || coalesce(q, 0) || '/' || coalesce(s, 0) || '/' || coalesce(d, 0) || '/'
                     || coalesce(f, 0) || '/' || coalesce(e, 0) || ' counted'
              FROM host_queue k JOIN hosts h ON h.id = k.host_id LEFT JOIN real r ON r.host_id = k.host_id
              WHERE (k.queued, k.scheduled, k.done, k.failed, k.excluded)
                    IS NOT (coalesce(q, 0), coalesce(s, 0), coalesce(d, 0), coalesce(f, 0), coalesce(e, 0))",
        what: "the counters of a host differ from its URLs",
        remedy: REPAIR,
    },
    Check {
        name: "host_pages",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.pages",
        sql: "WITH real AS (SELECT host_id, count(*) n FROM fetches
                            WHERE outcome = 'page' AND round_id = (SELECT max(id) FROM rounds) GROUP BY host_id)
              SELECT h.name || ': ' || k.pages || ' stored, ' || coalesce(n, 0) || ' counted'
              FROM host_queue k JOIN hosts h ON h.id = k.host_id LEFT JOIN real r ON r.host_id = k.host_id
              WHERE k.pages <> coalesce(n, 0)",
        what: "the pages of a host in this round differ from its fetches that gave one",
        remedy: REPAIR,
    },
    Check {
        name: "index_rows",
        severity: Severity::Damage,
        quick: true,
        location: "the index named",
        sql: INDEX_ROWS,
        what: "an index by which work is found holds other rows than its table",
        remedy: REPAIR,
    },
    Check {
        name: "host_without_queue",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.host_id",
        sql: "SELECT h.name FROM hosts h WHERE h.id NOT IN (SELECT host_id FROM host_queue)
              AND h.id IN (SELECT host_id FROM urls)",
        what: "a host has URLs and no queue: they are never visited",
        remedy: REPAIR,
    },
    Check {
        name: "host_asleep",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.ready_ms",
        sql: "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE k.ready_ms IS NULL AND k.lease_session IS NULL AND k.queued + k.scheduled > 0
                AND (k.page_limit IS NULL OR k.pages < k.page_limit)
                AND k.queued + k.scheduled > (
                  SELECT count(*) FROM suspects s CROSS JOIN urls u ON u.id = s.url_id
                  WHERE s.held AND u.host_id = k.host_id AND u.due_ms = 253402300799000)",
        what: "a host has open URLs, and nothing says when it is ready: they are never visited",
        remedy: REPAIR,
    },
    Check {
        name: "host_ready",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.ready_ms",
        sql: "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE k.ready_ms IS NOT NULL AND (k.pages >= k.page_limit OR k.queued + k.scheduled = 0
                OR k.queued = 0 AND k.scheduled <= (
                  SELECT count(*) FROM suspects s CROSS JOIN urls u ON u.id = s.url_id
                  WHERE s.held AND u.host_id = k.host_id AND u.due_ms = 253402300799000))",
        what: "a host is said to be ready, and has no URL that may be visited",
        remedy: REPAIR,
    },
    Check {
        name: "far_wait",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.polite_ms, ready_ms, urls.due_ms",
        sql: "WITH known(ms) AS (
                SELECT unixepoch() * 1000
                UNION ALL SELECT max(started_ms, alive_ms, coalesce(ended_ms, 0)) FROM sessions
                UNION ALL SELECT started_ms + elapsed_ms FROM (
                  SELECT started_ms, elapsed_ms FROM fetches ORDER BY id DESC LIMIT 1000)),
              -- A day and ten minutes: what was decided a moment before, and clocks.
              furthest(ms) AS MATERIALIZED (SELECT max(ms) + 87000000 FROM known)
              SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE max(k.polite_ms, coalesce(k.ready_ms, 0)) > (SELECT ms FROM furthest)
              UNION ALL SELECT u.id || ' ' || u.url FROM urls u
              WHERE u.state = 'scheduled' AND u.due_ms > (SELECT ms FROM furthest) AND u.due_ms <> 253402300799000",
        what: "a host or URL waits for longer than the day that anything may be put off",
        remedy: REPAIR,
    },
    Check {
        name: "lease",
        severity: Severity::Damage,
        quick: true,
        location: "host_queue.lease_until_ms",
        sql: "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE (k.lease_session IS NULL) <> (k.lease_until_ms IS NULL)",
        what: "a lease has a holder and no end, or an end and no holder",
        remedy: REPAIR,
    },
    Check {
        name: "round_end",
        severity: Severity::Damage,
        quick: true,
        location: "rounds.ended_ms",
        sql: "SELECT 'round ' || r.id || ' has ended, and ' || h.name || ' has ' || (k.queued + k.scheduled) || ' URLs to visit'
              FROM rounds r JOIN host_queue k ON k.queued + k.scheduled > 0 JOIN hosts h ON h.id = k.host_id
              WHERE r.id = (SELECT max(id) FROM rounds) AND r.ended_ms IS NOT NULL
              UNION ALL SELECT 'round ' || id || ' has not ended, and a later one has begun' FROM rounds
              WHERE ended_ms IS NULL AND id < (SELECT max(id) FROM rounds)",
        what: "a round has ended with URLs left to visit, or not though another has begun",
        remedy: REPAIR,
    },
    Check {
        name: "seeds",
        severity: Severity::Damage,
        quick: true,
        location: "seeds",
        sql: "SELECT 'round ' || r.id FROM rounds r
              WHERE r.id NOT IN (SELECT round_id FROM seeds) AND EXISTS (SELECT 1 FROM urls)",
        what: "a round has no seeds, and URLs are known: nobody knows what the crawl was to be",
        remedy: "give the seeds again: sqrawl crawl URL… --db FILE",
    },
    Check {
        name: "suspect_settled",
        severity: Severity::Damage,
        quick: true,
        location: "suspects.url_id",
        sql: "SELECT u.id || ' ' || u.url FROM suspects s CROSS JOIN urls u ON u.id = s.url_id
              WHERE u.state IN ('done', 'failed')",
        what: "a URL is suspected of ending the process, and was visited since",
        remedy: REPAIR,
    },
    Check {
        name: "robots_without_rules",
        severity: Severity::Damage,
        quick: true,
        location: "robots.body",
        sql: "SELECT r.scheme || '://' || h.name || ':' || r.port FROM robots r JOIN hosts h ON h.id = r.host_id
              WHERE r.verdict = 'rules' AND r.body IS NULL",
        what: "a robots.txt has rules, and its text is gone: everything would be allowed",
        remedy: "sqrawl doctor --repair has it asked for again before anything else of that host",
    },
];
