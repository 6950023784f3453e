INSERT INTO rounds(id, started_ms) VALUES (1, 1000);
INSERT INTO sessions(id, round_id, started_ms, alive_ms, ended_ms, ended_by, version, config) VALUES (1, 1, 1000, 9000, 9500, 'complete', '0.1.0', '{}');
INSERT INTO hosts(id, name, domain, discovered_ms) VALUES
  (1, 'a.test', 'a.test', 1), (2, 'b.test', 'b.test', 1), (3, 'cdn.a.test', 'a.test', 1);
INSERT INTO host_queue(host_id, delay_ms, asked_ms, pages) VALUES (1, 1000, 9000, 9), (2, 1000, NULL, 0), (3, 1000, NULL, 0);
INSERT OR IGNORE INTO rules(name) VALUES ('scope'), ('robots'), ('not_followed_kind');
INSERT INTO contents(id, parser, hash, mime, charset, size_bytes, words, lang, simhash, soft_404, title, description) VALUES
  (1, 1, zeroblob(16),      'text/html', 'utf-8', 500, 10, 'en', NULL, 0, 'A title that goes on and on until nobody who searches for it sees its end anymore', 'What it is. It says so at a length that no search engine shows, because people read a sentence or two of what they look for and never all of what somebody had to say.'),
  (2, 1, x'02020202020202020202020202020202', 'text/html', 'utf-8', 600, 20, 'en', 7, 0, 'A title of several', 'The same for several'),
  (3, 1, x'03030303030303030303030303030303', 'text/html', 'utf-8', 700, 30, 'en', 6, 0, 'A title of several', 'The same for several'),
  (5, 1, x'05050505050505050505050505050505', 'application/xml', 'utf-8', 900, NULL, NULL, NULL, 0, NULL, NULL),
  (6, 1, x'06060606060606060606060606060606', 'text/html', 'utf-8', 2000000, 40, 'de', NULL, 0, '', NULL),
  (7, 1, x'07070707070707070707070707070707', 'text/html', 'utf-8', 100, 5, 'en', NULL, 1, 'Not found', 'Nothing is here'),
  (8, 1, x'08080808080808080808080808080808', 'text/html', 'utf-8', 101, 5, NULL, NULL, 0, 'A title of several', 'The same for several'),
  (9, 1, x'09090909090909090909090909090909', 'text/html', 'utf-8', 102, 5, 'en', NULL, 0, 'A title of its own', 'Something of its own'),
  (10, 1, x'0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a', 'text/html', 'utf-8', 3000000, 60, 'fr', 7, 1, 'A title of several', 'The same for several'),
  (11, 1, x'0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', 'text/html', 'utf-8', 103, 5, 'nl', NULL, 0, 'A title that nobody has', 'Something that nobody has'),
  (12, 1, x'0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c', 'application/xml', 'utf-8', 901, NULL, NULL, NULL, 0, NULL, NULL);
INSERT INTO urls(id, host_id, state, depth, due_ms, rule_id, via_id, discovered_ms, seen_round, last_fetch_id, page_fetch_id, url) VALUES
  (1,  1, 'done',      0, NULL, NULL, NULL, 1, 1, 1,    1,    'https://a.test/'),
  (2,  1, 'done',      1, NULL, NULL, 1,    1, 1, 2,    2,    'https://a.test/docs/one'),
  (3,  1, 'done',      1, NULL, NULL, 1,    1, 1, 3,    3,    'https://a.test/docs/two'),
  (4,  1, 'done',      1, NULL, NULL, 1,    1, 1, 4,    4,    'https://a.test/docs/copy?of=/one/'),
  (5,  1, 'failed',    1, NULL, NULL, 1,    1, 1, 5,    NULL, 'https://a.test/gone'),
  (6,  1, 'done',      1, NULL, NULL, 14,   1, 1, 6,    NULL, 'https://a.test/old'),
  (7,  1, 'done',      1, NULL, NULL, 1,    1, 1, 7,    NULL, 'https://a.test/older'),
  (8,  1, 'done',      1, NULL, NULL, 1,    1, 1, 8,    NULL, 'https://a.test/loop'),
  (9,  1, 'done',      1, NULL, NULL, 8,    1, 1, 9,    NULL, 'https://a.test/pool'),
  (10, 1, 'failed',    1, NULL, NULL, 1,    1, 1, 10,   NULL, 'https://a.test/down'),
  (11, 1, 'excluded',  1, NULL, (SELECT id FROM rules WHERE name = 'robots'), 1, 1, 1, 11, NULL, 'https://a.test/private'),
  (12, 2, 'excluded',  1, NULL, (SELECT id FROM rules WHERE name = 'scope'), 1, 1, 1, NULL, NULL, 'https://b.test/'),
  (13, 3, 'excluded',  1, NULL, (SELECT id FROM rules WHERE name = 'not_followed_kind'), 1, 1, 1, NULL, NULL, 'http://cdn.a.test/x.js'),
  (14, 1, 'done',      0, NULL, NULL, NULL, 1, 1, 14,   14,   'https://a.test/sitemap.xml'),
  (15, 1, 'done',      5, NULL, NULL, 14,   1, 1, 15,   15,   'https://a.test/lonely'),
  (16, 1, 'done',      1, NULL, NULL, 1,    1, 1, 16,   16,   'https://a.test/wrong'),
  (17, 1, 'scheduled', 1, 9999, NULL, 1,    1, 1, 17,   NULL, 'https://a.test/later'),
  (18, 1, 'queued',    1, NULL, NULL, 14,   1, 1, NULL, NULL, 'https://a.test/next'),
  (19, 1, 'done',      1, NULL, NULL, 1,    1, 1, 19,   19,   'https://a.test/print'),
  (20, 1, 'done',      1, NULL, NULL, 1,    1, 1, 20,   20,   'https://a.test/twice'),
-- Pages of an earlier round: gone, moved, a sitemap that is gone; and one whose last good copy stands, because it failed.
  (21, 1, 'failed',    6, NULL, NULL, 1,    1, 1, 121,  21,   'https://a.test/removed'),
  (22, 1, 'done',      6, NULL, NULL, 1,    1, 1, 122,  22,   'https://a.test/moved'),
  (23, 1, 'failed',    6, NULL, NULL, 1,    1, 1, 123,  23,   'https://a.test/flaky'),
  (24, 1, 'failed',    0, NULL, NULL, NULL, 1, 1, 124,  24,   'https://a.test/old-sitemap.xml'),
-- What breaks behind redirects, and in other ways.
  (25, 1, 'done',      1, NULL, NULL, 1,    1, 1, 25,   NULL, 'https://a.test/short'),
  (26, 1, 'done',      1, NULL, NULL, 1,    1, 1, 26,   NULL, 'https://a.test/shorter'),
  (27, 1, 'failed',    2, NULL, NULL, 2,    1, 1, 27,   NULL, 'https://a.test/busy'),
  (28, 1, 'failed',    2, NULL, NULL, 2,    1, 1, 28,   NULL, 'https://a.test/huge'),
  (29, 1, 'failed',    2, NULL, NULL, 2,    1, 1, 29,   NULL, 'https://a.test/crash');
INSERT INTO seeds(round_id, url_id, given, source) VALUES (1, 1, 'a.test', 'argument');
INSERT INTO sitemaps(url_id) VALUES (14), (24);
INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, content_id, target_id, canonical_id, delay_asked_ms, delay_by, delay_applied_ms, error)
SELECT j.value->>0, j.value->>0, 1, 1, 1, 2000, '1970-01-01T00:00:02.000Z', j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, 1000, 'setting', 1001, j.value->>7
FROM json_each('[[1,100,"page",200,1,null,null,null],[2,100,"page",200,2,null,2,null],[3,100,"page",200,3,null,null,null],
  [4,100,"page",200,2,null,null,null],[5,10,"gone",404,null,null,null,null],[6,10,"redirect",301,null,2,null,null],
  [7,10,"redirect",302,null,6,null,null],[8,10,"redirect",301,null,9,null,null],[9,10,"redirect",301,null,8,null,null],
  [10,10,"timeout",null,null,null,null,"no answer in 30 s"],[11,0,"robots",null,null,null,null,"robots.txt line 2: Disallow: /private"],
  [14,50,"page",200,5,null,null,null],[15,2500,"page",200,6,null,null,null],[16,60,"page",200,7,null,5,null],
  [17,70,"http_error",503,null,null,null,null],[19,80,"page",200,8,null,2,null],[20,90,"page",200,9,null,19,null],
  [21,3000,"page",200,10,null,5,null],[22,3000,"page",200,2,null,null,null],[23,3000,"page",200,11,null,null,null],
  [24,50,"page",200,12,null,null,null],[25,10,"redirect",302,null,5,null,null],[26,10,"redirect",302,null,25,null,null],
  [27,10,"rate_limited",429,null,null,null,null],[28,10,"too_big",200,null,null,null,"more than 10 MB"],
  [29,10,"crashed",null,null,null,null,"it ended the process"]]') j;
INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, target_id, delay_asked_ms, delay_by, delay_applied_ms)
VALUES (121, 21, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 10, 'gone', 410, NULL, 1000, 'setting', 1001),
  (122, 22, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 10, 'redirect', 301, 2, 1000, 'setting', 1001),
  (123, 23, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 10, 'http_error', 500, NULL, 1000, 'setting', 1001),
  (124, 24, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 10, 'gone', 404, NULL, 1000, 'setting', 1001);
INSERT INTO links(source_id, target_id, kind, nofollow, position, anchor)
SELECT j.value->>0, j.value->>1, j.value->>2, (j.value->>1) = 12, 0, j.value->>3
FROM json_each('[[1,1,"a","Home"],[1,2,"a","One"],[1,3,"a",null],[1,4,"a",null],[1,5,"a","Gone"],[1,7,"a",null],[1,8,"a",null],
  [1,10,"a",null],[1,11,"a",null],[1,12,"a","Elsewhere"],[1,13,"script",null],[1,16,"a",null],[1,17,"a",null],[1,19,"a",null],
  [1,20,"a",null],[2,1,"a","Home"],[2,5,"img","A picture"],[3,2,"a",null],[14,2,"sitemap",null],[14,5,"sitemap",null],
  [14,6,"sitemap",null],[14,11,"sitemap",null],[14,14,"sitemap",null],[14,15,"sitemap",null],[14,16,"sitemap",null],
  [14,18,"sitemap",null],[16,5,"canonical",null],[19,2,"canonical",null],[20,2,"canonical",null],[20,19,"canonical",null],
  [1,25,"a",null],[1,26,"a",null],[2,27,"a",null],[2,28,"a",null],[2,29,"a",null],
  [21,5,"a",null],[21,12,"a",null],[21,13,"script",null],[21,15,"a",null],[21,5,"canonical",null],[21,2,"canonical",null],
  [22,10,"a",null],[24,18,"sitemap",null],[24,19,"sitemap",null]]') j;
INSERT INTO sitemap_entries(source_id, target_id) SELECT source_id, target_id FROM links WHERE kind = 'sitemap';
UPDATE totals SET n = CASE name WHEN 'queued' THEN 1 WHEN 'scheduled' THEN 1 WHEN 'done' THEN 16 WHEN 'failed' THEN 8 WHEN 'excluded' THEN 3 WHEN 'fetches' THEN 30 ELSE 13 END;
INSERT INTO rank_runs(id, started_ms, finished_ms, damping, tolerance, iterations, change, pages, links, dangling, starts, starts_by) VALUES
  (1, 1000, 4000, 0.85, 0.000001, 9, 0.0000005, 3, 3, 0, 1, 'seeds'), (2, 5000, NULL, 0.85, 0.000001, 9, 0.0000005, 2, 3, 0, 1, 'seeds');
INSERT INTO ranks(run_id, url_id, rank, depth) VALUES
  (1, 1, 0.25, 0), (1, 2, 0.5, 1), (1, 16, 0.125, 7), (1, 19, 0.0625, NULL), (1, 21, 0.0625, 8), (2, 1, 0.5, 9);
