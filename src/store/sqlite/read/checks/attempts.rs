//! Attempts, and what they gave: contents, links, entries of sitemaps.

use super::{Check, GONE, RECRAWL, REPAIR, REPORT, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "fetch_host",
        severity: Severity::Damage,
        quick: true,
        location: "fetches.host_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.host_id <> u.host_id",
        what: "an attempt is filed under another host than its URL",
        remedy: REPAIR,
    },
    Check {
        name: "fetch_round",
        severity: Severity::Damage,
        quick: false,
        location: "fetches.round_id",
        sql: "SELECT f.id || ': round ' || f.round_id || ', and session ' || s.id || ' is of round ' || s.round_id
              FROM fetches f JOIN sessions s ON s.id = f.session_id WHERE f.round_id <> s.round_id",
        what: "an attempt is filed under another round than its session",
        remedy: REPORT,
    },
    Check {
        name: "started_at",
        severity: Severity::Damage,
        quick: false,
        location: "fetches.started_at",
        sql: "SELECT id || ': ' || started_at FROM fetches WHERE started_ms >= 0 AND started_at IS NOT
                strftime('%Y-%m-%dT%H:%M:%S', started_ms / 1000, 'unixepoch') || printf('.%03dZ', started_ms % 1000)",
        what: "the two forms of the moment of an attempt differ",
        remedy: REPAIR,
    },
    Check {
        name: "target_without_redirect",
        severity: Severity::Damage,
        quick: true,
        location: "fetches.target_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE f.target_id IS NOT NULL AND f.outcome <> 'redirect'",
        what: "an attempt has a redirect target and was no redirect",
        remedy: REPAIR,
    },
    Check {
        name: "redirect_without_target",
        severity: Severity::Damage,
        quick: false,
        location: "fetches.target_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE f.outcome = 'redirect' AND f.target_id IS NULL AND f.error IS NULL",
        what: "a redirect leads nowhere, and nothing says why",
        remedy: RECRAWL,
    },
    Check {
        name: "page_without_content",
        severity: Severity::Damage,
        quick: true,
        location: "fetches.content_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE (f.outcome = 'page') AND f.content_id IS NULL",
        what: "an attempt gave a page and no content is named",
        remedy: "if contents without an attempt are noted, it is one of those, and nothing says which; else take it \
                 from a backup, or start a new crawl",
    },
    Check {
        name: "unchanged_without_content",
        severity: Severity::Damage,
        quick: false,
        location: "fetches.content_id",
        sql: "SELECT f.id || ' of ' || u.url FROM fetches f JOIN urls u ON u.id = f.url_id
              WHERE f.outcome = 'unchanged' AND f.content_id IS NULL",
        what: "an attempt confirmed a page and no content is named",
        remedy: GONE,
    },
    Check {
        name: "orphan_content",
        severity: Severity::Info,
        quick: true,
        location: "contents.id",
        sql: "SELECT c.id || ' ' || c.mime FROM contents c
              WHERE NOT EXISTS (SELECT 1 FROM fetches f WHERE f.content_id = c.id)",
        what: "a content belongs to no attempt",
        remedy: "nothing to do: it is kept, as it may be the only copy of a page; which one, nothing says",
    },
    Check {
        name: "body_size",
        severity: Severity::Damage,
        quick: true,
        location: "bodies.size_bytes",
        sql: "SELECT b.content_id || ': ' || b.size_bytes || ' in bodies, ' || c.size_bytes || ' in contents'
              FROM bodies b JOIN contents c ON c.id = b.content_id WHERE b.size_bytes <> c.size_bytes",
        what: "a body has another size than its content",
        remedy: RECRAWL,
    },
    Check {
        name: "body_gone",
        severity: Severity::Damage,
        quick: false,
        location: "bodies.content_id",
        sql: "SELECT c.id || ' ' || c.mime FROM contents c
              WHERE c.id NOT IN (SELECT content_id FROM bodies) AND EXISTS (
                SELECT 1 FROM fetches f WHERE f.content_id = c.id AND f.outcome = 'page' AND (
                  f.session_id IN (SELECT id FROM sessions
                    WHERE CASE WHEN json_valid(config) THEN config->>'$.store_body' END = 'all')
                  OR c.mime IN ('text/html', 'application/xhtml+xml') AND f.session_id IN (SELECT id FROM sessions
                    WHERE CASE WHEN json_valid(config) THEN config->>'$.store_body' END = 'html')))",
        what: "a body was to be kept, by the settings of the session that fetched it, and is gone",
        remedy: GONE,
    },
    Check {
        name: "text_gone",
        severity: Severity::Damage,
        quick: false,
        location: "texts.content_id",
        sql: "SELECT c.id || ' ' || c.mime FROM contents c
              WHERE c.words IS NOT NULL AND c.id NOT IN (SELECT content_id FROM texts) AND EXISTS (
                SELECT 1 FROM fetches f WHERE f.content_id = c.id AND f.outcome = 'page' AND f.session_id IN (
                  SELECT id FROM sessions WHERE CASE WHEN json_valid(config) THEN config->>'$.store_text' END))",
        what: "a text was to be kept, by the settings of the session that fetched its page, and is gone",
        remedy: GONE,
    },
    Check {
        name: "page_links",
        severity: Severity::Damage,
        quick: false,
        location: "links",
        sql: "WITH held AS MATERIALIZED (SELECT source_id, count(*) n FROM links GROUP BY source_id)
              SELECT u.url || ': ' || coalesce(f.links, 'none') || ' stored with its page, ' || coalesce(h.n, 0) || ' there'
              FROM urls u JOIN fetches f ON f.id = u.page_fetch_id LEFT JOIN held h ON h.source_id = u.id
              WHERE coalesce(f.links, 0) <> coalesce(h.n, 0)
              UNION ALL SELECT u.url || ': ' || h.n || ' there, and no page' FROM held h JOIN urls u ON u.id = h.source_id
              WHERE u.page_fetch_id IS NULL",
        what: "a page has other links than were stored with it",
        remedy: GONE,
    },
    Check {
        name: "entry_without_link",
        severity: Severity::Damage,
        quick: false,
        location: "sitemap_entries",
        sql: "SELECT s.url || ' names ' || t.url FROM sitemap_entries e
              JOIN urls s ON s.id = e.source_id JOIN urls t ON t.id = e.target_id
              WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.source_id = e.source_id AND l.target_id = e.target_id)",
        what: "an entry of a sitemap is no link of it",
        remedy: RECRAWL,
    },
];
