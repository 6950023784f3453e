//! Sitemaps in whole crawls: from robots.txt over an index and a gzip file to pages.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::shelf::{Answer, Shelf};

const OPEN: &str = "--allow-net=127.0.0.0/8";

fn gz(plain: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn html(body: &str) -> Answer {
    ("content-type: text/html".to_owned(), body.as_bytes().to_vec())
}

fn xml(body: impl Into<Vec<u8>>) -> Answer {
    ("content-type: application/xml".to_owned(), body.into())
}

fn text(body: &str) -> Answer {
    ("content-type: text/plain".to_owned(), body.as_bytes().to_vec())
}

/// A shop whose robots.txt names an index on another host, which names parts here and there.
fn shop(port: u16) -> HashMap<String, Answer> {
    let at = |place: &str| place.replace("LOCAL", &format!("localhost:{port}"));
    let robots = at("User-agent: *\nDisallow: /private/\nSitemap: http://maps.LOCAL/index.xml\nSitemap: /list.txt\n\
                     Sitemap: mailto:x@y.z\n");
    let index = at("<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
        <sitemap><loc>http://maps.LOCAL/part.xml.gz</loc><lastmod>2026-11-01</lastmod></sitemap>\
        <sitemap><loc>http://shop.LOCAL/moved.xml</loc></sitemap>\
        <sitemap><loc>http://maps.LOCAL/secret.xml</loc></sitemap>\
        <sitemap><loc>http://other.LOCAL/x.xml</loc></sitemap></sitemapindex>");
    let part = at("<urlset><url><loc>http://shop.LOCAL/p1</loc><lastmod>2026-10-31T10:00:00Z</lastmod>\
        <changefreq>daily</changefreq><priority>0.9</priority></url><url><loc>http://shop.LOCAL/p2?a=1&amp;b=2</loc></url>\
        <url><loc>http://elsewhere.LOCAL/p</loc></url><url><loc>http://shop.LOCAL/private/p</loc></url></urlset>");
    let moved = at("<?xml version='1.0'?><urlset xmlns:xhtml='http://www.w3.org/1999/xhtml'><url>\
        <loc>http://shop.LOCAL/p3</loc><xhtml:link rel='alternate' hreflang='de' href='http://shop.LOCAL/p3-de'/></url>");
    let page = "<html><title>Where to find us</title><a href=/from-404>x</a></html>";
    let mut shelf = HashMap::from([
        ("shop.localhost/robots.txt".to_owned(), text(&robots)),
        ("shop.localhost/".to_owned(), html("<title>Shop</title><a href=/a>a</a>")),
        ("shop.localhost/list.txt".to_owned(), text(&at("http://shop.LOCAL/p4\nhttp://shop.LOCAL/p1\n"))),
        ("shop.localhost/moved.xml".to_owned(), (at("location: http://cdn.LOCAL/part-2.xml"), Vec::new())),
        ("cdn.localhost/part-2.xml".to_owned(), text(&moved)),
        ("maps.localhost/robots.txt".to_owned(), text("User-agent: *\nDisallow: /secret.xml\nSitemap: /foreign.xml\n")),
        ("maps.localhost/index.xml".to_owned(), xml(index)),
        ("maps.localhost/part.xml.gz".to_owned(), ("content-type: application/gzip".to_owned(), gz(&part))),
        ("plain.localhost/".to_owned(), html("<title>Plain</title>")),
        ("plain.localhost/sitemap.xml".to_owned(), html(page)),
    ]);
    for page in ["a", "p1", "p2?a=1&b=2", "p3", "p3-de", "p4"] {
        shelf.insert(format!("shop.localhost/{page}"), html(&format!("<title>{page}</title>")));
    }
    shelf
}

const PAGES: &str = "SELECT u.url, u.depth, p.title FROM urls u JOIN pages p ON p.url = u.url
                     WHERE p.mime = 'text/html' ORDER BY u.url";
const FOUND: [&str; 7] = [
    "http://shop.localhost/ 0 Shop",
    "http://shop.localhost/a 1 a",
    "http://shop.localhost/p1 1 p1",
    "http://shop.localhost/p2?a=1&b=2 1 p2?a=1&b=2",
    "http://shop.localhost/p3 1 p3",
    "http://shop.localhost/p3-de 1 p3-de",
    "http://shop.localhost/p4 1 p4",
];

#[test]
fn from_robots_over_an_index_and_a_gzip_file_to_pages() {
    let shelf = Shelf::open(shop);
    let seed = format!("http://shop.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, "--sitemaps", OPEN]);
    assert_eq!(shelf.rows(PAGES), FOUND);
    assert_eq!(
        shelf.rows(
            "SELECT s.url AS source, t.url AS target, e.lastmod, e.priority, e.changefreq FROM sitemap_entries e
             JOIN urls s ON s.id = e.source_id JOIN urls t ON t.id = e.target_id ORDER BY 1, 2"
        ),
        [
            "http://cdn.localhost/part-2.xml http://shop.localhost/p3 - - -",
            "http://maps.localhost/index.xml http://maps.localhost/part.xml.gz 2026-11-01 - -",
            "http://maps.localhost/index.xml http://maps.localhost/secret.xml - - -",
            "http://maps.localhost/index.xml http://other.localhost/x.xml - - -",
            "http://maps.localhost/index.xml http://shop.localhost/moved.xml - - -",
            "http://maps.localhost/part.xml.gz http://elsewhere.localhost/p - - -",
            "http://maps.localhost/part.xml.gz http://shop.localhost/p1 2026-10-31T10:00:00Z 0.9 daily",
            "http://maps.localhost/part.xml.gz http://shop.localhost/p2?a=1&b=2 - - -",
            "http://maps.localhost/part.xml.gz http://shop.localhost/private/p - - -",
            "http://shop.localhost/list.txt http://shop.localhost/p1 - - -",
            "http://shop.localhost/list.txt http://shop.localhost/p4 - - -",
        ]
    );
    let excluded =
        "SELECT u.url, r.name FROM urls u JOIN rules r ON r.id = u.rule_id WHERE u.state = 'excluded' ORDER BY 1";
    assert_eq!(
        shelf.rows(excluded),
        [
            "http://elsewhere.localhost/p scope",
            "http://maps.localhost/secret.xml robots",
            "http://other.localhost/x.xml scope",
            "http://shop.localhost/private/p robots",
        ]
    );
    let sitemaps = "SELECT u.url, u.state, u.depth, u.hops FROM sitemaps s JOIN urls u ON u.id = s.url_id ORDER BY 1";
    assert_eq!(
        shelf.rows(sitemaps),
        [
            "http://cdn.localhost/part-2.xml done 1 2",
            "http://maps.localhost/index.xml done 1 0",
            "http://maps.localhost/part.xml.gz done 1 1",
            "http://maps.localhost/secret.xml excluded 1 1",
            "http://other.localhost/x.xml excluded 1 1",
            "http://shop.localhost/list.txt done 1 0",
            "http://shop.localhost/moved.xml done 1 1",
        ]
    );
    assert_eq!(
        shelf.rows(
            "SELECT count(*) AS n FROM bodies b JOIN contents c ON c.id = b.content_id WHERE c.mime <> 'text/html'"
        ),
        ["0"]
    );
    let asked = shelf.asked();
    let on_shop: Vec<&str> = asked.iter().filter_map(|name| name.strip_prefix("shop.localhost")).collect();
    assert_eq!(on_shop[..3], ["/robots.txt", "/", "/list.txt"], "sitemaps come before pages");
    for never in [
        "maps.localhost/foreign.xml",
        "maps.localhost/secret.xml",
        "other.localhost/robots.txt",
        "maps.localhost/sitemap.xml",
    ] {
        assert!(!asked.iter().any(|name| name == never), "{never}: {asked:?}");
    }
    assert_eq!(shelf.run(&["doctor"]).code, Some(0));
    let mut unlinked: Vec<String> = shelf.rows(&documented("docs/sitemaps.md")[0]);
    unlinked.sort();
    let pages: Vec<&str> = unlinked.iter().filter_map(|row| row.strip_prefix("http://shop.localhost/p")).collect();
    assert_eq!(pages, ["1 -", "1 2026-10-31T10:00:00Z", "2?a=1&b=2 -", "3 -", "4 -", "rivate/p -"]);
}

/// The queries of a document.
fn documented(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    text.split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().trim_end_matches([';', '\n']).to_owned())
        .collect()
}

#[test]
fn structured_data_and_robots_directives_can_be_queried() {
    let shelf = Shelf::open(|_| {
        let page = "<meta property=og:title content=T><meta name=robots content='unavailable_after: 2020-01-01'>\
                    <script type=application/ld+json>{\"@type\": \"Article\"}</script>\
                    <script type=application/ld+json>{oops</script><a href=/b>b</a>";
        let tagged = "content-type: text/html\r\nx-robots-tag: unavailable_after: 25 Jun 2030 15:00:00 PST\r\nx-robots-tag: noindex";
        HashMap::from([
            ("data.localhost/".to_owned(), html(page)),
            ("data.localhost/b".to_owned(), (tagged.to_owned(), b"<p>b".to_vec())),
        ])
    });
    shelf.crawl(&["crawl", &format!("http://data.localhost:{}/", shelf.port), OPEN]);
    let queries = documented("docs/extraction.md");
    assert_eq!(shelf.rows(&queries[0]), ["http://data.localhost/ {oops"]);
    let tag = "unavailable_after: 25 Jun 2030 15:00:00 PST";
    let mut said = shelf.rows(&queries[1]);
    said.sort();
    assert_eq!(
        said,
        [
            "http://data.localhost/ unavailable_after: 2020-01-01 -".to_owned(),
            format!("http://data.localhost/b - {tag}")
        ]
    );
    let facts = "SELECT c.json_ld->0->>'@type' AS kind, c.open_graph->>'og:title' AS title, p.noindex FROM pages p
                 JOIN contents c ON c.id = p.content_id ORDER BY p.url";
    assert_eq!(shelf.rows(facts), ["Article T 0", "- - 1"]);
}

#[test]
fn a_complete_crawl_reads_the_sitemaps_of_the_robots_it_knows() {
    let shelf = Shelf::open(shop);
    let seed = format!("http://shop.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, OPEN]);
    assert_eq!(shelf.rows(PAGES), FOUND[..2]);
    assert_eq!(shelf.asked(), ["shop.localhost/robots.txt", "shop.localhost/", "shop.localhost/a"]);
    shelf.crawl(&["crawl", &seed, "--sitemaps"]);
    assert_eq!(shelf.rows(PAGES), FOUND);
    assert!(!shelf.asked().contains(&"shop.localhost/robots.txt".to_owned()), "it was known and fresh");
    shelf.crawl(&["resume"]);
    assert_eq!(shelf.asked(), [""; 0]);
    assert_eq!(shelf.run(&["doctor"]).code, Some(0));
}

#[test]
fn where_robots_names_none_the_usual_place_is_looked_at() {
    for extra in [&[][..], &["--ignore-robots"]] {
        let shelf = Shelf::open(shop);
        let seed = format!("http://plain.localhost:{}/", shelf.port);
        shelf.crawl(&[&["crawl", &seed, OPEN, "--sitemaps"], extra].concat());
        let asked = shelf.asked();
        assert_eq!(asked.iter().filter(|name| *name == "plain.localhost/sitemap.xml").count(), 1, "{asked:?}");
        assert!(asked.contains(&"plain.localhost/from-404".to_owned()), "what is a page is one: {asked:?}");
        assert_eq!(shelf.rows("SELECT count(*) AS n FROM sitemap_entries"), ["0"]);
    }
}

#[test]
fn limits_of_the_crawl_hold_for_what_sitemaps_name() {
    let shelf = Shelf::open(shop);
    let seed = format!("http://shop.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, "--sitemaps", OPEN, "--max-depth", "0", "--db", "depth.db"]);
    assert_eq!(shelf.asked(), ["shop.localhost/robots.txt", "shop.localhost/"]);
    shelf.crawl(&[
        "crawl",
        &seed,
        "--sitemaps",
        OPEN,
        "--exclude",
        "index\\.xml",
        "--exclude",
        "/p1$",
        "--include",
        "/p",
        "--db",
        "patterns.db",
    ]);
    let asked = shelf.asked();
    assert!(asked.contains(&"shop.localhost/list.txt".to_owned()) && asked.contains(&"shop.localhost/p4".to_owned()));
    assert!(
        !asked.iter().any(|name| name.contains("index.xml") || name.ends_with("/p1") || name.ends_with("/a")),
        "{asked:?}"
    );
    shelf.crawl(&["crawl", &seed, "--sitemaps", OPEN, "--follow=-sitemap", "--db", "kinds.db"]);
    let asked = shelf.asked();
    assert!(asked.contains(&"maps.localhost/index.xml".to_owned()), "robots.txt is no link: {asked:?}");
    assert!(!asked.iter().any(|name| name.contains("part") || name.contains("/p")), "{asked:?}");
}

/// A chain of indexes, each naming the next one, and a sitemap typed as a seed that is longer than
/// `--max-body`.
fn maps(port: u16) -> HashMap<String, Answer> {
    let mut shelf = HashMap::new();
    for n in 0..10 {
        let next = n + 1;
        let index = format!(
            "<sitemapindex><sitemap><loc>/{next}</loc></sitemap></sitemapindex><sitemap><loc>/0</loc></sitemap>"
        );
        shelf.insert(format!("deep.localhost/{n}"), xml(index));
    }
    shelf.insert("deep.localhost/robots.txt".to_owned(), text("Sitemap: /0"));
    shelf.insert("deep.localhost/".to_owned(), html("<title>Deep</title>"));
    let long = "x".repeat(250);
    let mut huge = String::from("<urlset>");
    for n in 0..50_005 {
        let _ = write!(huge, "<url><loc>http://far.localhost:{port}/{n}?{long}</loc><priority>0.5</priority></url>");
    }
    huge.insert_str(8, "<url><loc>/first</loc></url>");
    shelf.insert("huge.localhost/my-sitemap.xml".to_owned(), xml(huge));
    shelf.insert("huge.localhost/first".to_owned(), html("<title>First</title>"));
    shelf
}

#[test]
fn a_crawl_that_is_judged_again_keeps_its_sitemaps() {
    let shelf = Shelf::open(shop);
    let seed = format!("http://shop.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, OPEN, "--sitemaps", "--max-pages", "1"]);
    assert_eq!(
        shelf.rows("SELECT count(*) AS n FROM sitemaps s JOIN urls u ON u.id = s.url_id WHERE state = 'queued'"),
        ["2"]
    );
    shelf.crawl(&["resume", "--max-pages", "none", "--max-depth", "9"]);
    assert_eq!(shelf.rows(PAGES), FOUND);
}

#[test]
fn a_crawl_that_is_judged_again_leaves_foreign_parts_of_an_index_out() {
    let shelf = Shelf::open(shop);
    let seed = format!("http://shop.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, OPEN, "--sitemaps"]);
    let foreign =
        "SELECT u.state, r.name FROM urls u JOIN rules r ON r.id = u.rule_id WHERE u.url LIKE 'http://other.%'";
    for change in ["--max-depth=9", "--traps=-calendar", "--allow-net=127.0.0.0/9"] {
        shelf.crawl(&["resume", change]);
        assert_eq!(shelf.rows(foreign), ["excluded scope"], "{change}");
    }
    assert!(!shelf.asked().iter().any(|name| name.starts_with("other.")));
    assert_eq!(shelf.rows(PAGES), FOUND);
}

#[test]
fn a_sitemap_beyond_its_room_counts_as_far_as_it_goes() {
    let shelf = Shelf::open(|_| {
        let entry = |n| format!("<url><loc>/private/{n}/{}</loc></url>", "x".repeat(100));
        let map = (0..12_000).fold("<urlset>".to_owned(), |map, n| map + &entry(n));
        HashMap::from([
            ("long.localhost/robots.txt".to_owned(), text("User-agent: *\nDisallow: /private/\nSitemap: /map")),
            ("long.localhost/".to_owned(), html("<a href=/plain>x</a>")),
            ("long.localhost/map".to_owned(), xml(map.clone())),
            ("long.localhost/plain".to_owned(), xml(map)),
        ])
    });
    let seed = format!("http://long.localhost:{}/", shelf.port);
    // Half of what 256 KiB for the one request leave, but for 4 MiB: 917,504 bytes.
    shelf.crawl(&["crawl", &seed, OPEN, "--sitemaps", "-c", "1", "--memory", "10MiB", "--max-body", "100kB"]);
    let facts = "SELECT u.url, f.outcome, c.size_bytes, c.parse_cut,
                   (SELECT count(*) FROM sitemap_entries e WHERE e.source_id = u.id) BETWEEN 6000 AND 7000 AS half
                 FROM urls u JOIN fetches f ON f.id = u.last_fetch_id LEFT JOIN contents c ON c.id = f.content_id
                 WHERE u.url LIKE '%/map' OR u.url LIKE '%/plain' ORDER BY 1";
    assert_eq!(
        shelf.rows(facts),
        ["http://long.localhost/map page 917504 size 1", "http://long.localhost/plain too_big - - 0"]
    );
}

#[test]
fn indexes_do_not_lead_on_for_ever() {
    let shelf = Shelf::open(maps);
    shelf.crawl(&["crawl", &format!("http://deep.localhost:{}/", shelf.port), "--sitemaps", OPEN]);
    let asked: Vec<String> = shelf.asked().into_iter().filter(|name| !name.ends_with(['/', 't'])).collect();
    assert_eq!(asked, ["0", "1", "2", "3", "4", "5"].map(|n| format!("deep.localhost/{n}")));
    let rule = "SELECT u.url, r.name FROM urls u JOIN rules r ON r.id = u.rule_id WHERE u.state = 'excluded'";
    assert_eq!(shelf.rows(rule), ["http://deep.localhost/6 sitemap_steps"]);
}

#[test]
fn a_huge_sitemap_can_be_a_seed() {
    let shelf = Shelf::open(maps);
    let seed = format!("http://huge.localhost:{}/my-sitemap.xml", shelf.port);
    shelf.crawl(&["crawl", &seed, OPEN]);
    let facts = "SELECT (SELECT count(*) FROM sitemap_entries) AS entries,
                        (SELECT count(*) FROM urls WHERE url LIKE 'http://far.%' AND state = 'excluded') AS far,
                        (SELECT n FROM totals WHERE name = 'pages') AS pages, c.parse_cut, c.size_bytes > 10000000 AS big,
                        (SELECT discarded FROM rules WHERE name = 'links_cut') AS cut
                 FROM contents c WHERE c.mime = 'application/xml'";
    assert_eq!(shelf.rows(facts), ["50000 49999 2 links 1 6"]);
    assert_eq!(shelf.rows("SELECT depth, title FROM pages WHERE url LIKE '%/first'"), ["1 First"]);
    assert_eq!(shelf.run(&["doctor"]).code, Some(0));
}

/// What a redirect leads to may be no URL: one such redirect made the report empty.
#[test]
fn a_redirect_to_a_telephone_hid_all_orphans() {
    let shelf = Shelf::open(|port| {
        let map = format!("<urlset><url><loc>http://a.localhost:{port}/orphan</loc></url></urlset>");
        HashMap::from([
            ("a.localhost/".to_owned(), html("<a href=/call>call us</a>")),
            ("a.localhost/call".to_owned(), ("location: tel:+123456".to_owned(), Vec::new())),
            ("a.localhost/sitemap.xml".to_owned(), xml(map)),
            ("a.localhost/orphan".to_owned(), html("<title>Orphan</title>")),
        ])
    });
    let seed = format!("http://a.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, "--sitemaps", OPEN]);
    assert_eq!(shelf.rows("SELECT count(*) FROM fetches WHERE outcome = 'redirect' AND target_id IS NULL"), ["1"]);
    assert_eq!(shelf.rows("SELECT url FROM report_orphans"), ["http://a.localhost/orphan"]);
}

/// Of two links to one URL the first decided, so that pages had no click depth.
#[test]
fn a_link_that_may_be_followed_counts_beside_one_that_may_not() {
    let shelf = Shelf::open(|_| {
        let links = "<a rel=nofollow href=/t>one</a><a href=/t>two</a><a rel=nofollow href=/u>u</a><a rel=nofollow href=/u>v</a>";
        HashMap::from([
            ("a.localhost/".to_owned(), html(links)),
            ("a.localhost/t".to_owned(), html("<title>T</title>")),
        ])
    });
    shelf.crawl(&["crawl", &format!("http://a.localhost:{}/", shelf.port), OPEN]);
    let links = "SELECT u.url, l.nofollow, l.anchor FROM links l JOIN urls u ON u.id = l.target_id ORDER BY 1";
    assert_eq!(shelf.rows(links), ["http://a.localhost/t 0 one", "http://a.localhost/u 1 u"]);
}

/// Of several seeds on few hosts each robots.txt was named as often as the host changed.
#[test]
fn a_dry_run_names_each_robots_once() {
    let shelf = Shelf::open(|_| HashMap::new());
    let seeds: Vec<String> = (0..20).map(|n| format!("http://h{}.localhost/{n}", n % 7)).collect();
    let args: Vec<&str> = ["crawl", "--dry-run"].into_iter().chain(seeds.iter().map(String::as_str)).collect();
    let said = shelf.crawl(&args).out;
    assert!(said.contains("dry run: nothing is fetched, and ./crawl.db is not made\n"), "{said}");
    let named = "robots.txt of http://h0.localhost, http://h1.localhost, http://h2.localhost, http://h3.localhost, \
                 http://h4.localhost and 2 more is asked first";
    assert!(said.contains(named), "{said}");
    assert!(!shelf.path().join("crawl.db").exists());
}
