//! Sitemaps and feeds: what sites publish for programs. The file in question is `/sitemap.xml`, and
//! what it must name in spite of everything is `/found`.

use std::io::Write;

use super::super::server::{Reply, message};
use super::behaviour::{At, Behaviour, ok};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A host whose home page names a file, of this type and with this body.
fn file(at: &At, words: [&'static str; 3], path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Behaviour {
    let [name, server, crawl] = words;
    Behaviour::new(at, name, server, crawl)
        .home_links([path])
        .answers(path, ok("200 OK", content_type, body))
        .ends(path, "page 200")
        .page("/found", "<title>Found</title>")
}

fn sitemap(at: &At, words: [&'static str; 3], body: impl AsRef<[u8]>) -> Behaviour {
    file(at, words, "/sitemap.xml", "application/xml", body)
}

fn found(behaviour: Behaviour) -> Behaviour {
    behaviour.ends("/found", "page 200").fact("/found", "title", "Found")
}

/// An entry for a URL.
fn entry(url: &str) -> String {
    format!("<url><loc>{url}</loc></url>")
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [entities(at), sizes(at), broken(at), indexes(at), named(at), feeds(at)].concat()
}

fn own(at: &At, name: &'static str, path: &str) -> String {
    Behaviour::new(at, name, "", "").url(path)
}

fn entities(at: &At) -> Vec<Behaviour> {
    let mut laughs = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY l0 'lol'>".to_owned();
    for n in 1..10 {
        laughs += &format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10));
    }
    let secret = "SELECT count(1) FROM urls WHERE ?1 <> '' AND url LIKE '%root:%'";
    let loc = |name, path: &str| entry(&own(at, name, path));
    vec![
        found(sitemap(
            at,
            ["laughs", "has entities that grow tenfold nine times", "knows none of them"],
            format!("{laughs}]><urlset>{}{}</urlset>", loc("laughs", "/found"), loc("laughs", "/?&l9;")),
        ))
        .ends("/?&l9;", "page 200")
        .plays(|asked| asked.path.starts_with("/?&").then(|| super::behaviour::page(""))),
        found(sitemap(
            at,
            ["external-entity", "has an entity that is a file of this machine", "does not read it"],
            format!(
                "<!DOCTYPE x [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><urlset>{}{}</urlset>",
                loc("external-entity", "/found"),
                loc("external-entity", "/?&x;")
            ),
        ))
        .says(secret, "0")
        .open_ended(),
        found(sitemap(
            at,
            ["external-dtd", "has a document type and entities on a port of this machine", "connects nothing"],
            format!(
                "<!DOCTYPE urlset SYSTEM 'http://127.0.0.1:{0}/x.dtd' [<!ENTITY % p SYSTEM 'http://127.0.0.1:{0}/p'>%p;]>\
                 <?xml-stylesheet href='http://127.0.0.1:{0}/x.xsl'?><urlset>{1}</urlset>",
                at.forbidden,
                loc("external-dtd", "/found")
            ),
        )),
    ]
}

const PASSES_OVER: &str = "reads 50 MiB, sees that it is none, and that it is longer than a page may be";

/// A body without end that has the room of a sitemap, and is none.
fn beyond_a_page(at: &At, words: [&'static str; 3], content_type: &str, piece: &[u8]) -> Behaviour {
    let [name, server, crawl] = words;
    let head = message(&format!("HTTP/1.1 200 OK\nContent-Type: {content_type}"), "");
    Behaviour::new(at, name, server, crawl)
        .answers("/sitemap.xml", Reply::Endless { head, piece: piece.repeat(65_536 / piece.len()) })
        .home_links([""; 0])
        .seed(own(at, name, "/sitemap.xml"))
        .ends("/sitemap.xml", "too_big 200")
        .fact("/sitemap.xml", "error", "longer than 3000000 bytes")
}

fn sizes(at: &At) -> Vec<Behaviour> {
    let many: String = (0..55_000).map(|n| entry(&format!("tel:{n}"))).collect();
    let links = |name| entry(&own(at, name, "/found"));
    vec![
        found(sitemap(
            at,
            ["entries-55000", "has 55,000 entries", "takes 50,000 and counts the rest"],
            format!("<urlset>{}{many}</urlset>", links("entries-55000")),
        ))
        .fact("/sitemap.xml", "cut", "links"),
        found(file(
            at,
            ["map-bomb", "packs 100 MB of white space", "stops unpacking, and keeps what came before"],
            "/sitemap.xml.gz",
            "application/gzip",
            gzip(&[format!("<urlset>{}", links("map-bomb")).as_bytes(), &vec![b' '; 100_000_000]].concat()),
        ))
        .fact("/sitemap.xml.gz", "cut", "size"),
        file(
            at,
            ["map-packed-twice", "packs a sitemap twice", "unpacks it once, and finds none"],
            "/sitemap.xml.gz",
            "application/gzip",
            gzip(&gzip(format!("<urlset>{}</urlset>", links("map-packed-twice")).as_bytes())),
        ),
        found(
            Behaviour::new(
                at,
                "map-endless",
                "sends a sitemap without end",
                "reads 50 MiB, and keeps what is named there",
            )
            .answers(
                "/sitemap.xml",
                Reply::Endless {
                    head: message(
                        "HTTP/1.1 200 OK\nContent-Type: text/xml",
                        format!("<urlset>{}", links("map-endless")),
                    ),
                    piece: vec![b' '; 65_536],
                },
            )
            .page("/found", "<title>Found</title>")
            .home_links([""; 0])
            .seed(own(at, "map-endless", "/sitemap.xml"))
            .ends("/sitemap.xml", "page 200")
            .fact("/sitemap.xml", "cut", "size"),
        ),
        beyond_a_page(at, ["map-page", "sends HTML without end for a sitemap", PASSES_OVER], "text/html", b"<p>x<p>y"),
        beyond_a_page(at, ["map-bytes", "sends 0xFF without end for a sitemap", PASSES_OVER], "text/plain", b"\xff"),
        found(sitemap(
            at,
            ["map-deep", "nests 100,000 elements in an entry", "reads on"],
            format!("<urlset><url>{}</url>{}</urlset>", "<x>".repeat(100_000), links("map-deep")),
        )),
        found(sitemap(
            at,
            ["map-attribute", "has an attribute of 2 MB, and an address of 20 kB", "passes over both"],
            format!(
                "<urlset><z x='{}'/>{}{}</urlset>",
                "x".repeat(2_000_000),
                entry(&own(at, "map-attribute", &"y".repeat(20_000))),
                links("map-attribute")
            ),
        ))
        .open_ended(),
    ]
}

fn broken(at: &At) -> Vec<Behaviour> {
    let link = |name| own(at, name, "/found");
    let new = |name, server, text: &str| {
        let text = text.replace("FOUND", &link(name));
        sitemap(at, [name, server, "reads what can be read"], text)
    };
    let utf16: Vec<u8> =
        format!("<urlset>{}</urlset>", entry(&link("map-utf-16"))).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &utf16].concat();
    vec![
        found(new("map-ampersand", "forgets to escape &", "<urlset><url><loc>FOUND</loc></url><url><loc>FOUND?a&b</loc></url></urlset>")).ends("/found?a&b", "gone 404"),
        found(new("map-unclosed", "closes no tag", "<urlset><url><loc>FOUND<url><loc>FOUND</loc>")),
        new("map-cut-off", "breaks off within an address", "<urlset><url><loc>FOUND"),
        found(new(
            "map-crossed",
            "closes tags in the wrong order",
            "<urlset><url><loc>FOUND?1</url></loc><url><loc>FOUND</loc></url></urlset>",
        ))
        .ends("/found?1", "gone 404"),
        found(new(
            "map-warning-first",
            "prints a warning before the file",
            "<br />\n<b>Warning</b>: mysql_connect() in <b>/x.php</b> on line 3\n<urlset><url><loc>FOUND</loc></url></urlset>",
        )),
        found(new(
            "map-text-first",
            "prints plain text before the file",
            "Warning: mysql_connect() in /x.php on line 3\n<urlset><url><loc>FOUND</loc></url></urlset>",
        )),
        found(new("map-controls", "has control characters and wrong names", "<urlset>\u{0}\u{1}<\u{2}><!x><url><loc>FOUND</loc></url></1></urlset>")),
        found(new("map-comment", "never closes a comment at its end", "<urlset><url><loc>FOUND</loc></url><!-- x")),
        found(new("map-cdata", "writes addresses as CDATA", "<urlset><url><loc><![CDATA[FOUND]]></loc></url></urlset>")),
        found(sitemap(at, ["map-utf-16", "is in UTF-16", "reads it"], marked)),
        new("map-html", "answers an error page for its sitemap", "<!doctype html><html><title>Oops</title><a href=FOUND>x</a></html>")
            .answers("/sitemap.xml", ok("200 OK", "application/xml", "")),
        sitemap(at, ["map-noise", "answers noise for its sitemap", "finds nothing there"], (0..=255).cycle().take(100_000).collect::<Vec<u8>>()),
        new(
            "map-schemes",
            "names scripts, files and this machine",
            &format!("<urlset><url><loc>javascript:alert(1)</loc></url><url><loc>file:///etc/passwd</loc></url><url><loc>http://127.0.0.1:{}/m</loc></url></urlset>", at.forbidden),
        )
        .ends(&format!("http://127.0.0.1:{}/m", at.forbidden), "excluded address"),
    ]
}

fn indexes(at: &At) -> Vec<Behaviour> {
    let index = |url: &str| format!("<sitemapindex><sitemap><loc>{url}</loc></sitemap></sitemapindex>");
    vec![
        sitemap(
            at,
            ["index-self", "has an index that names itself", "asks once"],
            index(&own(at, "index-self", "/sitemap.xml")),
        )
        .asked("/sitemap.xml", 1),
        Behaviour::new(
            at,
            "index-chain",
            "has an index that names an index, without end",
            "follows five, and excludes the next",
        )
        .home_links(["/sitemap.xml"])
        .plays({
            let base = own(at, "index-chain", "/sitemap");
            move |asked| {
                let n: usize = asked.path.strip_prefix("/sitemap")?.strip_suffix(".xml")?.parse().unwrap_or(0);
                Some(ok("200 OK", "application/xml", index(&format!("{base}{}.xml", n + 1))))
            }
        })
        .says(
            "SELECT count(1) FROM urls u JOIN hosts h ON h.id = u.host_id JOIN rules r ON r.id = u.rule_id
                 WHERE h.name = ?1 AND r.name = 'sitemap_steps'",
            "1",
        )
        .open_ended(),
    ]
}

/// What robots.txt says of sitemaps, for a crawl that wants to know.
fn named(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, lines: String| {
        Behaviour::new(at, name, server, crawl)
            .answers("/robots.txt", ok("200 OK", "text/plain", lines))
            .home_links([""; 0])
            .flags(&["--sitemaps"])
            .lone()
    };
    let lines = (0..5_000).map(|n| format!("Sitemap: http://h{n}.invalid/sitemap.xml\n")).collect();
    vec![
        new("sitemaps-5000", "names 5,000 sitemaps in its robots.txt", "takes 1,000", lines)
            .says("SELECT count(1) FROM sitemaps WHERE ?1 <> ''", "1000")
            .open_ended(),
        new(
            "sitemaps-forbidden",
            "names sitemaps on this machine and in no URL",
            "excludes them; nothing is connected",
            format!("Sitemap: http://127.0.0.1:{}/sitemap.xml\nSitemap: file:///etc/passwd\nSitemap: javascript:x\nSitemap:\n", at.forbidden),
        )
        .ends(&format!("http://127.0.0.1:{}/sitemap.xml", at.forbidden), "excluded address"),
        new("sitemap-missing", "has no sitemap and names none", "tries /sitemap.xml once", String::new())
            .ends("/sitemap.xml", "gone 404")
            .asked("/sitemap.xml", 1),
    ]
}

fn feeds(at: &At) -> Vec<Behaviour> {
    let feed = |words, content_type: &str, body: String| file(at, words, "/feed", content_type, body);
    let rss = |name, items: &str| {
        let item = format!("<item><title>x</title><link>{}</link></item>", own(at, name, "/found"));
        format!("<?xml version='1.0'?><rss version='2.0'><channel><title>X</title>{items}{item}</channel></rss>")
    };
    let nested = "[".repeat(200_000);
    vec![
        found(feed(
            ["feed-laughs", "has a feed with entities that are none", "knows none of them"],
            "application/rss+xml",
            rss("feed-laughs", "<item><title>&lol9;</title><description>&nosuch;</description></item>"),
        )),
        found(feed(
            ["feed-forbidden", "has a feed that leads to this machine", "excludes the target; nothing is connected"],
            "application/rss+xml",
            rss("feed-forbidden", &format!("<item><link>http://127.0.0.1:{}/f</link></item>", at.forbidden)),
        ))
        .ends(&format!("http://127.0.0.1:{}/f", at.forbidden), "excluded address"),
        found(feed(
            ["feed-30000", "has a feed of 30,000 entries", "takes 20,000 links and counts the rest"],
            "application/rss+xml",
            {
                let text = rss("feed-30000", "");
                let items = "<item><link>tel:1</link></item>".repeat(30_000);
                text.replace("</channel>", &format!("{items}</channel>"))
            },
        ))
        .open_ended(),
        found(feed(
            ["feed-as-text", "sends its feed as plain text", "sees that it is one"],
            "text/plain",
            rss("feed-as-text", ""),
        )),
        feed(
            ["json-feed-deep", "nests 200,000 lists in a JSON feed", "finds nothing there"],
            "application/feed+json",
            format!("{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":{nested}"),
        ),
        Behaviour::new(at, "feed-archives", "has a feed whose archives go on without end", "ends at the depth of the crawl")
            .home_links(["/feed/0"])
            .plays(|asked| {
                let n: usize = asked.path.strip_prefix("/feed/")?.parse().ok()?;
                let text = format!(
                    "<feed xmlns='http://www.w3.org/2005/Atom'><title>{n}</title><link rel='next-archive' href='/feed/{0}'/>\
                     <link rel='next' href='/feed/{0}'/></feed>",
                    n + 1
                );
                Some(ok("200 OK", "application/atom+xml", text))
            })
            .ends("/feed/60", "excluded max_depth")
            .open_ended(),
    ]
}
