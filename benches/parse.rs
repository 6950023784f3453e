//! CPU time of one parse: an ordinary page, and pages made to stall a parser.
//!
//! `cargo bench --bench parse`

use std::fmt::Write;
use std::hint::black_box;

use sqrawl::model::{CrawlUrl, Page, Parser};
use sqrawl::parse::{BodyFacts, ParseLimits, parse};

fn main() {
    divan::main();
}

fn parsed(body: &str) -> Page {
    parsed_by(Parser::Scraper, body)
}

fn streamed(body: &str) -> Page {
    parsed_by(Parser::Stream, body)
}

fn parsed_by(parser: Parser, body: &str) -> Page {
    let url = CrawlUrl::stored("https://example.com/").expect("a canonical URL");
    let facts = BodyFacts {
        url: &url,
        content_type: Some("text/html; charset=utf-8"),
        agent: "sqrawl",
        is_sitemap: false,
        truncated: false,
    };
    parse(black_box(body.as_bytes()), facts, &ParseLimits { parser, ..ParseLimits::default() }, &mut || false)
}

/// About 40 kB with 50 links: a head, a menu, sections of prose, a table, a footer.
fn ordinary() -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>An ordinary page</title>\n\
         <meta name=\"description\" content=\"What most pages look like\">\n<link rel=\"canonical\" href=\"/page\">\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n<script src=\"/app.js\"></script>\n</head>\n<body>\n<nav><ul>\n",
    );
    for i in 0..20 {
        let _ = writeln!(
            page,
            "<li class=\"menu-item item-{i}\"><a href=\"/section/{i}\" title=\"Go\">Section {i}</a></li>"
        );
    }
    page.push_str("</ul></nav>\n<main>\n");
    for i in 0..25 {
        let _ = writeln!(page, "<section id=\"s{i}\"><h2>Heading {i}</h2>");
        for j in 0..4 {
            let _ = writeln!(
                page,
                "<p class=\"text\">Paragraph {j} of section {i} says a few <em>ordinary</em> things about crawling, \
                 storing &amp; asking, in words that {} differ a little from <code>one</code> to the next, and then \
                 goes on for another line, because prose on the web does that more often than not.</p>",
                i * 31 + j
            );
        }
        let _ =
            writeln!(page, "<p><a class=\"more\" href=\"/read?id={i}&amp;page=2\">Read <b>more</b></a></p></section>");
    }
    page.push_str("</main>\n<footer><img src=\"/logo.png\" alt=\"logo\"> <a href=\"/imprint\">Imprint</a></footer>\n</body>\n</html>\n");
    page
}

#[divan::bench]
fn ordinary_page(bencher: divan::Bencher<'_, '_>) {
    let page = ordinary();
    bencher.counter(divan::counter::BytesCount::of_str(&page)).bench_local(|| parsed(&page));
}

#[divan::bench]
fn ordinary_page_streamed(bencher: divan::Bencher<'_, '_>) {
    let page = ordinary();
    bencher.counter(divan::counter::BytesCount::of_str(&page)).bench_local(|| streamed(&page));
}

/// The same page without a stated language, so that it is detected.
#[divan::bench]
fn ordinary_page_language_detected(bencher: divan::Bencher<'_, '_>) {
    let page = ordinary().replace(" lang=\"en\"", "");
    bencher.bench_local(|| parsed(&page));
}

/// The floor: html5ever and scraper alone, unguarded, on the ordinary page.
#[divan::bench]
fn ordinary_page_plain_scraper(bencher: divan::Bencher<'_, '_>) {
    let page = ordinary();
    bencher.bench_local(|| scraper::Html::parse_document(black_box(&page)));
}

#[divan::bench(sample_count = 10, args = [0, 1, 2, 3, 4, 5])]
fn hostile_streamed(bencher: divan::Bencher<'_, '_>, which: usize) {
    let page = match which {
        0 => "<ul><li>".repeat(64 * 1024),
        1 => "<div>".repeat(100_000),
        2 => (0..4000).map(|i| format!("<b i{i}><p>x")).collect(),
        3 => format!("<p {}>", (0..80_000).map(|i| format!("a{i}=b ")).collect::<String>()),
        4 => format!("{}{}", "<span>".repeat(510), "</x>".repeat(250_000)),
        _ => format!("<p><a href={}>{}", "x".repeat(16_000), "<p>y".repeat(250_000)),
    };
    bencher.bench_local(|| streamed(&page));
}

#[divan::bench(sample_count = 10)]
fn nested_lists_512_kb(bencher: divan::Bencher<'_, '_>) {
    let page = "<ul><li>".repeat(64 * 1024);
    bencher.bench_local(|| parsed(&page));
}

#[divan::bench(sample_count = 10)]
fn nested_div_100_000(bencher: divan::Bencher<'_, '_>) {
    let page = "<div>".repeat(100_000);
    bencher.bench_local(|| parsed(&page));
}

#[divan::bench(sample_count = 10)]
fn multiplying_formatting_elements(bencher: divan::Bencher<'_, '_>) {
    let page: String = (0..4000).map(|i| format!("<b i{i}><p>x")).collect();
    bencher.bench_local(|| parsed(&page));
}

#[divan::bench(sample_count = 10)]
fn one_tag_with_80_000_attributes(bencher: divan::Bencher<'_, '_>) {
    let attributes: String = (0..80_000).map(|i| format!("a{i}=b ")).collect();
    let page = format!("<p {attributes}>");
    bencher.bench_local(|| parsed(&page));
}

/// The worst that is left: 1 MB of end tags that close nothing, below 510 elements they could mean.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn stray_end_tags_1_mb(bencher: divan::Bencher<'_, '_>) {
    let page = format!("{}{}", "<span>".repeat(510), "</x>".repeat(250_000));
    bencher.bench_local(|| parsed(&page));
}
