//! HTML by its shape: what makes parsers slow, deep or large.

use super::behaviour::{At, Behaviour};

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [deep(at), wide(at), tags(at), unclosed(at), foreign(at)].concat()
}

/// A page that begins with a title and ends, if its shape lets it, with a link that must be found.
fn shape(at: &At, name: &'static str, server: &'static str, crawl: &'static str, body: String) -> Behaviour {
    assert!(body.len() < 2_990_000, "{name}: {}", body.len());
    Behaviour::new(at, name, server, crawl)
        .page("/x", format!("<!doctype html><title>X</title>{body}<p><a href=/found>.</a>"))
        .ends("/x", "page 200")
        .title("X")
}

fn found(behaviour: Behaviour) -> Behaviour {
    behaviour.page("/found", "<title>Found</title>").ends("/found", "page 200")
}

fn cut(behaviour: Behaviour, why: &str) -> Behaviour {
    behaviour.fact("/x", "cut", why)
}

fn deep(at: &At) -> Vec<Behaviour> {
    let keeps = "stops nesting at 512 and reads on";
    let nested = |name, server, tags: &str, times: usize| {
        cut(found(shape(at, name, server, keeps, tags.repeat(times))), "depth")
    };
    vec![
        nested("depth-div", "nests 50,000 elements", "<div>", 50_000),
        nested("depth-lists", "nests 20,000 lists", "<ul><li>", 20_000),
        nested("depth-tables", "nests 5,000 tables", "<table><tr><td>", 5_000),
        nested("depth-quotes", "nests 10,000 quotations with paragraphs", "<blockquote><p>", 10_000),
        nested("depth-svg", "nests 50,000 groups of a picture", "<svg><g>", 50_000),
        nested("depth-templates", "nests 10,000 sections with templates", "<template></template><section>", 10_000),
        nested("depth-buttons", "nests 3,000 links in objects", "<object><a href=#>", 3_000),
    ]
}

fn wide(at: &At) -> Vec<Behaviour> {
    let whole = "reads the whole page";
    vec![
        found(shape(at, "wide-paragraphs", "has 50,000 paragraphs", whole, "<p>x".repeat(50_000))),
        found(shape(at, "wide-breaks", "has 100,000 line breaks", whole, "<br>".repeat(100_000))),
        shape(
            at,
            "wide-million",
            "has more than a million elements and texts",
            "stops reading, by count or by time",
            "<br>x".repeat(590_000),
        )
        .open_ended(),
        found(shape(at, "comments", "has 50,000 comments", whole, "<!-- x -->".repeat(50_000))),
        found(shape(at, "entities", "has 100,000 entities", whole, "&amp;".repeat(100_000))),
        found(shape(
            at,
            "entities-unknown",
            "has 30,000 entities that there are not",
            whole,
            "&nosuchthing;".repeat(30_000),
        )),
        found(shape(at, "white-space", "has 2 MB of white space", whole, " \n\t".repeat(700_000))),
        found(shape(at, "nuls", "has 500 kB of NULs", whole, "\0".repeat(500_000))),
        found(shape(at, "angles", "has 200 kB of nothing but <", whole, "< ".repeat(100_000))),
        cut(found(shape(at, "headings", "has 30,000 headings", whole, "<h1>x</h1>".repeat(30_000))), ""),
    ]
}

fn tags(at: &At) -> Vec<Behaviour> {
    let attributes = |count: usize| (0..count).map(|n| format!(" a{n}=x")).collect::<String>();
    let many = "drops what is beyond the limit";
    let names = (0..20_000).map(|n| format!("<verylongname{n}>")).collect::<String>();
    let closed = (0..12_000).map(|n| format!("<verylongname{n}></verylongname{n}>")).collect::<String>();
    vec![
        cut(
            found(shape(
                at,
                "attributes-100000",
                "has a tag with 100,000 attributes",
                many,
                format!("<div{}>", attributes(100_000)),
            )),
            "size",
        ),
        found(shape(
            at,
            "attribute-2mb",
            "has an attribute of 2 MB",
            "reads on after it",
            format!("<div title='{}'></div>", "x".repeat(2_000_000)),
        )),
        found(shape(
            at,
            "attribute-repeated",
            "repeats an attribute 300,000 times",
            "takes the first",
            format!("<p{}></p>", " id=x".repeat(300_000)),
        ))
        .open_ended(),
        found(shape(
            at,
            "tag-name-1mb",
            "has a tag name of 1 MB",
            "reads on after it",
            format!("<{}>", "x".repeat(1_000_000)),
        )),
        shape(at, "names-20000", "invents 20,000 names of elements", many, names)
            .fact("/x", "cut", "depth")
            .open_ended(),
        found(shape(at, "names-12000-closed", "invents 12,000 names of elements and closes each", many, closed)),
        shape(
            at,
            "formatting",
            "leaves 20,000 different formatting elements open",
            "stops reading in time",
            (0..20_000).map(|n| format!("<b i{n}><p>x")).collect(),
        )
        .open_ended(),
        shape(
            at,
            "formatting-mixed",
            "crosses 20,000 formatting elements and blocks",
            "stops reading in time",
            "<a href=#><b><p></a><i></p></b>".repeat(20_000),
        )
        .open_ended(),
        shape(
            at,
            "foster",
            "puts 20,000 elements where a table allows none",
            "reads on",
            format!("<table>{}", "<p>x<b>".repeat(20_000)),
        )
        .open_ended(),
    ]
}

fn unclosed(at: &At) -> Vec<Behaviour> {
    let swallowed = "takes the rest for it, and finds nothing there";
    let new = |name, server, body: &str| shape(at, name, server, swallowed, body.to_owned()).fact("/x", "links", "0");
    vec![
        new("unclosed-comment", "never closes a comment", "<!-- "),
        new("unclosed-script", "never closes a script", "<script>var x = '<a href=/wrong>';"),
        new("unclosed-style", "never closes a style sheet", "<style>p {"),
        new("unclosed-textarea", "never closes a text area", "<textarea>"),
        found(shape(
            at,
            "unclosed-tag",
            "never closes a tag",
            "takes the next > for its end, as browsers do",
            "<div class=x ".to_owned(),
        )),
        new("unclosed-quote", "never closes the quote of an attribute", "<a href=\"/wrong"),
        new("plaintext", "says that the rest is plain text", "<plaintext>"),
        Behaviour::new(at, "endless-tag", "ends within a tag of 2 MB", "finds no link: there is no tag")
            .page("/x", format!("<title>X</title><a {}", "href=/wrong ".repeat(170_000)))
            .ends("/x", "page 200")
            .fact("/x", "links", "0"),
        found(shape(
            at,
            "unclosed-everything",
            "closes nothing and nests everything wrongly",
            "reads it as browsers do",
            "<b><i><u><table><tr><td><select><option></b></u><form><form></table></i></select>".repeat(50),
        ))
        .open_ended(),
        found(shape(
            at,
            "script-comment",
            "hides a script's end in a comment",
            "finds the end that browsers find",
            "<script><!-- <script> </script> --></script>".to_owned(),
        )),
        found(shape(
            at,
            "frameset-late",
            "has a frameset after text",
            "passes over it",
            "x<frameset><frame src=/wrong></frameset>".to_owned(),
        )),
        shape(
            at,
            "frameset",
            "is a frameset with links after it",
            "finds the frames alone",
            "<frameset><frame src=/y></frameset>".to_owned(),
        )
        .ends("/y", "gone 404"),
    ]
}

fn foreign(at: &At) -> Vec<Behaviour> {
    vec![
        found(shape(at, "mutation", "mixes SVG, MathML and HTML so that parsers disagree", "reads it as browsers do", "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;a href=/wrong&gt;'></table></mtext></math>".to_owned())),
        found(shape(at, "cdata", "has CDATA in HTML and in a picture", "reads it as browsers do", "<![CDATA[<a href=/no1>]]><svg><![CDATA[<a href=/wrong>]]></svg>".to_owned())).open_ended(),
        found(shape(at, "conditional", "has conditional comments of old browsers", "takes them for comments", "<!--[if IE]><a href=/wrong><![endif]-->".to_owned())),
        found(shape(at, "doctype-entities", "declares entities that grow by doubling", "declares none: HTML has no such thing", "<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY l2 '&lol;&lol;'>]>&l2;".to_owned())),
        Behaviour::new(at, "xhtml-entities", "declares entities that grow by doubling, in XHTML", "declares none")
            .answers("/x", super::behaviour::ok("200 OK", "application/xhtml+xml", billion_laughs("<html xmlns='http://www.w3.org/1999/xhtml'><title>&l9;</title></html>")))
            .ends("/x", "page 200"),
    ]
}

/// A document whose entities grow tenfold nine times (CWE-776).
fn billion_laughs(body: &str) -> String {
    let mut text = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY l0 'lol'>".to_owned();
    for n in 1..10 {
        text += &format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10));
    }
    text + "]>" + body
}
