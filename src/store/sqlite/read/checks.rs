//! The promises that SQL can check: [`CHECKS`], one statement each. A statement gives one row, a
//! short text, for each damaged row.

use super::doctor::Severity;

/// One promise.
pub(super) struct Check {
    /// Stable name.
    pub(super) name: &'static str,
    /// What it means when it is broken.
    pub(super) severity: Severity,
    /// Table and column that are wrong when it is broken.
    pub(super) location: &'static str,
    /// Gives the damaged rows, one text each.
    pub(super) sql: &'static str,
    /// What is wrong, for people.
    pub(super) what: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

const REPORT: &str = "this is not expected to happen; keep a copy of the file and report it. The crawl can go on";
const RECRAWL: &str = "sqrawl resume fetches what is queued; start a new crawl if much is wrong";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "totals",
        severity: Severity::Damage,
        location: "totals.n",
        sql: "WITH real(name, n) AS (
                SELECT state, count(*) FROM urls GROUP BY state
                UNION ALL SELECT 'fetches', count(*) FROM fetches
                UNION ALL SELECT 'pages', count(*) FROM fetches WHERE outcome = 'page')
              SELECT t.name || ': ' || t.n || ' stored, ' || coalesce(r.n, 0) || ' counted'
              FROM totals t LEFT JOIN real r ON r.name = t.name WHERE t.n <> coalesce(r.n, 0)
              UNION ALL SELECT r.name || ': no row' FROM real r WHERE r.name NOT IN (SELECT name FROM totals)",
        what: "a counter of the crawl differs from the rows it counts",
        remedy: REPORT,
    },
    Check {
        name: "host_counters",
        severity: Severity::Damage,
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
        remedy: REPORT,
    },
    Check {
        name: "host_pages",
        severity: Severity::Damage,
        location: "host_queue.pages",
        sql: "WITH real AS (SELECT host_id, count(*) n FROM fetches
                            WHERE outcome = 'page' AND round_id = (SELECT max(id) FROM rounds) GROUP BY host_id)
              SELECT h.name || ': ' || k.pages || ' stored, ' || coalesce(n, 0) || ' counted'
              FROM host_queue k JOIN hosts h ON h.id = k.host_id LEFT JOIN real r ON r.host_id = k.host_id
              WHERE k.pages <> coalesce(n, 0)",
        what: "the pages of a host in this round differ from its fetches that gave one",
        remedy: REPORT,
    },
    Check {
        name: "host_without_queue",
        severity: Severity::Damage,
        location: "host_queue.host_id",
        sql: "SELECT h.name FROM hosts h WHERE h.id NOT IN (SELECT host_id FROM host_queue)
              AND h.id IN (SELECT host_id FROM urls)",
        what: "a host has URLs and no queue: they are never visited",
        remedy: REPORT,
    },
    Check {
        name: "host_asleep",
        severity: Severity::Damage,
        location: "host_queue.ready_ms",
        sql: "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE k.ready_ms IS NULL AND k.lease_session IS NULL AND k.queued + k.scheduled > (
                SELECT count(*) FROM suspects s CROSS JOIN urls u ON u.id = s.url_id WHERE s.held AND u.host_id = k.host_id)
                AND (k.page_limit IS NULL OR k.pages < k.page_limit)",
        what: "a host has open URLs, and nothing says when it is ready: they are never visited",
        remedy: REPORT,
    },
    Check {
        name: "url_host",
        severity: Severity::Damage,
        location: "urls.host_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u JOIN hosts h ON h.id = u.host_id
              WHERE substr(u.url, instr(u.url, '://') + 3, length(h.name)) <> h.name",
        what: "a URL belongs to another host than it names",
        remedy: RECRAWL,
    },
    Check {
        name: "settled_without_attempt",
        severity: Severity::Damage,
        location: "urls.last_fetch_id",
        sql: "SELECT id || ' ' || url FROM urls WHERE state IN ('done', 'failed') AND last_fetch_id IS NULL",
        what: "a URL is settled and was never tried",
        remedy: RECRAWL,
    },
    Check {
        name: "last_fetch",
        severity: Severity::Damage,
        location: "urls.last_fetch_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u LEFT JOIN fetches f ON f.id = u.last_fetch_id
              WHERE (u.last_fetch_id IS NOT NULL AND (f.id IS NULL OR f.url_id <> u.id))
                 OR EXISTS (SELECT 1 FROM fetches n WHERE n.url_id = u.id AND n.id > coalesce(u.last_fetch_id, 0))",
        what: "the latest attempt of a URL is not the one its row names",
        remedy: REPORT,
    },
    Check {
        name: "page_fetch",
        severity: Severity::Damage,
        location: "urls.page_fetch_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u LEFT JOIN fetches f ON f.id = u.page_fetch_id
              WHERE u.page_fetch_id IS NOT NULL
                AND (f.id IS NULL OR f.url_id <> u.id OR f.outcome NOT IN ('page', 'unchanged'))",
        what: "the last good copy of a URL is no page of that URL",
        remedy: REPORT,
    },
    Check {
        name: "fetch_host",
        severity: Severity::Damage,
        location: "fetches.host_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.host_id <> u.host_id",
        what: "an attempt is filed under another host than its URL",
        remedy: REPORT,
    },
    Check {
        name: "page_without_content",
        severity: Severity::Damage,
        location: "fetches.content_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE (f.outcome = 'page') AND f.content_id IS NULL",
        what: "an attempt gave a page and no content is named",
        remedy: "if contents without an attempt are noted, it is one of those, and nothing says which; \
                 sqrawl crawl --recrawl fetches it again",
    },
    Check {
        name: "orphan_content",
        severity: Severity::Info,
        location: "contents.id",
        sql: "SELECT c.id || ' ' || c.mime FROM contents c
              WHERE NOT EXISTS (SELECT 1 FROM fetches f WHERE f.content_id = c.id)",
        what: "a content belongs to no attempt",
        remedy: "nothing to do: it is kept, as it may be the only copy of a page; which one, nothing says",
    },
    Check {
        name: "redirect_without_target",
        severity: Severity::Damage,
        location: "fetches.target_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE f.target_id IS NOT NULL AND f.outcome <> 'redirect'",
        what: "an attempt has a redirect target and was no redirect",
        remedy: REPORT,
    },
    Check {
        name: "body_size",
        severity: Severity::Damage,
        location: "bodies.size_bytes",
        sql: "SELECT b.content_id || ': ' || b.size_bytes || ' in bodies, ' || c.size_bytes || ' in contents'
              FROM bodies b JOIN contents c ON c.id = b.content_id WHERE b.size_bytes <> c.size_bytes",
        what: "a body has another size than its content",
        remedy: RECRAWL,
    },
    Check {
        name: "lease",
        severity: Severity::Damage,
        location: "host_queue.lease_until_ms",
        sql: "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
              WHERE (k.lease_session IS NULL) <> (k.lease_until_ms IS NULL)",
        what: "a lease has a holder and no end, or an end and no holder",
        remedy: "the next sqrawl resume frees it",
    },
];
