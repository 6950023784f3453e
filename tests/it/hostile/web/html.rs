//! HTML: links, and what pages say of themselves.

use super::behaviour::{At, Behaviour, page, raw};

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [bases(at), circles(at), links(at), directives(at), titles(at)].concat()
}

fn bases(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, html: &str| {
        Behaviour::new(at, name, server, crawl)
            .page("/x", format!("<!doctype html>{html}"))
            .ends("/x", "page 200")
            .page("/found", "<title>Found</title>")
            .ends("/found", "page 200")
    };
    let link = "<a href=found>.</a>";
    vec![
        new(
            "base-data",
            "has a base that is a data: URL",
            "passes over the base",
            &format!("<base href='data:text/html,x'>{link}"),
        ),
        new(
            "base-javascript",
            "has a base that is a script",
            "passes over the base",
            &format!("<base href='javascript:/x/'>{link}"),
        ),
        new(
            "base-nonsense",
            "has a base that is no URL",
            "passes over the base",
            &format!("<base href='http://[::1'>{link}"),
        ),
        new(
            "base-late",
            "has its base after the links",
            "resolves all links by it",
            &format!("{link}<base href='/deep/../'>"),
        ),
        new(
            "base-twice",
            "has two bases",
            "resolves by the first",
            &format!("<base href='/a/../'><base href='/wrong/'>{link}"),
        ),
        new(
            "base-without-href",
            "has a base without href before one with it",
            "resolves by the second",
            &format!("<base target=_top><base href='/a/../'>{link}"),
        ),
        new(
            "base-elsewhere",
            "has a base on another host",
            "names the links there",
            &format!(
                "<base href='http://no.such.invalid/dir/'>{link}<a href='{}'>.</a>",
                Behaviour::new(at, "base-elsewhere", "", "").url("/found")
            ),
        )
        .ends("http://no.such.invalid/dir/found", "dns"),
        new(
            "base-forbidden",
            "has a base on this machine",
            "excludes the links; nothing is connected",
            &format!(
                "<a href='{}'>.</a><base href='http://127.0.0.1:{}/'>{link}",
                Behaviour::new(at, "base-forbidden", "", "").url("/found"),
                at.forbidden
            ),
        )
        .ends(&format!("http://127.0.0.1:{}/found", at.forbidden), "excluded address"),
    ]
}

fn circles(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl| Behaviour::new(at, name, server, crawl);
    let refresh = |to: &str| format!("<meta http-equiv=refresh content='0; url={to}'><title>X</title>");
    let canonical = |to: &str| format!("<link rel=canonical href='{to}'><title>X</title>");
    vec![
        new("refresh-self", "refreshes itself for ever", "asks once").page("/x", refresh("/x")).ends("/x", "page 200"),
        new("refresh-loop", "refreshes there and back", "asks each of them once")
            .page("/x", refresh("/y"))
            .page("/y", refresh("/x"))
            .ends("/x", "page 200")
            .ends("/y", "page 200"),
        new("refresh-header", "refreshes by header, to a page that refreshes it back", "asks each of them once")
            .answers("/x", raw("HTTP/1.1 200 OK\nContent-Type: text/html\nRefresh: 0; url=/y", "<title>X</title>"))
            .page("/y", refresh("/x"))
            .ends("/x", "page 200")
            .ends("/y", "page 200")
            .asked("/x", 1),
        new("refresh-javascript", "refreshes to a script", "goes nowhere")
            .page("/x", refresh("javascript:location=1"))
            .ends("/x", "page 200"),
        new("refresh-forbidden", "refreshes to this machine", "excludes the target; nothing is connected")
            .page("/x", refresh(&format!("http://127.0.0.1:{}/r", at.forbidden)))
            .ends("/x", "page 200")
            .ends(&format!("http://127.0.0.1:{}/r", at.forbidden), "excluded address"),
        new("canonical-loop", "has two pages that are each the original of the other", "asks each of them once")
            .page("/x", canonical("/y"))
            .page("/y", canonical("/x"))
            .ends("/x", "page 200")
            .ends("/y", "page 200")
            .fact("/x", "canonical", &Behaviour::new(at, "canonical-loop", "", "").url("/y")),
        new("canonical-elsewhere", "says that its original is on another host", "keeps the page as its own")
            .page("/x", canonical("http://no.such.invalid/x"))
            .ends("/x", "page 200")
            .ends("http://no.such.invalid/x", "dns")
            .title("X"),
        new("canonicals", "names two originals", "records the first")
            .page("/x", "<link rel=canonical href=/y><link rel=canonical href=/z>")
            .ends("/x", "page 200")
            .ends("/y", "gone 404")
            .ends("/z", "gone 404")
            .fact("/x", "canonical", &Behaviour::new(at, "canonicals", "", "").url("/y")),
        new("frame-self", "frames itself", "asks once").page("/x", "<iframe src=/x></iframe>").ends("/x", "page 200"),
        new("frames-of-frames", "frames a page that frames a page, without end", "ends at the depth of the crawl")
            .plays(|asked| {
                let n: usize = if asked.path == "/x" { 0 } else { asked.path.strip_prefix("/f/")?.parse().ok()? };
                Some(page(format!("<iframe src=/f/{}></iframe>", n + 1)))
            })
            .ends("/x", "page 200")
            .ends("/f/60", "excluded max_depth")
            .open_ended(),
    ]
}

fn links(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, html: String| {
        Behaviour::new(at, name, server, crawl)
            .page("/x", format!("<title>X</title>{html}"))
            .ends("/x", "page 200")
            .title("X")
    };
    let header =
        |links: String| raw(&format!("HTTP/1.1 200 OK\nContent-Type: text/html\nLink: {links}"), "<title>X</title>");
    vec![
        new("links-30000", "names 30,000 URLs", "takes 20,000 of them and counts the rest", (0..30_000).map(|n| format!("<a href=tel:{n}>")).collect())
            .fact("/x", "cut", "links"),
        new("links-same", "names one URL 15,000 times", "asks once", "<a href=/y>y</a>".repeat(15_000))
            .ends("/y", "gone 404")
            .fact("/x", "links", "1"),
        new("fragments-10000", "names 10,000 parts of one page", "asks once", (0..10_000).map(|n| format!("<a href=/y#{n}></a>")).collect())
            .ends("/y", "gone 404"),
        new("srcset-10000", "names 10,000 candidates for one image", "records them and asks for none", format!("<img srcset='{}'>", (0..10_000).map(|n| format!("/i/{}.png {}w,", n % 100, n + 1)).collect::<String>()))
            .says(
                "SELECT count(1) FROM urls u JOIN hosts h ON h.id = u.host_id JOIN rules r ON r.id = u.rule_id
                 WHERE h.name = ?1 AND r.name = 'not_followed_kind'",
                "100",
            )
            .open_ended(),
        new("srcset-broken", "has a srcset of nothing but commas and brackets", "finds nothing there", format!("<img srcset='{}'>", ",(,".repeat(100_000))).open_ended(),
        new("form-get", "has forms that search, buy and delete", "asks for none of them", "<form action=/search><input name=q></form><form action=/buy method=post><button></form>".to_owned())
            .ends("/search", "excluded not_followed_kind"),
        new("schemes", "names everything but http", "counts and follows none; data: is no reference at all", ["mailto:a@b", "tel:1", "javascript:void(0)", "data:,x", "blob:x", "about:blank", "ws://h/", "ftp://h/", "file:///x", "view-source:http://h/", "intent://h", "JaVaScRiPt:x"].map(|url| format!("<a href='{url}'>.</a>")).concat())
            .says("SELECT discarded FROM rules WHERE name = 'scheme' AND ?1 <> ''", "11")
            .lone(),
        new("javascript-hidden", "hides a script's scheme behind tabs, entities and line breaks", "sees it", "<a href='java&#9;script:alert(1)'>.</a><a href=' &#1;javascript:alert(1)'>.</a><a href='JAVA\nSCRIPT:alert(1)'>.</a>".to_owned())
            .says("SELECT discarded FROM rules WHERE name = 'scheme' AND ?1 <> ''", "3")
            .lone(),
        Behaviour::new(at, "link-header-5000", "names 5,000 URLs in a header", "takes those that the kept part of the header names")
            .answers("/x", header((0..5_000).map(|n| format!("</h/{n}>; rel=prefetch, ")).collect()))
            .ends("/x", "page 200")
            .title("X")
            .open_ended(),
        Behaviour::new(at, "link-header-broken", "has a Link header of brackets and quotes", "finds nothing there")
            .answers("/x", header("<<<<>;;;\"\\\"<,>,=".repeat(400)))
            .ends("/x", "page 200")
            .title("X")
            .open_ended(),
        new("nested-links", "opens 10,000 links within links", "reads each of them", (0..10_000).map(|n| format!("<a href=/y?{}>", n % 10)).collect())
            .open_ended()
            .says("SELECT count(1) FROM urls u JOIN hosts h ON h.id = u.host_id WHERE h.name = ?1 AND u.url LIKE '%/y?%' AND u.state = 'failed'", "10"),
    ]
}

fn directives(at: &At) -> Vec<Behaviour> {
    let flags =
        "SELECT max(noindex) || max(f.nofollow) FROM fetches f JOIN hosts h ON h.id = f.host_id WHERE h.name = ?1";
    let new = |name, server, crawl, lines: &str, html: &str, says| {
        Behaviour::new(at, name, server, crawl)
            .answers("/x", raw(&format!("HTTP/1.1 200 OK\nContent-Type: text/html{lines}"), html))
            .ends("/x", "page 200")
            .says(flags, says)
    };
    vec![
        new(
            "nofollow-page",
            "says nofollow in a header and follow in the page",
            "obeys the stricter",
            "\nX-Robots-Tag: nofollow",
            "<meta name=robots content='follow, index'><a href=/y>",
            "01",
        )
        .ends("/y", "excluded nofollow"),
        new(
            "robots-tag-others",
            "forbids other crawlers by header",
            "is not meant",
            "\nX-Robots-Tag: otherbot: none",
            "<a href=/y>",
            "00",
        )
        .ends("/y", "gone 404"),
        new(
            "robots-meta-noise",
            "fills its robots directives with noise",
            "obeys what is among it",
            "",
            &format!("<meta name=ROBOTS content=',,;{},NOINDEX ,'><a href=/y>", "x".repeat(500)),
            "10",
        )
        .ends("/y", "gone 404"),
    ]
}

fn titles(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, title: &str| {
        Behaviour::new(at, name, server, crawl)
            .page("/x", format!("<!doctype html><title>{title}</title>"))
            .ends("/x", "page 200")
    };
    vec![
        new("title-1mb", "has a title of 1 MB", "keeps 1,024 characters", &"title ".repeat(170_000)).fact(
            "/x",
            "title_length",
            "1024",
        ),
        new(
            "title-bidi",
            "turns its title around with direction marks",
            "keeps it; it does not reach the terminal",
            "good\u{202e}dab\u{2066}",
        )
        .title("good\u{202e}dab\u{2066}"),
        new(
            "title-escapes",
            "has terminal escapes in its title",
            "keeps them; they do not reach the terminal",
            "\u{1b}[2J\u{1b}]0;owned\u{7}X\u{9b}31m",
        )
        .title("\u{1b}[2J\u{1b}]0;owned\u{7}X\u{9b}31m"),
        new(
            "title-controls",
            "has every control character in its title",
            "folds white space, drops NUL",
            &(0..32_u8).map(char::from).filter(|c| *c != '\r').collect::<String>(),
        ),
        new(
            "title-entities",
            "writes its title in entities, some beyond Unicode",
            "decodes them",
            "&lt;b&gt;&#x110000;&#0;&#128;&notanentity;&amp;amp;",
        )
        .title("<b>\u{fffd}\u{fffd}\u{20ac}\u{ac}anentity;&amp;"),
        new("title-svg", "has the title of a picture first", "takes that of the page", "")
            .page("/y", "<svg><title>Picture</title></svg><title>Page</title>")
            .home_links(["/x", "/y"])
            .ends("/y", "page 200")
            .fact("/y", "title", "Page"),
        new(
            "titles-10000",
            "has 10,000 titles",
            "takes the first",
            &format!("X</title>{}<title>", "<title>Y</title>".repeat(10_000)),
        )
        .title("X"),
        Behaviour::new(at, "title-unclosed", "never closes its title", "takes the rest of the page for it")
            .page("/x", format!("<title>{}<a href=/found>", "X".repeat(100_000)))
            .ends("/x", "page 200")
            .fact("/x", "title_length", "1024"),
    ]
}
