-- The crawl database, version 1. docs/schema.md explains every table, column and view.
--
-- Reading needs SQLite 3.38 or later: no function newer than the shell of Debian 12 stands in a view, and nothing needs an
-- extension. page_size, auto_vacuum, journal_mode and application_id are set by the program before this runs: they cannot be
-- set inside a transaction.
--
-- Where many rows are written, a CHECK compares with each value: SQLite builds the list of an IN anew for every row, which
-- makes a row of links three times as dear.
--
-- Times are Unix milliseconds in UTC (names end in _ms). Flags are 0 or 1. Sizes and durations carry their unit in the name.

-- ---------------------------------------------------------------- runs
-- One pass over the site. It spans crashes and resumes; history compares rounds, never processes.
CREATE TABLE rounds (
  id         INTEGER PRIMARY KEY,
  name       TEXT UNIQUE,                       -- the operator's label
  started_ms INTEGER NOT NULL,
  ended_ms   INTEGER,                           -- NULL while something is left to do
  pages_before INTEGER NOT NULL DEFAULT 0       -- totals.pages when it began
) STRICT;

-- One life of one process.
CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY,
  round_id   INTEGER NOT NULL REFERENCES rounds(id),
  started_ms INTEGER NOT NULL,
  alive_ms   INTEGER NOT NULL,                  -- rewritten by every settle: bounds the moment of a crash
  ended_ms   INTEGER,                           -- NULL while it runs, and after a crash
  ended_by   TEXT CHECK (ended_by IN ('complete','limit','signal','error','import')),
  version    TEXT NOT NULL,
  config     TEXT NOT NULL CHECK (json_valid(config)),   -- resolved settings, nothing secret
  judging    INTEGER NOT NULL DEFAULT 0 CHECK (judging IN (0,1)),   -- 1 until URLs are judged by settings that are not in config yet
  CHECK ((ended_ms IS NULL) = (ended_by IS NULL))
) STRICT;
CREATE INDEX sessions_round ON sessions(round_id);

-- ---------------------------------------------------------------- hosts
-- What does not change about a host. Its name is the politeness key: not the origin, not the address.
CREATE TABLE hosts (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,           -- lower-case DNS name or address
  domain        TEXT,                           -- registrable domain; NULL for addresses and single labels
  discovered_ms INTEGER NOT NULL
) STRICT;

-- What changes all the time, one narrow row per host, rewritten at every lease and settle.
CREATE TABLE host_queue (
  host_id        INTEGER PRIMARY KEY REFERENCES hosts(id),
  ready_ms       INTEGER,                       -- when a worker may take the host; NULL: leased, no work, or at its page limit
  polite_ms      INTEGER NOT NULL DEFAULT 0,    -- no request may start before
  delay_ms       INTEGER NOT NULL CHECK (delay_ms >= 0),   -- between two requests, as last asked for
  asked_ms       INTEGER,                       -- from when the delay counts; NULL: never asked
  pause_ms       INTEGER,                       -- what polite_ms waits for when it is not the delay
  pause_by       TEXT CHECK (pause_by IN ('setting','robots','retry_after','backoff','response_time','errors')),
  response_ms    INTEGER,                       -- smoothed time of its answers
  strain         INTEGER NOT NULL DEFAULT 0,    -- doublings of the delay because of errors
  failures       INTEGER NOT NULL DEFAULT 0,    -- host-level failures in a row
  lease_session  INTEGER REFERENCES sessions(id),
  lease_until_ms INTEGER,
  fence          INTEGER NOT NULL DEFAULT 0,    -- grows with every lease
  told           INTEGER NOT NULL DEFAULT 0,    -- how many states of the host its lease had told with the one that stands here
  page_limit     INTEGER,                       -- most pages of this host; NULL: none
  pages          INTEGER NOT NULL DEFAULT 0,    -- fetches of this round that gave a page
  queued         INTEGER NOT NULL DEFAULT 0,
  scheduled      INTEGER NOT NULL DEFAULT 0,
  done           INTEGER NOT NULL DEFAULT 0,
  failed         INTEGER NOT NULL DEFAULT 0,
  excluded       INTEGER NOT NULL DEFAULT 0,
  CHECK ((lease_session IS NULL) = (lease_until_ms IS NULL)),
  CHECK (lease_session IS NULL OR ready_ms IS NULL),
  CHECK ((pause_ms IS NULL) = (pause_by IS NULL))
) STRICT;
CREATE INDEX host_queue_ready ON host_queue(ready_ms) WHERE ready_ms IS NOT NULL;
CREATE INDEX host_queue_leased ON host_queue(lease_session) WHERE lease_session IS NOT NULL;

-- One verdict per scheme, host and port (RFC 9309 2.3).
CREATE TABLE robots (
  id         INTEGER PRIMARY KEY,
  host_id    INTEGER NOT NULL REFERENCES hosts(id),
  scheme     TEXT NOT NULL CHECK (scheme IN ('http','https')),
  port       INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  verdict    TEXT NOT NULL CHECK (verdict IN ('rules','allow_all','disallow_all')),
  status     INTEGER CHECK (status BETWEEN 100 AND 999),   -- of the last attempt; NULL: no response
  fetched_ms INTEGER NOT NULL,
  answered_ms INTEGER,                          -- when an answer to rely on last came; NULL: never
  expires_ms INTEGER NOT NULL,
  failures   INTEGER NOT NULL DEFAULT 0,        -- attempts in a row without an answer to rely on
  error      TEXT,                              -- why the last attempt failed
  body       TEXT,                              -- at most 500 KiB
  hop_url    TEXT,                              -- where it is redirected to, while nobody has asked there yet
  hops       INTEGER CHECK (hops >= 1),         -- redirects in a row that led there
  UNIQUE (host_id, scheme, port),
  CHECK ((hop_url IS NULL) = (hops IS NULL))
) STRICT;

-- One row per request for a robots.txt, or for what one was redirected to; only ever added to. With fetches the whole of
-- what a host was asked for.
CREATE TABLE robots_fetches (
  id               INTEGER PRIMARY KEY,
  host_id          INTEGER NOT NULL REFERENCES hosts(id),   -- the host that was asked
  session_id       INTEGER NOT NULL REFERENCES sessions(id),
  started_ms       INTEGER NOT NULL,
  elapsed_ms       INTEGER NOT NULL,
  outcome          TEXT NOT NULL CHECK (outcome IN ('page','unchanged','redirect','gone','http_error','rate_limited',
                     'timeout','dns','connect','tls','protocol','too_big')),
  status           INTEGER CHECK (status BETWEEN 100 AND 999),
  hops             INTEGER NOT NULL CHECK (hops >= 0),       -- redirects in a row that led there
  delay_asked_ms   INTEGER,                     -- as in fetches
  delay_by         TEXT CHECK (delay_by IN ('setting','robots','retry_after','backoff','response_time','errors')),
  delay_applied_ms INTEGER,
  wire_bytes       INTEGER,
  retry_after      TEXT,                        -- as received
  address          TEXT,
  error            TEXT,
  origin           TEXT NOT NULL,               -- whose robots.txt it was to be
  url              TEXT NOT NULL                -- what was asked for
) STRICT;
CREATE INDEX robots_fetches_host ON robots_fetches(host_id, started_ms);

-- ---------------------------------------------------------------- urls
-- Why URLs are not crawled; a few dozen rows.
CREATE TABLE rules (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  discarded INTEGER NOT NULL DEFAULT 0          -- references met that are no crawlable URL: counted, not stored
) STRICT;

-- Every URL ever named; those still to be visited are the frontier.
CREATE TABLE urls (
  id            INTEGER PRIMARY KEY,
  host_id       INTEGER NOT NULL REFERENCES hosts(id),
  state         TEXT NOT NULL CHECK (state = 'queued' OR state = 'done' OR state = 'scheduled' OR state = 'failed' OR
                     state = 'excluded'),
  priority      INTEGER NOT NULL DEFAULT 0,     -- lower first
  depth         INTEGER NOT NULL CHECK (depth >= 0),
  hops          INTEGER NOT NULL DEFAULT 0 CHECK (hops >= 0),   -- redirects in a row that led here
  attempts      INTEGER NOT NULL DEFAULT 0,     -- failed tries in this run of tries
  due_ms        INTEGER,                        -- only when scheduled
  rule_id       INTEGER REFERENCES rules(id),   -- only when excluded
  via_id        INTEGER REFERENCES urls(id),    -- the page that named it first; NULL for a seed
  discovered_ms INTEGER NOT NULL,
  seen_round    INTEGER NOT NULL,               -- last round in which a seed or a page named it
  last_fetch_id INTEGER,                        -- latest attempt of any outcome
  page_fetch_id INTEGER,                        -- latest attempt that gave or confirmed a page
  url           TEXT NOT NULL UNIQUE,           -- the long column stands behind the short ones
  CHECK ((state = 'scheduled') = (due_ms IS NOT NULL)),
  CHECK ((state = 'excluded') = (rule_id IS NOT NULL))
) STRICT;
CREATE INDEX urls_queue ON urls(host_id, priority, id) WHERE state = 'queued';
CREATE INDEX urls_schedule ON urls(host_id, due_ms) WHERE state = 'scheduled';

-- What the operator asked for; a resume needs nothing else.
CREATE TABLE seeds (
  id            INTEGER PRIMARY KEY,
  round_id      INTEGER NOT NULL REFERENCES rounds(id),
  url_id        INTEGER NOT NULL REFERENCES urls(id),
  given         TEXT NOT NULL,                  -- as typed
  source        TEXT NOT NULL CHECK (source IN ('argument','file','stdin','import','archive')),
  grants_origin INTEGER NOT NULL DEFAULT 0 CHECK (grants_origin IN (0,1)),
  grants_scope  INTEGER NOT NULL DEFAULT 1 CHECK (grants_scope IN (0,1)),   -- 0: imported into a crawl that has its scope
  UNIQUE (round_id, url_id)
) STRICT;
CREATE INDEX seeds_url ON seeds(url_id);

-- Hosts that redirects of seeds brought into scope.
CREATE TABLE seed_hosts (
  seed_id INTEGER NOT NULL REFERENCES seeds(id),
  host_id INTEGER NOT NULL REFERENCES hosts(id),
  PRIMARY KEY (seed_id, host_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seed_hosts_host ON seed_hosts(host_id);

-- Where redirects of seeds lead: what these URLs redirect to may bring hosts into scope, too.
CREATE TABLE seed_redirects (
  url_id  INTEGER PRIMARY KEY REFERENCES urls(id),
  seed_id INTEGER NOT NULL REFERENCES seeds(id)   -- the first that led there
) STRICT;
CREATE INDEX seed_redirects_seed ON seed_redirects(seed_id);

-- What the operator asked of the crawl while it ran, or between two sessions. A command is applied in the transaction that
-- marks it.
CREATE TABLE inbox (
  id         INTEGER PRIMARY KEY,
  made_ms    INTEGER NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('add','skip','retry')),
  payload    TEXT NOT NULL CHECK (json_valid(payload)),
  applied_ms INTEGER,                           -- NULL: it waits
  result     TEXT CHECK (result IS NULL OR json_valid(result)),
  CHECK ((applied_ms IS NULL) = (result IS NULL))
) STRICT;
CREATE INDEX inbox_waiting ON inbox(id) WHERE applied_ms IS NULL;

-- What is to be left out from now on.
CREATE TABLE skips (
  id       INTEGER PRIMARY KEY,
  kind     TEXT NOT NULL CHECK (kind IN ('url','host','regex')),
  pattern  TEXT NOT NULL,
  added_ms INTEGER NOT NULL,
  UNIQUE (kind, pattern)
) STRICT;

-- URLs that robots.txt or a sitemap index names as sitemaps.
CREATE TABLE sitemaps (
  url_id INTEGER PRIMARY KEY REFERENCES urls(id)
) STRICT;

-- URLs that were in work when a process died. Not queue state: losing every row costs nothing. What is held back is scheduled
-- for 9999-12-31T23:59:59Z, and tried alone when nothing else is left.
CREATE TABLE suspects (
  url_id     INTEGER PRIMARY KEY REFERENCES urls(id),
  session_id INTEGER NOT NULL REFERENCES sessions(id),        -- the latest that died with the URL in work
  held       INTEGER NOT NULL CHECK (held IN (0,1)),          -- 0: only remembered until the next death
  deaths     INTEGER NOT NULL CHECK (deaths >= 0)             -- in a row while it was tried alone for being held back
) STRICT;
CREATE INDEX suspects_session ON suspects(session_id);

-- ---------------------------------------------------------------- contents and fetches
-- One version of a page, shared by every URL that serves it.
CREATE TABLE contents (
  id          INTEGER PRIMARY KEY,
  hash        BLOB NOT NULL UNIQUE CHECK (length(hash) = 16),  -- blake3-128 of (mime, charset, body): what was parsed
  mime        TEXT NOT NULL,
  charset     TEXT,
  size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0),
  simhash     INTEGER,                          -- 64 bits as two's complement
  meta_robots TEXT,                             -- as the page says; what was in effect stands on the fetch
  parse_cut   TEXT CHECK (parse_cut = 'depth' OR parse_cut = 'nodes' OR parse_cut = 'links' OR parse_cut = 'time' OR
                     parse_cut = 'size'),   -- NULL: parsed whole
  words       INTEGER,
  parser      INTEGER NOT NULL,                 -- version of the extraction
  lang        TEXT,
  title       TEXT,
  description TEXT,
  headings    TEXT CHECK (headings IS NULL OR json_valid(headings)),   -- [[1,"…"],[2,"…"]]
  soft_404    INTEGER NOT NULL DEFAULT 0 CHECK (soft_404 IN (0,1)),    -- says that it was not found
  open_graph  TEXT CHECK (open_graph IS NULL OR json_valid(open_graph)),   -- {"og:title":"…","og:image":["…","…"]}
  json_ld     TEXT CHECK (json_ld IS NULL OR json_valid(json_ld))      -- array of the page's blocks
) STRICT;

-- sqlar convention: sqlar_uncompress(data, size_bytes) reads both codecs.
CREATE TABLE bodies (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id) ON DELETE CASCADE,
  codec      TEXT NOT NULL CHECK (codec IN ('raw','zlib')),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  data       BLOB NOT NULL
) STRICT;

-- What a reader sees.
CREATE TABLE texts (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id) ON DELETE CASCADE,
  text       TEXT NOT NULL
) STRICT;

-- One row per attempt; only ever added to.
CREATE TABLE fetches (
  id               INTEGER PRIMARY KEY,
  url_id           INTEGER NOT NULL REFERENCES urls(id),
  host_id          INTEGER NOT NULL REFERENCES hosts(id),   -- that of the URL
  round_id         INTEGER NOT NULL REFERENCES rounds(id),
  session_id       INTEGER NOT NULL REFERENCES sessions(id),
  started_ms       INTEGER NOT NULL,
  started_at       TEXT NOT NULL,               -- the same moment as ISO 8601 text
  elapsed_ms       INTEGER NOT NULL,
  outcome          TEXT NOT NULL CHECK (outcome = 'page' OR outcome = 'unchanged' OR outcome = 'redirect' OR outcome = 'gone' OR
                     outcome = 'http_error' OR outcome = 'rate_limited' OR outcome = 'timeout' OR outcome = 'dns' OR
                     outcome = 'connect' OR outcome = 'tls' OR outcome = 'protocol' OR outcome = 'blocked_address' OR
                     outcome = 'robots' OR outcome = 'too_big' OR outcome = 'crashed'),
  status           INTEGER CHECK (status BETWEEN 100 AND 999),
  content_id       INTEGER REFERENCES contents(id),  -- 'unchanged' repeats the version it confirmed
  target_id        INTEGER REFERENCES urls(id),      -- redirect target
  canonical_id     INTEGER REFERENCES urls(id),      -- what the page claims to be a copy of
  noindex          INTEGER NOT NULL DEFAULT 0 CHECK (noindex IN (0,1)),   -- in effect: meta robots and X-Robots-Tag
  nofollow         INTEGER NOT NULL DEFAULT 0 CHECK (nofollow IN (0,1)),
  delay_asked_ms   INTEGER,                     -- the longest wait in force: delay or pause; NULL: no request was made
  delay_by         TEXT CHECK (delay_by = 'setting' OR delay_by = 'robots' OR delay_by = 'retry_after' OR
                     delay_by = 'backoff' OR delay_by = 'response_time' OR delay_by = 'errors'),
  delay_applied_ms INTEGER,                     -- since the end of the host's response before it; NULL: none is known
  wire_bytes       INTEGER,
  links            INTEGER CHECK (links >= 0),  -- rows of links that the page has; 'unchanged' repeats them
  etag             TEXT,
  last_modified    TEXT,
  address          TEXT,
  error            TEXT,
  headers          TEXT CHECK (headers IS NULL OR json_valid(headers))   -- JSON array of [name, value]
) STRICT;
CREATE INDEX fetches_url ON fetches(url_id, started_ms);
CREATE INDEX fetches_content ON fetches(content_id) WHERE content_id IS NOT NULL;

-- Links of the latest version of each page.
CREATE TABLE links (
  source_id INTEGER NOT NULL REFERENCES urls(id),
  target_id INTEGER NOT NULL REFERENCES urls(id),
  kind      TEXT NOT NULL CHECK (kind = 'a' OR kind = 'img' OR kind = 'link' OR kind = 'script' OR kind = 'style' OR
                     kind = 'alternate' OR kind = 'canonical' OR kind = 'frame' OR kind = 'media' OR kind = 'next' OR
                     kind = 'prev' OR kind = 'form' OR kind = 'refresh' OR kind = 'sitemap' OR kind = 'feed'),
  nofollow  INTEGER NOT NULL DEFAULT 0 CHECK (nofollow IN (0,1)),
  position  INTEGER NOT NULL,                   -- order on the page
  anchor    TEXT,                               -- at most 256 characters
  PRIMARY KEY (source_id, target_id, kind)
) STRICT, WITHOUT ROWID;

-- What the latest version of each sitemap says of its entries, which stand in links too.
CREATE TABLE sitemap_entries (
  source_id  INTEGER NOT NULL REFERENCES urls(id),
  target_id  INTEGER NOT NULL REFERENCES urls(id),
  lastmod    TEXT,                              -- as written
  priority   REAL CHECK (priority BETWEEN 0 AND 1),
  changefreq TEXT,
  PRIMARY KEY (source_id, target_id)
) STRICT, WITHOUT ROWID;

-- Counters of the whole crawl, changed in the transaction that changes the rows.
CREATE TABLE totals (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO totals(name) VALUES ('queued'), ('scheduled'), ('done'), ('failed'), ('excluded'), ('fetches'), ('pages');

-- ---------------------------------------------------------------- views
-- DuckDB re-reads the text of these views in its own dialect: strftime(), max(a, b), x IS NOT y and columns beside an
-- aggregate that are not grouped by fail there or lose their types.

CREATE VIEW pages AS
SELECT u.id AS url_id, u.url, h.name AS host, f.status, c.title, c.description, c.lang, c.mime, c.size_bytes, c.words,
       u.depth, f.elapsed_ms, k.url AS canonical, f.noindex, f.started_at AS fetched_at,
       CASE WHEN u.last_fetch_id <> f.id THEN 1 ELSE 0 END AS stale,
       CASE WHEN u.last_fetch_id = f.id OR EXISTS (SELECT 1 FROM current_pages p WHERE p.id = u.id) THEN 0 ELSE 1 END AS gone,
       f.id AS fetch_id, f.content_id
FROM urls u
JOIN fetches f ON f.id = u.page_fetch_id
JOIN hosts h ON h.id = u.host_id
LEFT JOIN contents c ON c.id = f.content_id
LEFT JOIN urls k ON k.id = f.canonical_id;

-- URLs that have a page now. One whose latest attempt failed keeps its last good copy; one that is gone, or redirects, has none,
-- and its links are nobody's. Only where the latest attempt gave no page is it looked up.
CREATE VIEW current_pages AS
SELECT u.id, u.host_id, u.depth, u.via_id, u.last_fetch_id, u.page_fetch_id, u.url
FROM urls u
WHERE u.page_fetch_id IS NOT NULL
  AND (u.last_fetch_id = u.page_fetch_id
    OR EXISTS (SELECT 1 FROM fetches g WHERE g.id = u.last_fetch_id AND g.outcome NOT IN ('gone','redirect')));

-- Where redirects end. Each step makes the way twice as long, so five of them follow 32 redirects; DuckDB would not read a
-- recursive view.
CREATE VIEW redirect_ends AS
WITH one AS MATERIALIZED (
  SELECT u.id, f.target_id AS end_id
  FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
  WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND f.outcome = 'redirect' AND f.target_id IS NOT NULL),
two AS MATERIALIZED (
  SELECT a.id, coalesce(b.end_id, a.end_id) AS end_id FROM one a LEFT JOIN one b ON b.id = a.end_id),
four AS MATERIALIZED (
  SELECT a.id, coalesce(b.end_id, a.end_id) AS end_id FROM two a LEFT JOIN two b ON b.id = a.end_id),
eight AS MATERIALIZED (
  SELECT a.id, coalesce(b.end_id, a.end_id) AS end_id FROM four a LEFT JOIN four b ON b.id = a.end_id),
sixteen AS MATERIALIZED (
  SELECT a.id, coalesce(b.end_id, a.end_id) AS end_id FROM eight a LEFT JOIN eight b ON b.id = a.end_id),
thirty_two AS MATERIALIZED (
  SELECT a.id, coalesce(b.end_id, a.end_id) AS end_id FROM sixteen a LEFT JOIN sixteen b ON b.id = a.end_id)
SELECT a.id AS url_id, CASE WHEN b.id IS NULL THEN a.end_id END AS end_id
FROM thirty_two a LEFT JOIN one b ON b.id = a.end_id;

-- Two arms, so that each can use its own index.
CREATE VIEW frontier AS
SELECT u.id AS url_id, u.url, h.name AS host, u.host_id, u.state, u.priority, u.depth, u.attempts, q.polite_ms AS due_ms
FROM urls u JOIN host_queue q ON q.host_id = u.host_id JOIN hosts h ON h.id = u.host_id WHERE u.state = 'queued'
UNION ALL
SELECT u.id, u.url, h.name, u.host_id, u.state, u.priority, u.depth, u.attempts, u.due_ms
FROM urls u JOIN hosts h ON h.id = u.host_id WHERE u.state = 'scheduled';

-- Everything a host was asked for: the ledger of politeness.
CREATE VIEW requests AS
SELECT f.host_id, h.name AS host, f.session_id, f.started_ms, f.started_ms + f.elapsed_ms AS ended_ms, f.outcome, f.status,
       f.delay_asked_ms, f.delay_by, f.delay_applied_ms, f.address, u.url, 0 AS is_robots
FROM fetches f JOIN hosts h ON h.id = f.host_id JOIN urls u ON u.id = f.url_id
WHERE f.delay_asked_ms IS NOT NULL
UNION ALL
SELECT r.host_id, h.name, r.session_id, r.started_ms, r.started_ms + r.elapsed_ms, r.outcome, r.status,
       r.delay_asked_ms, r.delay_by, r.delay_applied_ms, r.address, r.url, 1
FROM robots_fetches r JOIN hosts h ON h.id = r.host_id;

CREATE VIEW page_links AS
SELECT l.source_id, s.url AS source, l.target_id, t.url AS target, l.kind, l.nofollow, l.anchor, l.position
FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id;

-- ---------------------------------------------------------------- search
-- What there is to search: a row for each version of a page, whatever number of URLs serve it. The column is named rowid
-- because Datasette and FTS5 look for that one. DuckDB reads it, and `->>` is the operator that both have.
CREATE VIEW documents AS
SELECT c.id AS rowid,
       (SELECT min(u.url) FROM fetches f JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
        WHERE f.content_id = c.id) AS url,
       c.title, (SELECT group_concat(j.value ->> '$[1]', ' | ') FROM json_each(c.headings) j) AS headings, c.description,
       t.text
FROM contents c LEFT JOIN texts t ON t.content_id = c.id;

-- Its index, which `sqrawl search` fills: a crawl does not. The texts stand in texts alone. ORDER BY rank weighs the columns:
-- a word of the title counts as much as ten of the text.
CREATE VIRTUAL TABLE search USING fts5(title, headings, description, text, content="documents",
  tokenize="unicode61 remove_diacritics 2");
INSERT INTO search(search, rank) VALUES ('rank', 'bm25(10.0, 5.0, 2.0, 1.0)');

-- How far it is filled, changed in the transaction that adds the rows.
CREATE TABLE search_progress (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  content_id INTEGER NOT NULL,                  -- every content up to this one is in the index, as far as it has words
  updated_ms INTEGER                            -- when it last grew; NULL: never
) STRICT;
INSERT INTO search_progress(id, content_id) VALUES (1, 0);

-- What is in the index without a text: a later crawl may bring one.
CREATE TABLE search_textless (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id)
) STRICT;

-- ---------------------------------------------------------------- ranks
-- One computation of PageRank and click depth by `sqrawl rank`. While it is written it has no finished_ms; the latest finished one counts,
-- and the rows of others are taken away.
CREATE TABLE rank_runs (
  id          INTEGER PRIMARY KEY,
  started_ms  INTEGER NOT NULL,
  finished_ms INTEGER,                          -- NULL until every rank is written
  damping     REAL NOT NULL,
  tolerance   REAL NOT NULL,
  iterations  INTEGER NOT NULL,
  change      REAL NOT NULL,                    -- of all ranks together in the last iteration
  pages       INTEGER NOT NULL,
  links       INTEGER NOT NULL,                 -- from page to page, each pair once
  dangling    INTEGER NOT NULL,                 -- pages without a link to another
  starts      INTEGER NOT NULL,                 -- pages from which clicks are counted
  starts_by   TEXT NOT NULL CHECK (starts_by IN ('seeds','roots','unlinked'))   -- which those are
) STRICT;

CREATE TABLE ranks (
  run_id INTEGER NOT NULL REFERENCES rank_runs(id),
  url_id INTEGER NOT NULL REFERENCES urls(id),
  rank   REAL NOT NULL,                         -- those of a run sum to 1
  depth  INTEGER CHECK (depth >= 0),            -- clicks from the nearest start; NULL: no links lead there
  PRIMARY KEY (run_id, url_id)
) STRICT, WITHOUT ROWID;

-- Those of the run that counts.
CREATE VIEW current_ranks AS
SELECT k.url_id, k.rank, k.depth
FROM ranks k
WHERE k.run_id = (SELECT max(w.id) FROM rank_runs w WHERE w.finished_ms IS NOT NULL);

-- ---------------------------------------------------------------- reports
-- src/report/catalogue.rs lists them. A report reads each large table once, in the order of its rows: links have no index by
-- target, so what is asked of targets is gathered first and looked up while links are scanned, which CROSS JOIN holds SQLite
-- to, and a + before the id of a fetch or a content: without it some versions make an index of all URLs for one question. A URL
-- whose latest attempt gave no page has two different ids in last_fetch_id and page_fetch_id: that spares reports of
-- failures and redirects the rows of all pages.

CREATE VIEW report_status AS
SELECT f.outcome, f.status, count(1) AS urls, CAST(avg(f.elapsed_ms) AS INTEGER) AS mean_ms, min(u.url) AS example
FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
GROUP BY f.outcome, f.status;

CREATE VIEW report_errors AS
SELECT h.name AS host, f.outcome, f.status, count(1) AS urls,
       sum(CASE WHEN u.state = 'scheduled' THEN 1 ELSE 0 END) AS waiting, min(u.url) AS example, min(f.error) AS error
FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id JOIN hosts h ON h.id = u.host_id
WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND f.outcome NOT IN ('page','unchanged','redirect','robots')
GROUP BY h.name, f.outcome, f.status;

CREATE VIEW report_hosts AS
SELECT h.name AS host, coalesce(n.pages, 0) AS pages, q.queued, q.scheduled, q.done, q.failed, q.excluded, q.delay_ms, q.page_limit
FROM host_queue q JOIN hosts h ON h.id = q.host_id
LEFT JOIN (SELECT u.host_id, count(1) AS pages FROM current_pages u GROUP BY u.host_id) n ON n.host_id = q.host_id;

-- Breaches are rows in which less was kept than asked for: there are none.
CREATE VIEW report_politeness AS
SELECT r.host, r.delay_by, count(1) AS requests, max(r.delay_asked_ms) AS longest_asked_ms,
       min(r.delay_applied_ms) AS shortest_applied_ms,
       sum(CASE WHEN r.delay_applied_ms < r.delay_asked_ms THEN 1 ELSE 0 END) AS breaches
FROM requests r
GROUP BY r.host, r.delay_by;

-- A link to a redirect is broken when its end is, or when there is none. What is there and larger than asked for is not broken.
CREATE VIEW report_broken_links AS
WITH failing AS MATERIALIZED (
  SELECT u.id, u.url, f.outcome, f.status
  FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
  WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND u.state <> 'scheduled'
    AND f.outcome NOT IN ('page','unchanged','redirect','robots','blocked_address')
    AND (f.outcome <> 'too_big' OR f.status IS NULL OR f.status NOT BETWEEN 200 AND 299)),
broken AS MATERIALIZED (
  SELECT x.id, x.url AS target, x.outcome, x.status, x.url AS final FROM failing x
  UNION ALL
  SELECT r.url_id, t.url, coalesce(x.outcome, 'loop'), x.status, x.url
  FROM redirect_ends r LEFT JOIN failing x ON x.id = r.end_id JOIN urls t ON t.id = r.url_id
  WHERE x.id IS NOT NULL OR r.end_id IS NULL)
SELECT b.target, b.outcome, b.status, b.final, s.url AS source, l.kind, l.anchor
FROM links l CROSS JOIN broken b CROSS JOIN current_pages s
WHERE b.id = l.target_id AND s.id = l.source_id;

CREATE VIEW report_redirects AS
SELECT s.url AS source, f.status, t.url AS target, g.outcome AS target_outcome, g.status AS target_status
FROM urls s
JOIN fetches f ON f.id = +s.last_fetch_id
JOIN urls t ON t.id = f.target_id
LEFT JOIN fetches g ON g.id = +t.last_fetch_id
WHERE s.last_fetch_id <> coalesce(s.page_fetch_id, 0) AND f.outcome = 'redirect';

-- SQLite only: DuckDB does not read a recursive view. The columns beside max() come from its row.
CREATE VIEW report_redirect_chains AS
WITH RECURSIVE step AS MATERIALIZED (
  SELECT u.id, f.target_id
  FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
  WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND f.outcome = 'redirect'),
hop(start_id, at_id, n, path) AS (
  SELECT s.id, s.target_id, 1, ',' || s.id || ',' FROM step s
  UNION ALL
  SELECT hop.start_id, s.target_id, hop.n + 1, hop.path || s.id || ','
  FROM hop JOIN step s ON s.id = hop.at_id
  WHERE hop.n < 20 AND instr(hop.path, ',' || s.id || ',') = 0),
chain AS (
  SELECT hop.start_id, hop.at_id, max(hop.n) AS hops,
         CASE WHEN instr(hop.path, ',' || hop.at_id || ',') > 0 THEN 1 ELSE 0 END AS is_loop
  FROM hop GROUP BY hop.start_id)
SELECT s.url AS start, e.url AS final, c.hops, c.is_loop
FROM chain c JOIN urls s ON s.id = c.start_id JOIN urls e ON e.id = c.at_id
WHERE c.hops > 1 OR c.is_loop = 1;

CREATE VIEW report_redirect_loops AS
SELECT start, final, hops FROM report_redirect_chains WHERE is_loop = 1;

CREATE VIEW report_mixed_content AS
SELECT s.url, t.url AS resource, l.kind
FROM current_pages s CROSS JOIN links l CROSS JOIN urls t
WHERE substr(s.url, 1, 6) = 'https:' AND l.source_id = s.id AND t.id = l.target_id
  AND l.kind IN ('script','style','frame','img','media','form') AND substr(t.url, 1, 5) = 'http:';

-- Another registrable domain; addresses and single labels have none and stand for themselves. Most crawls have one site with
-- nearly all pages: what lies elsewhere is gathered for its links, because to look up the target of each link takes three
-- times as long. Links of other sites' pages are looked up one by one.
CREATE VIEW report_external_links AS
WITH site AS MATERIALIZED (
  SELECT h.id, min(h.id) OVER (PARTITION BY coalesce(h.domain, h.name)) AS site FROM hosts h),
home AS MATERIALIZED (
  SELECT h.id FROM site h
  WHERE h.site = (SELECT s.site FROM host_queue q JOIN site s ON s.id = q.host_id
                  GROUP BY s.site ORDER BY sum(q.done) DESC, s.site LIMIT 1)),
away AS MATERIALIZED (
  SELECT u.id FROM urls u WHERE u.host_id NOT IN (SELECT m.id FROM home m))
SELECT s.url AS source, t.url AS target, g.name AS host, l.anchor, l.nofollow
FROM current_pages s CROSS JOIN links l CROSS JOIN away w CROSS JOIN urls t CROSS JOIN hosts g
WHERE s.host_id IN (SELECT m.id FROM home m) AND l.source_id = s.id AND l.kind = 'a'
  AND w.id = l.target_id AND t.id = l.target_id AND g.id = t.host_id
UNION ALL
SELECT s.url, t.url, g.name, l.anchor, l.nofollow
FROM current_pages s CROSS JOIN site h CROSS JOIN links l CROSS JOIN urls t CROSS JOIN hosts g CROSS JOIN site e
WHERE s.host_id NOT IN (SELECT m.id FROM home m) AND h.id = s.host_id
  AND l.source_id = s.id AND l.kind = 'a' AND t.id = l.target_id AND t.host_id <> s.host_id
  AND g.id = t.host_id AND e.id = t.host_id AND e.site <> h.site;

CREATE VIEW report_inlinks AS
SELECT u.url, n.inlinks, n.hosts
FROM (SELECT l.target_id, count(1) AS inlinks, count(DISTINCT s.host_id) AS hosts
      FROM current_pages s CROSS JOIN links l
      WHERE l.source_id = s.id AND l.kind = 'a' AND l.target_id <> l.source_id GROUP BY l.target_id) n
JOIN urls u ON u.id = n.target_id;

-- Empty until `sqrawl rank` has run. 1 in relative is the rank of an average page.
CREATE VIEW report_pagerank AS
SELECT u.url, k.rank, k.rank * r.pages AS relative, k.depth, c.title, r.finished_ms
FROM rank_runs r CROSS JOIN ranks k CROSS JOIN current_pages u
LEFT JOIN fetches f ON f.id = +u.page_fetch_id
LEFT JOIN contents c ON c.id = +f.content_id
WHERE r.id = (SELECT max(w.id) FROM rank_runs w WHERE w.finished_ms IS NOT NULL) AND k.run_id = r.id AND u.id = k.url_id;

CREATE VIEW report_orphans AS
WITH listed AS MATERIALIZED (
  SELECT e.target_id AS id, min(e.source_id) AS sitemap_id
  FROM current_pages s CROSS JOIN sitemap_entries e
  WHERE e.source_id = s.id AND e.target_id NOT IN (SELECT m.url_id FROM sitemaps m)
  GROUP BY e.target_id),
reached AS MATERIALIZED (
  SELECT l.target_id AS id
  FROM current_pages s CROSS JOIN links l CROSS JOIN listed e
  WHERE l.source_id = s.id AND l.kind IN ('a','frame','refresh','next','prev') AND e.id = l.target_id
    AND l.source_id <> l.target_id
  UNION
  SELECT f.target_id
  FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
  WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND f.outcome = 'redirect' AND f.target_id IS NOT NULL)
SELECT u.url, m.url AS sitemap, u.state
FROM listed e JOIN urls u ON u.id = e.id JOIN urls m ON m.id = e.sitemap_id
WHERE e.id NOT IN (SELECT r.id FROM reached r);

CREATE VIEW report_unlinked AS
SELECT u.url, u.depth, v.url AS named_by
FROM current_pages u LEFT JOIN urls v ON v.id = u.via_id
WHERE u.id NOT IN (SELECT l.target_id FROM current_pages s CROSS JOIN links l
                   WHERE l.source_id = s.id AND l.source_id <> l.target_id
                     AND (l.kind = 'a' OR l.kind = 'img' OR l.kind = 'script' OR l.kind = 'style' OR l.kind = 'media' OR l.kind = 'frame'));

CREATE VIEW report_sitemap_problems AS
SELECT s.url AS sitemap, u.url,
       CASE WHEN f.outcome = 'redirect' THEN 'redirect'
            WHEN u.state = 'excluded' THEN 'excluded'
            WHEN f.outcome NOT IN ('page','unchanged') THEN 'broken'
            WHEN f.noindex = 1 THEN 'noindex' ELSE 'canonical' END AS problem,
       f.outcome, f.status, r.name AS rule
FROM sitemap_entries e
JOIN urls u ON u.id = e.target_id
JOIN current_pages s ON s.id = e.source_id
LEFT JOIN fetches f ON f.id = +u.last_fetch_id
LEFT JOIN rules r ON r.id = u.rule_id
WHERE u.state NOT IN ('queued','scheduled')
  AND (u.state = 'excluded' OR f.outcome NOT IN ('page','unchanged') OR f.noindex = 1
    OR (f.canonical_id IS NOT NULL AND f.canonical_id <> u.id));

CREATE VIEW report_duplicates AS
SELECT f.content_id, count(1) AS urls, min(u.url) AS example, min(c.title) AS title, min(c.size_bytes) AS size_bytes
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
WHERE f.canonical_id IS NULL OR f.canonical_id = u.id
GROUP BY f.content_id
HAVING count(1) > 1;

CREATE VIEW report_duplicate_urls AS
SELECT u.url, d.example, d.urls, d.title, d.content_id
FROM report_duplicates d
JOIN fetches f ON f.content_id = d.content_id
JOIN current_pages u ON u.id = f.url_id
WHERE u.page_fetch_id = f.id AND (f.canonical_id IS NULL OR f.canonical_id = u.id);

-- Pairs whose simhashes differ in at most 3 of 64 bits (Manku, Jain, Das Sarma 2007). One half of them then differs in one bit at
-- most, and of its four bytes three are equal: there are eight choices of a half and three bytes, and only contents that are
-- equal in one of them are compared. What nobody else has is left out early, and of what many have only 64 are compared at a
-- time: at most 504 comparisons for a content, whatever a site serves. Bits are counted in parallel, the sign apart: SQLite
-- turns an overflow into a real number.
CREATE VIEW report_near_duplicates AS
WITH held AS MATERIALIZED (
  SELECT c.id, c.simhash, c.simhash & 4294967295 AS low, (c.simhash >> 32) & 4294967295 AS high
  FROM contents c
  WHERE c.simhash IS NOT NULL AND c.id IN (
    SELECT f.content_id FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id
    WHERE f.canonical_id IS NULL OR f.canonical_id = u.id)),
keyed AS MATERIALIZED (
  SELECT h.low >> 8 AS part, h.id, h.simhash FROM held h
  UNION ALL SELECT 16777216 + (h.low & 16777215), h.id, h.simhash FROM held h
  UNION ALL SELECT 33554432 + (((h.low >> 16) << 8) + (h.low & 255)), h.id, h.simhash FROM held h
  UNION ALL SELECT 50331648 + (((h.low >> 24) << 16) + (h.low & 65535)), h.id, h.simhash FROM held h
  UNION ALL SELECT 67108864 + (h.high >> 8), h.id, h.simhash FROM held h
  UNION ALL SELECT 83886080 + (h.high & 16777215), h.id, h.simhash FROM held h
  UNION ALL SELECT 100663296 + (((h.high >> 16) << 8) + (h.high & 255)), h.id, h.simhash FROM held h
  UNION ALL SELECT 117440512 + (((h.high >> 24) << 16) + (h.high & 65535)), h.id, h.simhash FROM held h),
shared AS MATERIALIZED (
  SELECT k.part, count(1) AS n FROM keyed k GROUP BY k.part HAVING count(1) > 1),
among AS MATERIALIZED (
  SELECT k.part, k.id, k.simhash, s.n FROM keyed k CROSS JOIN shared s WHERE s.part = k.part),
parted AS MATERIALIZED (
  SELECT a.part, a.id, a.simhash FROM among a WHERE a.n <= 64
  UNION ALL
  SELECT a.part + (((row_number() OVER (PARTITION BY a.part ORDER BY a.simhash, a.id) - 1) >> 6) << 27), a.id, a.simhash
  FROM among a WHERE a.n > 64),
pairs AS MATERIALIZED (
  SELECT a.id AS one, b.id AS other, (a.simhash | b.simhash) - (a.simhash & b.simhash) AS x
  FROM parted a JOIN parted b ON b.part = a.part AND b.id > a.id),
twos AS (
  SELECT one, other, x, (x & 9223372036854775807) - ((x >> 1) & 1537228672809129301) AS v FROM pairs),
fours AS (
  SELECT one, other, x, (v & 3689348814741910323) + ((v >> 2) & 3689348814741910323) AS v FROM twos),
counted AS (
  SELECT one, other, ((v + (v >> 4)) & 1085102592571150095) % 255 + CASE WHEN x < 0 THEN 1 ELSE 0 END AS distance
  FROM fours),
near AS (SELECT DISTINCT one, other, distance FROM counted WHERE distance <= 3)
SELECT (SELECT min(u.url) FROM fetches f JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
        WHERE f.content_id = n.one AND (f.canonical_id IS NULL OR f.canonical_id = u.id)) AS url,
       (SELECT min(u.url) FROM fetches f JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
        WHERE f.content_id = n.other AND (f.canonical_id IS NULL OR f.canonical_id = u.id)) AS other_url,
       n.distance, a.title, b.title AS other_title
FROM near n JOIN contents a ON a.id = n.one JOIN contents b ON b.id = n.other;

-- Pages that name another URL as canonical are left out: that one's title is shown in their place.
CREATE VIEW report_titles AS
WITH page AS MATERIALIZED (
  SELECT u.id, nullif(c.title, '') AS title
  FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
  WHERE c.mime IN ('text/html','application/xhtml+xml') AND (f.canonical_id IS NULL OR f.canonical_id = u.id)),
shared AS MATERIALIZED (
  SELECT p.title, count(1) AS pages FROM page p WHERE p.title IS NOT NULL GROUP BY p.title HAVING count(1) > 1)
SELECT u.url, p.title,
       CASE WHEN p.title IS NULL THEN 'missing' WHEN length(p.title) > 70 THEN 'long' ELSE 'short' END AS problem, 1 AS pages
FROM page p JOIN urls u ON u.id = p.id
WHERE p.title IS NULL OR length(p.title) > 70 OR length(p.title) < 10
UNION ALL
SELECT u.url, p.title, 'duplicate', s.pages
FROM page p CROSS JOIN shared s CROSS JOIN urls u
WHERE s.title = p.title AND u.id = p.id;

CREATE VIEW report_descriptions AS
WITH page AS MATERIALIZED (
  SELECT u.id, nullif(c.description, '') AS description
  FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
  WHERE c.mime IN ('text/html','application/xhtml+xml') AND (f.canonical_id IS NULL OR f.canonical_id = u.id)),
shared AS MATERIALIZED (
  SELECT p.description, count(1) AS pages
  FROM page p WHERE p.description IS NOT NULL GROUP BY p.description HAVING count(1) > 1)
SELECT u.url, p.description, CASE WHEN p.description IS NULL THEN 'missing' ELSE 'long' END AS problem, 1 AS pages
FROM page p JOIN urls u ON u.id = p.id
WHERE p.description IS NULL OR length(p.description) > 160
UNION ALL
SELECT u.url, p.description, 'duplicate', s.pages
FROM page p CROSS JOIN shared s CROSS JOIN urls u
WHERE s.description = p.description AND u.id = p.id;

-- The canonical URL is not known to be wrong before it was asked for.
CREATE VIEW report_canonicals AS
SELECT u.url, k.url AS canonical,
       CASE WHEN k.state = 'excluded' THEN 'excluded' WHEN g.outcome = 'redirect' THEN 'redirect'
            WHEN g.outcome NOT IN ('page','unchanged') THEN 'broken'
            WHEN g.noindex = 1 THEN 'noindex' ELSE 'chain' END AS problem,
       k.state AS canonical_state, g.outcome AS canonical_outcome, g.status AS canonical_status
FROM current_pages u
JOIN fetches f ON f.id = +u.page_fetch_id
JOIN urls k ON k.id = f.canonical_id
LEFT JOIN fetches g ON g.id = +k.last_fetch_id
WHERE k.id <> u.id
  AND (k.state = 'excluded' OR g.outcome NOT IN ('page','unchanged') OR g.noindex = 1
    OR (g.canonical_id IS NOT NULL AND g.canonical_id <> k.id))
UNION ALL
SELECT u.url, k.url, 'several', k.state, g.outcome, g.status
FROM (SELECT l.source_id FROM links l WHERE l.kind = 'canonical' GROUP BY l.source_id HAVING count(1) > 1) m
JOIN current_pages u ON u.id = m.source_id
JOIN fetches f ON f.id = +u.page_fetch_id
JOIN urls k ON k.id = f.canonical_id
LEFT JOIN fetches g ON g.id = +k.last_fetch_id;

CREATE VIEW report_soft_404 AS
SELECT u.url, f.status, c.title, c.words
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
WHERE c.soft_404 = 1;

CREATE VIEW report_content_types AS
SELECT c.mime, count(1) AS pages, sum(c.size_bytes) AS size_bytes, max(c.size_bytes) AS largest_bytes,
       CAST(avg(f.elapsed_ms) AS INTEGER) AS mean_ms, min(u.url) AS example
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
GROUP BY c.mime;

CREATE VIEW report_languages AS
SELECT c.lang, count(1) AS pages, sum(c.words) AS words, min(u.url) AS example
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
WHERE c.words IS NOT NULL
GROUP BY c.lang;

CREATE VIEW report_slow AS
SELECT u.url, f.elapsed_ms, c.size_bytes
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id LEFT JOIN contents c ON c.id = +f.content_id
WHERE f.elapsed_ms > 1000;

CREATE VIEW report_large AS
SELECT u.url, c.size_bytes, c.mime, f.elapsed_ms
FROM current_pages u JOIN fetches f ON f.id = +u.page_fetch_id JOIN contents c ON c.id = +f.content_id
WHERE c.size_bytes > 1000000;

-- Clicks as `sqrawl rank` counted them last; a page that it has not seen is as deep as it was first seen.
CREATE VIEW report_deep AS
SELECT u.url, CASE WHEN k.url_id IS NULL THEN u.depth ELSE k.depth END AS depth,
       CASE WHEN k.url_id IS NULL THEN 'crawl' ELSE 'rank' END AS depth_by, c.title, v.url AS named_by
FROM current_pages u
JOIN fetches f ON f.id = +u.page_fetch_id
LEFT JOIN current_ranks k ON k.url_id = u.id
LEFT JOIN contents c ON c.id = +f.content_id
LEFT JOIN urls v ON v.id = u.via_id
WHERE CASE WHEN k.url_id IS NULL THEN u.depth ELSE k.depth END > 4;

CREATE VIEW report_depths AS
SELECT CASE WHEN k.url_id IS NULL THEN u.depth ELSE k.depth END AS depth, count(1) AS urls, count(p.id) AS pages,
       count(k.url_id) AS ranked, min(u.url) AS example
FROM urls u
LEFT JOIN current_pages p ON p.id = u.id
LEFT JOIN current_ranks k ON k.url_id = u.id
GROUP BY CASE WHEN k.url_id IS NULL THEN u.depth ELSE k.depth END;

-- What stands before the first slash of the path that is not its first character. Hosts that were never asked are left out.
CREATE VIEW report_directories AS
WITH part AS (
  SELECT u.host_id, u.state, u.last_fetch_id, u.page_fetch_id, substr(u.url, instr(u.url, '://') + 3) AS place,
         substr(u.url, 1, instr(u.url, '://') + 2) AS scheme
  FROM urls u),
cut AS (
  SELECT host_id, state, last_fetch_id, page_fetch_id, scheme || substr(place, 1, instr(place, '/')) AS root,
         CASE WHEN instr(place, '?') > 0
              THEN substr(place, instr(place, '/') + 1, instr(place, '?') - instr(place, '/') - 1)
              ELSE substr(place, instr(place, '/') + 1) END AS path
  FROM part)
SELECT d.root || substr(d.path, 1, instr(d.path, '/')) AS directory, count(1) AS urls,
       sum(CASE WHEN d.last_fetch_id = d.page_fetch_id THEN 1 ELSE 0 END) AS pages,
       sum(CASE WHEN f.outcome = 'redirect' THEN 1 ELSE 0 END) AS redirects,
       sum(CASE WHEN f.status BETWEEN 400 AND 499 THEN 1 ELSE 0 END) AS client_errors,
       sum(CASE WHEN f.status BETWEEN 500 AND 599 THEN 1 ELSE 0 END) AS server_errors,
       sum(CASE WHEN f.status IS NULL AND f.outcome <> 'robots' THEN 1 ELSE 0 END) AS no_answer,
       sum(CASE WHEN f.outcome <> 'redirect' AND f.status NOT BETWEEN 400 AND 599 THEN 1 ELSE 0 END) AS other_answers,
       sum(CASE WHEN d.state = 'excluded' THEN 1 ELSE 0 END) AS excluded,
       sum(CASE WHEN d.state IN ('queued','scheduled') THEN 1 ELSE 0 END) AS waiting
FROM cut d
LEFT JOIN fetches f ON f.id = CASE WHEN d.last_fetch_id <> coalesce(d.page_fetch_id, 0) THEN d.last_fetch_id END
WHERE d.host_id IN (SELECT q.host_id FROM host_queue q WHERE q.asked_ms IS NOT NULL OR q.done + q.failed > 0)
GROUP BY d.root || substr(d.path, 1, instr(d.path, '/'));

CREATE VIEW report_robots_blocked AS
SELECT u.url, f.error AS line, v.url AS named_by
FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id LEFT JOIN urls v ON v.id = u.via_id
WHERE u.last_fetch_id <> coalesce(u.page_fetch_id, 0) AND f.outcome = 'robots' AND u.state = 'excluded';

CREATE VIEW report_excluded AS
SELECT r.name AS rule, coalesce(n.urls, 0) AS urls, r.discarded, n.example
FROM rules r
LEFT JOIN (SELECT u.rule_id, count(1) AS urls, min(u.url) AS example
           FROM urls u WHERE u.state = 'excluded' GROUP BY u.rule_id) n ON n.rule_id = r.id;

PRAGMA user_version = 1;
