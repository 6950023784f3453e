//! URLs: whose they are, who named them, and what became of them.

use super::{Check, RECRAWL, REPAIR, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "url_host",
        severity: Severity::Damage,
        quick: false,
        location: "urls.host_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u JOIN hosts h ON h.id = u.host_id
              WHERE substr(u.url, instr(u.url, '://') + 3, length(h.name)) <> h.name
                 -- What follows a host; user names are not stored.
                 OR substr(u.url, instr(u.url, '://') + 3 + length(h.name), 1) NOT IN ('/', ':', '?', '#', '')
                 OR (substr(h.name, 1, 1) = '[' AND substr(h.name, -1) <> ']')",
        what: "a URL belongs to another host than it names",
        remedy: RECRAWL,
    },
    Check {
        name: "seed_gone",
        severity: Severity::Damage,
        quick: false,
        location: "urls.via_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u WHERE u.via_id IS NULL
                AND u.id NOT IN (SELECT url_id FROM seeds) AND u.id NOT IN (SELECT url_id FROM sitemaps)",
        what: "no page named a URL, no robots.txt did, and it is no seed: a seed is gone",
        remedy: "if it was a seed, give it again: sqrawl crawl URL… --db FILE",
    },
    Check {
        name: "seen_round",
        severity: Severity::Damage,
        quick: false,
        location: "urls.seen_round",
        sql: "SELECT u.id || ' ' || u.url || ': round ' || u.seen_round FROM urls u
              WHERE u.seen_round NOT BETWEEN 1 AND (SELECT max(id) FROM rounds)",
        what: "a URL was named in a round that there is not",
        remedy: REPAIR,
    },
    Check {
        name: "settled_without_attempt",
        severity: Severity::Damage,
        quick: true,
        location: "urls.last_fetch_id",
        sql: "SELECT id || ' ' || url FROM urls WHERE state IN ('done', 'failed') AND last_fetch_id IS NULL",
        what: "a URL is settled and was never tried",
        remedy: REPAIR,
    },
    Check {
        name: "last_fetch",
        severity: Severity::Damage,
        quick: true,
        location: "urls.last_fetch_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u LEFT JOIN fetches f ON f.id = u.last_fetch_id
              WHERE (u.last_fetch_id IS NOT NULL AND (f.id IS NULL OR f.url_id <> u.id))
                 OR EXISTS (SELECT 1 FROM fetches n WHERE n.url_id = u.id AND n.id > coalesce(u.last_fetch_id, 0))",
        what: "the latest attempt of a URL is not the one its row names",
        remedy: REPAIR,
    },
    Check {
        name: "page_fetch",
        severity: Severity::Damage,
        quick: false,
        location: "urls.page_fetch_id",
        sql: "SELECT u.id || ' ' || u.url FROM urls u
              WHERE (u.last_fetch_id IS NOT NULL OR u.page_fetch_id IS NOT NULL)
                AND u.page_fetch_id IS NOT (SELECT max(f.id) FROM fetches f
                                            WHERE f.url_id = u.id AND f.outcome IN ('page', 'unchanged'))",
        what: "the last good copy of a URL is not its latest attempt that gave or confirmed a page",
        remedy: REPAIR,
    },
    Check {
        name: "url_state",
        severity: Severity::Damage,
        quick: false,
        location: "urls.state",
        sql: "SELECT u.id || ' ' || u.url || ': ' || u.state || ', ' || f.outcome
              FROM urls u JOIN fetches f ON f.id = u.last_fetch_id
              WHERE (u.state = 'done' AND f.outcome NOT IN ('page', 'unchanged', 'redirect'))
                 OR (u.state = 'failed' AND f.outcome IN ('page', 'unchanged'))",
        what: "a URL is done after an attempt that failed, or failed after one that gave a page",
        remedy: REPAIR,
    },
];
