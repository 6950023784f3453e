INSERT INTO rounds(id, name, started_ms) VALUES (1, NULL, 1000);
INSERT INTO sessions(id, round_id, started_ms, alive_ms, ended_ms, ended_by, version, config) VALUES
  (1, 1, 1000, 9000, 9500, 'signal', '0.1.0', '{"scope": "host", "store_body": "none", "store_text": false}'),
  (2, 1, 19000, 29000, 30000, 'signal', '0.1.0', '{"scope": "host", "store_body": "html", "store_text": true, "max_pages": 100}');
INSERT INTO hosts(id, name, domain, discovered_ms) VALUES (1, 'a.example', 'a.example', 1000), (2, 'b.example', 'b.example', 2000);
INSERT INTO host_queue(host_id, ready_ms, polite_ms, delay_ms, pause_ms, pause_by, failures, pages, queued, done, failed, excluded) VALUES
  (1, 40000, 40000, 1000, 9000, 'retry_after', 2, 2, 1, 2, 2, 0), (2, NULL, 0, 1000, NULL, NULL, 0, 0, 0, 0, 0, 1);
INSERT OR IGNORE INTO rules(id, name) VALUES (1, 'scope');
INSERT INTO urls(id, host_id, state, depth, rule_id, via_id, discovered_ms, seen_round, last_fetch_id, page_fetch_id, url) VALUES
  (1, 1, 'done',     0, NULL, NULL, 1000, 1, 1,    1,    'https://a.example/'),
  (2, 1, 'failed',   1, NULL, 1,    2000, 1, 5,    2,    'https://a.example/page'),
  (3, 1, 'done',     1, NULL, 1,    2000, 1, 3,    NULL, 'https://a.example/old'),
  (4, 1, 'failed',   1, NULL, 1,    2000, 1, 4,    NULL, 'https://a.example/gone'),
  (5, 1, 'queued',   2, NULL, 2,    3000, 1, NULL, NULL, 'https://a.example/next'),
  (6, 2, 'excluded', 2, (SELECT id FROM rules WHERE name = 'scope'), 2, 3000, 1, NULL, NULL, 'https://b.example/');
INSERT INTO seeds(round_id, url_id, given, source) VALUES (1, 1, 'a.example', 'argument');
INSERT INTO contents(id, parser, hash, mime, charset, size_bytes, words, title, headings) VALUES
  (1, 1, x'01010101010101010101010101010101', 'text/html', 'utf-8', 40, 3, 'Start', NULL),
  (2, 1, x'0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c', 'text/html', 'utf-8', 12, 2, 'A page', '[[1,"Top"],[2,"Sub"]]');
INSERT INTO bodies(content_id, codec, size_bytes, data) VALUES (2, 'raw', 12, CAST('<p>hello</p>' AS BLOB));
INSERT INTO texts(content_id, text) VALUES (2, 'hello there');
INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, content_id, target_id, wire_bytes, error, headers, links) VALUES
  (1, 1, 1, 1, 1, 2000,  '1970-01-01T00:00:02.000Z', 10, 'page',     200, 1, NULL, 300, NULL, '[["Content-Type","text/html"]]', 3),
  (2, 2, 1, 1, 2, 20000, '1970-01-01T00:00:20.000Z', 20, 'page',     200, 2, NULL, 200, NULL, '[["Content-Type","text/html"]]', 2),
  (3, 3, 1, 1, 2, 21000, '1970-01-01T00:00:21.000Z', 5,  'redirect', 301, NULL, 2, NULL, NULL, '[["Location","/page"]]', NULL),
  (4, 4, 1, 1, 2, 21500, '1970-01-01T00:00:21.500Z', 5,  'gone',     404, NULL, NULL, 700, NULL, NULL, NULL),
  (5, 2, 1, 1, 2, 22000, '1970-01-01T00:00:22.000Z', 9,  'timeout',  NULL, NULL, NULL, NULL, 'no answer', NULL, NULL);
INSERT INTO links(source_id, target_id, kind, nofollow, position, anchor) VALUES
  (1, 2, 'a', 0, 0, 'the page'), (1, 3, 'a', 0, 1, NULL), (1, 4, 'a', 1, 2, 'gone'),
  (2, 4, 'a', 0, 0, NULL), (2, 6, 'a', 0, 1, 'elsewhere');
UPDATE totals SET n = CASE name WHEN 'queued' THEN 1 WHEN 'done' THEN 2 WHEN 'failed' THEN 2 WHEN 'excluded' THEN 1 WHEN 'fetches' THEN 5 WHEN 'pages' THEN 2 ELSE 0 END;
