-- The crawl. docs/schema.md explains every table, column and view.
-- page_size, auto_vacuum, journal_mode and foreign_keys are set by the connection, before the first table exists.
-- Rule for views: they bind in DuckDB too, whose SQLite extension parses their text again. So no strftime(), no scalar
-- max(a, b), no IS NOT between columns, no count(*): CASE, count(1) and stored ISO text instead.
-- Nothing newer than SQLite 3.38 in a view: the sqlite3 shell of Debian 12 reads them.
PRAGMA application_id = 1936814711; -- 'sqrw'
PRAGMA user_version = 1;

-- ------------------------------------------------------------------ runs
CREATE TABLE rounds (
  id         INTEGER PRIMARY KEY,
  name       TEXT UNIQUE,
  started_ms INTEGER NOT NULL,
  ended_ms   INTEGER
) STRICT;

CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY,
  round_id   INTEGER NOT NULL REFERENCES rounds(id),
  started_ms INTEGER NOT NULL,
  alive_ms   INTEGER NOT NULL,
  ended_ms   INTEGER,
  ended_by   TEXT CHECK (ended_by IN ('complete', 'limit', 'signal', 'error')),
  version    TEXT NOT NULL,
  config     TEXT NOT NULL CHECK (json_valid(config))
) STRICT;
CREATE INDEX sessions_round ON sessions(round_id);

-- ------------------------------------------------------------------ hosts
CREATE TABLE hosts (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  domain        TEXT,
  discovered_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE host_queue (
  host_id        INTEGER PRIMARY KEY REFERENCES hosts(id),
  ready_ms       INTEGER,
  polite_ms      INTEGER NOT NULL DEFAULT 0,
  delay_ms       INTEGER NOT NULL CHECK (delay_ms >= 0),
  failures       INTEGER NOT NULL DEFAULT 0,
  lease_session  INTEGER REFERENCES sessions(id),
  lease_until_ms INTEGER,
  fence          INTEGER NOT NULL DEFAULT 0,
  page_limit     INTEGER,
  pages          INTEGER NOT NULL DEFAULT 0,
  queued         INTEGER NOT NULL DEFAULT 0,
  scheduled      INTEGER NOT NULL DEFAULT 0,
  done           INTEGER NOT NULL DEFAULT 0,
  failed         INTEGER NOT NULL DEFAULT 0,
  excluded       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX host_queue_ready ON host_queue(ready_ms) WHERE ready_ms IS NOT NULL;
CREATE INDEX host_queue_leased ON host_queue(lease_session) WHERE lease_session IS NOT NULL;

CREATE TABLE robots (
  id         INTEGER PRIMARY KEY,
  host_id    INTEGER NOT NULL REFERENCES hosts(id),
  scheme     TEXT NOT NULL CHECK (scheme IN ('http', 'https')),
  port       INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  verdict    TEXT NOT NULL CHECK (verdict IN ('rules', 'allow_all', 'disallow_all')),
  status     INTEGER CHECK (status BETWEEN 100 AND 999),
  fetched_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  failures   INTEGER NOT NULL DEFAULT 0,
  error      TEXT,
  body       TEXT,
  UNIQUE (host_id, scheme, port)
) STRICT;

-- ------------------------------------------------------------------ urls
CREATE TABLE rules (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  discarded INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE urls (
  id            INTEGER PRIMARY KEY,
  host_id       INTEGER NOT NULL REFERENCES hosts(id),
  state         TEXT NOT NULL CHECK (state IN ('queued', 'scheduled', 'done', 'failed', 'excluded')),
  priority      INTEGER NOT NULL DEFAULT 0,
  depth         INTEGER NOT NULL CHECK (depth >= 0),
  hops          INTEGER NOT NULL DEFAULT 0 CHECK (hops >= 0),
  attempts      INTEGER NOT NULL DEFAULT 0,
  due_ms        INTEGER,
  rule_id       INTEGER REFERENCES rules(id),
  via_id        INTEGER REFERENCES urls(id),
  discovered_ms INTEGER NOT NULL,
  seen_round    INTEGER NOT NULL,
  last_fetch_id INTEGER,
  page_fetch_id INTEGER,
  url           TEXT NOT NULL UNIQUE,
  CHECK ((state = 'scheduled') = (due_ms IS NOT NULL)),
  CHECK ((state = 'excluded') = (rule_id IS NOT NULL))
) STRICT;
CREATE INDEX urls_queue ON urls(host_id, priority, id) WHERE state = 'queued';
CREATE INDEX urls_schedule ON urls(host_id, due_ms) WHERE state = 'scheduled';

CREATE TABLE seeds (
  id            INTEGER PRIMARY KEY,
  round_id      INTEGER NOT NULL REFERENCES rounds(id),
  url_id        INTEGER NOT NULL REFERENCES urls(id),
  given         TEXT NOT NULL,
  source        TEXT NOT NULL CHECK (source IN ('argument', 'file', 'stdin')),
  grants_origin INTEGER NOT NULL DEFAULT 0 CHECK (grants_origin IN (0, 1)),
  widened_to    INTEGER REFERENCES hosts(id),
  UNIQUE (round_id, url_id)
) STRICT;
CREATE INDEX seeds_url ON seeds(url_id);

-- Advisory: which URLs were in work when a process died. Losing it costs nothing.
CREATE TABLE in_flight (
  host_id    INTEGER NOT NULL,
  url_id     INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  PRIMARY KEY (host_id, url_id)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------ fetches and contents
CREATE TABLE contents (
  id          INTEGER PRIMARY KEY,
  hash        BLOB NOT NULL UNIQUE CHECK (length(hash) = 16),
  mime        TEXT NOT NULL,
  charset     TEXT,
  size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0),
  simhash     INTEGER,
  meta_robots TEXT,
  parse_cut   TEXT CHECK (parse_cut IN ('depth', 'nodes', 'links', 'time', 'size')),
  words       INTEGER,
  parser      INTEGER NOT NULL,
  lang        TEXT,
  title       TEXT,
  description TEXT,
  headings    TEXT CHECK (headings IS NULL OR json_valid(headings))
) STRICT;

CREATE TABLE bodies (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id) ON DELETE CASCADE,
  codec      TEXT NOT NULL CHECK (codec IN ('raw', 'zlib')),
  size_bytes INTEGER NOT NULL,
  data       BLOB NOT NULL
) STRICT;

CREATE TABLE texts (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id) ON DELETE CASCADE,
  text       TEXT NOT NULL
) STRICT;

CREATE TABLE fetches (
  id               INTEGER PRIMARY KEY,
  url_id           INTEGER NOT NULL REFERENCES urls(id),
  host_id          INTEGER NOT NULL REFERENCES hosts(id),
  round_id         INTEGER NOT NULL REFERENCES rounds(id),
  session_id       INTEGER NOT NULL REFERENCES sessions(id),
  started_ms       INTEGER NOT NULL,
  started_at       TEXT NOT NULL,
  elapsed_ms       INTEGER NOT NULL,
  outcome          TEXT NOT NULL CHECK (outcome IN ('page', 'unchanged', 'redirect', 'gone', 'http_error',
                     'rate_limited', 'timeout', 'dns', 'connect', 'tls', 'protocol', 'blocked_address', 'robots',
                     'too_big', 'crashed')),
  status           INTEGER CHECK (status BETWEEN 100 AND 999),
  content_id       INTEGER REFERENCES contents(id),
  target_id        INTEGER REFERENCES urls(id),
  canonical_id     INTEGER REFERENCES urls(id),
  noindex          INTEGER NOT NULL DEFAULT 0 CHECK (noindex IN (0, 1)),
  nofollow         INTEGER NOT NULL DEFAULT 0 CHECK (nofollow IN (0, 1)),
  delay_asked_ms   INTEGER,
  delay_by         TEXT CHECK (delay_by IN ('setting', 'robots', 'retry_after', 'backoff')),
  delay_applied_ms INTEGER,
  wire_bytes       INTEGER,
  etag             TEXT,
  last_modified    TEXT,
  address          TEXT,
  error            TEXT,
  headers          TEXT CHECK (headers IS NULL OR json_valid(headers))
) STRICT;
CREATE INDEX fetches_url ON fetches(url_id, started_ms);
CREATE INDEX fetches_content ON fetches(content_id) WHERE content_id IS NOT NULL;

CREATE TABLE links (
  source_id INTEGER NOT NULL REFERENCES urls(id),
  target_id INTEGER NOT NULL REFERENCES urls(id),
  kind      TEXT NOT NULL CHECK (kind IN ('a', 'canonical', 'alternate', 'img', 'frame', 'script', 'style', 'media',
              'next', 'prev', 'form', 'refresh', 'link')),
  nofollow  INTEGER NOT NULL DEFAULT 0 CHECK (nofollow IN (0, 1)),
  position  INTEGER NOT NULL,
  anchor    TEXT,
  PRIMARY KEY (source_id, target_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE totals (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO totals(name) VALUES ('queued'), ('scheduled'), ('done'), ('failed'), ('excluded'), ('fetches'), ('pages');

-- ------------------------------------------------------------------ views
CREATE VIEW pages AS
SELECT u.id AS url_id, u.url, h.name AS host, f.status, c.title, c.description, c.lang, c.mime, c.size_bytes, c.words,
       u.depth, f.elapsed_ms, cu.url AS canonical, f.noindex, f.started_at AS fetched_at,
       CASE WHEN u.last_fetch_id <> f.id THEN 1 ELSE 0 END AS stale,
       f.id AS fetch_id, f.content_id
FROM urls u JOIN fetches f ON f.id = u.page_fetch_id JOIN hosts h ON h.id = u.host_id
LEFT JOIN contents c ON c.id = f.content_id LEFT JOIN urls cu ON cu.id = f.canonical_id;

CREATE VIEW frontier AS
SELECT u.id AS url_id, u.url, h.name AS host, u.host_id, u.state, u.priority, u.depth, u.attempts, q.polite_ms AS due_ms
FROM urls u JOIN host_queue q ON q.host_id = u.host_id JOIN hosts h ON h.id = u.host_id WHERE u.state = 'queued'
UNION ALL
SELECT u.id, u.url, h.name, u.host_id, u.state, u.priority, u.depth, u.attempts, u.due_ms
FROM urls u JOIN hosts h ON h.id = u.host_id WHERE u.state = 'scheduled';

CREATE VIEW page_links AS
SELECT l.source_id, s.url AS source, l.target_id, t.url AS target, l.kind, l.nofollow, l.anchor, l.position
FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id;

CREATE VIEW report_status AS
SELECT f.outcome, f.status, count(1) AS urls, CAST(avg(f.elapsed_ms) AS INTEGER) AS mean_ms
FROM urls u JOIN fetches f ON f.id = u.last_fetch_id GROUP BY f.outcome, f.status;

CREATE VIEW report_hosts AS
SELECT h.name AS host, q.pages, q.queued, q.scheduled, q.done, q.failed, q.excluded, q.delay_ms
FROM host_queue q JOIN hosts h ON h.id = q.host_id;

CREATE VIEW report_broken_links AS
SELECT t.url AS target, f.outcome, f.status, s.url AS source, l.kind, l.anchor
FROM urls t JOIN fetches f ON f.id = t.last_fetch_id
JOIN links l ON l.target_id = t.id JOIN urls s ON s.id = l.source_id
WHERE f.outcome IN ('gone', 'http_error', 'dns', 'connect', 'tls', 'timeout', 'protocol');

CREATE VIEW report_redirects AS
SELECT s.url AS source, f.status, t.url AS target, tf.outcome AS target_outcome, tf.status AS target_status
FROM urls s JOIN fetches f ON f.id = s.last_fetch_id JOIN urls t ON t.id = f.target_id
LEFT JOIN fetches tf ON tf.id = t.last_fetch_id
WHERE f.outcome = 'redirect';

-- Recursive: the one view that DuckDB cannot read.
CREATE VIEW report_redirect_chains AS
WITH RECURSIVE hop(start_id, at_id, n, path) AS (
  SELECT u.id, f.target_id, 1, ',' || u.id || ','
  FROM urls u JOIN fetches f ON f.id = u.last_fetch_id WHERE f.outcome = 'redirect' AND f.target_id IS NOT NULL
  UNION ALL
  SELECT hop.start_id, f.target_id, n + 1, path || u.id || ','
  FROM hop JOIN urls u ON u.id = hop.at_id JOIN fetches f ON f.id = u.last_fetch_id
  WHERE f.outcome = 'redirect' AND f.target_id IS NOT NULL AND n < 20 AND instr(path, ',' || u.id || ',') = 0)
SELECT s.url AS start, e.url AS final, max(n) AS hops, CAST(instr(path, ',' || at_id || ',') > 0 AS INTEGER) AS is_loop
FROM hop JOIN urls s ON s.id = start_id JOIN urls e ON e.id = at_id GROUP BY start_id;

CREATE VIEW report_duplicates AS
SELECT f.content_id, count(1) AS urls, min(u.url) AS example, c.title, c.size_bytes
FROM urls u JOIN fetches f ON f.id = u.page_fetch_id JOIN contents c ON c.id = f.content_id
WHERE f.canonical_id IS NULL OR f.canonical_id = u.id
GROUP BY f.content_id, c.title, c.size_bytes HAVING count(1) > 1;

CREATE VIEW report_titles AS
SELECT u.url, c.title,
       CASE WHEN coalesce(c.title, '') = '' THEN 'missing' WHEN length(c.title) > 70 THEN 'long' ELSE 'short' END AS problem
FROM urls u JOIN fetches f ON f.id = u.page_fetch_id JOIN contents c ON c.id = f.content_id
WHERE c.mime IN ('text/html', 'application/xhtml+xml')
  AND (coalesce(c.title, '') = '' OR length(c.title) > 70 OR length(c.title) < 10);

CREATE VIEW report_canonicals AS
SELECT u.url, k.url AS canonical, k.state AS canonical_state, kf.outcome AS canonical_outcome
FROM urls u JOIN fetches f ON f.id = u.page_fetch_id JOIN urls k ON k.id = f.canonical_id
LEFT JOIN fetches kf ON kf.id = k.last_fetch_id WHERE k.id <> u.id;

CREATE VIEW report_slow AS
SELECT u.url, f.elapsed_ms, c.size_bytes
FROM urls u JOIN fetches f ON f.id = u.page_fetch_id JOIN contents c ON c.id = f.content_id WHERE f.elapsed_ms > 1000;

CREATE VIEW report_excluded AS
SELECT r.name AS rule, count(1) AS urls, min(u.url) AS example
FROM urls u JOIN rules r ON r.id = u.rule_id GROUP BY r.id, r.name;

CREATE VIEW report_orphans AS
SELECT u.url FROM urls u WHERE u.page_fetch_id IS NOT NULL
AND u.id NOT IN (SELECT l.target_id FROM links l WHERE l.source_id <> l.target_id AND l.kind = 'a');

CREATE VIEW report_inlinks AS
SELECT u.url, n.inlinks, n.hosts
FROM (SELECT l.target_id, count(1) AS inlinks, count(DISTINCT s.host_id) AS hosts
      FROM links l JOIN urls s ON s.id = l.source_id WHERE l.kind = 'a' GROUP BY l.target_id) n
JOIN urls u ON u.id = n.target_id;
